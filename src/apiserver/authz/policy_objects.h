#pragma once

#include <vector>

#include "api/reflect/object.h"

namespace coxswain::apiserver {

/// Upstream's bootstrap roles and bindings as objects: ClusterRoles, ClusterRoleBindings, and Roles
/// and RoleBindings of kube-system and kube-public.
std::vector<api::Object> bootstrapPolicyObjects();

}  // namespace coxswain::apiserver
