#pragma once

#include <string>
#include <string_view>

#include "api/reflect/info.h"

namespace coxswain::api {

/// What a strategic merge patch must know of the object at some path. Without a message (custom
/// fields, maps of text) maps merge and lists are replaced.
class PatchSchema {
 public:
  PatchSchema() = default;
  explicit PatchSchema(const MessageInfo* message, bool isMap = false)
      : message_(message), isMap_(isMap) {}

  struct Field;
  /// Unknown fields have no strategy.
  [[nodiscard]] Field field(std::string_view jsonName) const;
  [[nodiscard]] std::string_view name() const;

 private:
  const MessageInfo* message_ = nullptr;
  bool isMap_ = false;  ///< a map whose values are `message_`
};

struct PatchSchema::Field {
  bool known = false;
  bool merge = false;       ///< lists: merge by key, or as a set of scalars
  bool replace = false;     ///< maps: taken whole
  bool retainKeys = false;  ///< diffs say which keys stay
  std::string_view mergeKey;
  PatchSchema schema;  ///< of the value, or of its elements where it is a list
};

}  // namespace coxswain::api
