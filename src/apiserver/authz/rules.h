#pragma once

#include <string_view>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "apiserver/generic/user_info.h"

namespace coxswain::apiserver {

using Rules = std::vector<api::rbac::v1::PolicyRule>;

/// What somebody may do, as far as it can be said in rules.
struct RulesAnswer {
  Rules rules;
  bool incomplete = false;          ///< there is more, which is no list
  std::vector<std::string> errors;  ///< for people
};

/// Knows what users may do as rules: for reviews, and for who wants to give rights away.
class RuleSource {
 public:
  virtual ~RuleSource() = default;
  /// What the user may do in the namespace, and everywhere.
  virtual void appendRules(const UserInfo& user, std::string_view ns, RulesAnswer& to) const = 0;
};

/// The parts of `wanted` (one verb, one resource, one name each) that no rule of `owned` covers.
/// Where there are thousands of them a rule stays whole: a single one of `owned` must cover it.
Rules uncovered(const Rules& owned, const Rules& wanted);
/// Parts of one resource and one group that differ in their verbs alone become one rule, where the
/// first of them stood.
Rules compact(const Rules& rules);

/// `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`, as refusals show it.
std::string describeRule(const api::rbac::v1::PolicyRule& rule);

}  // namespace coxswain::apiserver
