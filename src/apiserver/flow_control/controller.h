#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/flow_control/classifier.h"
#include "apiserver/flow_control/level.h"
#include "base/result.h"
#include "runtime/executor.h"

namespace coxswain::apiserver::flow {

struct FlowOptions {
  bool fair = true;        ///< false: plain limits of requests at a time
  int64_t readsMax = 400;  ///< not fair: reads at a time; 0: no limit
  int64_t writesMax = 200;
  /// Fair: readsMax + writesMax seats are shared by the levels.
  [[nodiscard]] int64_t seats() const { return readsMax + writesMax; }
  Duration waitMax = 15s;     ///< in a queue; then it is refused
  int64_t waitingMax = 5000;  ///< in all queues: bounds what waiting requests hold in memory
  int64_t turnSeats = 8;      ///< see FlowController
};

class FlowController;

/// What a request belongs to.
struct Flow {
  std::shared_ptr<const Schema> schema;  ///< null: not fair
  uint64_t hash = 0;
  bool write = false;
  bool privileged = false;  ///< of system:masters
};

/// Seats that are held: given back by `release`, or by the end of this.
class Seats {
 public:
  Seats() = default;
  Seats(Seats&& other) noexcept { swap(other); }
  Seats& operator=(Seats&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Seats() { release(); }
  void release();

 private:
  friend class FlowController;
  void swap(Seats& other) noexcept;
  FlowController* controller_ = nullptr;
  std::shared_ptr<const Schema> schema_;
  uint32_t width_ = 0;
  uint32_t queue_ = 0;
  uint64_t epoch_ = 0;
  bool queued_ = false;
  bool write_ = false;
  MonotonicTime since_ = {};
};

/// Decides which requests run now, which wait, and which are refused, so that no user takes the
/// server from the others. Upstream: staging/src/k8s.io/apiserver/pkg/util/flowcontrol.
///
/// A seat is room for one request from here to its answer. Our server runs on one executor, so a
/// request that never waits for anything would hold its seat for no time at all, and a flood of
/// such requests would be served in the order in which sockets became readable. Therefore seats are
/// also dealt out in turns: between two rounds of the executor only `turnSeats` seats' worth of
/// requests start at once; whoever else has come in that round waits in its queue, and the next
/// rounds take from queues and levels in fair order. A user alone never notices: its first requests
/// of a round start without waiting, and rounds follow each other at once.
///
/// Seats that a level lends are lent at once and as long as its owner has no use for them (upstream
/// moves limits every ten seconds): a level has `lower` seats for sure, and what it takes beyond
/// comes out of a pool of all that may be lent, of which levels below their nominal share are
/// served first.
///
/// One executor, which outlives it; requests have ended before it is destroyed. A request that need
/// not wait costs no allocation (its round: one).
class FlowController {
 public:
  FlowController(Executor& executor, FlowOptions options);
  ~FlowController();
  FlowController(const FlowController&) = delete;
  FlowController& operator=(const FlowController&) = delete;

  using SchemaPtr = std::shared_ptr<const api::flowcontrol::v1::FlowSchema>;
  using LevelPtr = std::shared_ptr<const api::flowcontrol::v1::PriorityLevelConfiguration>;
  /// From now on. Begins with the default objects; those named exempt and catch-all are always
  /// there. Schemas of levels that are not there match nothing.
  void configure(const std::vector<SchemaPtr>& schemas, const std::vector<LevelPtr>& levels);

  [[nodiscard]] const FlowOptions& options() const { return options_; }
  [[nodiscard]] Flow classify(const RequestDigest& request) const;

  /// Waits for `width` seats. TooManyRequests with retryAfterSeconds; Canceled.
  ///
  ///     Result<Seats> seats = co_await flow.admit(what, 1, request.stop);
  class Admit {
   public:
    Admit(FlowController& controller, Flow what, uint32_t width, std::stop_token stop)
        : controller_(controller), flow_(std::move(what)), width_(width), stop_(std::move(stop)) {}
    bool await_ready();
    void await_suspend(std::coroutine_handle<> handle);
    Result<Seats> await_resume();

   private:
    struct Cancel {
      FlowController& controller;
      std::shared_ptr<Waiting> waiting;
      void operator()() const;
    };
    FlowController& controller_;
    Flow flow_;
    uint32_t width_;
    std::stop_token stop_;
    uint32_t queue_ = 0;
    std::optional<Refusal> refused_;
    std::shared_ptr<Waiting> waiting_;
    std::optional<std::stop_callback<Cancel>> callback_;
  };
  [[nodiscard]] Admit admit(Flow what, uint32_t width, std::stop_token stop) {
    return Admit(*this, std::move(what), width, std::move(stop));
  }

  // For metrics.
  [[nodiscard]] const std::vector<std::unique_ptr<Level>>& levels() const { return levels_; }
  [[nodiscard]] const std::vector<std::shared_ptr<FlowStats>>& stats() const { return stats_; }
  [[nodiscard]] int64_t readsRunning() const { return reads_; }
  [[nodiscard]] int64_t writesRunning() const { return writes_; }
  [[nodiscard]] int64_t waiting() const { return waiting_; }

 private:
  friend class Seats;
  Level* level(const std::string& name) const;
  std::shared_ptr<FlowStats> statsOf(const std::string& schema, const std::string& level);
  [[nodiscard]] bool roomFor(const Level& level, uint32_t width) const;
  void take(Level& level, uint32_t width);
  void give(const Seats& seats);
  Seats seat(const Flow& what, uint32_t width);
  void enqueue(Waiting& waiting);
  void forget(Waiting& waiting);
  void giveUp(Waiting& waiting, Waiting::Outcome outcome);
  void dispatch();
  void askForTurn();
  void onTurn();
  void armTimer();
  void onTimer();

  Executor& executor_;
  FlowOptions options_;
  std::vector<std::unique_ptr<Level>> levels_;
  std::vector<std::shared_ptr<const Schema>> schemas_;  ///< in order of precedence
  std::vector<std::shared_ptr<FlowStats>> stats_;
  int64_t pool_ = 0;      ///< seats that levels lend
  int64_t borrowed_ = 0;  ///< of them, in use
  int64_t waiting_ = 0;
  int64_t reads_ = 0;
  int64_t writes_ = 0;
  double pass_ = 0;
  int64_t turnLeft_;
  bool turnAsked_ = false;
  Waiting* oldest_ = nullptr;
  Waiting* newest_ = nullptr;
  bool timerArmed_ = false;
  Executor::TimerId timer_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace coxswain::apiserver::flow
