#include "hollow/pod_crew.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::hollow {

using api::core::v1::Pod;

namespace {

const Logger kLog("hollow");
constexpr const char* kBoundPods = "spec.nodeName!=";
constexpr int64_t kPage = 500;
constexpr Duration kRetryMin = 200ms;
constexpr Duration kRetryMax = 10s;
constexpr int kRetryDoublings = 6;
/// Timers this near to each other go off together.
constexpr Duration kGrain = 10ms;
/// A step farther away than this: the pod is read again then, instead of being kept.
constexpr Duration kKeepFor = 5s;

uint64_t versionOf(const api::ConstObject& object) {
  const auto& text = api::objectMeta(object)->resourceVersion;
  uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

Duration retryAfter(int failures) {
  return std::min(kRetryMin * (1 << std::min(failures, kRetryDoublings)), kRetryMax);
}

}  // namespace

/// A pod with a step ahead. `pod` is empty while that is far away.
struct PodCrew::Record {
  std::string ns;
  std::string name;
  std::string uid;
  std::string address;  ///< taken for it, and not written yet
  api::ConstObject pod;
  Step step = Step::None;
  MonotonicTime since{};  ///< when `step` became the next one
  std::optional<Timers::iterator> timer;
  int failures = 0;
  bool busy = false;  ///< a writer has it, or it is in `ready_`
  bool gone = false;  ///< deleted while a writer had it
};

PodCrew::PodCrew(client::Client& client, Executor& executor, Options options, AddressPool addresses,
                 HostAddress hostAddress)
    : client_(client),
      executor_(executor),
      options_(options),
      addresses_(std::move(addresses)),
      hostAddress_(std::move(hostAddress)) {}

PodCrew::~PodCrew() {
  if (timer_) executor_.cancel(*timer_);
}

void PodCrew::start() {
  spawn(executor_, follow(*this, gate_.enter(), stop_.get_token()));
  for (int i = 0; i < options_.writers; ++i) {
    spawn(executor_, write(*this, gate_.enter(), stop_.get_token()));
  }
}

Task<void> PodCrew::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> PodCrew::follow(PodCrew& self, Gate::Pass pass, std::stop_token stop) {
  std::string version;
  int failures = 0;
  while (!stop.stop_requested()) {
    Status status;
    if (version.empty()) {
      auto listed = co_await self.listAll(stop);
      status = listed.status();
      if (listed.ok()) version = *listed;
    }
    if (status.ok()) {
      const std::string before = version;
      status = co_await self.watchFrom(version, stop);
      if (version != before) failures = 0;
      if (isExpired(status)) version.clear();
    }
    if (stop.stop_requested()) co_return;
    kLog.debug("watch of pods ended", {{"error", status}});
    const auto pause = retryAfter(failures++);
    Status slept = co_await sleepFor(pause, stop);
    if (!slept.ok()) co_return;
  }
}

Task<Result<std::string>> PodCrew::listAll(std::stop_token stop) {
  const auto& type = client::resourceOf<Pod>();
  std::unordered_set<std::string> present;
  client::ListOptions options;
  options.fieldSelector = kBoundPods;
  options.limit = kPage;
  addresses_.releaseAll();
  for (auto& [uid, record] : records_) addresses_.markTaken(record->address);
  while (true) {
    CO_TRY(client::ObjectList page, co_await client_.list(type, "", options, stop));
    for (const auto& item : page.items) {
      if (hostAddress_(item.as<Pod>()->spec.nodeName)) {
        addresses_.markTaken(item.as<Pod>()->status.podIP);
        present.insert(api::objectMeta(item)->uid);
      }
      onPod(item);
    }
    if (page.continueToken.empty()) {
      std::vector<Record*> absent;
      for (auto& [uid, record] : records_) {
        if (!present.contains(uid)) absent.push_back(record.get());
      }
      for (auto* record : absent) drop(*record);
      co_return page.resourceVersion;
    }
    options.continueToken = page.continueToken;
  }
}

Task<Status> PodCrew::watchFrom(std::string& version, std::stop_token stop) {
  client::WatchOptions options;
  options.fieldSelector = kBoundPods;
  options.resourceVersion = version;
  CO_TRY(std::unique_ptr<client::Watch> watch,
         co_await client_.watch(client::resourceOf<Pod>(), "", std::move(options), stop));
  while (true) {
    CO_TRY(client::WatchEvent event, co_await watch->next(stop));
    const auto* meta = api::objectMeta(event.object);
    if (meta == nullptr) co_return internalError("a watch event without metadata");
    version = meta->resourceVersion;
    if (event.type == client::WatchEventType::Bookmark) continue;
    if (event.type == client::WatchEventType::Deleted) {
      onGone(event.object);
    } else {
      onPod(event.object);
    }
  }
}

void PodCrew::onPod(const api::ConstObject& object) {
  const auto* pod = object.as<Pod>();
  if (pod == nullptr || !hostAddress_(pod->spec.nodeName)) return;
  auto at = records_.find(pod->metadata.uid);
  if (at == records_.end()) {
    if (planFor(*pod, options_.behaviour).step == Step::None) return;
    auto record = std::make_unique<Record>();
    record->ns = pod->metadata.namespace_;
    record->name = pod->metadata.name;
    record->uid = pod->metadata.uid;
    record->since = executor_.now();
    at = records_.emplace(record->uid, std::move(record)).first;
  }
  auto& record = *at->second;
  if (record.pod && versionOf(record.pod) > versionOf(object)) return;
  record.pod = object;
  if (!record.busy) arrange(record);
}

void PodCrew::onGone(const api::ConstObject& object) {
  const auto* pod = object.as<Pod>();
  if (pod == nullptr || !hostAddress_(pod->spec.nodeName)) return;
  if (!pod->spec.hostNetwork) addresses_.release(pod->status.podIP);
  auto at = records_.find(pod->metadata.uid);
  if (at != records_.end()) drop(*at->second);
}

/// Its state may have changed: decides what comes next, and when.
void PodCrew::arrange(Record& record) {
  const auto plan = planFor(*record.pod.as<Pod>(), options_.behaviour);
  if (plan.step == Step::None) return drop(record);
  if (plan.step != record.step) {
    record.step = plan.step;
    record.since = executor_.now();
    record.failures = 0;
  }
  const auto due = record.since + plan.after;
  if (plan.after > kKeepFor) record.pod = {};
  wait(record, due);
}

void PodCrew::wait(Record& record, MonotonicTime due) {
  unwait(record);
  if (due <= executor_.now()) {
    record.busy = true;
    ready_.push_back(&record);
    readyWaiters_.notifyOne();
    return;
  }
  record.timer = timers_.emplace(due, &record);
  setTimer();
}

void PodCrew::unwait(Record& record) {
  if (!record.timer) return;
  timers_.erase(*record.timer);
  record.timer.reset();
}

void PodCrew::setTimer() {
  if (timers_.empty()) return;
  const auto due = timers_.begin()->first;
  if (timer_) {
    if (timerAt_ <= due + kGrain) return;
    executor_.cancel(*timer_);
  }
  timerAt_ = due + kGrain;
  timer_ = executor_.schedule(timerAt_, [this] { onTimer(); });
}

void PodCrew::onTimer() {
  timer_.reset();
  const auto now = executor_.now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto& record = *timers_.begin()->second;
    unwait(record);
    record.busy = true;
    ready_.push_back(&record);
    readyWaiters_.notifyOne();
  }
  setTimer();
}

