#include "apiserver/registry/storage/class_rules.h"

#include <algorithm>
#include <string>

#include "api/names/names.h"
#include "apiserver/registry/rules.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr size_t kParametersMax = 512;
constexpr int64_t kParameterBytesMax = 256 * 1024;

}  // namespace

void checkProvisioner(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  if (requireText(name, path, errors)) return;
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  errors.invalidEach(path, name, api::validateQualifiedName(lower));
}

void checkParameters(const api::Map<std::string>& parameters, const FieldPath& path,
                     FieldErrors& errors) {
  if (parameters.size() > kParametersMax) {
    errors.tooLong(path, kParametersMax);
    return;
  }
  int64_t bytes = 0;
  for (const auto& [key, value] : parameters) {
    if (key.empty()) errors.invalid(path, key, "field can not be empty.");
    bytes += static_cast<int64_t>(key.size() + value.size());
  }
  if (bytes > kParameterBytesMax) errors.tooLong(path, kParameterBytesMax);
}

}  // namespace coxswain::apiserver
