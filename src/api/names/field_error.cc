#include "api/names/field_error.h"

#include <fmt/format.h>

#include <set>

namespace coxswain::api {

namespace {

/// Far more than anybody reads: a body may be wrong in millions of places.
constexpr size_t kCausesMax = 10'000;

std::string withDetail(std::string message, std::string_view detail) {
  if (!detail.empty()) message.append(": ").append(detail);
  return message;
}

}  // namespace

void FieldErrors::put(const char* type, const FieldPath& path, std::string message) {
  if (causes_.size() < kCausesMax) causes_.push_back({type, std::move(message), path.str()});
}

void FieldErrors::required(const FieldPath& path, std::string_view detail) {
  put("FieldValueRequired", path, withDetail("Required value", detail));
}

void FieldErrors::invalid(const FieldPath& path, const FieldValue& value, std::string_view detail) {
  put("FieldValueInvalid", path, withDetail("Invalid value: " + value.text(), detail));
}

void FieldErrors::typeInvalid(const FieldPath& path, const FieldValue& value,
                              std::string_view detail) {
  put("FieldValueTypeInvalid", path, withDetail("Invalid value: " + value.text(), detail));
}

void FieldErrors::notSupported(const FieldPath& path, const FieldValue& value,
                               std::span<const std::string_view> supported) {
  std::string message = "Unsupported value: " + value.text();
  if (!supported.empty()) message.append(": supported values: ");
  for (size_t i = 0; i < supported.size(); ++i) {
    if (i > 0) message.append(", ");
    appendGoQuoted(message, supported[i]);
  }
  put("FieldValueNotSupported", path, std::move(message));
}

void FieldErrors::duplicate(const FieldPath& path, const FieldValue& value) {
  put("FieldValueDuplicate", path, "Duplicate value: " + value.text());
}

void FieldErrors::forbidden(const FieldPath& path, std::string_view detail) {
  put("FieldValueForbidden", path, withDetail("Forbidden", detail));
}

void FieldErrors::notFound(const FieldPath& path, const FieldValue& value) {
  put("FieldValueNotFound", path, "Not found: " + value.text());
}

void FieldErrors::tooLong(const FieldPath& path, int64_t maxBytes) {
  put("FieldValueTooLong", path, fmt::format("Too long: may not be more than {} bytes", maxBytes));
}

void FieldErrors::tooMany(const FieldPath& path, int64_t actual, int64_t max) {
  put("FieldValueTooMany", path,
      fmt::format("Too many: {}: must have at most {} items", actual, max));
}

void FieldErrors::internal(const FieldPath& path, std::string_view detail) {
  put("InternalError", path, withDetail("Internal error", detail));
}

void FieldErrors::append(FieldErrors other) {
  for (auto& cause : other.causes_) {
    if (causes_.size() < kCausesMax) causes_.push_back(std::move(cause));
  }
}

Status FieldErrors::toStatus(std::string_view kind, std::string_view name) const {
  return empty() ? Status() : coxswain::invalid(kind, name, causes_);
}

std::string FieldErrors::str() const {
  std::set<std::string> seen;
  std::vector<std::string> lines;
  for (const auto& cause : causes_) {
    std::string line = cause.field + ": " + cause.message;
    if (seen.insert(line).second) lines.push_back(std::move(line));
  }
  if (lines.size() == 1) return lines.front();
  return lines.empty() ? std::string() : fmt::format("[{}]", fmt::join(lines, ", "));
}

}  // namespace coxswain::api
