#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "client/informers.h"
#include "runtime/process.h"
#include "runtime/reactor.h"

namespace coxswain::proxy {

struct ProxyOptions {
  std::string nodeName;
  /// Pod networks ("10.244.0.0/16"): what comes from elsewhere to a cluster IP is masqueraded.
  /// Empty: nothing is, for that reason.
  std::vector<std::string> clusterCidrs;
  /// Networks of this node's pods whose traffic to outside of clusterCidrs and of these leaves
  /// masqueraded. Empty: the CNI plugins see to that.
  std::vector<std::string> egressCidrs;
  bool masqueradeAll = false;  ///< all traffic to cluster IPs is masqueraded
  /// Node ports answer on local addresses of these networks; empty: on all, 127.0.0.1 too.
  std::vector<std::string> nodePortAddresses;
  bool localhostNodePorts = true;  ///< on 127.0.0.1; sets net.ipv4.conf.all.route_localnet
  std::string healthzAddress;      ///< /healthz and /livez, "0.0.0.0:10256"; empty: none
  std::string metricsAddress;      ///< /metrics, /proxyMode, "127.0.0.1:10249"; empty: none
  std::string healthCheckHost = "0.0.0.0";  ///< where health check node ports listen
  Duration minSyncPeriod = 50ms;            ///< shortest time between two writes of rules
  bool setSysctls = true;
};

/// Makes Services work on this node: watches Services, EndpointSlices and its Node, and keeps the
/// kernel's nftables rules equal to them. Rules stay when it stops, and are taken over by the next.
/// One reactor. Works on the network namespace of the process.
///
///     Proxy proxy(client, informers, reactor, processes, options);   // before informers.start()
///     informers.start();
///     CO_TRY_STATUS(co_await proxy.start());
///     ... co_await proxy.stop();                                     // before it is destroyed
class Proxy {
 public:
  Proxy(client::Client& client, client::Informers& informers, Reactor& reactor,
        ProcessRunner& processes, ProxyOptions options);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  /// Checks options and the `nft` program, sets sysctls, opens ports; rules follow in the
  /// background once the informers are filled. BadRequest, NotFound (no nft), Forbidden (not root).
  Task<Status> start();
  Task<void> stop();

  /// The rules have been written at least once, and none is waiting.
  [[nodiscard]] bool synced() const;
  /// Until synced() holds. Canceled.
  Task<Status> waitSynced(std::stop_token stop);

  /// Removes every rule this ever makes. Success where there is none.
  static Task<Status> cleanup(ProcessRunner& processes, std::stop_token stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::proxy
