// What clients read of FakeClient: objects, lists and watches.

#include <fmt/format.h>

#include "api/gen/apps_v1.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/meta_v1.h"
#include "api/select/labels.h"
#include "client/testing/fake_client.h"
#include "client/testing/fake_parts.h"

namespace coxswain::client::testing {

Task<Result<api::ConstObject>> FakeClient::get(const ResourceType& type, std::string ns,
                                               std::string name, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(Write::No, stop));
  auto object = find(type, ns, name);
  if (!object) co_return notFound(qualifiedName(type), name);
  co_return object;
}

Task<Result<api::ConstObject>> FakeClient::getSubresource(const ResourceType& type, std::string ns,
                                                          std::string name, std::string subresource,
                                                          std::stop_token stop) {
  CO_TRY(auto object, co_await get(type, ns, name, stop));
  const auto* deployment = object.as<api::apps::v1::Deployment>();
  if (subresource != "scale" || !deployment) co_return notFound(qualifiedName(type), name);
  api::autoscaling::v1::Scale scale;
  scale.metadata.name = name;
  scale.metadata.namespace_ = ns;
  scale.metadata.resourceVersion = deployment->metadata.resourceVersion;
  scale.spec.replicas = deployment->spec.replicas.value_or(1);
  scale.status.replicas = deployment->status.replicas;
  if (auto selector = api::LabelSelector::from(*deployment->spec.selector); selector.ok()) {
    scale.status.selector = selector->str();
  }
  co_return api::ConstObject(api::Object(std::move(scale)));
}

/// As over HTTP, what a reader gets is his alone: his caches trim it.
static api::ConstObject ownCopy(const api::ConstObject& object) {
  return object.clone();
}

Task<Result<ObjectList>> FakeClient::list(const ResourceType& type, std::string ns,
                                          ListOptions options, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(Write::No, stop));
  CO_TRY(Selection selection, Selection::create(ns, options.labelSelector, options.fieldSelector));
  ObjectList list;
  for (auto& object : everything(type, ns)) {
    if (selection.matches(object)) list.items.push_back(ownCopy(object));
  }
  list.resourceVersion = std::to_string(version_);
  co_return list;
}

/// Reads the log of its client from a place on.
class FakeWatch final : public Watch {
 public:
  FakeWatch(FakeClient& client, FakeClient::Collection& collection, Selection selection, size_t at,
            std::vector<api::ConstObject> first)
      : client_(client),
        collection_(collection),
        selection_(std::move(selection)),
        at_(at),
        first_(std::move(first)) {}

  Task<Result<WatchEvent>> next(std::stop_token stop) override {
    if (ended_) co_return endOfStream();
    while (true) {
      if (stop.stop_requested()) co_return canceled();
      if (firstAt_ < first_.size()) {
        WatchEvent event;
        event.object = ownCopy(first_[firstAt_++]);
        co_return event;
      }
      while (at_ < collection_.log.size()) {
        auto event = eventOf(collection_.log[at_++]);
        if (!event) continue;
        if (client_.happens(client_.faults.watchEnd)) {
          ended_ = true;
          co_return endOfStream();
        }
        co_return std::move(*event);
      }
      CO_TRY_STATUS(co_await collection_.changed.wait(stop));
    }
  }

 private:
  std::optional<WatchEvent> eventOf(const FakeClient::Logged& logged) const {
    const bool was = logged.before && selection_.matches(logged.before);
    const bool is = logged.after && selection_.matches(logged.after);
    if (!was && !is) return std::nullopt;
    WatchEvent event;
    event.object = ownCopy(logged.after ? logged.after : logged.before);
    event.type = !was ? WatchEventType::Added
                 : is ? WatchEventType::Modified
                      : WatchEventType::Deleted;
    return event;
  }

  FakeClient& client_;
  FakeClient::Collection& collection_;
  Selection selection_;
  size_t at_;
  std::vector<api::ConstObject> first_;
  size_t firstAt_ = 0;
  bool ended_ = false;
};

Task<Result<std::unique_ptr<Watch>>> FakeClient::watch(const ResourceType& type, std::string ns,
                                                       WatchOptions options, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(Write::No, stop));
  CO_TRY(Selection selection, Selection::create(ns, options.labelSelector, options.fieldSelector));
  auto& collection = collectionOf(type);
  size_t at = collection.log.size();
  std::vector<api::ConstObject> first;
  if (options.resourceVersion.empty() || options.resourceVersion == "0") {
    for (auto& object : everything(type, ns)) {
      if (selection.matches(object)) first.push_back(std::move(object));
    }
  } else {
    const uint64_t since = std::strtoull(options.resourceVersion.c_str(), nullptr, 10);
    if (since < compactedAt_) {
      co_return expired(fmt::format("too old resource version: {} ({})", since, compactedAt_));
    }
    while (at > 0 && collection.log[at - 1].version > since) --at;
  }
  std::unique_ptr<Watch> watch =
      std::make_unique<FakeWatch>(*this, collection, std::move(selection), at, std::move(first));
  co_return watch;
}

}  // namespace coxswain::client::testing
