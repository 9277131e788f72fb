#include "proxy/sysctls.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <thread>

#include "base/log.h"
#include "base/result.h"

namespace coxswain::proxy {
namespace {

const Logger kLog("proxy");

Result<std::string> readSmall(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errnoStatus("open " + path, errno);
  char buffer[64];
  auto n = ::read(fd, buffer, sizeof buffer);
  int error = errno;
  ::close(fd);
  if (n < 0) return errnoStatus("read " + path, error);
  std::string text(buffer, static_cast<size_t>(n));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Status writeSmall(const std::string& path, const std::string& value) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errnoStatus("open " + path, errno);
  auto n = ::write(fd, value.data(), value.size());
  int error = errno;
  ::close(fd);
  return n < 0 ? errnoStatus("write " + path, error) : Status();
}

Status setTo(const std::string& path, const std::string& value) {
  TRY(auto now, readSmall(path));
  if (now == value) return {};
  return writeSmall(path, value);
}

/// Only ever upwards; where this namespace may not, it stays.
void raiseTo(const std::string& path, long value) {
  auto now = readSmall(path);
  if (!now.ok()) return;
  long have = 0;
  std::from_chars(now->data(), now->data() + now->size(), have);
  if (have >= value) return;
  Status set = writeSmall(path, std::to_string(value));
  if (!set.ok()) kLog.debug("sysctl stays as it is", {{"path", path}, {"why", set}});
}

}  // namespace

Status applySysctls(const SysctlOptions& options) {
  const auto net = options.root + "/net/";
  TRY_STATUS(setTo(net + "ipv4/ip_forward", "1"));
  if (options.localhostNodePorts) {
    TRY_STATUS(setTo(net + "ipv4/conf/all/route_localnet", "1"));
  }
  if (options.v6) {
    TRY_STATUS(setTo(net + "ipv6/conf/all/forwarding", "1"));
  }
  Status bridged = setTo(net + "bridge/bridge-nf-call-iptables", "1");
  if (!bridged.ok()) {
    kLog.warn("no br_netfilter: pods behind one bridge may not reach each other's services",
              {{"why", bridged}});
  } else if (options.v6) {
    bridged = setTo(net + "bridge/bridge-nf-call-ip6tables", "1");
    if (!bridged.ok()) kLog.warn("bridge-nf-call-ip6tables", {{"why", bridged}});
  }
  const auto cores = static_cast<long>(std::max(1U, std::thread::hardware_concurrency()));
  raiseTo(net + "netfilter/nf_conntrack_max", std::max(131072L, 32768L * cores));
  raiseTo(net + "netfilter/nf_conntrack_tcp_timeout_established", 86400);
  raiseTo(net + "netfilter/nf_conntrack_tcp_timeout_close_wait", 3600);
  return {};
}

}  // namespace coxswain::proxy
