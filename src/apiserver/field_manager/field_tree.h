#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace coxswain::apiserver {

/// Order of the parts of a path: fields by name, list items by keys, then by value, then by place.
struct PathPartLess {
  using is_transparent = void;
  bool operator()(std::string_view left, std::string_view right) const;
};

/// A set of fields of an object, as managedFields tells it. Parts are spelled as in FieldsV1:
/// "f:name", "k:{\"name\":\"c\"}", "v:\"x\"", "i:0". A value.
struct FieldTree {
  bool member = false;  ///< the field itself is in the set
  std::map<std::string, FieldTree, PathPartLess> children;

  [[nodiscard]] bool empty() const { return !member && children.empty(); }
  /// Null: nothing of the set is there.
  [[nodiscard]] const FieldTree* child(std::string_view part) const;

  void unite(const FieldTree& other);
  void subtract(const FieldTree& other);
  /// The same, but whatever is below a field of `other` goes as well.
  void subtractBelow(const FieldTree& other);
  [[nodiscard]] FieldTree intersection(const FieldTree& other) const;
  /// Those fields of which neither they nor anything below them is in `owned`.
  [[nodiscard]] FieldTree unowned(const FieldTree* owned) const;
  /// Every member as a path such as `.spec.containers[name="c"].image`.
  [[nodiscard]] std::vector<std::string> paths() const;

  /// JSON of FieldsV1.
  [[nodiscard]] std::string json() const;
  /// BadRequest for what is not FieldsV1.
  static Result<FieldTree> parse(std::string_view json);
  /// Of ".metadata.name": plain names only.
  static FieldTree ofPaths(const std::vector<std::string_view>& paths);

  bool operator==(const FieldTree&) const = default;
};

}  // namespace coxswain::apiserver
