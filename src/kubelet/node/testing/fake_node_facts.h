#pragma once

#include "kubelet/node/node_facts.h"

namespace coxswain::kubelet::testing {

/// A machine of 4 CPUs and 8 GiB that tests may change.
class FakeNodeFacts final : public NodeFacts {
 public:
  FakeNodeFacts() {
    info.hostname = "node-1";
    info.cpus = 4;
    info.memoryBytes = int64_t{8} << 30;
    info.machineId = "m1";
    info.systemUuid = "s1";
    info.bootId = "b1";
    info.kernelVersion = "6.1.0";
    info.osImage = "Test Linux";
    info.architecture = "amd64";
  }

  MachineInfo info;
  std::vector<std::string> ips = {"10.0.0.7"};
  int64_t memoryAvailable = int64_t{4} << 30;
  Duration busy = 100s;
  FileSystemInfo disk{100ULL << 30, 60ULL << 30, 50ULL << 30, 1'000'000, 900'000};

  [[nodiscard]] Result<MachineInfo> machine() const override { return info; }
  [[nodiscard]] Result<std::vector<std::string>> addresses() const override { return ips; }
  [[nodiscard]] Result<int64_t> memoryAvailableBytes() const override { return memoryAvailable; }
  [[nodiscard]] Result<Duration> cpuBusy() const override { return busy; }
  [[nodiscard]] Result<FileSystemInfo> fileSystem(const std::string&) const override {
    return disk;
  }
};

}  // namespace coxswain::kubelet::testing
