#include "cmd/host_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>

namespace coxswain::cmd {
namespace {

/// From /proc/net/route: lines of interface, destination, gateway...; empty: no default route.
std::string defaultInterface() {
  std::ifstream in("/proc/net/route");
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string interface;
    std::string destination;
    fields >> interface >> destination;
    if (destination == "00000000") return interface;
  }
  return {};
}

std::string textOf(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
  } else {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr)) return {};
    ::inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace

std::string hostAddress() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return {};
  std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(raw, &::freeifaddrs);
  const auto preferred = defaultInterface();
  std::string best;
  int bestRank = 0;
  for (const auto* one = all.get(); one; one = one->ifa_next) {
    if (!one->ifa_addr || !(one->ifa_flags & IFF_UP) || (one->ifa_flags & IFF_LOOPBACK)) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    auto text = textOf(one->ifa_addr);
    if (text.empty()) continue;
    const int rank = 1 + (family == AF_INET ? 1 : 0) + (one->ifa_name == preferred ? 2 : 0);
    if (rank <= bestRank) continue;
    bestRank = rank;
    best = std::move(text);
  }
  return best;
}

std::string hostName() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace coxswain::cmd
