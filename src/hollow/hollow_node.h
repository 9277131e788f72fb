#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "client/client.h"
#include "client/informers.h"
#include "client/workqueue.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::hollow {

struct HollowNodeOptions {
  std::string name;
  std::string cpu = "8";
  std::string memory = "32Gi";
  std::string pods = "110";
  Duration podStart = 1s;   ///< from being bound to being ready
  Duration podEnd = 500ms;  ///< from being marked for deletion to being gone
  Duration leasePeriod = 10s;
};

/// A kubelet without containers. Registers its Node, renews its Lease, makes pods that are bound to
/// it Running and Ready, and lets those that are to be deleted go. One executor; the informers
/// (which many share) are started by their owner. stop() before destruction.
class HollowNode {
 public:
  struct Context {
    client::Client& client;
    client::Informers& informers;
    Executor& executor;
  };

  HollowNode(const Context& context, HollowNodeOptions options);
  ~HollowNode();
  HollowNode(const HollowNode&) = delete;
  HollowNode& operator=(const HollowNode&) = delete;

  void start();
  Task<void> stop();

  /// A dead node renews nothing and runs nothing; alive again, it goes on.
  void setDead(bool dead);

 private:
  static Task<void> beat(HollowNode& self, Gate::Pass pass, std::stop_token stop);
  static Task<void> work(HollowNode& self, Gate::Pass pass, std::stop_token stop);
  Task<Status> renew(std::stop_token stop);
  Task<Status> registerNode(std::stop_token stop);
  /// Answers when to look again; zero: when it changes.
  Task<Result<Duration>> attend(std::string key, std::stop_token stop);

  Context context_;
  HollowNodeOptions options_;
  client::Informer& pods_;
  client::WorkQueue queue_;
  bool dead_ = false;
  uint32_t addresses_ = 0;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::hollow
