#pragma once

#include <string>
#include <string_view>

#include "api/helpers/resources.h"
#include "api/meta/time.h"
#include "api/reflect/object.h"

namespace coxswain::api {

namespace core::v1 {
struct ResourceQuotaSpec;
}

/// Which collection an object is of: "", "pods".
struct QuotaKind {
  std::string_view group;
  std::string_view plural;
};

/// A name of spec.hard that objects of this kind use up: "pods", "requests.cpu", "count/pods".
bool quotaConcerns(QuotaKind kind, std::string_view resource);

/// The quota counts this object: all its scopes hold. Scopes are about pods; with any of them,
/// objects of other kinds do not count.
bool quotaMatches(const core::v1::ResourceQuotaSpec& quota, const ConstObject& object);

/// What the object uses up, by all names a quota may have for it. Pods that have ended, or should
/// have by `now`, count as "count/pods" only.
/// Upstream: pkg/quota/v1/evaluator/core.
ResourceList quotaUsage(QuotaKind kind, const ConstObject& object, Time now);

}  // namespace coxswain::api
