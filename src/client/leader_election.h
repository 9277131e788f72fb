#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/time.h"
#include "client/client.h"
#include "runtime/random.h"

namespace coxswain::api::coordination::v1 {
struct Lease;
struct LeaseSpec;
}  // namespace coxswain::api::coordination::v1

namespace coxswain::client {

struct LeaderElectionOptions {
  std::string ns = "kube-system";
  std::string name;              ///< of the Lease
  std::string identity;          ///< ours, unlike every other candidate's
  Duration leaseDuration = 15s;  ///< others take over when it was not renewed for so long
  Duration renewDeadline = 10s;  ///< we give up when we could not renew for so long
  Duration retryPeriod = 2s;
  bool releaseOnStop = false;  ///< the next one need not wait
};

/// One of several candidates of which at most one leads, by a Lease. As long as clocks run at equal
/// speed and leaseDuration > renewDeadline + the time to stop, no two lead at once. Times of other
/// candidates are never compared with ours: a lease is old when we saw it unchanged for its
/// duration. One executor.
/// Upstream: client-go/tools/leaderelection.
class LeaderElector {
 public:
  /// What the leader does, until its token is requested.
  using Lead = std::function<Task<void>(std::stop_token)>;

  LeaderElector(Client& client, Random& random, LeaderElectionOptions options);
  ~LeaderElector();
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  /// Waits for leadership, runs `lead` and renews meanwhile. Returns when `lead` has ended:
  /// Canceled where `stop` was requested, Timeout where the lease could not be renewed (the process
  /// should end), success where `lead` ended by itself. Once.
  Task<Status> run(Lead lead, std::stop_token stop);

  /// Who held the lease when it was last seen; may be empty.
  [[nodiscard]] const std::string& holder() const { return holder_; }
  /// Told of each new holder. Before run.
  std::function<void(const std::string& identity)> onNewLeader;

 private:
  using LeasePointer = std::shared_ptr<const api::coordination::v1::Lease>;
  enum class Outcome : uint8_t { Held, Lost, Failed };

  Task<bool> acquire(std::stop_token stop);
  Task<Status> renew(std::stop_token stop);
  Task<Outcome> tryOnce(std::stop_token stop);
  Task<Outcome> createFirst(std::stop_token stop);
  Task<Outcome> write(LeasePointer seen, std::stop_token stop);
  Task<void> release();
  void observe(LeasePointer lease);
  [[nodiscard]] bool validForOther() const;

  Client& client_;
  Random& random_;
  LeaderElectionOptions options_;
  LeasePointer seen_;
  MonotonicTime seenAt_{};
  std::string holder_;
  bool leading_ = false;
};

}  // namespace coxswain::client
