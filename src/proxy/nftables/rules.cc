#include "proxy/nftables/rules.h"

#include <fmt/format.h>

#include <array>

namespace coxswain::proxy::nftables {
namespace {

struct SetText {
  std::string_view name;
  std::string_view keyword;
  std::string_view types;  // IP stands for ip or ip6
};

// In the order of SetId.
constexpr std::array<SetText, kSetCount> kSets{{
    {"cluster-ips", "set", "typeof IP daddr"},
    {"hairpin-connections", "set", "typeof IP saddr . IP daddr . meta l4proto . th dport"},
    {"firewalled", "set", "typeof IP daddr . meta l4proto . th dport"},
    {"source-ranges", "set",
     "typeof IP daddr . meta l4proto . th dport . IP saddr; flags interval"},
    {"service-ips", "map", "typeof IP daddr . meta l4proto . th dport : verdict"},
    {"service-nodeports", "map", "typeof meta l4proto . th dport : verdict"},
    {"no-endpoint-services", "map", "typeof IP daddr . meta l4proto . th dport : verdict"},
    {"no-endpoint-nodeports", "map", "typeof meta l4proto . th dport : verdict"},
    {"endpoints-tcp", "map",
     "typeof IP daddr . meta l4proto . th dport . numgen random mod 65536 : IP daddr . tcp dport"},
    {"endpoints-udp", "map",
     "typeof IP daddr . meta l4proto . th dport . numgen random mod 65536 : IP daddr . udp dport"},
    {"endpoints-sctp", "map",
     "typeof IP daddr . meta l4proto . th dport . numgen random mod 65536 : IP daddr . sctp dport"},
    {"nodeport-endpoints-tcp", "map",
     "typeof meta l4proto . th dport . numgen random mod 65536 : IP daddr . tcp dport"},
    {"nodeport-endpoints-udp", "map",
     "typeof meta l4proto . th dport . numgen random mod 65536 : IP daddr . udp dport"},
    {"nodeport-endpoints-sctp", "map",
     "typeof meta l4proto . th dport . numgen random mod 65536 : IP daddr . sctp dport"},
    {"affinity-services", "map", "typeof IP daddr . meta l4proto . th dport : verdict"},
    {"affinity-nodeports", "map", "typeof meta l4proto . th dport : verdict"},
}};

/// Elements in one command; longer lists become several.
constexpr size_t kElementsMax = 1000;

void replaceAll(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

/// IP becomes ip or ip6, MARK and UNMARK the bit and its complement.
std::string forFamily(std::string text, Family family) {
  replaceAll(text, "IP ", std::string(familyName(family)) + " ");
  replaceAll(text, "UNMARK", fmt::format("0x{:08x}", ~kMasqueradeMark));
  replaceAll(text, "MARK", fmt::format("0x{:08x}", kMasqueradeMark));
  return text;
}

std::string prefixList(const std::vector<api::IpPrefix>& all, Family family) {
  std::string out;
  for (const auto& prefix : all) {
    if (prefix.address.v6 != (family == Family::V6)) continue;
    if (!out.empty()) out += ", ";
    out += prefix.str();
  }
  return out;
}

std::string masqueradeRule(Family family, const RuleOptions& options) {
  constexpr std::string_view kMark = "meta mark set meta mark | MARK";
  if (options.masqueradeAll) return fmt::format("IP daddr @cluster-ips {}", kMark);
  auto pods = prefixList(options.clusterCidrs, family);
  if (pods.empty()) return {};
  return fmt::format("IP daddr @cluster-ips IP saddr != {{ {} }} {}", pods, kMark);
}

/// What pods of this node send out of the cluster.
std::string egressRule(Family family, const RuleOptions& options) {
  auto from = prefixList(options.egressCidrs, family);
  if (from.empty()) return {};
  auto inside = from;
  if (auto pods = prefixList(options.clusterCidrs, family); !pods.empty()) inside = pods;
  return fmt::format(
      "IP saddr {{ {} }} IP daddr != {{ {} }} IP daddr != {} masquerade fully-random", from, inside,
      family == Family::V4 ? "224.0.0.0/4" : "ff00::/8");
}

/// Which destinations node ports answer on.
std::string nodePortMatch(Family family, const RuleOptions& options) {
  std::string match = "fib daddr type local ";
  if (auto only = prefixList(options.nodePortAddresses, family); !only.empty())
    match += fmt::format("IP daddr {{ {} }} ", only);
  if (family == Family::V6)
    match += "IP daddr != ::1 ";
  else if (!options.localhostNodePorts)
    match += "IP daddr != 127.0.0.0/8 ";
  return match;
}

bool hasNodePorts(Family family, const RuleOptions& options) {
  return options.nodePortAddresses.empty() ||
         !prefixList(options.nodePortAddresses, family).empty();
}

void addChain(std::string& out, std::string_view name, const std::vector<std::string>& rules) {
  out += fmt::format("  chain {} {{\n", name);
  for (const auto& rule : rules) {
    if (!rule.empty()) out += "    " + rule + "\n";
  }
  out += "  }\n";
}

void addServiceChains(std::string& out, Family family, const RuleOptions& options) {
  const bool ports = hasNodePorts(family, options);
  const auto match = ports ? nodePortMatch(family, options) : std::string();
  addChain(out, "reject-chain", {"reject"});
  addChain(out, "services",
           {masqueradeRule(family, options), "IP daddr . meta l4proto . th dport vmap @service-ips",
            ports ? match + "meta l4proto . th dport vmap @service-nodeports" : ""});
  addChain(out, "endpoints-check",
           {"IP daddr . meta l4proto . th dport vmap @no-endpoint-services",
            "IP daddr @cluster-ips reject"});
  addChain(out, "nodeports-check",
           {ports ? match + "meta l4proto . th dport vmap @no-endpoint-nodeports" : ""});
  addChain(out, "firewall-check",
           {"IP daddr . meta l4proto . th dport @firewalled "
            "IP daddr . meta l4proto . th dport . IP saddr != @source-ranges drop"});
  if (family == Family::V6) return;
  std::vector<std::string> record;
  for (auto protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp}) {
    record.push_back(
        fmt::format("meta l4proto {} ct original IP daddr . meta l4proto . ct original "
                    "proto-dst vmap @affinity-services",
                    protocolName(protocol)));
    record.push_back(
        fmt::format("meta l4proto {} meta l4proto . ct original proto-dst vmap @affinity-nodeports",
                    protocolName(protocol)));
  }
  addChain(out, "affinity-record", record);
}

void addHooks(std::string& out, Family family, const RuleOptions& options) {
  auto hook = [](std::string_view type, std::string_view where, std::string_view priority) {
    return fmt::format("type {} hook {} priority {}; policy accept;", type, where, priority);
  };
  if (family == Family::V4 && options.localhostNodePorts) {
    // route_localnet would let neighbours reach what listens on 127.0.0.1.
    addChain(out, "localhost-guard",
             {hook("filter", "prerouting", "raw"), "iifname != \"lo\" IP daddr 127.0.0.0/8 drop"});
  }
  addChain(out, "filter-prerouting-pre-dnat",
           {hook("filter", "prerouting", "dstnat - 10"), "ct state new jump firewall-check"});
  addChain(out, "filter-output-pre-dnat",
           {hook("filter", "output", "-110"), "ct state new jump firewall-check"});
  addChain(out, "nat-prerouting", {hook("nat", "prerouting", "dstnat"), "jump services"});
  addChain(out, "nat-output", {hook("nat", "output", "-100"), "jump services"});
  if (family == Family::V4) {
    addChain(out, "affinity-prerouting",
             {hook("filter", "prerouting", "dstnat + 1"),
              "ct state new ct status dnat jump affinity-record"});
    addChain(out, "affinity-output",
             {hook("filter", "output", "-99"), "ct state new ct status dnat jump affinity-record"});
  }
  addChain(out, "filter-input",
           {hook("filter", "input", "filter"), "ct state new jump nodeports-check",
            "ct state new jump endpoints-check"});
  addChain(out, "filter-forward",
           {hook("filter", "forward", "filter"), "ct state new jump endpoints-check"});
  addChain(out, "filter-output",
           {hook("filter", "output", "filter"), "ct state new jump endpoints-check"});
  addChain(out, "nat-postrouting",
           {hook("nat", "postrouting", "srcnat"),
            "meta mark & MARK != 0 meta mark set meta mark & UNMARK masquerade fully-random",
            "IP saddr . IP daddr . meta l4proto . th dport @hairpin-connections "
            "masquerade fully-random",
            egressRule(family, options)});
}

std::vector<std::string> chainRules(const Chain& chain, Family family, const RuleOptions& options) {
  auto pick = chain;
  pick.kind = Chain::Kind::Pick;
  pick.local = false;
  pick.localCount = 0;
  switch (chain.kind) {
    case Chain::Kind::Pick: {
      pick = chain;
      pick.sticky = false;
      if (chain.sticky && family == Family::V4) {
        return {"dnat IP to IP saddr . IP daddr . meta l4proto . th dport map @affinity",
                "goto " + pick.name()};
      }
      return {fmt::format("dnat IP to {}meta l4proto . th dport . {} mod {}{} map @{}",
                          chain.nodePort ? "" : "IP daddr . ",
                          chain.sticky && chain.count > 1 ? "jhash IP saddr" : "numgen random",
                          chain.count, chain.local ? fmt::format(" offset {}", kFirstLocal) : "",
                          setName(endpointsSet(chain.protocol, chain.nodePort)))};
    }
    case Chain::Kind::External:
      return {"meta mark set meta mark | MARK", "goto " + pick.name()};
    case Chain::Kind::ExternalLocal: {
      std::vector<std::string> rules;
      if (auto pods = prefixList(options.clusterCidrs, family); !pods.empty())
        rules.push_back(fmt::format("IP saddr {{ {} }} goto {}", pods, pick.name()));
      rules.emplace_back("fib saddr type local meta mark set meta mark | MARK");
      rules.push_back("fib saddr type local goto " + pick.name());
      if (chain.localCount > 0) {
        pick.local = true;
        pick.count = chain.localCount;
        rules.push_back("goto " + pick.name());
      }
      return rules;
    }
    case Chain::Kind::Record: {
      std::vector<std::string> rules;
      for (auto protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp}) {
        rules.push_back(fmt::format(
            "meta l4proto {} update @affinity {{ IP saddr . ct original IP daddr . meta l4proto . "
            "ct original proto-dst timeout {}s : IP daddr . th dport }}",
            protocolName(protocol), chain.count));
      }
      return rules;
    }
  }
  return {};
}

/// Chains first, so that rules may lead to any of them.
void addChains(std::string& out, const std::set<Chain>& chains, Family family,
               const RuleOptions& options) {
  for (const auto& chain : chains) out += fmt::format("add chain IP {} {}\n", kTable, chain.name());
  for (const auto& chain : chains) {
    for (const auto& rule : chainRules(chain, family, options))
      out += fmt::format("add rule IP {} {} {}\n", kTable, chain.name(), rule);
  }
}

void addElements(std::string& out, std::string_view command, const std::vector<Element>& elements,
                 bool values) {
  for (size_t i = 0; i < elements.size();) {
    const auto set = elements[i].set;
    out += fmt::format("{} element IP {} {} {{ ", command, kTable, setName(set));
    for (size_t n = 0; n < kElementsMax && i < elements.size() && elements[i].set == set;
         ++n, ++i) {
      if (n > 0) out += ", ";
      out += elements[i].key;
      if (values && !elements[i].value.empty()) out += " : " + elements[i].value;
    }
    out += " }\n";
  }
}

}  // namespace

