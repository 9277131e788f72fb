#include "client/event_recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::client {

using api::core::v1::Event;
using api::core::v1::ObjectReference;

namespace {
const Logger kLog("client");
constexpr size_t kQueueMax = 1000;
constexpr size_t kMemoryMax = 4096;
constexpr size_t kSimilarMax = 10;
constexpr Duration kSimilarWindow = 10min;
constexpr double kSpamBurst = 25;
constexpr double kSpamPerSecond = 1.0 / 300;
constexpr int kTriesMax = 12;
constexpr Duration kRetryAfter = 10s;

std::string sourceAndObject(const Event& e) {
  const auto& o = e.involvedObject;
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", e.source.component, e.source.host, o.kind,
                     o.namespace_, o.name, o.uid, o.apiVersion);
}

std::string similarKey(const Event& e) {
  return fmt::format("{}\n{}\n{}\n{}", sourceAndObject(e), e.involvedObject.fieldPath, e.type,
                     e.reason);
}

std::string escaped(std::string_view text) {
  Event e;
  e.message = text;
  std::string out;
  const auto json = api::encodeJson(e);
  const auto at = json.find("\"message\":");
  if (at == std::string::npos) return "\"\"";
  auto end = at + 11;
  while (json[end] != '"') end += json[end] == '\\' ? 2 : 1;
  return json.substr(at + 10, end - at - 9);
}

/// Worth another try: the server was not there or not able.
bool isTransient(const Status& status) {
  return isUnreachable(status) || isTooManyRequests(status) || isTimeout(status) ||
         status.code() >= 500;
}
}  // namespace

struct EventRecorder::Aggregate {
  std::set<std::string> messages;
  MonotonicTime last{};
};
struct EventRecorder::Seen {
  std::string name;
  api::Time first;
  int32_t count = 0;
  MonotonicTime last{};
};
struct EventRecorder::Spam {
  double tokens = kSpamBurst;
  MonotonicTime last{};
};

EventRecorder::EventRecorder(Client& client, Executor& executor, std::string component,
                             std::string host)
    : client_(client),
      executor_(executor),
      component_(std::move(component)),
      host_(std::move(host)),
      queue_(kQueueMax) {}
EventRecorder::~EventRecorder() = default;

void EventRecorder::event(const api::MessageInfo& info, const void* object, std::string_view type,
                          std::string_view reason, std::string message) {
  const auto* meta = api::objectMeta(info, object);
  if (meta == nullptr || info.kind == nullptr) return;
  ObjectReference regarding;
  regarding.kind = info.kind->kind;
  regarding.apiVersion = info.kind->apiVersion;
  regarding.namespace_ = meta->namespace_;
  regarding.name = meta->name;
  regarding.uid = meta->uid;
  regarding.resourceVersion = meta->resourceVersion;
  event(regarding, type, reason, std::move(message));
}

void EventRecorder::event(const ObjectReference& regarding, std::string_view type,
                          std::string_view reason, std::string message) {
  if (gate_.closed()) return;
  auto event = std::make_unique<Event>();
  const WallTime now = executor_.wallNow();
  // Two events of one moment need two names.
  lastNanos_ = std::max<int64_t>(lastNanos_ + 1, now.time_since_epoch().count());
  event->metadata.name = fmt::format("{}.{:x}", regarding.name, static_cast<uint64_t>(lastNanos_));
  event->metadata.namespace_ = regarding.namespace_.empty() ? "default" : regarding.namespace_;
  event->involvedObject = regarding;
  event->reason = reason;
  event->message = std::move(message);
  event->firstTimestamp = event->lastTimestamp = api::Time(now);
  event->count = 1;
  event->type = type;
  event->source.component = component_;
  event->source.host = host_;
  event->reportingComponent = component_;
  event->reportingInstance = host_;
  if (!queue_.tryPush(std::move(event))) kLog.debug("event dropped", {{"reason", reason}});
  if (!started_) {
    started_ = true;
    spawn(executor_, drain(*this, gate_.enter(), stop_.get_token()));
  }
}

