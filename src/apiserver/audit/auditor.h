#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "api/gen/audit_v1.h"
#include "apiserver/audit/policy.h"
#include "base/time.h"

namespace coxswain::apiserver::audit {

/// One request that is audited: what is known of it so far.
struct Record {
  Verdict verdict;
  api::audit::v1::Event event;  ///< without stage and bodies
  std::map<std::string, std::string> annotations;
  std::string requestObject;   ///< JSON; empty: none
  std::string responseObject;  ///< JSON; empty: none

  [[nodiscard]] bool wantsRequest() const { return verdict.level >= Level::Request; }
  [[nodiscard]] bool wantsResponse() const { return verdict.level >= Level::RequestResponse; }
};

/// Decides which requests are audited and hands each of their events on, as a line of JSON
/// (audit.k8s.io/v1 Event). One executor.
class Auditor {
 public:
  /// `sink` may be called from the executor only and returns at once; false: the line was lost.
  using Sink = std::function<bool(std::string line)>;
  Auditor(Policy policy, Sink sink) : policy_(std::move(policy)), sink_(std::move(sink)) {}

  /// Null: not audited.
  std::unique_ptr<Record> begin(const Subject& subject);
  /// Nothing where the policy omits that stage. RequestReceived has no bodies and no answer.
  void emit(const Record& record, Stage stage, WallTime now);

  // For metrics.
  [[nodiscard]] uint64_t events() const { return events_; }
  [[nodiscard]] uint64_t lost() const { return lost_; }
  [[nodiscard]] uint64_t requests(Level level) const {
    return requests_[static_cast<size_t>(level)];
  }

 private:
  Policy policy_;
  Sink sink_;
  uint64_t events_ = 0;
  uint64_t lost_ = 0;
  std::array<uint64_t, 4> requests_ = {};
};

/// JSON text on one line, without metadata.managedFields (of list items, too) where `omit`. Empty
/// where it is no JSON.
std::string loggedJson(std::string_view json, bool omitManagedFields);

}  // namespace coxswain::apiserver::audit