void PodCrew::drop(Record& record) {
  if (record.busy) {
    // Whoever has it sees this.
    record.gone = true;
    return;
  }
  unwait(record);
  if (!record.address.empty()) addresses_.release(record.address);
  records_.erase(std::string(record.uid));
}

Task<void> PodCrew::write(PodCrew& self, Gate::Pass pass, std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (self.ready_.empty()) {
      Status waited = co_await self.readyWaiters_.wait(stop);
      if (!waited.ok()) co_return;
      continue;
    }
    auto& record = *self.ready_.front();
    self.ready_.pop_front();
    co_await self.attend(record, stop);
  }
}

Task<void> PodCrew::attend(Record& record, std::stop_token stop) {
  Result<api::ConstObject> outcome = api::ConstObject();
  if (!record.gone) outcome = co_await act(record, stop);
  record.busy = false;
  const bool absent = record.gone || isNotFound(outcome.status()) || (outcome.ok() && !*outcome);
  if (absent) {
    drop(record);
    co_return;
  }
  if (!outcome.ok()) {
    if (stop.stop_requested()) co_return;
    // Somebody else wrote: read it, and once at once.
    const bool again = isConflict(outcome.status()) && record.failures == 0;
    if (isConflict(outcome.status())) record.pod = {};
    kLog.debug("step failed", {{"pod", record.name}, {"error", outcome.status()}});
    const auto pause = again ? Duration(0) : retryAfter(record.failures);
    ++record.failures;
    wait(record, executor_.now() + pause);
    co_return;
  }
  record.address.clear();
  if (!record.pod || versionOf(record.pod) < versionOf(*outcome)) record.pod = *outcome;
  arrange(record);
}

/// The pod as it is afterwards; empty: it has ended, or is another one.
Task<Result<api::ConstObject>> PodCrew::act(Record& record, std::stop_token stop) {
  const auto& type = client::resourceOf<Pod>();
  if (!record.pod) {
    CO_TRY(auto live, co_await client_.get(type, record.ns, record.name, stop));
    if (api::objectMeta(live)->uid != record.uid) co_return api::ConstObject();
    if (!record.pod) record.pod = live;
  }
  const auto pod = record.pod.sharedAs<Pod>();
  const auto step = planFor(*pod, options_.behaviour).step;
  // What came while this one waited for its turn: look again.
  if (step != record.step) co_return record.pod;
  if (step == Step::Remove) {
    client::DeleteOptions options;
    options.gracePeriodSeconds = 0;
    options.uid = record.uid;
    Status removed =
        co_await client_.remove(type, record.ns, record.name, std::move(options), stop);
    if (!removed.ok() && !isConflict(removed)) co_return removed;
    co_return api::ConstObject();
  }
  Addresses addresses;
  addresses.host = hostAddress_(pod->spec.nodeName).value_or("");
  if (step == Step::Start) {
    if (pod->spec.hostNetwork) {
      addresses.pod = addresses.host;
    } else {
      if (record.address.empty()) {
        CO_TRY(record.address, addresses_.take());
      }
      addresses.pod = record.address;
    }
  }
  Pod next(*pod);
  carryOut(step, next, options_.behaviour, addresses, executor_.wallNow());
  api::ConstObject object(api::Object(std::move(next)));
  co_return co_await client_.update(type, "status", std::move(object), stop);
}

}  // namespace coxswain::hollow
