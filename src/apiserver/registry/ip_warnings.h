#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/names/field_path.h"

namespace coxswain::apiserver {

// Warnings of addresses that are accepted but not in the form in which everybody reads them alike:
// leading zeros, IPv4 within IPv6, IPv6 that is not as RFC 5952 writes it. Values that are no
// addresses warn of nothing. Any thread.

void warnOfIp(std::string_view value, const api::FieldPath& path, std::vector<std::string>& out);
void warnOfCidr(std::string_view value, const api::FieldPath& path, std::vector<std::string>& out);

/// "DESCRIPTION; a DNS label is recommended: [...]" of a name that pods will be called by.
void warnOfName(std::string_view name, std::string_view description, std::vector<std::string>& out);

}  // namespace coxswain::apiserver
