#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/process.h"
#include "runtime/reactor.h"

namespace coxswain::proxy::testing {

/// May this process make network namespaces, and are nft, ip and python3 there? Else why not.
std::string missingForNetworks();

/// A node with pods and the world outside, each a network namespace that ends with this object:
///
///     world 192.0.2.2 (its route to 198.51.100.0/24 is the node) ── 192.0.2.1 node
///     node: bridge cni0 10.244.0.1/24 (hairpin) ── pod-1 10.244.0.11, pod-2 .12, pod-3 .13
///
/// Pods and world answer on TCP and UDP port 8080 with "NAME CALLER". The constructor moves the
/// calling thread into the node's namespace for good: give the test a thread of its own.
class Network {
 public:
  explicit Network(Reactor& reactor);
  /// After which nothing of it is left. Call inside of blockOn or not at all.
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Task<Status> build();
  /// `command` for sh in the namespace of "node", "world", "pod-1"...; its output. A failing
  /// command is a Status with its text.
  Task<Result<std::string>> shell(std::string where, std::string command);
  /// What `count` calls get: "pod-2 10.244.0.1", "refused", "timeout", "error N".
  Task<std::vector<std::string>> ask(std::string where, std::string protocol, std::string address,
                                     int port, int count, int sourcePort = 0);
  /// One call that nobody will answer.
  Task<std::string> askInVain(std::string where, std::string address, int port);
  [[nodiscard]] ProcessRunner& processes() { return *processes_; }

 private:
  Task<Status> addNamespace(std::string name);
  Task<Status> serve(std::string name);
  std::unique_ptr<ProcessRunner> processes_;
  std::map<std::string, std::unique_ptr<ChildProcess>> namespaces_;
  std::vector<std::unique_ptr<ChildProcess>> servers_;
  std::string folder_;
};

}  // namespace coxswain::proxy::testing
