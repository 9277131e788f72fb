#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/resources/discovery.h"

namespace coxswain::cli {

/// Finds resources by what people call them.
class Mapper {
 public:
  explicit Mapper(Discovery discovery) : discovery_(std::move(discovery)) {}

  /// "pods", "pod", "po", "Pod", "deployments.apps", "deploy.v1.apps". Core comes before groups,
  /// preferred versions before others. A fault "the server doesn't have a resource type ..."
  /// otherwise.
  [[nodiscard]] Result<const ApiResource*> byName(std::string_view name) const;
  /// The same, or all that are in a category ("all").
  [[nodiscard]] Result<std::vector<const ApiResource*>> byNameOrCategory(
      std::string_view name) const;
  /// Null: there is none.
  [[nodiscard]] const ApiResource* byKind(std::string_view apiVersion, std::string_view kind) const;
  [[nodiscard]] const ApiResource* byPlural(std::string_view group, std::string_view plural) const;
  [[nodiscard]] const Discovery& discovery() const { return discovery_; }

 private:
  Discovery discovery_;
};

}  // namespace coxswain::cli
