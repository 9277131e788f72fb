#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/helpers/resources.h"
#include "api/meta/time.h"
#include "api/reflect/object.h"

namespace coxswain::api {

namespace core::v1 {
struct Pod;
struct ResourceQuotaSpec;
struct ScopedResourceSelectorRequirement;
}  // namespace core::v1

/// Which collection an object is of: "", "pods".
struct QuotaKind {
  std::string_view group;
  std::string_view plural;
};

/// A name of spec.hard that objects of this kind use up: "pods", "requests.cpu", "count/pods".
bool quotaConcerns(QuotaKind kind, std::string_view resource);

/// Kinds of which nothing is counted: events.
bool quotaIgnores(QuotaKind kind);

/// The scopes of a quota, short (`scopes`) and long (`scopeSelector`), as the latter.
std::vector<core::v1::ScopedResourceSelectorRequirement> quotaScopes(
    const core::v1::ResourceQuotaSpec& quota);

/// Scopes are about pods, and VolumeAttributesClass about claims; of other objects none holds.
bool quotaScopeHolds(const core::v1::ScopedResourceSelectorRequirement& scope,
                     const ConstObject& object);

/// Its pod (anti-)affinity is about other namespaces too: scope CrossNamespacePodAffinity.
bool crossesNamespaces(const core::v1::Pod& pod);

/// The quota counts this object: all its scopes hold.
bool quotaMatches(const core::v1::ResourceQuotaSpec& quota, const ConstObject& object);

/// What the object uses up, by all names a quota may have for it. Pods that have ended, or should
/// have by `now`, count as "count/pods" only.
/// Upstream: pkg/quota/v1/evaluator/core.
ResourceList quotaUsage(QuotaKind kind, const ConstObject& object, Time now);

/// What a quota with these bounds asks of each container of a pod, and some do not say: "must
/// specify requests.cpu for: a,b; ...". Empty: nothing is missing.
std::string quotaMissing(const core::v1::Pod& pod, const ResourceList& hard);

}  // namespace coxswain::api
