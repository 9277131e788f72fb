#include <algorithm>
#include <list>
#include <unordered_map>

#include "api/gen/core_v1.h"
#include "api/gen/events_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

/// One bound: a bucket of tokens for each namespace (user, ...), of which the latest used are kept.
class Buckets {
 public:
  explicit Buckets(EventLimit limit) : limit_(limit) {}

  [[nodiscard]] const EventLimit& limit() const { return limit_; }

  /// False: the bucket is empty.
  bool take(const std::string& key, MonotonicTime now) {
    auto& bucket = find(key, now);
    const double passed = std::chrono::duration<double>(now - bucket.filled).count();
    bucket.tokens =
        std::min(static_cast<double>(limit_.burst), bucket.tokens + passed * limit_.qps);
    bucket.filled = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

 private:
  struct Bucket {
    std::string key;
    double tokens;
    MonotonicTime filled;
  };

  Bucket& find(const std::string& key, MonotonicTime now) {
    if (auto found = byKey_.find(key); found != byKey_.end()) {
      latest_.splice(latest_.begin(), latest_, found->second);
      return latest_.front();
    }
    if (latest_.size() >= std::max<size_t>(limit_.keysMax, 1)) {
      byKey_.erase(latest_.back().key);
      latest_.pop_back();
    }
    latest_.push_front({key, static_cast<double>(limit_.burst), now});
    byKey_[key] = latest_.begin();
    return latest_.front();
  }

  EventLimit limit_;
  std::list<Bucket> latest_;  // first the one used last
  std::unordered_map<std::string, std::list<Bucket>::iterator> byKey_;
};

const char* typeName(EventLimit::Per per) {
  switch (per) {
    case EventLimit::Per::Server:
      return "Server";
    case EventLimit::Per::Namespace:
      return "Namespace";
    case EventLimit::Per::User:
      return "User";
    case EventLimit::Per::SourceAndObject:
      return "SourceAndObject";
  }
  return "";
}

void append(std::string& key, std::initializer_list<std::string_view> parts) {
  for (auto part : parts) key.append(part);
}

/// Of whom, about what.
std::string sourceAndObject(const api::Object& object) {
  std::string key;
  if (const auto* event = object.as<api::core::v1::Event>()) {
    const auto& about = event->involvedObject;
    append(key, {event->source.component, event->source.host, about.kind, about.namespace_,
                 about.name, about.uid, about.apiVersion});
  } else if (const auto* other = object.as<api::events::v1::Event>()) {
    const auto& about = other->regarding;
    append(key, {other->deprecatedSource.component, other->deprecatedSource.host, about.kind,
                 about.namespace_, about.name, about.uid, about.apiVersion});
  }
  return key;
}

/// Events come no quicker than the configuration allows: of all, of each namespace, each user, each
/// source and object. The only plugin that remembers: its buckets.
class EventRateLimit final : public AdmissionPlugin {
 public:
  EventRateLimit(const AdmissionSources& sources, const std::vector<EventLimit>& limits)
      : executor_(sources.executor) {
    for (const auto& limit : limits) buckets_.emplace_back(limit);
  }
  [[nodiscard]] std::string_view name() const override { return "EventRateLimit"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    if (kind != WriteKind::Create && kind != WriteKind::Update) return false;
    return !request.dryRun &&
           (isResource(request, "", "events") || isResource(request, "events.k8s.io", "events"));
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    Status refused;
    for (auto& one : buckets_) {
      const auto per = one.limit().per;
      std::string key;
      if (per == EventLimit::Per::Namespace) key = request.info.ns;
      if (per == EventLimit::Per::User) key = request.user.name;
      if (per == EventLimit::Per::SourceAndObject) key = sourceAndObject(*object);
      if (one.take(key, executor_.now()) || !refused.ok()) continue;
      refused = tooManyRequests(
          std::string("limit reached on type ") + typeName(per) + " for key " + key, 0);
    }
    return refused;
  }

 private:
  Executor& executor_;
  mutable std::vector<Buckets> buckets_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeEventRateLimit(const AdmissionSources& sources,
                                                    std::vector<EventLimit> limits) {
  return std::make_unique<EventRateLimit>(sources, limits);
}

}  // namespace coxswain::apiserver
