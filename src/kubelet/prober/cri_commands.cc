#include "kubelet/prober/cri_commands.h"

#include "kubelet/cri/services.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

Task<Result<CommandRunner::Output>> CriCommands::run(std::string containerId,
                                                     std::vector<std::string> command,
                                                     Duration timeout, std::stop_token stop) {
  // The runtime counts whole seconds and kills the command; a runtime that forgets is not waited
  // for much longer.
  const auto whole = std::chrono::ceil<std::chrono::seconds>(timeout);
  const Duration patience = timeout > 0s ? Duration(whole) + 10s : Duration(24h * 365);
  Deadline deadline(patience, stop);
  auto answer = co_await runtime_.execSync(std::move(containerId), std::move(command), whole,
                                           deadline.token());
  if (!answer.ok()) {
    if (deadline.expired()) co_return Status(Reason::Timeout, 504, "context deadline exceeded");
    co_return answer.status();
  }
  Output output;
  output.exitCode = answer->exitCode;
  output.output = std::move(answer->stdout.data);
  output.output += answer->stderr.data;
  co_return output;
}

}  // namespace coxswain::kubelet
