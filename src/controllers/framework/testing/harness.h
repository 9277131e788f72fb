#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/testing/fake_client.h"
#include "controllers/framework/controller.h"
#include "runtime/sim/sim_executor.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::controllers::testing {

/// A simulated cluster around controllers: fake API server, virtual time, one seed. Plays kubelet
/// and scheduler on request.
///
///     Harness h(seed);
///     h.add<ReplicaSetController>();
///     h.start();  h.client.put(set);
///     EXPECT_TRUE(h.until([&] { return ...; }));
class Harness {
 public:
  explicit Harness(uint64_t seed);
  ~Harness();

  sim::SimExecutor executor;
  client::testing::FakeClient client;
  SeededRandom random;
  client::Informers informers;
  Context context;

  template <typename C, typename... Args>
  C& add(Args&&... args) {
    return addFor<C>(client, std::forward<Args>(args)...);
  }
  /// One that was made for another client; the caches are the harness's.
  template <typename C, typename... Args>
  C& addFor(client::Client& other, Args&&... args) {
    const Context own{other, informers, executor, random};
    auto made = std::make_unique<C>(own, std::forward<Args>(args)...);
    C& controller = *made;
    controllers_.push_back(std::move(made));
    return controller;
  }
  void start();
  /// False: not within `limit` of virtual time.
  bool until(const std::function<bool()>& condition, Duration limit = 10min);
  void run(Duration time) { executor.runFor(time); }

  /// Each pod that is not on a node gets one of `nodes`; each on a node that is being deleted goes;
  /// the others run and, `ready`, are so. Repeats each 100 ms until the harness ends.
  void playKubelet(std::vector<std::string> nodes, bool ready = true);

  /// Reasons and messages of the events so far, "Reason: message", in order of their writing.
  std::vector<std::string> events() const;
  [[nodiscard]] bool hasEvent(const std::string& text) const;
  [[nodiscard]] WallTime wallNow() const { return executor.wallNow(); }

 private:
  static Task<void> kubelet(Harness& self, Gate::Pass pass, std::vector<std::string> nodes,
                            bool ready, std::stop_token stop);
  static Task<void> stopAll(Harness& self, bool& done);

  std::vector<std::unique_ptr<Controller>> controllers_;
  Gate gate_;
  std::stop_source stop_;
};

/// A pod made ready at `now`, as a kubelet would.
void makeReady(api::core::v1::Pod& pod, WallTime now, bool ready = true);

}  // namespace coxswain::controllers::testing
