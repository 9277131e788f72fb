#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/audit/auditor.h"
#include "apiserver/flow_control/controller.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/server/byte_budget.h"
#include "apiserver/server/negotiation.h"
#include "apiserver/server/request_info.h"
#include "net/http.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

struct Budgets;

/// What is kept for audit while a request is served.
struct AuditTrail {
  audit::Auditor& auditor;
  std::map<std::string, std::string> notes = {};  ///< annotations
  std::string body = {};                          ///< what was sent, where audit wants it
  std::unique_ptr<audit::Record> record = {};     ///< once it is known that there is to be one
};

/// A request that came by HTTP, as far as it is understood.
struct Exchange : RequestContext {
  Exchange(net::Request& httpRequest, net::ResponseWriter& httpResponse)
      : request(httpRequest), response(httpResponse) {}

  net::Request& request;
  net::ResponseWriter& response;
  Accepted accepted = {};
  Query query = {};
  std::string gzipBody = {};       ///< the answer, compressed already
  int code = 200;                  ///< of the answer that was sent
  bool lasting = false;            ///< the answer goes on without the exchange (a watch)
  std::string continueToken = {};  ///< of a list that failed: where it can be gone on with

  std::optional<UserInfo> impersonator = {};  ///< who really asks, as somebody else
  std::string impersonationConstraint = {};   ///< what allowed it, for audit

  std::string auditId = {};                             ///< the client's, or made for it
  std::shared_ptr<const flow::Schema> flowSchema = {};  ///< null: none was looked for
  flow::Seats seats = {};                               ///< while it counts against others
  std::unique_ptr<AuditTrail> trail = {};               ///< null: nobody audits
  audit::Record* audit = nullptr;                       ///< of the trail; null: not audited
  const Executor* clock = nullptr;                      ///< never null while it is served
  Budgets* budgets = nullptr;                           ///< never null while it is served
  ByteBudget::Claim bodyBytes = {};                     ///< of what the client sends
  ByteBudget::Claim answerBytes = {};                   ///< of a list on its way
};

}  // namespace coxswain::apiserver
