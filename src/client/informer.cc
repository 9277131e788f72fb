#include "client/informer.h"

#include <unordered_set>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "base/log.h"
#include "client/resources.h"
#include "client/sorted_pointers.h"
#include "runtime/spawn.h"

namespace coxswain::client {

namespace {
const Logger kLog("client");
constexpr Duration kBackoffMin = 800ms;
constexpr Duration kBackoffMax = 30s;
/// The server does not have the kind: a later version of it may.
constexpr Duration kAbsentRetry = 5min;
constexpr int64_t kPageSize = 500;
}  // namespace

std::string objectKey(const api::ConstObject& object) {
  return api::objectKey(*api::objectMeta(object));
}

/// Points at the entries of `objects_`, which stay where they are while they live.
struct Informer::Index {
  struct ByKey {
    bool operator()(const Entry* a, const Entry* b) const { return a->first < b->first; }
  };
  using Entries = SortedPointers<Entry, ByKey>;

  std::string name;
  IndexFunction function;
  std::unordered_map<std::string, Entries> entries;

  void change(const Entry& entry, const api::ConstObject& before, const api::ConstObject& after) {
    std::vector<std::string> old;
    std::vector<std::string> now;
    if (before) old = function(before);
    if (after) now = function(after);
    if (old == now) return;
    for (const auto& value : old) {
      auto at = entries.find(value);
      if (at == entries.end()) continue;
      at->second.erase(&entry);
      if (at->second.empty()) entries.erase(at);
    }
    for (auto& value : now) entries[std::move(value)].insert(&entry);
  }
};

Informer::Informer(Client& client, const ResourceType& type, Options options)
    : client_(client), type_(type), options_(std::move(options)) {}
Informer::~Informer() = default;

/// What was decoded for us alone loses what nobody here asks for, above all who set which field (a
/// write without managers leaves those that are stored).
void Informer::slim(const api::ConstObject& object) const {
  if (object.shared().use_count() != 1) return;
  void* data = const_cast<void*>(object.data());
  if (auto* meta = api::objectMeta(object.info(), data)) {
    std::vector<api::meta::v1::ManagedFieldsEntry>().swap(meta->managedFields);
  }
  if (options_.trim) options_.trim(data);
}

void Informer::addHandler(Handler handler) {
  for (const auto& [key, object] : objects_) handler(Change{{}, object});
  handlers_.push_back(std::move(handler));
}

void Informer::addIndex(std::string name, IndexFunction function) {
  for (const auto& known : indices_) {
    if (known->name == name) return;
  }
  auto index = std::make_unique<Index>();
  index->name = std::move(name);
  index->function = std::move(function);
  for (const auto& entry : objects_) index->change(entry, {}, entry.second);
  indices_.push_back(std::move(index));
}

Task<void> Informer::run(std::stop_token stop) {
  Duration backoff = kBackoffMin;
  std::string version;
  while (!stop.stop_requested()) {
    Status failure;
    if (version.empty()) {
      auto listed = co_await replaceAll(stop);
      if (listed.ok()) {
        version = *listed;
      } else {
        failure = listed.status();
      }
    }
    if (failure.ok()) {
      failure = co_await follow(version, stop);
      if (lastVersion_ != version) backoff = kBackoffMin;
      version = isExpired(failure) ? "" : lastVersion_;
      if (isEndOfStream(failure) && backoff == kBackoffMin) {
        // The server ended the watch in order; go on at once, but never spin.
        backoff *= 2;
        continue;
      }
    }
    if (stop.stop_requested()) break;
    if (!isExpired(failure) && !isEndOfStream(failure)) {
      kLog.debug("watching failed", {{"resource", type_.plural}, {"error", failure}});
    }
    Status slept = co_await sleepFor(isNotFound(failure) ? kAbsentRetry : backoff, stop);
    if (!slept.ok()) break;
    backoff = std::min(backoff * 2, kBackoffMax);
  }
}

/// The whole collection. With `trim`, page by page: else all objects were there whole before the
/// first of them is trimmed, and what that leaves between them is of no use to anybody.
static Task<Result<ObjectList>> listAll(Client& client, const ResourceType& type, std::string ns,
                                        ListOptions options,
                                        std::function<void(const api::ConstObject&)> trim,
                                        std::stop_token stop) {
  ObjectList all;
  ListOptions page = options;
  if (trim) page.limit = kPageSize;
  while (true) {
    auto got = co_await client.list(type, ns, page, stop);
    // Pages ended because the list is too old by now: once more, in one piece.
    const bool again = isExpired(got.status()) && !page.continueToken.empty();
    if (again) {
      all.items.clear();
      page = options;
      continue;
    }
    if (!got.ok()) co_return got.status();
    all.resourceVersion = std::move(got->resourceVersion);
    for (auto& item : got->items) {
      if (trim) trim(item);
      all.items.push_back(std::move(item));
    }
    if (got->continueToken.empty()) co_return std::move(all);
    page.continueToken = std::move(got->continueToken);
  }
}

Task<Result<std::string>> Informer::replaceAll(std::stop_token stop) {
  ListOptions options;
  options.labelSelector = options_.labelSelector;
  options.fieldSelector = options_.fieldSelector;
  std::function<void(const api::ConstObject&)> trim;
  if (options_.trim) trim = [this](const api::ConstObject& object) { slim(object); };
  CO_TRY(ObjectList list,
         co_await listAll(client_, type_, options_.ns, std::move(options), std::move(trim), stop));
  std::unordered_set<std::string> present;
  present.reserve(list.items.size());
  for (const auto& item : list.items) present.insert(objectKey(item));
  std::vector<std::string> gone;
  for (const auto& [key, object] : objects_) {
    if (!present.contains(key)) gone.push_back(key);
  }
  for (auto& key : gone) apply(std::move(key), {});
  for (auto& item : list.items) {
    std::string key = objectKey(item);
    if (!options_.trim) slim(item);
    apply(std::move(key), std::move(item));
  }
  lastVersion_ = list.resourceVersion;
  synced_.set();
  co_return lastVersion_;
}

Task<Status> Informer::follow(std::string resourceVersion, std::stop_token stop) {
  lastVersion_ = resourceVersion;
  WatchOptions options;
  options.labelSelector = options_.labelSelector;
  options.fieldSelector = options_.fieldSelector;
  options.resourceVersion = std::move(resourceVersion);
  CO_TRY(std::unique_ptr<Watch> watch,
         co_await client_.watch(type_, options_.ns, std::move(options), stop));
  while (true) {
    CO_TRY(WatchEvent event, co_await watch->next(stop));
    const auto* meta = api::objectMeta(event.object);
    if (meta == nullptr) co_return internalError("a watch event without metadata");
    lastVersion_ = meta->resourceVersion;
    if (event.type == WatchEventType::Bookmark) continue;
    std::string key = api::objectKey(*meta);
    if (event.type == WatchEventType::Deleted) {
      // The last state is in the event: handlers see that one.
      auto at = objects_.find(key);
      if (at != objects_.end()) {
        for (auto& index : indices_) index->change(*at, at->second, event.object);
        at->second = event.object;
      }
      apply(std::move(key), {});
    } else {
      slim(event.object);
      apply(std::move(key), std::move(event.object));
    }
  }
}

void Informer::apply(std::string key, api::ConstObject after) {
  Change change;
  auto at = objects_.find(key);
  if (at != objects_.end()) change.before = at->second;
  if (!change.before && !after) return;
  if (change.before && after &&
      api::objectMeta(change.before)->resourceVersion == api::objectMeta(after)->resourceVersion) {
    return;
  }
  if (after && at == objects_.end()) at = objects_.emplace(std::move(key), after).first;
  for (auto& index : indices_) index->change(*at, change.before, after);
  if (after) {
    at->second = after;
  } else {
    objects_.erase(at);
  }
  change.after = std::move(after);
  for (const auto& handler : handlers_) handler(change);
}

api::ConstObject Informer::get(std::string_view key) const {
  auto at = objects_.find(std::string(key));
  return at == objects_.end() ? api::ConstObject() : at->second;
}

std::vector<api::ConstObject> Informer::list() const {
  std::vector<api::ConstObject> all;
  all.reserve(objects_.size());
  for (const auto& [key, object] : objects_) all.push_back(object);
  return all;
}

std::vector<api::ConstObject> Informer::byIndex(const std::string& index,
                                                const std::string& value) const {
  std::vector<api::ConstObject> found;
  for (const auto& candidate : indices_) {
    if (candidate->name != index) continue;
    auto at = candidate->entries.find(value);
    if (at == candidate->entries.end()) break;
    found.reserve(at->second.size());
    at->second.forEach([&found](const Entry& entry) { found.push_back(entry.second); });
    break;
  }
  return found;
}

size_t Informer::countByIndex(const std::string& index, const std::string& value) const {
  for (const auto& candidate : indices_) {
    if (candidate->name != index) continue;
    auto at = candidate->entries.find(value);
    return at == candidate->entries.end() ? 0 : at->second.size();
  }
  return 0;
}

void Informer::forEach(const std::function<void(const api::ConstObject&)>& visit) const {
  for (const auto& [key, object] : objects_) visit(object);
}

}  // namespace coxswain::client
