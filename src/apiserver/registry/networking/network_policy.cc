#include <algorithm>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/gen/networking_v1.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/ip_warnings.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::networking::v1::IPBlock;
using api::networking::v1::NetworkPolicy;
using api::networking::v1::NetworkPolicyPeer;
using api::networking::v1::NetworkPolicyPort;

namespace {

void checkPort(const NetworkPolicyPort& port, const FieldPath& path, FieldErrors& errors) {
  const auto protocol = port.protocol.value_or("");
  if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") {
    errors.notSupported(path.child("protocol"), protocol, {"TCP", "UDP", "SCTP"});
  }
  const auto end = path.child("endPort");
  if (!port.port) {
    if (port.endPort) {
      errors.invalid(end, *port.endPort, "may not be specified when `port` is not specified");
    }
    return;
  }
  if (port.port->isString()) {
    if (port.endPort) {
      errors.invalid(end, *port.endPort, "may not be specified when `port` is non-numeric");
    }
    errors.invalidEach(path.child("port"), port.port->str(),
                       api::validatePortName(port.port->str()));
    return;
  }
  const auto number = port.port->intValue();
  errors.invalidEach(path.child("port"), number, api::validatePortNumber(number));
  if (!port.endPort) return;
  if (*port.endPort < number) {
    errors.invalid(end, number, "must be greater than or equal to `port`");
  }
  errors.invalidEach(end, *port.endPort, api::validatePortNumber(*port.endPort));
}

/// Ranges of the stored policy, which may be in older forms.
using Known = std::set<std::string_view>;

void collect(const std::vector<NetworkPolicyPeer>& peers, Known& known) {
  for (const auto& peer : peers) {
    if (!peer.ipBlock) continue;
    known.insert(peer.ipBlock->cidr);
    known.insert(peer.ipBlock->except.begin(), peer.ipBlock->except.end());
  }
}

void checkBlock(const IPBlock& block, const Known& known, const FieldPath& path,
                FieldErrors& errors) {
  if (block.cidr.empty()) return errors.required(path.child("cidr"));
  auto messages = api::validateCidrForLegacyField(block.cidr, known.contains(block.cidr));
  errors.invalidEach(path.child("cidr"), block.cidr, messages);
  auto whole = api::parseCidr(block.cidr);
  if (!whole) return;
  for (size_t i = 0; i < block.except.size(); ++i) {
    const auto at = path.child("except").index(i);
    const auto& text = block.except[i];
    errors.invalidEach(at, text, api::validateCidrForLegacyField(text, known.contains(text)));
    auto part = api::parseCidr(text);
    if (part && (!whole->contains(part->address) || part->length <= whole->length)) {
      errors.invalid(at, text, "must be a strict subset of `cidr`");
    }
  }
}

void checkPeer(const NetworkPolicyPeer& peer, const Known& known, const FieldPath& path,
               FieldErrors& errors) {
  int count = 0;
  if (peer.podSelector) {
    ++count;
    validateLabelSelector(*peer.podSelector, path.child("podSelector"), errors);
  }
  if (peer.namespaceSelector) {
    ++count;
    validateLabelSelector(*peer.namespaceSelector, path.child("namespaceSelector"), errors);
  }
  if (peer.ipBlock) {
    ++count;
    checkBlock(*peer.ipBlock, known, path.child("ipBlock"), errors);
  }
  if (count == 0) {
    errors.required(path, "must specify a peer");
  } else if (peer.ipBlock && count > 1) {
    errors.forbidden(path, "may not specify both ipBlock and another peer");
  }
}

void checkRule(const std::vector<NetworkPolicyPort>& ports,
               const std::vector<NetworkPolicyPeer>& peers, const Known& known,
               std::string_view peersName, const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < ports.size(); ++i) {
    checkPort(ports[i], path.child("ports").index(i), errors);
  }
  for (size_t i = 0; i < peers.size(); ++i) {
    checkPeer(peers[i], known, path.child(peersName).index(i), errors);
  }
}

