#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "client/client.h"
#include "hollow/address_pool.h"
#include "hollow/pod_life.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::hollow {

/// Leads the pods of many pretended nodes through their lives (pod_life.h). One watch of all pods
/// that are bound; one timer; a bounded number of writes at once. A pod that only runs costs
/// nothing here: only those with a step ahead have a record. One executor; stop() before
/// destruction.
class PodCrew {
 public:
  struct Options {
    PodBehaviour behaviour;
    int writers = 128;  ///< writes at once
  };
  /// The address of a node that is ours; none: not ours.
  using HostAddress = std::function<std::optional<std::string>(std::string_view node)>;

  PodCrew(client::Client& client, Executor& executor, Options options, AddressPool addresses,
          HostAddress hostAddress);
  ~PodCrew();
  PodCrew(const PodCrew&) = delete;
  PodCrew& operator=(const PodCrew&) = delete;

  void start();
  Task<void> stop();

  /// Pods with a step ahead.
  [[nodiscard]] size_t pending() const { return records_.size(); }
  /// Pods that have an address.
  [[nodiscard]] size_t addresses() const { return addresses_.taken(); }

 private:
  struct Record;
  using Timers = std::multimap<MonotonicTime, Record*>;

  static Task<void> follow(PodCrew& self, Gate::Pass pass, std::stop_token stop);
  static Task<void> write(PodCrew& self, Gate::Pass pass, std::stop_token stop);
  Task<Result<std::string>> listAll(std::stop_token stop);
  Task<Status> watchFrom(std::string& version, std::stop_token stop);

  void onPod(const api::ConstObject& pod);
  void onGone(const api::ConstObject& pod);
  void arrange(Record& record);
  void wait(Record& record, MonotonicTime due);
  void unwait(Record& record);
  void setTimer();
  void onTimer();
  void drop(Record& record);

  Task<void> attend(Record& record, std::stop_token stop);
  Task<Result<api::ConstObject>> act(Record& record, std::stop_token stop);

  client::Client& client_;
  Executor& executor_;
  Options options_;
  AddressPool addresses_;
  HostAddress hostAddress_;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;  ///< by uid
  Timers timers_;
  std::deque<Record*> ready_;
  WaitList readyWaiters_;
  std::optional<Executor::TimerId> timer_;
  MonotonicTime timerAt_{};
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::hollow
