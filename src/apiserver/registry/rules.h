#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec/json.h"
#include "api/meta/int_or_string.h"
#include "api/meta/quantity.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"
#include "api/reflect/equal.h"
#include "api/reflect/map.h"

namespace coxswain::api::meta::v1 {
struct Condition;
struct ObjectMeta;
}  // namespace coxswain::api::meta::v1

namespace coxswain::apiserver {

// Checks that several kinds share, with upstream's texts. Stateless.

inline constexpr std::string_view kImmutableText = "field is immutable";
inline constexpr std::string_view kNegativeText = "must be greater than or equal to 0";

/// Name rules for Strategy::checkName: of the name, or with `prefix` of a generateName.
std::vector<std::string> labelNameRule(std::string_view name, bool prefix);
std::vector<std::string> pathSegmentNameRule(std::string_view name, bool prefix);

inline void checkNonNegative(int64_t value, const api::FieldPath& path, api::FieldErrors& errors) {
  if (value < 0) errors.invalid(path, value, kNegativeText);
}
inline void checkNonNegative(const api::Quantity& value, const api::FieldPath& path,
                             api::FieldErrors& errors) {
  if (value.sign() < 0) errors.invalid(path, value, kNegativeText);
}

/// A message as an error shows it: JSON.
template <typename T>
api::FieldValue asJson(const T& message) {
  return api::FieldValue::json(api::encodeJson(message, {.typeMeta = false}));
}

/// "field is immutable", for messages (compared semantically).
template <typename T>
void checkImmutableMessage(const T& next, const T& current, const api::FieldPath& path,
                           api::FieldErrors& errors) {
  if (!api::semanticEqual(next, current)) errors.invalid(path, asJson(next), kImmutableText);
}
/// The same for strings, numbers, lists and maps of text.
template <typename T>
void checkImmutable(const T& next, const T& current, const api::FieldPath& path,
                    api::FieldErrors& errors) {
  if (next == current) return;
  if constexpr (requires {
                  next.has_value();
                  *next;
                }) {
    errors.invalid(path, next.has_value() ? api::FieldValue(*next) : api::FieldValue(nullptr),
                   kImmutableText);
  } else {
    errors.invalid(path, api::FieldValue(next), kImmutableText);
  }
}

/// Amounts are kept by the thousandth, rounded up, wherever core/v1 has a list of them.
inline void roundResources(api::Map<api::Quantity>& list) {
  for (auto& [name, quantity] : list) quantity.roundUp(api::Quantity::Milli);
}

/// A number not below zero, or "25%".
void checkPositiveIntOrPercent(const api::IntOrString& value, const api::FieldPath& path,
                               api::FieldErrors& errors);
void checkAtMostHundredPercent(const api::IntOrString& value, const api::FieldPath& path,
                               api::FieldErrors& errors);
/// The number, or that before '%'. 0 for other text.
int intOrPercentValue(const api::IntOrString& value);

/// Not unspecified, loopback or link-local: what endpoints and externalIPs must not be.
void checkOrdinaryIp(std::string_view ip, const api::FieldPath& path, api::FieldErrors& errors);

/// A DNS-1123 subdomain / label, where set or not.
void checkDns1123Subdomain(std::string_view value, const api::FieldPath& path,
                           api::FieldErrors& errors);
void checkDns1123Label(std::string_view value, const api::FieldPath& path,
                       api::FieldErrors& errors);
void checkQualifiedName(std::string_view value, const api::FieldPath& path,
                        api::FieldErrors& errors);
/// Tells "Required value" (with `detail`) of an empty text, true then.
bool requireText(std::string_view value, const api::FieldPath& path, api::FieldErrors& errors,
                 std::string_view detail = {});

/// For updates of /status that leave metadata alone: `next` gets all of `current` but the managers
/// and the version it is an update of.
void keepMetadata(api::meta::v1::ObjectMeta& next, const api::meta::v1::ObjectMeta& current);

/// metav1.Condition: type, status, reason, message, lastTransitionTime.
void validateConditions(const std::vector<api::meta::v1::Condition>& conditions,
                        const api::FieldPath& path, api::FieldErrors& errors);

/// Tells Required of an empty value and NotSupported of one not in the list, which is told in the
/// order given.
void checkOneOf(std::string_view value, std::initializer_list<std::string_view> supported,
                const api::FieldPath& path, api::FieldErrors& errors);

}  // namespace coxswain::apiserver
