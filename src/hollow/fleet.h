#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.h"
#include "hollow/node_objects.h"
#include "hollow/pod_crew.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::hollow {

struct FleetOptions {
  uint32_t count = 1;
  uint32_t firstNumber = 0;
  NodeShape shape;
  PodCrew::Options pods;
  std::string podRange = "10.128.0.0/9";
  std::string nodeRange = "100.64.0.0/10";
  Duration leasePeriod = 10s;
  int32_t leaseSeconds = 40;
  Duration statusPeriod = 5min;
  int nodeWriters = 32;  ///< registrations, leases and statuses written at once
};

/// Many kubelets without containers, as one: they register their nodes, renew their leases in turns
/// spread over the period, report statuses, and lead their pods (PodCrew). A node costs about 100
/// bytes here. One executor; stop() before destruction. Stopped, they fall silent: nothing is
/// deleted.
///
/// As a kubelet does, a fleet takes over nodes of its names that are there already, and leaves
/// those alone that somebody deletes while it runs.
class Fleet {
 public:
  /// BadRequest: a range that cannot be read or is too small; periods that are not positive.
  static Result<std::unique_ptr<Fleet>> create(client::Client& client, Executor& executor,
                                               FleetOptions options);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void start();
  Task<void> stop();
  /// Each node was registered.
  Task<Status> waitRegistered(std::stop_token stop) { return allRegistered_.wait(stop); }

  [[nodiscard]] uint32_t registered() const { return registered_; }
  [[nodiscard]] const PodCrew& pods() const { return *crew_; }

 private:
  struct NodeState;
  Fleet(client::Client& client, Executor& executor, FleetOptions options, AddressPool podAddresses,
        AddressPool nodeAddresses);

  [[nodiscard]] std::optional<std::string> addressOf(std::string_view node) const;
  [[nodiscard]] std::string nameOf(uint32_t index) const;

  static Task<void> registerSome(Fleet& self, Gate::Pass pass, std::stop_token stop);
  static Task<void> beat(Fleet& self, Gate::Pass pass, std::stop_token stop);
  static Task<void> writeBeats(Fleet& self, Gate::Pass pass, std::stop_token stop);
  Task<Status> registerNode(uint32_t index, std::stop_token stop);
  Task<Status> renew(uint32_t index, std::stop_token stop);
  Task<Status> report(uint32_t index, std::stop_token stop);
  void due(uint32_t index);

  client::Client& client_;
  Executor& executor_;
  FleetOptions options_;
  AddressPool nodeAddresses_;
  std::vector<NodeState> nodes_;
  uint32_t nextToRegister_ = 0;
  uint32_t registered_ = 0;
  Event allRegistered_;
  Channel<uint32_t> beats_;
  std::unique_ptr<PodCrew> crew_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::hollow
