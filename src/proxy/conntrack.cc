#include "proxy/conntrack.h"

#include <algorithm>
#include <set>

namespace coxswain::proxy {
namespace {

/// With more dead endpoints than this, every flow of the frontend begins anew.
constexpr size_t kEndpointsMax = 20;

std::set<api::IpAddress> addressesOf(const ServicePort& port) {
  std::set<api::IpAddress> out;
  for (const auto& e : port.endpoints) out.insert(e.address);
  for (const auto& e : port.localEndpoints) out.insert(e.address);
  return out;
}

/// The same port of a service, before or after a change.
bool isSame(const ServicePort& a, const ServicePort& b) {
  return a.family == b.family && a.protocol == b.protocol && a.portName == b.portName &&
         a.port == b.port;
}

std::vector<StaleFlow> frontendsOf(const ServicePort& port) {
  std::vector<StaleFlow> out;
  auto add = [&](const std::vector<api::IpAddress>& addresses) {
    for (const auto& address : addresses) out.push_back({port.family, address, port.port, {}});
  };
  add(port.clusterIps);
  add(port.externalIps);
  add(port.loadBalancerIps);
  if (port.nodePort != 0) out.push_back({port.family, {}, port.nodePort, {}});
  return out;
}

const ServicePort* findSame(const std::vector<ServicePort>& ports, const ServicePort& port) {
  for (const auto& other : ports) {
    if (isSame(other, port)) return &other;
  }
  return nullptr;
}

RunOptions commandOf(const StaleFlow& flow) {
  RunOptions options;
  options.argv = {"conntrack", "-D", "-f", flow.family == Family::V4 ? "ipv4" : "ipv6",
                  "-p",        "udp"};
  auto add = [&](const char* flag, std::string value) {
    options.argv.emplace_back(flag);
    options.argv.push_back(std::move(value));
  };
  if (flow.destination) add("--orig-dst", flow.destination->str());
  add("--orig-port-dst", std::to_string(flow.port));
  if (flow.endpoint) add("--reply-src", flow.endpoint->str());
  return options;
}

}  // namespace

std::vector<StaleFlow> staleFlows(const std::vector<ServicePort>& before,
                                  const std::vector<ServicePort>& after) {
  std::set<StaleFlow> out;
  for (const auto& old : before) {
    if (old.protocol != Protocol::Udp) continue;
    auto dead = addressesOf(old);
    if (const auto* now = findSame(after, old)) {
      for (const auto& address : addressesOf(*now)) dead.erase(address);
    }
    if (dead.empty()) continue;
    for (auto flow : frontendsOf(old)) {
      if (dead.size() > kEndpointsMax) {
        out.insert(flow);
        continue;
      }
      for (const auto& address : dead) {
        flow.endpoint = address;
        out.insert(flow);
      }
    }
  }
  for (const auto& now : after) {
    if (now.protocol != Protocol::Udp || addressesOf(now).empty()) continue;
    const auto* old = findSame(before, now);
    if (old && !addressesOf(*old).empty()) continue;
    for (const auto& flow : frontendsOf(now)) out.insert(flow);
  }
  return {out.begin(), out.end()};
}

Task<Status> forgetFlows(ProcessRunner& processes, std::vector<StaleFlow> flows,
                         std::stop_token stop) {
  for (const auto& flow : flows) {
    auto options = commandOf(flow);
    CO_TRY(auto run, co_await processes.run(std::move(options), stop));
    // It ends with 1 where there was no such flow.
    if (run.exit.code > 1 || run.exit.signal != 0)
      co_return internalError("conntrack ended with " + run.exit.describe() + ": " + run.error);
  }
  co_return Status();
}

}  // namespace coxswain::proxy
