#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "runtime/process.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// A name of the host that a Node may have: small letters, what is not allowed left out.
std::string ownNodeName();

/// For a machine without a network: a bridge of our own that carries an address, and the way to the
/// cluster's addresses (`serviceCidr`). Answers the address. Idempotent.
inline constexpr const char* kOfflineLink = "coxswain0";
Task<Result<std::string>> makeOfflineAddress(ProcessRunner& processes, std::string serviceCidr,
                                             std::stop_token stop);
/// Takes that bridge away; no failure where there is none.
Task<void> removeOfflineAddress(ProcessRunner& processes, std::stop_token stop);

}  // namespace coxswain::cmd
