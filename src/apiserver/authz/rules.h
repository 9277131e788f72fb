#pragma once

#include <string_view>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/generic/user_info.h"

namespace coxswain::apiserver {

using Rules = std::vector<api::rbac::v1::PolicyRule>;

/// Knows what users may do as rules: for reviews, and for who wants to give rights away.
class RuleSource {
 public:
  virtual ~RuleSource() = default;
  /// What the user may do in the namespace, and everywhere.
  virtual void appendRules(const UserInfo& user, std::string_view ns, Rules& to) const = 0;
};

/// Does the rule cover the request?
bool ruleAllows(const api::rbac::v1::PolicyRule& rule, const RequestInfo& info);

/// The parts of `wanted` (one verb, one resource, one name each) that no rule of `owned` covers.
Rules uncovered(const Rules& owned, const Rules& wanted);

/// `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`, as refusals show it.
std::string describeRule(const api::rbac::v1::PolicyRule& rule);

}  // namespace coxswain::apiserver
