#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "client/informers.h"
#include "runtime/random.h"
#include "runtime/reactor.h"

namespace coxswain {
class Files;
}

namespace coxswain::dns {

struct ServerOptions {
  /// UDP and TCP on each: "127.0.0.1:0", "[::1]:5353". With port 0, TCP takes what UDP got.
  std::vector<std::string> listen;
  std::string domain = "cluster.local";
  /// Where other names are asked for: "10.0.0.1:53" or "10.0.0.1".
  std::vector<std::string> upstreams;
  /// Where there are none: the servers that this file names, read again when it changes. Empty, or
  /// naming none: other names are refused.
  std::string resolvConf;
  /// Addresses that are this server's own, and so no upstreams of a resolv.conf.
  std::vector<std::string> ours;
  Files* files = nullptr;  ///< what resolvConf is read from; null: this machine's
  size_t cacheEntriesMax = 10000;
  bool podNames = true;  ///< a-b-c-d.NAMESPACE.pod.DOMAIN, without asking whether the pod exists
};

/// The cluster's name server: names of services and their endpoints from informers, all others from
/// upstream servers through a cache. One reactor.
///
///     Server server(informers, reactor, random, options);    // before informers.start()
///     CO_TRY_STATUS(server.start());
///     ... co_await server.stop();                            // before it is destroyed
class Server {
 public:
  Server(client::Informers& informers, Reactor& reactor, Random& random, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Opens the sockets. Until the informers are filled, names of the cluster answer SERVFAIL.
  Status start();
  Task<void> stop();
  /// The addresses of `listen`, with the ports the kernel chose.
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The nameservers of a resolv.conf text as upstreams. Those in `ours` (addresses without port) are
/// left out: asking them would ask ourselves.
std::vector<std::string> upstreamsOf(std::string_view resolvConf,
                                     const std::vector<std::string>& ours);

}  // namespace coxswain::dns
