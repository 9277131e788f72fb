#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::streaming {

/// How a remote command ended: success, an exit code other than 0, or a failure to run it. On the
/// wire (version 4 on) it is a metav1.Status on the error stream.
struct Outcome {
  Status status;                ///< success, or what failed
  std::optional<int> exitCode;  ///< set: the command ran and ended with this code, not 0

  static Outcome succeeded() { return {}; }
  static Outcome failed(Status why) { return {std::move(why), std::nullopt}; }
  /// `code` 0 is success; `message` as upstream's runtimes say it when empty.
  static Outcome exited(int code, std::string message = "");
  [[nodiscard]] bool ok() const { return status.ok(); }
};

/// {"metadata":{},"status":"Success"} and its like, as v4 and v5 carry it.
std::string encodeOutcome(const Outcome& outcome);
/// BadRequest: not a Status.
Result<Outcome> decodeOutcome(std::string_view json);

/// Before version 4: nothing for success, else a sentence. Exit codes are lost.
std::string encodeOutcomeText(const Outcome& outcome);
Outcome decodeOutcomeText(std::string_view text);

}  // namespace coxswain::streaming
