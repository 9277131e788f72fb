#pragma once

#include <string>
#include <string_view>

namespace coxswain::apiserver {

/// Why `text` is not a JSON object, in the words of Go's json.Unmarshal for the usual faults (empty
/// text, a wrong character, text after the end, another type). Empty: it is one.
std::string jsonObjectProblem(std::string_view text);

}  // namespace coxswain::apiserver
