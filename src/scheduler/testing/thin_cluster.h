#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "client/client.h"
#include "client/resources.h"
#include "runtime/sync.h"

namespace coxswain::scheduler::testing {

/// An API server that does next to nothing, so that a bench measures the scheduler: lists and
/// watches of any kind, bindings, patches of a pod's status (conditions and nominatedNodeName),
/// deletion at once. No latency, no history: a watch begins with what comes after it. One executor.
class ThinCluster final : public client::Client {
 public:
  template <typename T>
  void put(T value) {
    auto& type = client::resourceOf<T>();
    store(type, api::ConstObject(api::Object(std::move(value))));
  }
  [[nodiscard]] size_t bound() const { return bound_; }
  [[nodiscard]] size_t removed() const { return removed_; }

  Task<Result<api::ConstObject>> get(const client::ResourceType& type, std::string ns,
                                     std::string name, std::stop_token) override {
    auto* found = find(type, ns + "/" + name);
    if (!found) co_return notFound("pods", name);
    co_return *found;
  }
  Task<Result<api::ConstObject>> getSubresource(const client::ResourceType&, std::string,
                                                std::string name, std::string,
                                                std::stop_token) override {
    co_return notFound("subresource", name);
  }
  Task<Result<client::ObjectList>> list(const client::ResourceType& type, std::string,
                                        client::ListOptions, std::stop_token) override {
    client::ObjectList out;
    for (const auto& [key, object] : kinds_[type.plural].objects) out.items.push_back(object);
    out.resourceVersion = std::to_string(version_);
    co_return out;
  }
  Task<Result<std::unique_ptr<client::Watch>>> watch(const client::ResourceType& type, std::string,
                                                     client::WatchOptions,
                                                     std::stop_token) override {
    auto feed = std::make_shared<Feed>();
    kinds_[type.plural].feeds.push_back(feed);
    co_return std::make_unique<ThinWatch>(std::move(feed));
  }
  Task<Result<api::ConstObject>> create(const client::ResourceType& type, std::string ns,
                                        std::string name, std::string subresource,
                                        api::ConstObject object, std::stop_token) override {
    if (subresource != "binding") co_return object;  // events are not kept
    auto* found = find(type, ns + "/" + name);
    if (!found) co_return notFound("pods", name);
    auto next = found->clone();
    auto& pod = *next.as<api::core::v1::Pod>();
    pod.spec.nodeName = object.as<api::core::v1::Binding>()->target.name;
    ++bound_;
    store(type, std::move(next));
    if (changed_) changed_->set();
    co_return object;
  }
  Task<Result<api::ConstObject>> update(const client::ResourceType& type, std::string,
                                        api::ConstObject object, std::stop_token) override {
    store(type, object);
    co_return object;
  }
  Task<Result<api::ConstObject>> patch(const client::ResourceType& type, std::string ns,
                                       std::string name, std::string subresource, client::PatchType,
                                       std::string body, std::stop_token) override {
    auto* found = find(type, ns + "/" + name);
    if (!found || subresource != "status") co_return notFound("pods", name);
    auto said = api::decodeJson<api::core::v1::Pod>(body);
    if (!said.ok()) co_return said.status();
    auto next = found->clone();
    auto& pod = *next.as<api::core::v1::Pod>();
    for (const auto& condition : said->status.conditions)
      api::setPodCondition(pod.status, condition);
    if (body.find("\"nominatedNodeName\"") != std::string::npos)
      pod.status.nominatedNodeName = said->status.nominatedNodeName;
    store(type, std::move(next));
    co_return api::ConstObject();
  }
  Task<Status> remove(const client::ResourceType& type, std::string ns, std::string name,
                      client::DeleteOptions, std::stop_token) override {
    auto& kind = kinds_[type.plural];
    const auto at = kind.objects.find(ns + "/" + name);
    if (at == kind.objects.end()) co_return notFound("pods", name);
    tell(kind, client::WatchEventType::Deleted, at->second);
    kind.objects.erase(at);
    ++removed_;
    co_return Status();
  }
  /// Set at each binding.
  void notify(Event* changed) { changed_ = changed; }

 private:
  struct Feed {
    std::deque<client::WatchEvent> events;
    Event ready;
  };
  class ThinWatch final : public client::Watch {
   public:
    explicit ThinWatch(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
    Task<Result<client::WatchEvent>> next(std::stop_token stop) override {
      while (feed_->events.empty()) {
        feed_->ready.reset();
        CO_TRY_STATUS(co_await feed_->ready.wait(stop));
      }
      auto event = std::move(feed_->events.front());
      feed_->events.pop_front();
      co_return event;
    }

   private:
    std::shared_ptr<Feed> feed_;
  };
  struct Kind {
    std::unordered_map<std::string, api::ConstObject> objects;
    std::vector<std::shared_ptr<Feed>> feeds;
  };

  api::ConstObject* find(const client::ResourceType& type, const std::string& key) {
    auto& objects = kinds_[type.plural].objects;
    const auto at = objects.find(key);
    return at == objects.end() ? nullptr : &at->second;
  }
  static void tell(Kind& kind, client::WatchEventType type, const api::ConstObject& object) {
    for (const auto& feed : kind.feeds) {
      feed->events.push_back({type, object});
      feed->ready.set();
    }
  }
  void store(const client::ResourceType& type, api::ConstObject object) {
    auto next = object.clone();
    auto& meta = *api::objectMeta(next);
    meta.resourceVersion = std::to_string(++version_);
    std::string key = meta.namespace_.empty() ? meta.name : api::objectKey(meta);
    api::ConstObject stored(std::move(next));
    auto& kind = kinds_[type.plural];
    auto& slot = kind.objects[std::move(key)];
    tell(kind, slot ? client::WatchEventType::Modified : client::WatchEventType::Added, stored);
    slot = std::move(stored);
  }
  void store(const client::ResourceType& type, api::Object object) {
    store(type, api::ConstObject(std::move(object)));
  }

  std::map<std::string_view, Kind> kinds_;  ///< by plural
  uint64_t version_ = 1;
  size_t bound_ = 0;
  size_t removed_ = 0;
  Event* changed_ = nullptr;
};

}  // namespace coxswain::scheduler::testing
