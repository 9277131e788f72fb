#include "scheduler/queue/queue.h"

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::scheduler {

namespace {

using Place = QueuedPod::Place;

/// Does a new version change anything that decides where the pod may go? Status does not.
uint32_t ownChanges(const PodInfo& before, const PodInfo& after) {
  const auto& a = *before.pod;
  const auto& b = *after.pod;
  uint32_t events = 0;
  if (!(a.spec == b.spec) || !(a.metadata.labels == b.metadata.labels)) events |= kPodSpec;
  if (!a.spec.schedulingGates.empty() && b.spec.schedulingGates.empty()) events |= kPodGatesGone;
  return events;
}

}  // namespace

bool Queue::ActiveLess::operator()(const QueuedPod* a, const QueuedPod* b) const {
  if (sort->less(*a->pod, a->queuedAt, *b->pod, b->queuedAt)) return true;
  if (sort->less(*b->pod, b->queuedAt, *a->pod, a->queuedAt)) return false;
  return a->sequence < b->sequence;
}

bool Queue::BackoffLess::operator()(const QueuedPod* a, const QueuedPod* b) const {
  return a->backoffUntil != b->backoffUntil ? a->backoffUntil < b->backoffUntil
                                            : a->sequence < b->sequence;
}

bool Queue::ParkedLess::operator()(const QueuedPod* a, const QueuedPod* b) const {
  return a->parkedAt != b->parkedAt ? a->parkedAt < b->parkedAt : a->sequence < b->sequence;
}

Queue::Queue(Frameworks frameworks, QueueOptions options)
    : frameworks_(std::move(frameworks)),
      options_(options),
      active_(ActiveLess{&frameworks_.queueSort()}) {}
Queue::~Queue() = default;

Duration Queue::backoff(const QueuedPod& pod) const {
  Duration wait = options_.initialBackoff;
  for (int i = 1; i < pod.attempts && wait < options_.maxBackoff; ++i) wait *= 2;
  return std::min(wait, options_.maxBackoff);
}

/// Out of whatever place it is in.
void Queue::take(QueuedPod& pod) {
  switch (pod.place) {
    case Place::Active:
      active_.erase(&pod);
      break;
    case Place::Backoff:
      (pod.failedByError ? errorBackoff_ : backoff_).erase(&pod);
      break;
    case Place::Gated:
      --gated_;
      break;
    case Place::InFlight:
      break;
    case Place::Unschedulable:
      parked_.erase(&pod);
      if (pod.rejectedBy == 0) --parkedByNone_;
      for (size_t i = 0; i < kPluginsMax; ++i)
        if (pod.rejectedBy & (1U << i)) --parkedBy_[i];
      break;
  }
  pod.place = Place::InFlight;
  pod.failedByError = false;
}

void Queue::activate(QueuedPod& pod, MonotonicTime now) {
  take(pod);
  if (const auto gate = frameworks_.of(*pod.pod).preEnqueue(*pod.pod)) {
    pod.place = Place::Gated;
    pod.rejectedBy = gate->plugin;
    ++gated_;
    return;
  }
  pod.queuedAt = now;
  pod.place = Place::Active;
  active_.insert(&pod);
}

void Queue::toBackoffOrActive(QueuedPod& pod, MonotonicTime now) {
  take(pod);
  if (pod.backoffUntil <= now) {
    activate(pod, now);
    return;
  }
  pod.place = Place::Backoff;
  (pod.failedByError ? errorBackoff_ : backoff_).insert(&pod);
}

void Queue::wake(QueuedPod& pod, MonotonicTime now) {
  if (pod.held) {
    pod.woken = true;
  } else {
    toBackoffOrActive(pod, now);
  }
}

void Queue::hold(const std::string& key) {
  const auto at = pods_.find(key);
  if (at == pods_.end() || at->second->place != Place::Unschedulable) return;
  at->second->held = true;
  at->second->woken = false;
}

void Queue::wakeUp(const std::string& key, MonotonicTime now) {
  const auto at = pods_.find(key);
  if (at != pods_.end() && at->second->place == Place::Unschedulable) wake(*at->second, now);
}

void Queue::release(const std::string& key, bool anyway, MonotonicTime now) {
  const auto at = pods_.find(key);
  if (at == pods_.end() || !at->second->held) return;
  QueuedPod& pod = *at->second;
  pod.held = false;
  if (pod.place == Place::Unschedulable && (anyway || pod.woken)) toBackoffOrActive(pod, now);
}

void Queue::set(PodInfoPtr pod, MonotonicTime now) {
  auto& entry = pods_[pod->key];
  if (!entry) {
    entry = std::make_unique<QueuedPod>();
    entry->place = Place::InFlight;
    entry->pod = std::move(pod);
    entry->backoffUntil = now;
    entry->sequence = sequence_++;
    activate(*entry, now);
    return;
  }
  QueuedPod& have = *entry;
  const PodInfoPtr before = have.pod;
  const Place place = have.place;
  if (place == Place::Active) {
    // The order may depend on what changed; its time stays.
    active_.erase(&have);
    have.pod = std::move(pod);
    active_.insert(&have);
    return;
  }
  have.pod = std::move(pod);
  const uint32_t changes = ownChanges(*before, *have.pod);
  if (place == Place::Gated) {
    if (changes) activate(have, now);
  } else if (place == Place::Unschedulable && changes) {
    ClusterEvent event;
    event.events = changes;
    event.oldPod = before.get();
    event.newPod = have.pod.get();
    if (frameworks_.of(*have.pod).worthRetry(*have.pod, have.rejectedBy, event)) wake(have, now);
  }
}

void Queue::remove(const std::string& key) {
  const auto at = pods_.find(key);
  if (at == pods_.end()) return;
  take(*at->second);
  pods_.erase(at);
}

bool Queue::ready() const {
  if (!active_.empty()) return true;
  return options_.popFromBackoff && !backoff_.empty();
}

QueuedPod* Queue::pop(MonotonicTime now) {
  flush(now);
  QueuedPod* next = nullptr;
  if (!active_.empty()) {
    next = *active_.begin();
  } else if (options_.popFromBackoff && !backoff_.empty()) {
    next = *backoff_.begin();
  }
  if (!next) return nullptr;
  take(*next);
  ++next->attempts;
  return next;
}

void Queue::park(const std::string& key, uint32_t rejectedBy, MonotonicTime now) {
  const auto at = pods_.find(key);
  if (at == pods_.end() || at->second->place != Place::InFlight) return;
  QueuedPod& pod = *at->second;
  pod.rejectedBy = rejectedBy;
  pod.held = false;
  pod.parkedAt = now;
  pod.backoffUntil = now + backoff(pod);
  pod.place = Place::Unschedulable;
  parked_.insert(&pod);
  if (rejectedBy == 0) ++parkedByNone_;
  for (size_t i = 0; i < kPluginsMax; ++i)
    if (rejectedBy & (1U << i)) ++parkedBy_[i];
}

void Queue::retry(const std::string& key, MonotonicTime now) {
  const auto at = pods_.find(key);
  if (at == pods_.end() || at->second->place != Place::InFlight) return;
  QueuedPod& pod = *at->second;
  pod.failedByError = true;
  pod.rejectedBy = 0;
  pod.backoffUntil = now + backoff(pod);
  pod.place = Place::Backoff;
  errorBackoff_.insert(&pod);
}

void Queue::onEvent(const ClusterEvent& event, MonotonicTime now) {
  if (parked_.empty() || event.events == 0) return;
  const uint32_t interested = frameworks_.interested(event.events);
  bool anybody = parkedByNone_ > 0;
  for (size_t i = 0; i < kPluginsMax && !anybody; ++i)
    anybody = (interested & (1U << i)) && parkedBy_[i] > 0;
  if (!anybody) return;
  std::vector<QueuedPod*> woken;
  for (QueuedPod* pod : parked_)
    if (!(pod->held && pod->woken) &&  // more would not wake it sooner
        (pod->rejectedBy == 0 || (pod->rejectedBy & interested)) &&
        frameworks_.of(*pod->pod).worthRetry(*pod->pod, pod->rejectedBy, event))
      woken.push_back(pod);
  for (QueuedPod* pod : woken) wake(*pod, now);
}

void Queue::flush(MonotonicTime now) {
  for (auto* waiting : {&backoff_, &errorBackoff_})
    while (!waiting->empty() && (*waiting->begin())->backoffUntil <= now)
      activate(**waiting->begin(), now);
  while (!parked_.empty() && (*parked_.begin())->parkedAt + options_.maxUnschedulable <= now) {
    (*parked_.begin())->held = false;
    toBackoffOrActive(**parked_.begin(), now);
  }
}

std::optional<MonotonicTime> Queue::nextDue() const {
  std::optional<MonotonicTime> due;
  for (const auto* waiting : {&backoff_, &errorBackoff_}) {
    if (waiting->empty()) continue;
    const auto at = (*waiting->begin())->backoffUntil;
    due = due ? std::min(*due, at) : at;
  }
  if (!parked_.empty()) {
    const auto at = (*parked_.begin())->parkedAt + options_.maxUnschedulable;
    due = due ? std::min(*due, at) : at;
  }
  return due;
}

const QueuedPod* Queue::find(const std::string& key) const {
  const auto at = pods_.find(key);
  return at == pods_.end() ? nullptr : at->second.get();
}

size_t Queue::size(QueuedPod::Place place) const {
  switch (place) {
    case Place::Active:
      return active_.size();
    case Place::Backoff:
      return backoff_.size() + errorBackoff_.size();
    case Place::Unschedulable:
      return parked_.size();
    case Place::Gated:
      return gated_;
    case Place::InFlight:
      return pods_.size() - active_.size() - size(Place::Backoff) - parked_.size() - gated_;
  }
  return 0;
}

}  // namespace coxswain::scheduler