void warnOfPeers(const std::vector<NetworkPolicyPeer>& peers, const FieldPath& path,
                 std::vector<std::string>& out) {
  for (size_t i = 0; i < peers.size(); ++i) {
    if (!peers[i].ipBlock) continue;
    const auto at = path.index(i);
    const auto block = at.child("ipBlock");
    warnOfCidr(peers[i].ipBlock->cidr, block.child("cidr"), out);
    const auto except = block.child("except");
    for (size_t k = 0; k < peers[i].ipBlock->except.size(); ++k) {
      warnOfCidr(peers[i].ipBlock->except[k], except.index(k), out);
    }
  }
}

class NetworkPolicyStrategy final : public TypedStrategy<NetworkPolicy> {
 public:
  NetworkPolicyStrategy() : TypedStrategy(StrategyTraits{.generation = true}) {}

 protected:
  void defaults(NetworkPolicy& policy) const override {
    auto& spec = policy.spec;
    auto tcp = [](std::vector<NetworkPolicyPort>& ports) {
      for (auto& port : ports) {
        if (!port.protocol) port.protocol = "TCP";
      }
    };
    for (auto& rule : spec.ingress) tcp(rule.ports);
    for (auto& rule : spec.egress) tcp(rule.ports);
    if (!spec.policyTypes.empty()) return;
    spec.policyTypes = {"Ingress"};
    if (!spec.egress.empty()) spec.policyTypes.emplace_back("Egress");
  }
  void warn(const NetworkPolicy& next, const NetworkPolicy*,
            std::vector<std::string>& out) const override {
    const FieldPath path("spec");
    const auto ingress = path.child("ingress");
    for (size_t i = 0; i < next.spec.ingress.size(); ++i) {
      const auto at = ingress.index(i);
      warnOfPeers(next.spec.ingress[i].from, at.child("from"), out);
    }
    const auto egress = path.child("egress");
    for (size_t i = 0; i < next.spec.egress.size(); ++i) {
      const auto at = egress.index(i);
      warnOfPeers(next.spec.egress[i].to, at.child("to"), out);
    }
  }
  void check(const NetworkPolicy& policy, FieldErrors& errors) const override {
    checkAll(policy, {}, errors);
  }
  void checkUpdate(const NetworkPolicy& next, const NetworkPolicy& current,
                   FieldErrors& errors) const override {
    Known known;
    for (const auto& rule : current.spec.ingress) collect(rule.from, known);
    for (const auto& rule : current.spec.egress) collect(rule.to, known);
    checkAll(next, known, errors);
  }

 private:
  static void checkAll(const NetworkPolicy& policy, const Known& known, FieldErrors& errors) {
    const FieldPath path("spec");
    const auto& spec = policy.spec;
    validateLabelSelector(spec.podSelector, path.child("podSelector"), errors);
    for (size_t i = 0; i < spec.ingress.size(); ++i) {
      checkRule(spec.ingress[i].ports, spec.ingress[i].from, known, "from",
                path.child("ingress").index(i), errors);
    }
    for (size_t i = 0; i < spec.egress.size(); ++i) {
      checkRule(spec.egress[i].ports, spec.egress[i].to, known, "to", path.child("egress").index(i),
                errors);
    }
    const auto types = path.child("policyTypes");
    if (spec.policyTypes.size() > 2) {
      errors.invalid(types, spec.policyTypes, "may not specify more than two policyTypes");
      return;
    }
    for (size_t i = 0; i < spec.policyTypes.size(); ++i) {
      const auto& type = spec.policyTypes[i];
      if (type != "Ingress" && type != "Egress") {
        errors.notSupported(types.index(i), type, {"Ingress", "Egress"});
      }
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeNetworkPolicyStrategy() {
  return std::make_unique<NetworkPolicyStrategy>();
}

}  // namespace coxswain::apiserver
