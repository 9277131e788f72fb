#pragma once

#include <memory>
#include <string>

#include "api/reflect/object.h"
#include "base/result.h"
#include "storage/watch_cache.h"

namespace coxswain::apiserver {

struct DeflatePiece;
class GenericRegistry;

/// One object as a registry hands it out, in the API version that the registry serves. Forms are
/// made when asked for and shared with everybody who reads the same entry. Cheap to copy; belongs
/// to its registry's executor.
class Item {
 public:
  Item() = default;
  Item(const GenericRegistry& registry, storage::EntryPtr entry)
      : registry_(&registry), entry_(std::move(entry)) {}
  /// Not in the store (dry runs), or no longer.
  Item(const GenericRegistry& registry, api::ConstObject object)
      : registry_(&registry), object_(std::move(object)) {}

  [[nodiscard]] Result<api::ConstObject> object() const;
  /// With kind and apiVersion, without a newline.
  [[nodiscard]] Result<std::shared_ptr<const std::string>> json() const;
  /// As an item of a list, compressed; null where that is not kept.
  [[nodiscard]] Result<std::shared_ptr<const DeflatePiece>> deflated() const;
  /// Bytes as stored, about; 0: unknown.
  [[nodiscard]] size_t storedBytes() const { return entry_ ? entry_->bytes().size() : 0; }
  /// The bare message.
  [[nodiscard]] Status appendProtobuf(std::string& out) const;

 private:
  const GenericRegistry* registry_ = nullptr;
  storage::EntryPtr entry_;
  api::ConstObject object_;
};

}  // namespace coxswain::apiserver
