#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace coxswain::api {

struct FieldRequirement {
  std::string field;  ///< "metadata.name"
  bool equals = true;
  std::string value;
  bool operator==(const FieldRequirement&) const = default;
};

/// A few fields of an object as text, in any order. Small: looked through from the start.
using FieldSet = std::vector<std::pair<std::string_view, std::string>>;

/// ?fieldSelector=: "metadata.name=a,status.phase!=Running". All must hold; a field that is not
/// there counts as empty.
class FieldSelector {
 public:
  /// Everything.
  FieldSelector() = default;
  /// `=`, `==`, `!=`; backslash before a comma, equals sign or backslash of a value. BadRequest
  /// with upstream's text.
  static Result<FieldSelector> parse(std::string_view text);
  /// One condition.
  static FieldSelector equals(std::string_view field, std::string_view value);

  void add(FieldRequirement requirement) { requirements_.push_back(std::move(requirement)); }

  [[nodiscard]] bool isEverything() const { return requirements_.empty(); }
  [[nodiscard]] bool matches(const FieldSet& fields) const;
  /// `field` gives the text of a field; it may be asked for any that the selector names.
  [[nodiscard]] bool matches(const std::function<std::string(std::string_view field)>& field) const;
  [[nodiscard]] const std::vector<FieldRequirement>& requirements() const { return requirements_; }
  /// The value that `field` must have; null where the selector does not say.
  [[nodiscard]] const std::string* requiredValue(std::string_view field) const;
  /// BadRequest where it names a field not among `known`, in upstream's words for most kinds:
  /// `"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"`.
  [[nodiscard]] Status checkKnown(std::span<const std::string_view> known) const;
  [[nodiscard]] std::string str() const;

  bool operator==(const FieldSelector&) const = default;

 private:
  std::vector<FieldRequirement> requirements_;
};

}  // namespace coxswain::api
