#pragma once

#include <string>
#include <string_view>

#include "api/gen/core_v1.h"

namespace coxswain::controllers {

/// Pods that wipe a volume are known by name: the volume binder makes and awaits them, and caches
/// keep all of their volumes (trim.h).
inline constexpr const char* kRecyclerNamespace = "default";
inline constexpr std::string_view kRecyclerPrefix = "recycler-for-";

/// The volume that a pod wipes by its name; empty: it is none such.
inline std::string_view recycledBy(const api::core::v1::Pod& pod) {
  const std::string_view name = pod.metadata.name;
  if (pod.metadata.namespace_ != kRecyclerNamespace || !name.starts_with(kRecyclerPrefix)) {
    return "";
  }
  return name.substr(kRecyclerPrefix.size());
}

}  // namespace coxswain::controllers
