#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "api/select/fields.h"
#include "api/select/labels.h"
#include "storage/watch_cache.h"

namespace coxswain::apiserver {

/// What selectors ask of a stored object, kept undecoded beside it: labels, and the selectable
/// fields in one block, for there is one of it for each object and each event kept.
class ObjectHeader final : public storage::Entry::Header {
 public:
  /// `ns` (empty for cluster-scoped kinds) and `name` are views into the entry's key. `names` are
  /// those that `fields` may have; they outlive the header.
  ObjectHeader(std::string_view ns, std::string_view name, api::Labels labels,
               std::span<const std::string_view> names, const api::FieldSet& fields);

  const std::string_view ns;
  const std::string_view name;
  const api::Labels labels;

  /// As stored; also metadata.name and metadata.namespace. Empty where there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const;
  [[nodiscard]] bool matches(const api::FieldSelector& selector) const;

 private:
  const std::span<const std::string_view> names_;
  std::unique_ptr<char[]> texts_;  ///< where each of `names_` ends (uint32_t), then their texts
};

}  // namespace coxswain::apiserver
