#pragma once

#include "kubelet/prober/transport.h"

namespace coxswain::kubelet::cri {
class RuntimeService;
}

namespace coxswain::kubelet {

/// Commands of probes and hooks through CRI's ExecSync.
class CriCommands final : public CommandRunner {
 public:
  explicit CriCommands(cri::RuntimeService& runtime) : runtime_(runtime) {}
  Task<Result<Output>> run(std::string containerId, std::vector<std::string> command,
                           Duration timeout, std::stop_token stop) override;

 private:
  cri::RuntimeService& runtime_;
};

}  // namespace coxswain::kubelet
