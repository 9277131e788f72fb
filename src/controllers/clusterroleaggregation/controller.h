#pragma once

#include <string>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::clusterroleaggregation {

/// The rules of a role that gathers others: those of the roles its selectors match, in order of
/// their names, each once. `roles` in any order; itself among them is left out.
std::vector<api::rbac::v1::PolicyRule> gathered(
    const api::rbac::v1::ClusterRole& role,
    std::vector<std::shared_ptr<const api::rbac::v1::ClusterRole>> roles);

/// Keeps the rules of ClusterRoles with an aggregationRule ("view", "edit", "admin").
/// Upstream: pkg/controller/clusterroleaggregation.
class ClusterRoleAggregationController final : public Controller {
 public:
  explicit ClusterRoleAggregationController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& roles_;
};

}  // namespace coxswain::controllers::clusterroleaggregation
