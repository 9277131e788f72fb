#pragma once

#include <memory>

#include "cli/framework/session.h"
#include "streaming/session.h"

namespace coxswain::cli {

/// Joins a session to this program's standard streams until the command has ended: with a tty, the
/// terminal is raw and its sizes are passed on. Closes the session. The command's exit code becomes
/// the program's (with kubectl's line about it on stderr); other failures are returned.
Task<Status> runSession(Session& session, std::unique_ptr<streaming::ClientSession> remote);

/// The same for an outcome that is there already.
Status concludeSession(Session& session, const Result<streaming::Outcome>& outcome);

}  // namespace coxswain::cli
