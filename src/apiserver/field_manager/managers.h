#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "apiserver/field_manager/field_tree.h"
#include "apiserver/field_manager/typed.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// One entry of managedFields.
struct Manager {
  std::string name;
  bool applies = false;  ///< operation Apply, not Update
  std::string apiVersion;
  std::string subresource;
  std::optional<api::Time> time;
  FieldTree fields;

  /// An applier is the same in every API version.
  [[nodiscard]] bool isSame(const Manager& other) const {
    return name == other.name && applies == other.applies && subresource == other.subresource &&
           (applies || apiVersion == other.apiVersion);
  }
  /// As conflicts name it; `version` empty: its own.
  [[nodiscard]] std::string shown(std::string_view version) const;
};

/// One change as each API version sees it.
class VersionedDiffs {
 public:
  VersionedDiffs(std::string_view version, const FieldDiff& diff)
      : version_(version), diff_(diff) {}
  void add(std::string_view version, FieldDiff diff) {
    others_.emplace_back(version, std::move(diff));
  }
  /// Null: nobody knows the version.
  [[nodiscard]] const FieldDiff* in(std::string_view version) const {
    if (version == version_) return &diff_;
    for (const auto& [name, diff] : others_) {
      if (name == version) return &diff;
    }
    return nullptr;
  }

 private:
  const std::string_view version_;
  const FieldDiff& diff_;
  std::vector<std::pair<std::string_view, FieldDiff>> others_;
};

class Managers {
 public:
  using Entries = std::vector<api::meta::v1::ManagedFieldsEntry>;
  /// Nothing: they are not as the server writes them.
  static std::optional<Managers> decode(const Entries& entries);
  [[nodiscard]] Entries encode() const;

  [[nodiscard]] bool empty() const { return all_.empty(); }
  /// Null: none.
  Manager* find(const Manager& like);
  /// Takes from everybody what has changed. Conflict where that is not wanted (`force` false) and
  /// somebody owns what was modified or added and is not in `allowed`. Managers of unknown versions
  /// are forgotten.
  Status take(const VersionedDiffs& diffs, bool force, std::string_view shownVersion = {},
              const FieldTree& allowed = {});
  /// Adds to the manager's entry, or makes it.
  void add(Manager manager);
  void remove(const Manager& like);
  /// All that anybody owns by paths of a version.
  [[nodiscard]] FieldTree ownedIn(std::string_view version) const;
  /// Does anybody own something by paths of that version?
  [[nodiscard]] bool speaks(std::string_view version) const;

  bool operator==(const Managers& other) const { return encode() == other.encode(); }

 private:
  void cap();
  std::vector<Manager> all_;
};

}  // namespace coxswain::apiserver
