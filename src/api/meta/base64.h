#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace coxswain::api {

/// RFC 4648 with padding.
std::string base64Encode(std::string_view bytes);
void base64Append(std::string& out, std::string_view bytes);
/// Strict about alphabet and padding; line breaks are skipped, as Go does. Nothing: not base64.
std::optional<std::string> base64Decode(std::string_view text);

/// The URL alphabet without padding, as tokens use it.
std::string base64UrlEncode(std::string_view bytes);
std::optional<std::string> base64UrlDecode(std::string_view text);

}  // namespace coxswain::api
