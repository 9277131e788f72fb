#pragma once

#include <functional>
#include <string_view>

#include "api/reflect/object.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// What tokens depend on, as it is stored now: "serviceaccounts", "pods", "secrets" or "nodes".
/// NotFound where there is none.
using TokenObjectLookup = std::function<Result<api::ConstObject>(
    std::string_view resource, std::string_view ns, std::string_view name)>;

}  // namespace coxswain::apiserver
