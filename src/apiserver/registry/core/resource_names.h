#pragma once

#include <string_view>

#include "api/names/field_error.h"

namespace coxswain::apiserver {

/// A name that ResourceQuota knows: "pods", "limits.cpu", "hugepages-2Mi".
bool isStandardQuotaResource(std::string_view name);
/// Counted in whole numbers.
bool isIntegerResource(std::string_view name);
/// A qualified name, standard where it has no domain.
void checkResourceName(std::string_view name, const api::FieldPath& path, api::FieldErrors& errors);
/// The same, and one that containers can have. A name that neither fits is told of twice.
void checkContainerResourceName(std::string_view name, const api::FieldPath& path,
                                api::FieldErrors& errors);
/// Without a domain, or with one of ours.
bool isNativeResource(std::string_view name);
/// Requests of it may be below its limit.
bool mayOvercommitResource(std::string_view name);

}  // namespace coxswain::apiserver
