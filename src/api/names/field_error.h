#pragma once

#include <concepts>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/names/field_path.h"
#include "api/names/quote.h"
#include "base/status.h"

namespace coxswain::api {

/// A value as a message shows it: text in quotes, numbers plain, lists and maps of text as JSON,
/// and what has str() (Quantity, Time, IntOrString) by that. Made where an error is told, not
/// before.
class FieldValue {
 public:
  FieldValue(std::nullptr_t) : text_("null") {}                // NOLINT
  FieldValue(bool value) : text_(value ? "true" : "false") {}  // NOLINT
  template <std::integral T>
  FieldValue(T value) : text_(std::to_string(value)) {}  // NOLINT
  template <typename T>
  requires std::convertible_to<const T&, std::string_view> FieldValue(const T& value)
      : text_(goQuote(std::string_view(value))) {}  // NOLINT
  template <typename T>
  requires(requires(const T& v) {
    { v.str() } -> std::convertible_to<std::string>;
  }) FieldValue(const T& value) {  // NOLINT
    if constexpr (requires { value.isString(); }) {
      text_ = value.isString() ? goQuote(value.str()) : value.str();
    } else {
      text_ = goQuote(value.str());
    }
  }
  /// A list of text or a map from text to text.
  template <typename T>
  requires(!std::convertible_to<const T&, std::string_view> && requires(const T& v) {
    v.begin();
    v.end();
    v.size();
  }) FieldValue(const T& range) {  // NOLINT
    using Entry = std::decay_t<decltype(*range.begin())>;
    constexpr bool isMap = requires(const Entry& e) {
      e.second;
    };
    text_.push_back(isMap ? '{' : '[');
    bool first = true;
    for (const auto& entry : range) {
      if (!first) text_.push_back(',');
      first = false;
      if constexpr (isMap) {
        appendJsonQuoted(text_, entry.first);
        text_.push_back(':');
        appendJson(entry.second);
      } else {
        appendJson(entry);
      }
    }
    text_.push_back(isMap ? '}' : ']');
  }
  /// Text that is JSON already (an encoded object).
  static FieldValue json(std::string text) {
    FieldValue value(nullptr);
    value.text_ = std::move(text);
    return value;
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  template <typename T>
  void appendJson(const T& value) {
    if constexpr (std::convertible_to<const T&, std::string_view>)
      appendJsonQuoted(text_, value);
    else
      text_.append(FieldValue(value).text());
  }
  std::string text_;
};

/// Collects what is wrong with an object, in upstream's words, for a 422 answer.
///
///     FieldErrors errors;
///     if (c.name.empty()) errors.required(path.child("name"));
///     else errors.invalidEach(path.child("name"), c.name, validateDns1123Label(c.name));
///     return errors.toStatus("Pod", name);
class FieldErrors {
 public:
  [[nodiscard]] bool empty() const { return causes_.empty(); }
  [[nodiscard]] size_t size() const { return causes_.size(); }
  [[nodiscard]] const std::vector<StatusCause>& causes() const { return causes_; }
  std::vector<StatusCause> take() { return std::move(causes_); }

  /// "Required value" or "Required value: detail".
  void required(const FieldPath& path, std::string_view detail = {});
  /// "Invalid value: V: detail".
  void invalid(const FieldPath& path, const FieldValue& value, std::string_view detail);
  /// One of the above for each message of a name check. Costs nothing where there are none.
  template <typename T>
  void invalidEach(const FieldPath& path, const T& value,
                   const std::vector<std::string>& messages) {
    for (const auto& message : messages) invalid(path, value, message);
  }
  /// "Unsupported value: V: supported values: "A", "B"", in the order given.
  void notSupported(const FieldPath& path, const FieldValue& value,
                    std::span<const std::string_view> supported);
  void notSupported(const FieldPath& path, const FieldValue& value,
                    std::initializer_list<std::string_view> supported) {
    notSupported(path, value,
                 std::span<const std::string_view>(supported.begin(), supported.size()));
  }
  /// "Duplicate value: V".
  void duplicate(const FieldPath& path, const FieldValue& value);
  /// "Forbidden: detail".
  void forbidden(const FieldPath& path, std::string_view detail);
  /// "Not found: V".
  void notFound(const FieldPath& path, const FieldValue& value);
  /// "Too long: may not be more than N bytes".
  void tooLong(const FieldPath& path, int64_t maxBytes);
  /// "Too many: N: must have at most M items".
  void tooMany(const FieldPath& path, int64_t actual, int64_t max);
  /// "Invalid value: V: detail", reason FieldValueTypeInvalid.
  void typeInvalid(const FieldPath& path, const FieldValue& value, std::string_view detail);
  /// "Internal error: detail".
  void internal(const FieldPath& path, std::string_view detail);

  void add(StatusCause cause) { causes_.push_back(std::move(cause)); }
  void append(FieldErrors other);

  /// Success where there are none; else Invalid (422). `kind` as in base/status.h.
  [[nodiscard]] Status toStatus(std::string_view kind, std::string_view name) const;
  /// "spec.x: Required value, spec.y: ..." as an aggregate prints: one alone, several in brackets.
  [[nodiscard]] std::string str() const;

 private:
  void put(const char* type, const FieldPath& path, std::string message);
  std::vector<StatusCause> causes_;
};

}  // namespace coxswain::api