std::string_view familyName(Family family) {
  return family == Family::V4 ? "ip" : "ip6";
}
std::string_view setName(SetId set) {
  return kSets[static_cast<size_t>(set)].name;
}

SetId endpointsSet(Protocol protocol, bool nodePort) {
  const auto first = nodePort ? SetId::PortEndpointsTcp : SetId::EndpointsTcp;
  return static_cast<SetId>(static_cast<int>(first) + static_cast<int>(protocol));
}

std::string joinKey(std::initializer_list<std::string> parts) {
  return fmt::format("{}", fmt::join(parts, " . "));
}

std::string Chain::name() const {
  const auto head = fmt::format("{}{}", nodePort ? "port-" : "", sticky ? "sticky-" : "");
  switch (kind) {
    case Kind::Pick:
      return fmt::format("{}{}-{}-{}", head, local ? "local" : "pick", protocolName(protocol),
                         count);
    case Kind::External:
      return fmt::format("{}external-{}-{}", head, protocolName(protocol), count);
    case Kind::ExternalLocal:
      return fmt::format("{}external-{}-{}-local-{}", head, protocolName(protocol), count,
                         localCount);
    case Kind::Record:
      return "record-" + std::to_string(count);
  }
  return {};
}

std::string tableText(Family family, const RuleOptions& options) {
  std::string out = fmt::format("table IP {} {{\n", kTable);
  out += "  comment \"Services of the cluster, by coxswain kube-proxy\"\n";
  for (const auto& set : kSets)
    out += fmt::format("  {} {} {{ {}; }}\n", set.keyword, set.name, set.types);
  if (family == Family::V4) {
    out +=
        "  map affinity {\n"
        "    type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n"
        "    flags dynamic, timeout\n"
        "    size 1048576\n"
        "  }\n";
  }
  addServiceChains(out, family, options);
  addHooks(out, family, options);
  out += "}\n";
  return forFamily(std::move(out), family);
}

std::string replaceText(Family family, const RuleOptions& options, const std::set<Chain>& chains,
                        const std::vector<Element>& elements) {
  std::string out = removeText(family) + tableText(family, options);
  std::string rest;
  addChains(rest, chains, family, options);
  addElements(rest, "add", elements, true);
  return out + forFamily(std::move(rest), family);
}

std::string changeText(Family family, const RuleOptions& options, const std::set<Chain>& newChains,
                       const ElementStore::Changes& changes) {
  std::string out;
  addChains(out, newChains, family, options);
  addElements(out, "delete", changes.removed, false);
  addElements(out, "add", changes.added, true);
  return forFamily(std::move(out), family);
}

std::string removeText(Family family) {
  // Adding what may exist makes deleting it safe.
  return fmt::format("add table {0} {1}\ndelete table {0} {1}\n", familyName(family), kTable);
}

}  // namespace coxswain::proxy::nftables
