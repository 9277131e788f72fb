#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/files.h"

namespace coxswain::kubelet {

/// What does not change while a machine runs.
struct MachineInfo {
  std::string hostname;
  int64_t cpus = 0;
  int64_t memoryBytes = 0;
  std::map<std::string, int64_t> hugePageBytes;  ///< "hugepages-2Mi": bytes
  int64_t swapBytes = 0;
  std::string machineId;
  std::string systemUuid;
  std::string bootId;
  std::string kernelVersion;
  std::string osImage;
  std::string operatingSystem = "linux";
  std::string architecture;  ///< "amd64", "arm64"
};

/// The machine a kubelet runs on. Calls block shortly; any thread. Implementations:
/// SystemNodeFacts, testing::FakeNodeFacts.
class NodeFacts {
 public:
  virtual ~NodeFacts() = default;
  [[nodiscard]] virtual Result<MachineInfo> machine() const = 0;
  /// Addresses of the interface of the default route, else of any but loopback: IPv4 first, at most
  /// one of each family. NotFound: the machine has none.
  [[nodiscard]] virtual Result<std::vector<std::string>> addresses() const = 0;
  [[nodiscard]] virtual Result<int64_t> memoryAvailableBytes() const = 0;
  /// Time that all cores together were busy since the machine started.
  [[nodiscard]] virtual Result<Duration> cpuBusy() const = 0;
  [[nodiscard]] virtual Result<FileSystemInfo> fileSystem(const std::string& path) const = 0;
};

class SystemNodeFacts final : public NodeFacts {
 public:
  explicit SystemNodeFacts(Files& files) : files_(files) {}
  [[nodiscard]] Result<MachineInfo> machine() const override;
  [[nodiscard]] Result<std::vector<std::string>> addresses() const override;
  [[nodiscard]] Result<int64_t> memoryAvailableBytes() const override;
  [[nodiscard]] Result<Duration> cpuBusy() const override;
  [[nodiscard]] Result<FileSystemInfo> fileSystem(const std::string& path) const override;

 private:
  Files& files_;
};

/// A number of /proc/meminfo's text in bytes ("MemTotal"); 0: not there.
int64_t memInfoBytes(std::string_view text, std::string_view name);
/// The line "cpu" of /proc/stat's text, all but idle, waiting and guests' time (which is user time
/// already), at `ticksPerSecond`.
Duration cpuBusyTime(std::string_view text, int64_t ticksPerSecond);
/// Interface of the default route in /proc/net/route's text; empty: none.
std::string defaultRouteInterface(std::string_view text);
/// PRETTY_NAME of /etc/os-release's text.
std::string osPrettyName(std::string_view text);

}  // namespace coxswain::kubelet
