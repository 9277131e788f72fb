#include "controllers/clusterroleaggregation/controller.h"

#include <algorithm>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "api/select/labels.h"
#include "client/resources.h"

namespace coxswain::controllers::clusterroleaggregation {

using api::rbac::v1::ClusterRole;
using api::rbac::v1::PolicyRule;

namespace {

Controller::Options options() {
  Controller::Options o;
  o.name = "clusterrole-aggregation-controller";
  o.workers = 5;
  return o;
}

std::string patchOf(const ClusterRole& role, const std::vector<PolicyRule>& rules) {
  std::string body =
      "{\"metadata\":{\"resourceVersion\":\"" + role.metadata.resourceVersion + "\"},\"rules\":[";
  for (size_t i = 0; i < rules.size(); ++i) {
    if (i > 0) body += ",";
    api::encodeJson(PolicyRule::info(), &rules[i], body);
  }
  return body + "]}";
}

}  // namespace

std::vector<PolicyRule> gathered(const ClusterRole& role,
                                 std::vector<std::shared_ptr<const ClusterRole>> roles) {
  std::sort(roles.begin(), roles.end(),
            [](const auto& a, const auto& b) { return a->metadata.name < b->metadata.name; });
  std::vector<PolicyRule> rules;
  for (const auto& pattern : role.aggregationRule->clusterRoleSelectors) {
    auto selector = api::LabelSelector::from(pattern);
    if (!selector.ok()) continue;
    for (const auto& other : roles) {
      if (other->metadata.name == role.metadata.name) continue;
      if (!selector->matches(other->metadata.labels)) continue;
      for (const auto& rule : other->rules) {
        if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(rule);
      }
    }
  }
  return rules;
}

ClusterRoleAggregationController::ClusterRoleAggregationController(const Context& context)
    : Controller(context, options()), roles_(use<ClusterRole>()) {
  // Any role may be among those that any other gathers.
  roles_.addHandler([this](const client::Change&) {
    roles_.forEach([this](const api::ConstObject& object) {
      const auto& role = *object.as<ClusterRole>();
      if (role.aggregationRule) queue().add(role.metadata.name);
    });
  });
}

Task<Result<Duration>> ClusterRoleAggregationController::reconcile(std::string key,
                                                                   std::stop_token stop) {
  auto role = roles_.get<ClusterRole>(key);
  if (!role || !role->aggregationRule) co_return Duration(0);
  std::vector<std::shared_ptr<const ClusterRole>> all;
  roles_.forEach(
      [&all](const api::ConstObject& object) { all.push_back(object.sharedAs<ClusterRole>()); });
  auto rules = gathered(*role, std::move(all));
  if (rules == role->rules) co_return Duration(0);
  auto patched = co_await client().patch(client::resourceOf<ClusterRole>(), "", key, "",
                                         client::PatchType::Merge, patchOf(*role, rules), stop);
  if (!patched.ok() && !isNotFound(patched.status())) co_return patched.status();
  co_return Duration(0);
}

}  // namespace coxswain::controllers::clusterroleaggregation
