#pragma once

#include <string>
#include <string_view>

namespace coxswain::api {

/// Text in double quotes with escapes, as Go's %q prints it: the form values have in messages.
std::string goQuote(std::string_view text);
void appendGoQuoted(std::string& out, std::string_view text);

/// A JSON string with quotes. `<`, `>`, `&` and U+2028/9 are escaped as Go's encoder does.
void appendJsonQuoted(std::string& out, std::string_view text);

}  // namespace coxswain::api
