#pragma once

#include <vector>

#include "api/reflect/object.h"

namespace coxswain::apiserver {

/// The bootstrap roles and bindings as objects: ClusterRoles, ClusterRoleBindings, and Roles and
/// RoleBindings of kube-system and kube-public; roles first. Upstream's are labelled
/// kubernetes.io/bootstrapping=rbac-defaults, our own =coxswain; `parts`: those of our parts too.
std::vector<api::Object> bootstrapPolicyObjects(bool parts);

/// Brings a stored object up to a bootstrap object of its kind and name: labels, annotations,
/// rules, subjects and aggregation that are missing are added; what there is besides stays. False:
/// nothing was missing, or the object's annotation autoupdate says no.
/// Upstream: component-helpers/auth/rbac/reconciliation.
bool reconcilePolicyObject(const api::Object& wanted, api::Object& present);
/// A binding of another role cannot be brought up: it is made anew. (Not where autoupdate says no.)
bool mustRecreate(const api::Object& wanted, const api::Object& present);

}  // namespace coxswain::apiserver
