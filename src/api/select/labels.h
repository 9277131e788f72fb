#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/map.h"
#include "base/result.h"

namespace coxswain::api {

namespace meta::v1 {
struct LabelSelector;
}

using Labels = Map<std::string>;

/// One condition of a label selector.
class LabelRequirement {
 public:
  enum class Op : uint8_t {
    Equals,        ///< key=value
    DoubleEquals,  ///< key==value
    NotEquals,     ///< key!=value; also true where there is no such label
    In,            ///< key in (a,b)
    NotIn,         ///< key notin (a,b); likewise
    Exists,        ///< key
    DoesNotExist,  ///< !key
    GreaterThan,   ///< key>1
    LessThan,      ///< key<1
  };

  /// Checks key, values and their number, with upstream's texts. Values are kept sorted.
  static Result<LabelRequirement> create(std::string_view key, Op op,
                                         std::vector<std::string> values);

  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] Op op() const { return op_; }
  [[nodiscard]] const std::vector<std::string>& values() const { return values_; }
  /// `value` null: there is no such label.
  [[nodiscard]] bool matches(const std::string* value) const;
  void appendTo(std::string& out) const;
  bool operator==(const LabelRequirement&) const = default;

 private:
  LabelRequirement() = default;

  std::string key_;
  Op op_ = Op::Exists;
  std::vector<std::string> values_;
  int64_t bound_ = 0;  ///< of GreaterThan and LessThan
};

/// All of its requirements must hold. Without any it selects everything; nothing() selects nothing.
/// A value: copies, compares.
class LabelSelector {
 public:
  /// Everything.
  LabelSelector() = default;
  static LabelSelector everything() { return {}; }
  static LabelSelector nothing();
  /// All of these labels, unchecked: "a=1,b=2".
  static LabelSelector fromLabels(const Labels& labels);
  /// The text of ?labelSelector= and of kubectl -l. BadRequest with upstream's text.
  static Result<LabelSelector> parse(std::string_view text);
  /// metav1.LabelSelector: null selects nothing, an empty one everything.
  static Result<LabelSelector> from(const meta::v1::LabelSelector* selector);
  static Result<LabelSelector> from(const meta::v1::LabelSelector& selector) {
    return from(&selector);
  }

  void add(LabelRequirement requirement);

  [[nodiscard]] bool matches(const Labels& labels) const;
  /// The same for labels that are kept some other way.
  [[nodiscard]] bool matches(
      const std::function<const std::string*(std::string_view key)>& label) const;
  [[nodiscard]] bool isEverything() const { return !nothing_ && requirements_.empty(); }
  [[nodiscard]] bool isNothing() const { return nothing_; }
  /// Sorted by key.
  [[nodiscard]] const std::vector<LabelRequirement>& requirements() const { return requirements_; }
  /// The value that `key` must have, where the selector says so.
  [[nodiscard]] std::optional<std::string> requiredValue(std::string_view key) const;
  /// Parses to the same selector (but for nothing(), which prints empty).
  [[nodiscard]] std::string str() const;

  bool operator==(const LabelSelector&) const = default;

 private:
  std::vector<LabelRequirement> requirements_;
  bool nothing_ = false;
};

/// As kubectl shows a selector: "<none>" when empty or null, "<error>" where it is invalid.
std::string formatLabelSelector(const meta::v1::LabelSelector* selector);

}  // namespace coxswain::api
