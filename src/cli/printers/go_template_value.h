#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/resources/json.h"

namespace coxswain::cli::go_template {

/// A value while a template runs: a part of the data (not copied), or one of its own.
class Datum {
 public:
  /// What a key that does not exist leads to.
  Datum() = default;
  /// A part of the data, which must outlive it.
  static Datum part(const json::value& value) {
    Datum out;
    out.value_ = &value;
    return out;
  }
  /// A constant or a result.
  static Datum own(json::value value) {
    Datum out;
    out.own_ = std::make_shared<const json::value>(std::move(value));
    out.value_ = out.own_.get();
    return out;
  }
  /// A copy of a part of the data.
  static Datum ownPart(json::value value) {
    Datum out = own(std::move(value));
    out.data_ = true;
    return out;
  }
  /// A part of this one.
  [[nodiscard]] Datum inner(const json::value& value) const {
    Datum out;
    out.own_ = own_;
    out.value_ = &value;
    out.data_ = isPart() || data_;
    return out;
  }

  [[nodiscard]] bool missing() const { return !value_; }
  /// Not to be called of a missing one.
  [[nodiscard]] const json::value& value() const { return *value_; }
  [[nodiscard]] bool isNil() const { return !value_ || value_->is_null(); }
  [[nodiscard]] bool isPart() const { return value_ && !own_; }
  /// A whole number.
  [[nodiscard]] std::optional<int64_t> integer() const;
  /// A number with a fraction, or too large for the other.
  [[nodiscard]] std::optional<double> number() const;
  [[nodiscard]] const json::string* text() const { return value_ ? value_->if_string() : nullptr; }
  /// "string", "float64", "map[string]interface {}", ...
  [[nodiscard]] std::string type() const;
  /// As %v prints it; "<no value>" where there is none.
  [[nodiscard]] std::string print() const;
  /// Not empty, zero, false or nil.
  [[nodiscard]] bool isTrue() const;

 private:
  const json::value* value_ = nullptr;
  std::shared_ptr<const json::value> own_;
  bool data_ = false;  ///< a copy of, or a part of a copy of, the data
};

/// "1e+06", "0.5": the shortest that reads back, as %v of a float64.
std::string floatText(double value);

/// fmt.Sprintf and fmt.Sprint.
std::string sprintf(std::string_view format, std::span<const Datum> arguments);
std::string sprint(std::span<const Datum> arguments);

/// Calls a function other than `and` and `or`, which the executor knows.
Result<Datum> callFunction(std::string_view name, std::span<const Datum> arguments);

}  // namespace coxswain::cli::go_template
