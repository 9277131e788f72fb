#include "proxy/endpoints.h"

#include <algorithm>
#include <map>

#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"

namespace coxswain::proxy {
namespace {

namespace discovery = api::discovery::v1;

bool isPort(const discovery::EndpointPort& have, std::string_view name, Protocol protocol) {
  if (have.name.value_or("") != name || !have.port || *have.port <= 0 || *have.port > 65535)
    return false;
  const auto text = have.protocol.value_or("TCP");
  return text == (protocol == Protocol::Tcp ? "TCP" : protocol == Protocol::Udp ? "UDP" : "SCTP");
}

Candidate candidateOf(const discovery::Endpoint& from, const api::IpAddress& address, uint16_t port,
                      const NodeView& node) {
  Candidate candidate;
  candidate.endpoint.address = address;
  candidate.endpoint.port = port;
  candidate.endpoint.local = from.nodeName && *from.nodeName == node.name;
  candidate.ready = from.conditions.ready.value_or(true);
  candidate.serving = from.conditions.serving.value_or(true);
  candidate.terminating = from.conditions.terminating.value_or(false);
  if (from.hints) {
    for (const auto& zone : from.hints->forZones) candidate.zoneHints.push_back(zone.name);
    for (const auto& name : from.hints->forNodes) candidate.nodeHints.push_back(name.name);
  }
  return candidate;
}

/// While a pod moves between slices it is in both.
bool isBetter(const Candidate& a, const Candidate& b) {
  auto rank = [](const Candidate& c) { return c.ready ? 2 : c.serving ? 1 : 0; };
  return rank(a) > rank(b);
}

std::vector<Endpoint> endpointsOf(const std::vector<Candidate>& candidates,
                                  bool (*wanted)(const Candidate&)) {
  std::vector<Endpoint> out;
  for (const auto& candidate : candidates) {
    if (wanted(candidate)) out.push_back(candidate.endpoint);
  }
  return out;
}

bool isReady(const Candidate& c) {
  return c.ready;
}
bool stillServes(const Candidate& c) {
  return c.serving && c.terminating;
}
bool isLocalReady(const Candidate& c) {
  return c.endpoint.local && c.ready;
}
bool isLocalStillServing(const Candidate& c) {
  return c.endpoint.local && stillServes(c);
}

/// The ready ones whose hints have `value`; empty where one has no hints, or none has `value`.
std::vector<Endpoint> hinted(const std::vector<Candidate>& candidates, const std::string& value,
                             std::vector<std::string> Candidate::*hints) {
  std::vector<Endpoint> out;
  if (value.empty()) return out;
  for (const auto& candidate : candidates) {
    if (!candidate.ready) continue;
    const auto& has = candidate.*hints;
    if (has.empty()) return {};
    if (std::find(has.begin(), has.end(), value) != has.end()) out.push_back(candidate.endpoint);
  }
  return out;
}

}  // namespace

std::vector<Candidate> candidatesOf(const std::vector<SlicePointer>& slices, std::string_view port,
                                    Protocol protocol, Family family, const NodeView& node) {
  std::map<std::pair<api::IpAddress, uint16_t>, Candidate> found;
  for (const auto& slice : slices) {
    if (slice->addressType != (family == Family::V4 ? "IPv4" : "IPv6")) continue;
    for (const auto& have : slice->ports) {
      if (!isPort(have, port, protocol)) continue;
      const auto number = static_cast<uint16_t>(*have.port);
      for (const auto& endpoint : slice->endpoints) {
        if (endpoint.addresses.empty()) continue;
        auto address = api::parseIpSloppy(endpoint.addresses.front());
        if (!address || address->v6 != (family == Family::V6)) continue;
        auto candidate = candidateOf(endpoint, *address, number, node);
        auto [where, added] = found.try_emplace({*address, number}, candidate);
        if (!added && isBetter(candidate, where->second)) where->second = std::move(candidate);
      }
    }
  }
  std::vector<Candidate> out;
  out.reserve(found.size());
  for (auto& [key, candidate] : found) out.push_back(std::move(candidate));
  return out;
}

std::vector<Endpoint> clusterEndpoints(const std::vector<Candidate>& candidates,
                                       const NodeView& node) {
  auto chosen = hinted(candidates, node.name, &Candidate::nodeHints);
  if (chosen.empty()) chosen = hinted(candidates, node.zone, &Candidate::zoneHints);
  if (chosen.empty()) chosen = endpointsOf(candidates, isReady);
  if (chosen.empty()) chosen = endpointsOf(candidates, stillServes);
  return chosen;
}

std::vector<Endpoint> localEndpoints(const std::vector<Candidate>& candidates) {
  auto chosen = endpointsOf(candidates, isLocalReady);
  if (chosen.empty()) chosen = endpointsOf(candidates, isLocalStillServing);
  return chosen;
}

}  // namespace coxswain::proxy
