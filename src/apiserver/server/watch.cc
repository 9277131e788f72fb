#include <charconv>
#include <deque>

#include "api/gen/meta_v1.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::apiserver {
namespace {

/// Events a client may be behind; then its watch ends and it lists again.
constexpr size_t kPendingMax = 10000;
constexpr int64_t kTimeoutSeconds = 1800;

/// What the store's writer hands to the watch's executor.
struct Inbox {
  std::deque<storage::WatchEvent> events;
  Status failure;
  Event arrived;
};

struct Delivery {
  std::vector<storage::WatchEvent> events;
  Status status;
};

int64_t parseSeconds(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value > 0 ? value : kTimeoutSeconds;
}

struct Selection {
  const Resource& resource;
  const api::LabelSelector& labels;
  const api::FieldSelector& fields;

  [[nodiscard]] bool matches(const api::Object& object) const {
    const auto& meta = *api::objectMeta(object);
    if (!labels.matches(meta.labels)) return false;
    if (fields.isEverything()) return true;
    api::FieldSet set;
    set.emplace_back("metadata.name", meta.name);
    set.emplace_back("metadata.namespace", meta.namespace_);
    resource.strategy->selectableFields(object.data(), set);
    return fields.matches(set);
  }
};

struct Outgoing {
  std::string_view type;  ///< empty: nothing to tell
  api::Object object;
};

/// An object that comes into a selection is ADDED, one that leaves it DELETED.
Result<Outgoing> translate(const GenericRegistry& registry, const Selection& selection,
                           const storage::WatchEvent& event) {
  api::Object before;
  api::Object after;
  if (event.previous) {
    TRY(before, registry.decode(*event.previous));
  }
  if (event.type == storage::WatchEvent::Type::Put) {
    TRY(after, registry.decode(*event.item));
  }
  const bool matched = before && selection.matches(before);
  const bool matches = after && selection.matches(after);
  if (matches) return Outgoing{matched ? "MODIFIED" : "ADDED", std::move(after)};
  if (!matched) return Outgoing{};
  // The last state that was seen, at the revision at which it went.
  api::objectMeta(before)->resourceVersion = std::to_string(event.item->modRevision);
  return Outgoing{"DELETED", std::move(before)};
}

}  // namespace

Task<Status> ApiServer::handleWatch(Exchange& exchange) {
  const auto& query = exchange.query;
  const auto& resource = *exchange.resource;
  CO_TRY(auto labels, api::LabelSelector::parse(query.get("labelSelector")));
  CO_TRY(auto fields, api::FieldSelector::parse(query.get("fieldSelector")));
  std::vector<std::string_view> known = {"metadata.name", "metadata.namespace"};
  for (auto field : resource.strategy->traits().fieldSelectors) known.push_back(field);
  CO_TRY_STATUS(fields.checkKnown(known));
  if (!exchange.info.name.empty()) fields.add({"metadata.name", true, exchange.info.name});
  Selection selection{resource, labels, fields};

  ListAnswer initial;
  storage::Revision from = 0;
  auto version = query.get("resourceVersion");
  if (version.empty() || version == "0") {
    ListRequest list;
    list.ns = exchange.info.ns;
    list.labels = labels;
    list.fields = fields;
    CO_TRY(initial, exchange.registry->list(list));
    from = initial.revision;
  } else {
    auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), from);
    if (error != std::errc() || end != version.data() + version.size() || from < 0) {
      co_return badRequest("invalid resource version \"" + std::string(version) + "\"");
    }
  }

  auto inbox = std::make_shared<Inbox>();
  storage::WatchRequest request;
  request.prefix = exchange.registry->collection().keyPrefix;
  if (resource.namespaced && !exchange.info.ns.empty()) request.prefix += exchange.info.ns + "/";
  request.startRevision = from + 1;
  request.previous = true;
  auto* executor = &executor_;
  auto watch = store_.watch(std::move(request), [inbox, executor](const storage::WatchDelivery& d) {
    auto delivery = std::make_shared<Delivery>();
    delivery->events.assign(d.events.begin(), d.events.end());
    delivery->status = d.status;
    executor->post([inbox, delivery] {
      if (inbox->events.size() + delivery->events.size() > kPendingMax) {
        inbox->failure = expired("too old resource version: the watch fell behind");
      } else {
        for (auto& event : delivery->events) inbox->events.push_back(std::move(event));
        if (!delivery->status.ok()) inbox->failure = delivery->status;
      }
      inbox->arrived.set();
    });
  });

  auto mediaType = exchange.accepted.table ? MediaType::Json : exchange.accepted.mediaType;
  if (mediaType == MediaType::Yaml) mediaType = MediaType::Json;
  auto apiVersion = groupVersionText(resource.group, resource.version);
  bool columns = true;
  auto frame = [&](std::string_view type, const api::ConstObject& object) -> Result<std::string> {
    std::string body;
    if (exchange.accepted.table) {
      TRY(body, encodeTable(resource, std::span(&object, 1), nullptr, query.get("includeObject"),
                            executor_.wallNow(), std::exchange(columns, false)));
    } else {
      TRY(body, encodeObject(object, apiVersion, resource.kind, mediaType));
    }
    return watchFrame(type, body, mediaType);
  };

  net::Headers headers{{"Content-Type", mediaType == MediaType::Protobuf
                                            ? "application/vnd.kubernetes.protobuf;stream=watch"
                                            : "application/json"},
                       {"Cache-Control", "no-cache, private"}};
  CO_TRY_STATUS(co_await exchange.response.start(200, std::move(headers)));
  for (const auto& object : initial.items) {
    CO_TRY(auto bytes, frame("ADDED", object));
    CO_TRY_STATUS(co_await exchange.response.write(bytes));
  }
  initial.items.clear();

  Deadline deadline(std::chrono::seconds(parseSeconds(query.get("timeoutSeconds"))),
                    exchange.request.stop);
  while (true) {
    Status waited = co_await inbox->arrived.wait(deadline.token());
    if (!waited.ok()) break;
    inbox->arrived.reset();
    while (!inbox->events.empty()) {
      auto event = std::move(inbox->events.front());
      inbox->events.pop_front();
      CO_TRY(auto outgoing, translate(*exchange.registry, selection, event));
      if (outgoing.type.empty()) continue;
      api::ConstObject object(std::move(outgoing.object));
      CO_TRY(auto bytes, frame(outgoing.type, object));
      CO_TRY_STATUS(co_await exchange.response.write(bytes));
    }
    if (!inbox->failure.ok()) {
      auto body = watchFrame("ERROR", encodeStatus(inbox->failure, mediaType), mediaType);
      CO_TRY_STATUS(co_await exchange.response.write(body));
      break;
    }
  }
  co_return co_await exchange.response.end();
}

}  // namespace coxswain::apiserver
