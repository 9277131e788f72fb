#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/resource_v1.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"

namespace coxswain::apiserver {

// Names and small values that the kinds of resource.k8s.io share, with upstream's texts.

/// "domain/name" or a C identifier alone.
void checkQualifiedId(std::string_view name, const api::FieldPath& path, api::FieldErrors& errors);
/// The same with a domain.
void checkFullyQualifiedId(std::string_view name, const api::FieldPath& path,
                           api::FieldErrors& errors);
/// Subdomains separated by slashes, 253 bytes in all.
void checkPoolName(std::string_view name, const api::FieldPath& path, api::FieldErrors& errors);
/// A UUID in lower case with its dashes.
void checkUid(std::string_view uid, const api::FieldPath& path, api::FieldErrors& errors);

void checkTolerations(const std::vector<api::resource::v1::DeviceToleration>& tolerations,
                      const api::FieldPath& path, api::FieldErrors& errors);
void checkDeviceTaint(const api::resource::v1::DeviceTaint& taint, const api::FieldPath& path,
                      api::FieldErrors& errors);
/// bindingConditions and bindingFailureConditions below `path`: at most four of each, both or
/// neither, no type in both.
void checkBindingConditions(const std::vector<std::string>& conditions,
                            const std::vector<std::string>& failures, const api::FieldPath& path,
                            api::FieldErrors& errors);
/// Raw JSON that must be an object of at most `max` bytes. `stored`: its size was accepted before.
void checkRawObject(std::string_view raw, bool stored, size_t max, const api::FieldPath& path,
                    api::FieldErrors& errors);

/// What an error names a key by: long ones lose their middle.
std::string shownKey(std::string_view key, size_t max);

/// True (and told) where there are more than `max`; the items are not looked at then.
bool tooMany(size_t count, size_t max, const api::FieldPath& path, api::FieldErrors& errors);

/// "Duplicate value" at each item whose key was there before.
template <typename List, typename Key>
void checkUnique(const List& list, Key key, const api::FieldPath& path, api::FieldErrors& errors) {
  std::vector<std::string_view> seen;
  seen.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string_view value = key(list[i]);
    bool known = false;
    for (const auto& each : seen) known = known || each == value;
    if (known) {
      errors.duplicate(path.index(i), value);
    } else {
      seen.push_back(value);
    }
  }
}

}  // namespace coxswain::apiserver
