#pragma once

#include <string_view>

#include "api/names/field_error.h"
#include "api/names/field_path.h"
#include "api/reflect/map.h"

namespace coxswain::apiserver {

// Shared by the classes of storage.

/// The name of a driver or provisioner: a qualified name in any case.
void checkProvisioner(std::string_view name, const api::FieldPath& path, api::FieldErrors& errors);
/// At most 512 with keys, 256 KiB in all.
void checkParameters(const api::Map<std::string>& parameters, const api::FieldPath& path,
                     api::FieldErrors& errors);

}  // namespace coxswain::apiserver
