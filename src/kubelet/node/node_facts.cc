#include "kubelet/node/node_facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "api/meta/quantity.h"

namespace coxswain::kubelet {
namespace {

std::string_view nextLine(std::string_view& text) {
  auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

int64_t digits(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string goArchitecture(std::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

/// An address that others may use to reach us; empty: not one.
std::string usableAddress(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return text;
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) || IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)) return {};
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    return text;
  }
  return {};
}

}  // namespace

int64_t memInfoBytes(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    auto line = nextLine(text);
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') {
      return digits(line.substr(name.size() + 1)) * 1024;
    }
  }
  return 0;
}

std::string defaultRouteInterface(std::string_view text) {
  nextLine(text);  // headings
  while (!text.empty()) {
    auto line = nextLine(text);
    auto tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    auto rest = line.substr(tab + 1);
    if (rest.starts_with("00000000\t")) return std::string(line.substr(0, tab));
  }
  return {};
}

std::string osPrettyName(std::string_view text) {
  constexpr std::string_view kName = "PRETTY_NAME=";
  while (!text.empty()) {
    auto line = nextLine(text);
    if (!line.starts_with(kName)) continue;
    line.remove_prefix(kName.size());
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'')) {
      line = line.substr(1, line.size() - 2);
    }
    return std::string(line);
  }
  return {};
}

Result<MachineInfo> SystemNodeFacts::machine() const {
  MachineInfo info;
  utsname system{};
  if (::uname(&system) != 0) return errnoStatus("uname", errno);
  info.hostname = system.nodename;
  info.kernelVersion = system.release;
  info.architecture = goArchitecture(system.machine);
  info.cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  TRY(auto memory, files_.read("/proc/meminfo"));
  info.memoryBytes = memInfoBytes(memory, "MemTotal");
  info.swapBytes = memInfoBytes(memory, "SwapTotal");
  auto text = [&](const char* path) { return trimmed(files_.read(path).valueOr("")); };
  info.machineId = text("/etc/machine-id");
  info.systemUuid = text("/sys/class/dmi/id/product_uuid");
  if (info.systemUuid.empty()) info.systemUuid = info.machineId;
  info.bootId = text("/proc/sys/kernel/random/boot_id");
  info.osImage = osPrettyName(text("/etc/os-release"));
  auto sizes = files_.list("/sys/kernel/mm/hugepages");
  for (const auto& name : sizes.valueOr(std::vector<std::string>())) {
    // "hugepages-2048kB"
    if (!name.starts_with("hugepages-")) continue;
    int64_t bytes = digits(std::string_view(name).substr(10)) * 1024;
    int64_t count = digits(text(("/sys/kernel/mm/hugepages/" + name + "/nr_hugepages").c_str()));
    auto size = api::Quantity::fromInt(bytes, api::Quantity::Format::BinarySI);
    info.hugePageBytes["hugepages-" + size.str()] = bytes * count;
  }
  return info;
}

Result<std::vector<std::string>> SystemNodeFacts::addresses() const {
  std::string wanted = defaultRouteInterface(files_.read("/proc/net/route").valueOr(""));
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return errnoStatus("getifaddrs", errno);
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, ::freeifaddrs);
  std::string v4;
  std::string v6;
  for (const ifaddrs* at = all; at; at = at->ifa_next) {
    if (!at->ifa_addr || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (!wanted.empty() && wanted != at->ifa_name) continue;
    auto text = usableAddress(at->ifa_addr);
    auto& slot = at->ifa_addr->sa_family == AF_INET ? v4 : v6;
    if (!text.empty() && slot.empty()) slot = text;
  }
  std::vector<std::string> out;
  if (!v4.empty()) out.push_back(v4);
  if (!v6.empty()) out.push_back(v6);
  if (out.empty()) {
    return Status(Reason::NotFound, 404,
                  "this machine has no address but loopback; give one with --node-ip");
  }
  return out;
}

Result<int64_t> SystemNodeFacts::memoryAvailableBytes() const {
  TRY(auto text, files_.read("/proc/meminfo"));
  return memInfoBytes(text, "MemAvailable");
}

Result<Duration> SystemNodeFacts::cpuBusy() const {
  TRY(auto text, files_.read("/proc/stat"));
  return cpuBusyTime(text, ::sysconf(_SC_CLK_TCK));
}

Duration cpuBusyTime(std::string_view text, int64_t ticksPerSecond) {
  auto line = nextLine(text);
  if (!line.starts_with("cpu ")) return {};
  line.remove_prefix(4);
  // user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice
  constexpr int kIdle = 3;
  constexpr int kWaiting = 4;
  constexpr int kGuest = 8;
  int64_t ticks = 0;
  for (int column = 0; column < kGuest && !line.empty(); ++column) {
    while (line.starts_with(' ')) line.remove_prefix(1);
    if (column != kIdle && column != kWaiting) ticks += digits(line);
    line.remove_prefix(std::min(line.find(' '), line.size()));
  }
  return Duration(1s) / ticksPerSecond * ticks;
}

Result<FileSystemInfo> SystemNodeFacts::fileSystem(const std::string& path) const {
  return files_.statfs(path);
}

}  // namespace coxswain::kubelet
