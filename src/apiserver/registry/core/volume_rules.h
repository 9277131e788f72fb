#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/names/field_error.h"

namespace coxswain::api::core::v1 {
struct PersistentVolumeSource;
struct PersistentVolumeSpec;
}  // namespace coxswain::api::core::v1

namespace coxswain::apiserver {

// Shared by volumes and claims.

void setPersistentVolumeSourceDefaults(api::core::v1::PersistentVolumeSource& source);

/// Known modes, and ReadWriteOncePod alone.
void checkAccessModes(const std::vector<std::string>& modes, const api::FieldPath& path,
                      api::FieldErrors& errors);
/// A volume's spec that stands within another object (an attachment's).
void checkInlineVolumeSpec(const api::core::v1::PersistentVolumeSpec& spec,
                           const api::FieldPath& path, api::FieldErrors& errors);
void checkVolumeMode(const std::optional<std::string>& mode, const api::FieldPath& path,
                     api::FieldErrors& errors);

}  // namespace coxswain::apiserver