Task<void> EventRecorder::drain(EventRecorder& self, Gate::Pass pass, std::stop_token stop) {
  while (true) {
    auto event = co_await self.queue_.pop(stop);
    if (!event) break;
    co_await self.write(std::move(*event), stop);
  }
}

bool EventRecorder::spams(const Event& event) {
  const MonotonicTime now = executor_.now();
  auto [at, isNew] = spam_.try_emplace(sourceAndObject(event));
  auto& bucket = at->second;
  if (!isNew) {
    const double passed = std::chrono::duration<double>(now - bucket.last).count();
    bucket.tokens = std::min(kSpamBurst, bucket.tokens + passed * kSpamPerSecond);
  }
  bucket.last = now;
  if (bucket.tokens < 1) return true;
  bucket.tokens -= 1;
  return false;
}

/// The key under which the event is counted; may change its message.
std::string EventRecorder::combine(Event& event) {
  const MonotonicTime now = executor_.now();
  const std::string similar = similarKey(event);
  auto& aggregate = aggregates_[similar];
  if (now - aggregate.last > kSimilarWindow) aggregate.messages.clear();
  aggregate.last = now;
  aggregate.messages.insert(event.message);
  if (aggregate.messages.size() < kSimilarMax) return similar + "\n" + event.message;
  // Which one goes does not matter: only their number is asked for.
  aggregate.messages.erase(aggregate.messages.begin());
  event.message = "(combined from similar events): " + event.message;
  return similar;
}

/// A full map loses what is old, and then the older half: so that a burst of events about ever new
/// objects looks through it once in thousands of events, not at each.
template <typename M>
static void trimMap(M& map, MonotonicTime before) {
  if (map.size() < kMemoryMax) return;
  std::erase_if(map, [before](const auto& item) { return item.second.last < before; });
  if (map.size() <= kMemoryMax / 2) return;
  std::vector<MonotonicTime> times;
  times.reserve(map.size());
  for (const auto& item : map) times.push_back(item.second.last);
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::erase_if(map, [middle](const auto& item) { return item.second.last <= *middle; });
}

void EventRecorder::trim() {
  const MonotonicTime before = executor_.now() - kSimilarWindow;
  trimMap(aggregates_, before);
  trimMap(seen_, before);
  trimMap(spam_, before);
}

Task<void> EventRecorder::write(EventPointer event, std::stop_token stop) {
  trim();
  std::string key = combine(*event);
  if (spams(*event)) co_return;
  for (int i = 0; i < kTriesMax; ++i) {
    Status status = co_await writeOnce(*event, key, stop);
    if (status.ok() || isCanceled(status)) co_return;
    if (!isTransient(status)) {
      kLog.debug("event refused", {{"reason", event->reason}, {"error", status}});
      co_return;
    }
    Status slept = co_await sleepFor(kRetryAfter, stop);
    if (!slept.ok()) co_return;
  }
}

Task<Status> EventRecorder::writeOnce(Event& event, std::string key, std::stop_token stop) {
  const auto& type = resourceOf<Event>();
  auto at = seen_.find(key);
  if (at != seen_.end()) {
    const Seen known = at->second;
    std::string body =
        fmt::format(R"({{"count":{},"lastTimestamp":"{}","message":{}}})", known.count + 1,
                    event.lastTimestamp.str(), escaped(event.message));
    std::string ns = event.metadata.namespace_;
    auto patched = co_await client_.patch(type, std::move(ns), known.name, "",
                                          PatchType::StrategicMerge, std::move(body), stop);
    if (patched.ok()) {
      auto& seen = seen_[key];
      ++seen.count;
      seen.last = executor_.now();
      co_return Status();
    }
    if (!isNotFound(patched.status())) co_return patched.status();
    seen_.erase(key);
  }
  auto made = co_await create(client_, event, stop);
  // An answer that was lost: it is there.
  if (!made.ok() && !isAlreadyExists(made.status())) co_return made.status();
  Seen seen;
  seen.name = event.metadata.name;
  seen.first = event.firstTimestamp;
  seen.count = 1;
  seen.last = executor_.now();
  seen_[key] = std::move(seen);
  co_return Status();
}

Task<void> EventRecorder::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::client
