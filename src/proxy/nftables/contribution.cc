#include <algorithm>

#include "proxy/nftables/rules.h"

namespace coxswain::proxy::nftables {
namespace {

/// Collects what a service port needs.
class Collector {
 public:
  explicit Collector(const ServicePort& port)
      : port_(port),
        proto_(protocolName(port.protocol)),
        number_(std::to_string(port.port)),
        count_(static_cast<uint32_t>(port.endpoints.size())),
        localCount_(static_cast<uint32_t>(port.localEndpoints.size())) {}

  Contribution collect() {
    for (const auto& ip : port_.clusterIps) clusterIp(ip.str());
    for (const auto& ip : port_.externalIps) externalIp(ip.str());
    for (const auto& ip : port_.loadBalancerIps) {
      externalIp(ip.str());
      firewall(ip.str());
    }
    if (port_.nodePort != 0) nodePort();
    hairpin();
    return std::move(out_);
  }

 private:
  void add(SetId set, std::string key, std::string value = "") {
    out_.elements.push_back({set, std::move(key), std::move(value)});
  }
  [[nodiscard]] bool sticky() const { return port_.affinitySeconds > 0; }
  [[nodiscard]] bool records() const { return sticky() && port_.family == Family::V4; }

  std::string leadTo(const Chain& chain) {
    out_.chains.insert(chain);
    return "goto " + chain.name();
  }
  Chain pick(bool nodePort, bool local) {
    Chain chain;
    chain.protocol = port_.protocol;
    chain.nodePort = nodePort;
    chain.local = local;
    chain.sticky = sticky();
    chain.count = local ? localCount_ : count_;
    if (chain.count > 0) {
      out_.chains.insert(chain);
      // The plain one comes after the sticky one.
      auto plain = chain;
      plain.sticky = false;
      out_.chains.insert(plain);
    }
    return chain;
  }
  /// For what comes from outside, where there are endpoints at all.
  Chain external(bool nodePort) {
    auto chain = pick(nodePort, false);
    chain.kind = Chain::Kind::External;
    if (!port_.externalLocal) return chain;
    (void)pick(nodePort, true);
    chain.kind = Chain::Kind::ExternalLocal;
    chain.localCount = localCount_;
    return chain;
  }
  std::string record() {
    Chain chain;
    chain.kind = Chain::Kind::Record;
    chain.count = port_.affinitySeconds;
    return leadTo(chain);
  }

  void endpoints(const std::string& prefix, bool nodePort, bool local) {
    const auto set = endpointsSet(port_.protocol, nodePort);
    auto number = local ? kFirstLocal : 0;
    for (const auto& endpoint : local ? port_.localEndpoints : port_.endpoints) {
      add(set, prefix + " . " + std::to_string(number++),
          endpoint.address.str() + " . " + std::to_string(endpoint.port));
    }
  }

  void clusterIp(const std::string& ip) {
    const auto key = joinKey({ip, proto_, number_});
    add(SetId::ClusterIps, ip);
    const auto usable = port_.internalLocal ? localCount_ : count_;
    if (usable == 0) {
      add(SetId::NoEndpointIps, key, count_ == 0 ? "goto reject-chain" : "drop");
      return;
    }
    add(SetId::ServiceIps, key, leadTo(pick(false, port_.internalLocal)));
    endpoints(key, false, port_.internalLocal);
    if (records()) add(SetId::AffinityIps, key, record());
  }

  void externalIp(const std::string& ip) {
    const auto key = joinKey({ip, proto_, number_});
    if (count_ == 0) {
      add(SetId::NoEndpointIps, key, "goto reject-chain");
      return;
    }
    if (port_.externalLocal && localCount_ == 0) add(SetId::NoEndpointIps, key, "drop");
    add(SetId::ServiceIps, key, leadTo(external(false)));
    endpoints(key, false, false);
    if (port_.externalLocal) endpoints(key, false, true);
    if (records()) add(SetId::AffinityIps, key, record());
  }

  void firewall(const std::string& ip) {
    if (port_.sourceRanges.empty()) return;
    const auto key = joinKey({ip, proto_, number_});
    add(SetId::Firewalled, key);
    for (const auto& range : port_.sourceRanges)
      add(SetId::SourceRanges, key + " . " + range.str());
  }

  void nodePort() {
    const auto key = joinKey({proto_, std::to_string(port_.nodePort)});
    if (count_ == 0) {
      add(SetId::NoEndpointPorts, key, "goto reject-chain");
      return;
    }
    if (port_.externalLocal && localCount_ == 0) add(SetId::NoEndpointPorts, key, "drop");
    add(SetId::NodePorts, key, leadTo(external(true)));
    endpoints(key, true, false);
    if (port_.externalLocal) endpoints(key, true, true);
    if (records()) add(SetId::AffinityPorts, key, record());
  }

  void hairpin() {
    auto one = [&](const Endpoint& endpoint) {
      const auto ip = endpoint.address.str();
      add(SetId::Hairpin, joinKey({ip, ip, proto_, std::to_string(endpoint.port)}));
    };
    for (const auto& endpoint : port_.endpoints) {
      if (endpoint.local) one(endpoint);
    }
    for (const auto& endpoint : port_.localEndpoints) {
      if (std::find(port_.endpoints.begin(), port_.endpoints.end(), endpoint) ==
          port_.endpoints.end()) {
        one(endpoint);
      }
    }
  }

  const ServicePort& port_;
  std::string proto_;
  std::string number_;
  uint32_t count_;
  uint32_t localCount_;
  Contribution out_;
};

}  // namespace

Contribution contributionOf(const ServicePort& port) {
  return Collector(port).collect();
}

std::vector<Endpoint> keepOrder(const std::vector<Endpoint>& before, std::vector<Endpoint> wanted) {
  // Sorted, as the model gives them.
  auto isWanted = [&](const Endpoint& e) {
    return std::binary_search(wanted.begin(), wanted.end(), e);
  };
  std::sort(wanted.begin(), wanted.end());
  std::vector<Endpoint> sortedBefore = before;
  std::sort(sortedBefore.begin(), sortedBefore.end());
  std::vector<Endpoint> fresh;
  std::set_difference(wanted.begin(), wanted.end(), sortedBefore.begin(), sortedBefore.end(),
                      std::back_inserter(fresh));
  auto next = fresh.begin();
  std::vector<Endpoint> out = before;
  for (size_t i = 0; i < out.size();) {
    if (isWanted(out[i])) {
      ++i;
    } else if (next != fresh.end()) {
      out[i++] = *next++;
    } else {
      out[i] = out.back();
      out.pop_back();
    }
  }
  out.insert(out.end(), next, fresh.end());
  return out;
}

}  // namespace coxswain::proxy::nftables
