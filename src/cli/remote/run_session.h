#pragma once

#include <memory>

#include "cli/framework/session.h"
#include "streaming/session.h"

namespace coxswain::cli {

using DialTask = Task<Result<std::unique_ptr<streaming::ClientSession>>>;

/// Dials a session and joins it to this program's standard streams until the command has ended:
/// with a `tty`, the terminal is raw from before the dialling on and its sizes are passed on. The
/// command's exit code becomes the program's (with kubectl's line about it on stderr); other
/// failures are returned.
Task<Status> runSession(Session& session, DialTask dial, bool tty);

/// The same for an outcome that is there already.
Status concludeSession(Session& session, const Result<streaming::Outcome>& outcome);

}  // namespace coxswain::cli
