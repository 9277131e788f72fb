#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "client/testing/fake_client.h"
#include "runtime/random.h"
#include "runtime/sync.h"

namespace coxswain::simulation {

/// What goes wrong between a component and the API server. Chances are of 0 to 1, for a request
/// (reads too, unless it says writes), or for a watch event.
struct FaultPlan {
  Duration latencyMax = 2ms;
  double error = 0;        ///< 500, nothing happened
  double throttled = 0;    ///< 429 with Retry-After, nothing happened
  double timeout = 0;      ///< 504; whether it happened is drawn
  double unreachable = 0;  ///< no connection, nothing happened
  double lost = 0;         ///< writes: happened, but the answer did not arrive
  double conflict = 0;     ///< updates and patches: 409, for somebody else was faster
  double watchEnd = 0;     ///< the watch ends in order
  double watchExpire = 0;  ///< it ends, and is too old: events are skipped, a list follows
  double repeat = 0;       ///< the event comes twice
  double lagging = 0;      ///< share of the collections whose events come late
  Duration lagMax{};       ///< by so much at most
  double crash = 0;        ///< writes: the component dies after it
  int crashesMax = 0;

  /// One write alone, counted from 1: of the systematic runs. 0: none.
  uint64_t at = 0;
  enum class What : uint8_t { CrashAnswered, CrashUnanswered, Lost, Conflict, Error };
  What what = What::CrashAnswered;

  /// Whether a component may be in doubt about what it wrote.
  [[nodiscard]] bool doubts() const {
    return lost > 0 || timeout > 0 || (at > 0 && what == What::Lost);
  }
  [[nodiscard]] std::string str() const;
};

/// Outlives the component's crashes: what has happened to it so far.
struct FaultState {
  FaultState(FaultPlan made, uint64_t seed) : plan(made), random(seed) {}
  FaultPlan plan;
  SeededRandom random;
  uint64_t writes = 0;  ///< but for events
  int crashes = 0;
  bool over = false;  ///< no faults any more
  std::map<const client::ResourceType*, bool> lags;

  bool happens(double chance) { return !over && chance > 0 && random.unit() < chance; }
};

/// One component's way to the API server. A component that has died gets no answers any more, and
/// nothing of what it sends arrives.
class FaultyClient final : public client::Client {
 public:
  /// `onCrash` is called once, within the request.
  FaultyClient(client::testing::FakeClient& server, FaultState& state,
               std::function<void()> onCrash)
      : server_(server), state_(state), onCrash_(std::move(onCrash)) {}

  /// Told of each write (but for events) that is about to arrive.
  std::function<void(const client::ResourceType&)> onWrite;

  /// Nothing arrives on either side; requests fail after a while.
  void setPartitioned(bool partitioned) { partitioned_ = partitioned; }
  /// Dies now, if it lives.
  void kill() { dead_ = true; }
  /// Requests of the dead end: nobody waits for answers in a grave.
  void bury();
  [[nodiscard]] bool dead() const { return dead_; }
  /// Requests and watches under way.
  [[nodiscard]] size_t open() const { return open_; }

  Task<Result<api::ConstObject>> get(const client::ResourceType& type, std::string ns,
                                     std::string name, std::stop_token stop) override;
  Task<Result<api::ConstObject>> getSubresource(const client::ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                std::stop_token stop) override;
  Task<Result<client::ObjectList>> list(const client::ResourceType& type, std::string ns,
                                        client::ListOptions options, std::stop_token stop) override;
  Task<Result<std::unique_ptr<client::Watch>>> watch(const client::ResourceType& type,
                                                     std::string ns, client::WatchOptions options,
                                                     std::stop_token stop) override;
  Task<Result<api::ConstObject>> create(const client::ResourceType& type, std::string ns,
                                        std::string name, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override;
  Task<Result<api::ConstObject>> update(const client::ResourceType& type, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override;
  Task<Result<api::ConstObject>> patch(const client::ResourceType& type, std::string ns,
                                       std::string name, std::string subresource,
                                       client::PatchType patchType, std::string body,
                                       std::stop_token stop) override;
  Task<Status> remove(const client::ResourceType& type, std::string ns, std::string name,
                      client::DeleteOptions options, std::stop_token stop) override;

 private:
  friend class FaultyWatch;
  struct Opened {
    explicit Opened(FaultyClient& client) : open(client.open_) { ++open; }
    ~Opened() { --open; }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    size_t& open;
  };
  enum class Kind : uint8_t { Read, Create, Change, Remove };
  struct Request {
    const client::ResourceType& type;
    Kind kind = Kind::Read;
    std::string ns;
    std::string name;
  };

  /// What a request meets on its way there, and which number a write has.
  Task<Status> arrive(Request request, uint64_t& number, std::stop_token stop);
  /// Somebody else writes the object, so that an event follows as it does in earnest.
  Status collide(const Request& request);
  /// And on the way back.
  Task<Status> leave(Status answer, uint64_t number, std::stop_token stop);
  Task<Status> silence(std::stop_token stop);
  void die();

  client::testing::FakeClient& server_;
  FaultState& state_;
  std::function<void()> onCrash_;
  bool dead_ = false;
  bool partitioned_ = false;
  size_t open_ = 0;
  Event grave_;
};

}  // namespace coxswain::simulation
