#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/reflect/info.h"
#include "apiserver/registry/strategy.h"

namespace coxswain::apiserver {

/// "pods/status": what is served below an object. The names are literals.
struct Subresource {
  std::string_view name;  ///< "status"
  /// Of the body; group and version empty (core: version "v1") as everywhere.
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  std::span<const std::string_view> verbs;  ///< sorted
};

/// A resource as one API version serves it. All text is literal.
struct Resource {
  std::string_view group;  ///< empty: core
  std::string_view version;
  std::string_view plural;
  std::string_view singular;
  std::string_view kind;
  std::span<const std::string_view> shortNames;
  std::span<const std::string_view> categories;
  bool namespaced = true;
  /// "/registry/pods"; then /namespace (if namespaced) and /name. Of what is computed: nothing is
  /// ever there.
  std::string_view keyPrefix;
  std::string_view storageVersionHash;
  std::span<const std::string_view> verbs;        ///< sorted
  std::span<const Subresource> subresources;      ///< sorted
  const api::MessageInfo* info = nullptr;         ///< as served
  const api::MessageInfo* listInfo = nullptr;     ///< as served
  const api::MessageInfo* storageInfo = nullptr;  ///< as kept; mostly == info
  /// Between the two, where they differ; else null. The target is a fresh object.
  void (*toStorage)(const void* served, void* stored) = nullptr;
  void (*fromStorage)(const void* stored, void* served) = nullptr;
  /// Every answer carries it as a Warning header; empty: none.
  std::string_view deprecation;
  const Strategy* strategy = nullptr;  ///< never null; lives as long as the program
  /// Of subresources that change a part of the object by rules of their own (finalize, resize).
  std::vector<std::pair<std::string_view, const Strategy*>> subresourceStrategies = {};

  [[nodiscard]] const Subresource* findSubresource(std::string_view name) const;
  /// Null: the kind's own rules hold.
  [[nodiscard]] const Strategy* subresourceStrategy(std::string_view name) const;
  [[nodiscard]] bool hasVerb(std::string_view verb) const;
  /// "deployments.apps": what error texts name it.
  [[nodiscard]] std::string qualifiedName() const;
  /// "Deployment.apps", as "... is invalid" says it.
  [[nodiscard]] std::string qualifiedKind() const;
};

/// All that have a strategy, by group, version and plural. Built at the first call. Any thread.
std::span<const Resource> resources();
/// Null: not served.
const Resource* findResource(std::string_view group, std::string_view version,
                             std::string_view plural);
/// The same by kind.
const Resource* findResourceByKind(std::string_view group, std::string_view version,
                                   std::string_view kind);

}  // namespace coxswain::apiserver
