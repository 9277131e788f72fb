#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace coxswain::cli {

/// A failure of ours, printed as "error: <message>". Those of a server keep their code (400 and
/// more) and are printed as "Error from server (Reason): ...".
Status fault(std::string message);
/// A failure of one of our libraries (which calls it BadRequest, say), as ours. Success stays.
Status asFault(const Status& status);
/// Did a server send it, or none answer?
bool isFault(const Status& status);

/// What kubectl prints for a failure, with a line feed. `server` is its host and port.
std::string errorText(const Status& status, std::string_view server);

std::vector<std::string> splitAt(std::string_view text, char separator);
std::string joined(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace coxswain::cli
