#include "apiserver/flow_control/level.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace coxswain::apiserver::flow {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT

/// A request is taken to last this long until it has ended.
constexpr double kGuessSeconds = 0.003;
/// What a cluster's objects may ask for (validation has the same bounds, and more).
constexpr uint32_t kQueuesMax = 10'000;
constexpr uint32_t kHandMax = 64;

int64_t share(int64_t whole, int64_t percent) {
  return std::llround(static_cast<double>(whole) * static_cast<double>(percent) / 100);
}

}  // namespace

void Level::configure(const PriorityLevelConfiguration& object) {
  uid_ = object.metadata.uid;
  removed = false;
  exempt_ = object.spec.type == kPriorityLevelEnablementExempt;
  uint32_t queues = 0;
  if (exempt_) {
    const auto* exempt = object.spec.exempt ? &*object.spec.exempt : nullptr;
    shares_ = exempt ? exempt->nominalConcurrencyShares.value_or(0) : 0;
    lendablePercent_ = exempt ? exempt->lendablePercent.value_or(0) : 0;
    borrowingPercent_ = -1;
  } else if (object.spec.limited) {
    const auto& limited = *object.spec.limited;
    shares_ = limited.nominalConcurrencyShares.value_or(30);
    lendablePercent_ = limited.lendablePercent.value_or(0);
    borrowingPercent_ = limited.borrowingLimitPercent.value_or(-1);
    if (limited.limitResponse.type == kLimitResponseTypeQueue) {
      QueuingConfiguration queuing;
      queuing.queues = 64;
      queuing.handSize = 8;
      queuing.queueLengthLimit = 50;
      if (limited.limitResponse.queuing) queuing = *limited.limitResponse.queuing;
      queues =
          std::clamp<uint32_t>(static_cast<uint32_t>(std::max(queuing.queues, 1)), 1, kQueuesMax);
      handSize_ =
          std::min({static_cast<uint32_t>(std::max(queuing.handSize, 1)), queues, kHandMax});
      lengthMax_ = static_cast<uint32_t>(std::max(queuing.queueLengthLimit, 1));
    }
  }
  shares_ = std::max<int64_t>(shares_, 0);
  lendablePercent_ = std::clamp<int64_t>(lendablePercent_, 0, 100);
  // Who waits in queues that are gone keeps one.
  if (queues == 0 && waiting_ > 0) queues = static_cast<uint32_t>(queues_.size());
  if (queues != queues_.size()) setQueues(queues);
}

void Level::setLimits(int64_t serverSeats, int64_t allShares) {
  limits_ = {};
  if (allShares > 0) limits_.nominal = (serverSeats * shares_ + allShares - 1) / allShares;
  limits_.lower = limits_.nominal - share(limits_.nominal, lendablePercent_);
  limits_.upper = limits_.nominal +
                  (borrowingPercent_ < 0 ? serverSeats : share(limits_.nominal, borrowingPercent_));
}

void Level::setQueues(uint32_t count) {
  std::vector<Waiting*> all;
  for (auto at : active_) {
    for (auto* one = queues_[at].first; one; one = one->nextInQueue) all.push_back(one);
  }
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->since < b->since; });
  queues_.assign(count, Queue());
  active_.clear();
  ++epoch_;
  for (auto* one : all) {
    one->queue %= count;
    link(*one);
  }
}

bool Level::pickQueue(uint64_t flow, uint32_t& queue) const {
  uint32_t hand[kHandMax];
  dealHand(flow, static_cast<uint32_t>(queues_.size()), std::span(hand, handSize_));
  queue = hand[0];
  for (uint32_t i = 1; i < handSize_; ++i) {
    if (queues_[hand[i]].seats < queues_[queue].seats) queue = hand[i];
  }
  return queues_[queue].length < lengthMax_;
}

void Level::link(Waiting& waiting) {
  auto& queue = queues_[waiting.queue];
  if (!queue.first) {
    queue.activeAt = static_cast<uint32_t>(active_.size());
    active_.push_back(waiting.queue);
    queue.next = std::max(queue.next, virtualTime_);
  }
  waiting.previousInQueue = queue.last;
  waiting.nextInQueue = nullptr;
  (queue.last ? queue.last->nextInQueue : queue.first) = &waiting;
  queue.last = &waiting;
  ++queue.length;
  queue.seats += waiting.width;
}

void Level::unlink(Waiting& waiting) {
  auto& queue = queues_[waiting.queue];
  (waiting.previousInQueue ? waiting.previousInQueue->nextInQueue : queue.first) =
      waiting.nextInQueue;
  (waiting.nextInQueue ? waiting.nextInQueue->previousInQueue : queue.last) =
      waiting.previousInQueue;
  waiting.nextInQueue = waiting.previousInQueue = nullptr;
  --queue.length;
  --waiting_;
  waitingSeats_ -= waiting.width;
  if (queue.first) return;
  // The last of the active ones takes its place.
  const auto moved = active_.back();
  active_[queue.activeAt] = moved;
  queues_[moved].activeAt = queue.activeAt;
  active_.pop_back();
}

void Level::enqueue(Waiting& waiting) {
  link(waiting);
  ++waiting_;
  waitingSeats_ += waiting.width;
}

void Level::drop(Waiting& waiting) {
  unlink(waiting);
  queues_[waiting.queue].seats -= waiting.width;
}

uint32_t Level::turn() const {
  uint32_t best = active_.front();
  for (auto at : active_) {
    const auto& one = queues_[at];
    const auto& other = queues_[best];
    if (one.next < other.next ||
        (one.next == other.next && one.first->since < other.first->since)) {
      best = at;
    }
  }
  return best;
}

Waiting* Level::head() const {
  return active_.empty() ? nullptr : queues_[turn()].first;
}

Waiting* Level::dispatch() {
  COXSWAIN_ASSERT(!active_.empty());
  auto& queue = queues_[turn()];
  auto* waiting = queue.first;
  unlink(*waiting);
  virtualTime_ = queue.next;
  queue.next += waiting->width * kGuessSeconds;
  waiting->epoch = epoch_;
  waiting->outcome = Waiting::Outcome::Runs;
  return waiting;
}

void Level::settle(uint32_t queue, uint64_t epoch, uint32_t width, Duration took) {
  if (epoch != epoch_) return;
  auto& its = queues_[queue];
  its.seats -= width;
  its.next += width * (std::chrono::duration<double>(took).count() - kGuessSeconds);
}

}  // namespace coxswain::apiserver::flow
