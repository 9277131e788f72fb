#pragma once

#include <string>
#include <string_view>

#include "api/names/field_error.h"
#include "api/names/names.h"
#include "base/text.h"

namespace coxswain::apiserver {

/// A CSI driver's name: at most 63 characters, a DNS-1123 subdomain in any case.
inline void checkCsiDriverName(std::string_view name, const api::FieldPath& path,
                               api::FieldErrors& errors) {
  constexpr size_t kNameMax = 63;
  if (name.empty()) return errors.required(path);
  if (name.size() > kNameMax) errors.tooLong(path, kNameMax);
  errors.invalidEach(path, name, api::validateDns1123Subdomain(lowerCase(name)));
}

}  // namespace coxswain::apiserver
