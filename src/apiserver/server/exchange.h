#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/flow_control/controller.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/server/byte_budget.h"
#include "apiserver/server/negotiation.h"
#include "apiserver/server/request_info.h"
#include "net/http.h"

namespace coxswain::apiserver {

struct Budgets;

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
  std::string continueToken = {};  ///< of a list that failed: where it can be gone on with

  std::optional<UserInfo> impersonator = {};  ///< who really asks, as somebody else
  std::string impersonationConstraint = {};   ///< what allowed it, for audit

  std::string auditId = {};                             ///< the client's, or made for it
  std::shared_ptr<const flow::Schema> flowSchema = {};  ///< null: none was looked for
  flow::Seats seats = {};                               ///< while it counts against others
  Budgets* budgets = nullptr;                           ///< never null while it is served
  ByteBudget::Claim bodyBytes = {};                     ///< of what the client sends
  ByteBudget::Claim answerBytes = {};                   ///< of a list on its way
};

}  // namespace coxswain::apiserver
