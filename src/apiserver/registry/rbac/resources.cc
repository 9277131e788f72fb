#include "api/gen/rbac_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addRbac(ResourceTable& table) {
  using namespace api::rbac::v1;  // NOLINT
  table.add<ClusterRoleBinding, ClusterRoleBindingList>(
      {.plural = "clusterrolebindings",
       .singular = "clusterrolebinding",
       .namespaced = false,
       .keyPrefix = "/registry/clusterrolebindings",
       .storageVersionHash = "48tpQ8gZHFc="},
      makeClusterRoleBindingStrategy());
  table.add<ClusterRole, ClusterRoleList>({.plural = "clusterroles",
                                           .singular = "clusterrole",
                                           .namespaced = false,
                                           .keyPrefix = "/registry/clusterroles",
                                           .storageVersionHash = "bYE5ZWDrJ44="},
                                          makeClusterRoleStrategy());
  table.add<RoleBinding, RoleBindingList>({.plural = "rolebindings",
                                           .singular = "rolebinding",
                                           .keyPrefix = "/registry/rolebindings",
                                           .storageVersionHash = "eGsCzGH6b1g="},
                                          makeRoleBindingStrategy());
  table.add<Role, RoleList>({.plural = "roles",
                             .singular = "role",
                             .keyPrefix = "/registry/roles",
                             .storageVersionHash = "7FuwZcIIItM="},
                            makeRoleStrategy());
}

}  // namespace coxswain::apiserver
