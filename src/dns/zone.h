#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dns/directory.h"
#include "dns/message.h"
#include "runtime/random.h"

namespace coxswain::api::discovery::v1 {
struct EndpointPort;
}

namespace coxswain::dns {

struct ZoneOptions {
  Name domain;           ///< cluster.local
  bool podNames = true;  ///< a-b-c-d.NAMESPACE.pod.DOMAIN
  uint32_t ttl = 30;     ///< seconds, of what is there
  uint32_t negativeTtl = 5;
};

/// The names of the cluster, by the specification "Kubernetes DNS-Based Service Discovery" 1.1.0:
///
///     SERVICE.NS.svc.DOMAIN                  A, AAAA: cluster IPs; headless: ready endpoints;
///                                            ExternalName: CNAME
///     ENDPOINT.SERVICE.NS.svc.DOMAIN         A, AAAA of one endpoint, by host name or 10-0-0-7
///     _PORT._PROTO.SERVICE.NS.svc.DOMAIN     SRV
///     A-B-C-D.NS.pod.DOMAIN                  A, AAAA
///     7.0.0.10.in-addr.arpa, ...ip6.arpa     PTR of cluster IPs and endpoints
///     dns-version.DOMAIN                     TXT
///
/// Decides only, from what the directory holds at that moment. One executor.
class Zone {
 public:
  Zone(const Directory& directory, Random& random, ZoneOptions options);

  /// Nullopt: no name of ours (ask others). Otherwise NOERROR with or without answers, NXDOMAIN, or
  /// SERVFAIL while the directory is not ready. A CNAME that leads out of the cluster is the last
  /// answer: its target is the caller's business.
  [[nodiscard]] std::optional<Response> answer(const Question& question) const;
  /// The name that a last CNAME leads to, out of the cluster; nullopt: nothing is left to follow.
  [[nodiscard]] std::optional<Name> openTarget(const Response& response,
                                               const Question& question) const;

 private:
  struct Found;
  struct PortLabels;  // "_http._tcp"
  struct Entry;
  static std::optional<PortLabels> portLabels(const std::vector<std::string>& labels);
  static bool isPort(const api::discovery::v1::EndpointPort& port, const PortLabels& wanted);
  static bool hasPort(const api::discovery::v1::EndpointSlice& slice, const PortLabels& wanted);
  static std::vector<Entry> readyEntries(const std::vector<SlicePointer>& slices);
  void addServices(Found& found, const std::vector<Entry>& entries,
                   const std::optional<PortLabels>& wanted, const Name& owner,
                   const Name& asked) const;
  Found find(const Question& question) const;
  Found findService(const std::vector<std::string>& labels, const Question& question) const;
  Found findHeadless(const api::core::v1::Service& service, const std::vector<std::string>& labels,
                     const Question& question) const;
  Found findClusterIp(const api::core::v1::Service& service, const std::vector<std::string>& labels,
                      const Question& question) const;
  Found findPod(const std::vector<std::string>& labels, const Question& question) const;
  Found findApex(const std::vector<std::string>& labels, const Question& question) const;
  std::optional<Response> reverse(const Question& question) const;
  [[nodiscard]] Name serviceName(const std::string& ns, const std::string& service) const;
  [[nodiscard]] Record soa() const;
  void shuffle(std::vector<Record>& records) const;

  const Directory& directory_;
  Random& random_;
  ZoneOptions options_;
};

/// The address that a name of in-addr.arpa or ip6.arpa stands for; nullopt: none.
std::optional<std::string> reverseAddress(const Name& name);

}  // namespace coxswain::dns
