#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/flow_control/classifier.h"
#include "base/time.h"

namespace coxswain::apiserver::flow {

/// A request that waits for its seats. In two lists while it does: of its queue, and of all that
/// wait, oldest first.
struct Waiting {
  enum class Outcome : uint8_t { Waits, Runs, TimedOut, Cancelled };
  Outcome outcome = Outcome::Waits;
  Level* level = nullptr;
  std::shared_ptr<FlowStats> stats;
  uint32_t width = 1;
  uint32_t queue = 0;
  uint64_t epoch = 0;  ///< of the level's queues when it ran
  MonotonicTime since = {};
  std::coroutine_handle<> handle;
  Waiting* nextInQueue = nullptr;
  Waiting* previousInQueue = nullptr;
  Waiting* newer = nullptr;
  Waiting* older = nullptr;
};

/// The requests of one priority level: how many seats they hold, and who waits in which queue.
///
/// Queues take turns in virtual time (start-time fair queuing): a queue's `next` is where its head
/// would start; the head that starts first runs, and its queue moves on by seats times seconds,
/// guessed at first and put right when the request has ended. So each queue gets the same share of
/// seat-seconds, whatever its requests are like. One executor.
class Level {
 public:
  struct Limits {
    int64_t nominal = 0;  ///< its share of the server's seats
    int64_t lower = 0;    ///< of them, never lent to others
    int64_t upper = 0;    ///< with what it may borrow
  };

  explicit Level(std::string name) : name_(std::move(name)) {}
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

  /// Takes over a new description; who waits goes on waiting.
  void configure(const api::flowcontrol::v1::PriorityLevelConfiguration& object);
  /// `serverSeats` are shared by all levels in proportion to their shares.
  void setLimits(int64_t serverSeats, int64_t allShares);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& uid() const { return uid_; }
  [[nodiscard]] bool exempt() const { return exempt_; }
  [[nodiscard]] bool queues() const { return !queues_.empty(); }
  [[nodiscard]] int64_t shares() const { return shares_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] int64_t lendable() const { return limits_.nominal - limits_.lower; }
  [[nodiscard]] int64_t seats() const { return seats_; }
  [[nodiscard]] int64_t requests() const { return requests_; }
  [[nodiscard]] int64_t waiting() const { return waiting_; }
  [[nodiscard]] int64_t waitingSeats() const { return waitingSeats_; }
  /// Neither configured nor used any more.
  [[nodiscard]] bool unused() const { return removed && requests_ == 0 && waiting_ == 0; }

  void take(uint32_t width) {
    seats_ += width;
    ++requests_;
  }
  void give(uint32_t width) {
    seats_ -= width;
    --requests_;
  }

  /// The shortest of the flow's queues; false: even that is full.
  bool pickQueue(uint64_t flow, uint32_t& queue) const;
  void enqueue(Waiting& waiting);
  /// Out of its queue, not to run.
  void drop(Waiting& waiting);
  /// Whose turn it is; null: nobody waits.
  [[nodiscard]] Waiting* head() const;
  /// Takes the head out: it runs. The caller takes its seats.
  Waiting* dispatch();
  /// A request that had waited has ended after `took`.
  void settle(uint32_t queue, uint64_t epoch, uint32_t width, Duration took);

  /// Between levels: where this one is in their common virtual time.
  double pass = 0;
  bool removed = false;

 private:
  struct Queue {
    Waiting* first = nullptr;
    Waiting* last = nullptr;
    uint32_t length = 0;
    int64_t seats = 0;      ///< waiting and, of those that waited here, running
    double next = 0;        ///< virtual time at which its head starts
    uint32_t activeAt = 0;  ///< place in active_, while somebody waits
  };
  void setQueues(uint32_t count);
  void link(Waiting& waiting);
  void unlink(Waiting& waiting);
  [[nodiscard]] uint32_t turn() const;

  const std::string name_;
  std::string uid_;
  bool exempt_ = false;
  int64_t shares_ = 0;
  int64_t lendablePercent_ = 0;
  int64_t borrowingPercent_ = -1;  ///< -1: all that there is
  uint32_t handSize_ = 1;
  uint32_t lengthMax_ = 0;
  Limits limits_;
  int64_t seats_ = 0;
  int64_t requests_ = 0;
  int64_t waiting_ = 0;
  int64_t waitingSeats_ = 0;
  std::vector<Queue> queues_;
  std::vector<uint32_t> active_;  ///< queues in which somebody waits
  uint64_t epoch_ = 0;
  double virtualTime_ = 0;
};

}  // namespace coxswain::apiserver::flow
