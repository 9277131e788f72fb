#pragma once

#include <string>
#include <string_view>

namespace coxswain::api {

/// What Go's struct `message` of core/v1 calls the field that is `name` in JSON: "httpGet" is
/// HTTPGet. Upstream's words and hashes have these names in them.
std::string goFieldName(std::string_view message, std::string_view name);

}  // namespace coxswain::api
