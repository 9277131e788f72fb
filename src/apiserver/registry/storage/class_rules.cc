#include "apiserver/registry/storage/class_rules.h"

#include <string>

#include "api/names/names.h"
#include "apiserver/registry/rules.h"
#include "base/text.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr size_t kParametersMax = 512;
constexpr int64_t kParameterBytesMax = 256 * 1024;

}  // namespace

void checkProvisioner(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  if (requireText(name, path, errors)) return;
  errors.invalidEach(path, name, api::validateQualifiedName(lowerCase(name)));
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
