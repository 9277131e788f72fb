#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/model.h"
#include "proxy/nftables/elements.h"

namespace coxswain::proxy::nftables {

// The rules as data. A new connection meets one lookup of its destination in a verdict map, which
// leads to a chain shared by all services that have as many endpoints; that chain draws a number
// and looks the endpoint up by destination and number:
//
//     map service-ips    10.96.0.10 . udp . 53           : goto pick-udp-3
//     chain pick-udp-3   dnat to (daddr . proto . dport . random mod 3) map @endpoints-udp
//     map endpoints-udp  10.96.0.10 . udp . 53 . 0       : 10.244.0.7 . 53      (and 1, 2)
//
// The endpoints of the policy Local have numbers from 32768. A map a protocol, because nft takes
// the protocol of a map's ports from its declaration. So services are elements, and chains are as
// many as there are different numbers of endpoints. With session affinity, a chain that comes first
// looks the client up in @affinity; what was chosen is written there after the translation (chain
// affinity-record), by original and new destination. For IPv6 the client's address is hashed to a
// number instead: nft 1.0.6 cannot write longer keys.

inline constexpr std::string_view kTable = "coxswain-proxy";
/// Bit 14, which upstream marks packets with that are to be masqueraded.
inline constexpr uint32_t kMasqueradeMark = 0x4000;

struct RuleOptions {
  std::vector<api::IpPrefix> clusterCidrs;  ///< of both families
  std::vector<api::IpPrefix> egressCidrs;   ///< pods that are masqueraded on the way out
  bool masqueradeAll = false;
  std::vector<api::IpPrefix> nodePortAddresses;  ///< empty: all local ones
  bool localhostNodePorts = true;
};

/// A chain of our table beyond the fixed ones, by what it does.
struct Chain {
  enum class Kind : uint8_t {
    Pick,           ///< one of `count` endpoints
    External,       ///< masqueraded, then Pick
    ExternalLocal,  ///< pods and this node: as policy Cluster; others: one of `localCount` here
    Record,         ///< remembers the choice for `count` seconds
  };
  Kind kind = Kind::Pick;
  Protocol protocol = Protocol::Tcp;
  bool nodePort = false;  ///< keys have no address
  bool local = false;     ///< Pick: among local endpoints
  bool sticky = false;    ///< first the endpoint that the client had
  uint32_t count = 0;
  uint32_t localCount = 0;

  [[nodiscard]] std::string name() const;
  auto operator<=>(const Chain&) const = default;
};

/// What one service port needs in the table of its family.
struct Contribution {
  std::vector<Element> elements;
  std::set<Chain> chains;  ///< with those they lead to
};
Contribution contributionOf(const ServicePort& port);

/// The order of endpoints decides which numbers they have. Keeps those of `before` where they were,
/// fills gaps with new ones or the last, so that one change moves few elements.
std::vector<Endpoint> keepOrder(const std::vector<Endpoint>& before, std::vector<Endpoint> wanted);

// Texts for `nft -f -`.

/// Sets and fixed chains: "table ip coxswain-proxy { ... }".
std::string tableText(Family family, const RuleOptions& options);
/// One transaction: the table is replaced by a new one with these.
std::string replaceText(Family family, const RuleOptions& options, const std::set<Chain>& chains,
                        const std::vector<Element>& elements);
/// One transaction on the existing table. Empty where nothing changes.
std::string changeText(Family family, const RuleOptions& options, const std::set<Chain>& newChains,
                       const ElementStore::Changes& changes);
/// Removes the table, existing or not.
std::string removeText(Family family);

std::string_view familyName(Family family);  ///< "ip", "ip6"
std::string_view setName(SetId set);
/// Of the endpoints of services, or of node ports.
SetId endpointsSet(Protocol protocol, bool nodePort);
/// Numbers of local endpoints begin here.
inline constexpr uint32_t kFirstLocal = 32768;
/// "10.96.0.1 . tcp . 80" of its parts.
std::string joinKey(std::initializer_list<std::string> parts);

}  // namespace coxswain::proxy::nftables
