#include <charconv>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "apiserver/generic/continue_token.h"
#include "apiserver/generic/generic_registry.h"
#include "runtime/executor.h"
#include "runtime/one_shot.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

constexpr auto kFreshWait = 3s;

/// All of a selector's fields are in the headers of entries, whatever the version.
bool onlyMetadata(const api::FieldSelector& fields) {
  for (const auto& each : fields.requirements()) {
    if (!each.field.starts_with("metadata.")) return false;
  }
  return true;
}

}  // namespace

Result<storage::Revision> parseResourceVersion(std::string_view text) {
  storage::Revision revision = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (error == std::errc() && end == text.data() + text.size() && revision >= 0) return revision;
  const auto quoted = api::goQuote(text);
  return badRequest("resourceVersion: Invalid value: " + quoted + ": strconv.ParseUint: parsing " +
                    quoted + ": invalid syntax");
}

// --- items ---------------------------------------------------------------------------------------

Result<api::ConstObject> Item::object() const {
  if (object_) return object_;
  return registry_->decode(entry_);
}

Result<std::shared_ptr<const std::string>> Item::json() const {
  if (entry_ && !registry_->converts()) return registry_->cache().json(entry_);
  TRY(auto object, this->object());
  api::JsonEncodeOptions options;
  options.apiVersion = registry_->collection().apiVersion;
  options.kind = registry_->collection().kindName;
  std::string text;
  api::encodeJson(object.info(), object.data(), text, options);
  return std::make_shared<const std::string>(std::move(text));
}

Result<std::shared_ptr<const DeflatePiece>> Item::deflated() const {
  if (!entry_ || registry_->converts()) return std::shared_ptr<const DeflatePiece>();
  return registry_->cache().deflatedItem(entry_);
}

Status Item::appendProtobuf(std::string& out) const {
  if (entry_ && !registry_->converts()) return registry_->cache().appendProtobuf(entry_, out);
  TRY(auto object, this->object());
  api::encodeProtobuf(object.info(), object.data(), out);
  return {};
}

// --- get and list --------------------------------------------------------------------------------

Result<Item> GenericRegistry::find(std::string_view ns, std::string_view name) const {
  auto entry = cache_.watches().get(key(ns, name));
  if (!entry) return notFound(collection_.resource, name);
  return Item(*this, std::move(entry));
}

Result<api::ConstObject> GenericRegistry::get(std::string_view ns, std::string_view name) const {
  TRY(auto item, find(ns, name));
  return item.object();
}

Item GenericRegistry::itemOf(const api::ConstObject& object) const {
  const auto& meta = *api::objectMeta(object);
  auto entry = cache_.watches().get(key(meta.namespace_, meta.name));
  if (entry && !converts() && std::to_string(entry->modRevision()) == meta.resourceVersion) {
    // Of a dry run the answer has the stored one's version, but not its content.
    auto stored = cache_.object(entry);
    if (stored.ok() && stored->data() == object.data()) return {*this, std::move(entry)};
  }
  return {*this, object};
}

GenericRegistry::Matcher GenericRegistry::matcher(const api::LabelSelector& labels,
                                                  const api::FieldSelector& fields) const {
  if (labels.isEverything() && fields.isEverything()) return nullptr;
  const bool decodes = converts() && !onlyMetadata(fields);
  return [this, labels, fields, decodes](const storage::Entry& entry) {
    const auto& header = *static_cast<const ObjectHeader*>(entry.header());
    if (!labels.matches(header.labels)) return false;
    if (fields.isEverything()) return true;
    if (!decodes) return header.matches(fields);
    // Rare: a version that names its fields otherwise.
    auto held = std::shared_ptr<const storage::Entry>(std::shared_ptr<void>(), &entry);
    auto object = decode(held);
    if (!object.ok()) return false;
    api::FieldSet set;
    set.emplace_back("metadata.name", header.name);
    set.emplace_back("metadata.namespace", header.ns);
    strategy_.selectableFields(object->data(), set);
    return fields.matches(set);
  };
}

Task<Status> GenericRegistry::waitFor(std::string resourceVersion, std::stop_token stop) const {
  if (resourceVersion.empty() || resourceVersion == "0") co_return Status();
  CO_TRY(auto wanted, parseResourceVersion(resourceVersion));
  auto& cache = cache_.watches();
  if (wanted <= cache.revision()) co_return Status();
  OneShot<Status> reached;
  cache.waitFresh(wanted, [reached](Status status) mutable { reached.set(std::move(status)); });
  Deadline deadline(kFreshWait, stop);
  auto status = co_await reached.wait(deadline.token());
  if (status) co_return std::move(*status);
  co_return storage::futureRevisionStatus(wanted, cache.revision());
}

/// From the cache where it shows that revision, else from the store.
Result<storage::RangeResult> GenericRegistry::rangeAt(const storage::RangeRequest& range) const {
  return store_.range(range);
}

Result<ListAnswer> GenericRegistry::list(const ListRequest& request) const {
  const auto prefix = prefixOf(request.ns);
  const auto& root = cache_.kind().prefix;
  std::string start;
  storage::Revision revision = 0;  // 0: the cache's
  auto limit = request.resourceVersion == "0" ? 0 : request.limit;
  if (!request.continueToken.empty()) {
    if (!request.resourceVersion.empty() && request.resourceVersion != "0") {
      return badRequest("specifying resource version is not allowed when using continue");
    }
    TRY(auto token, decodeContinueToken(request.continueToken));
    // A negative one goes on with what there is now.
    revision = std::max<storage::Revision>(token.revision, 0);
    start = root + token.start;
    if (!start.starts_with(prefix))
      return badRequest("invalid continue token: invalid key: " + start);
  } else if (!request.resourceVersion.empty()) {
    auto wanted = parseResourceVersion(request.resourceVersion);
    if (!wanted.ok()) return wanted.status().withContext("invalid resource version");
    // Without a match, pages are of exactly that revision.
    const auto& match = request.resourceVersionMatch;
    if (match == "Exact" || (match.empty() && limit > 0)) revision = *wanted;
    if (*wanted > cache_.watches().revision()) {
      return storage::futureRevisionStatus(*wanted, cache_.watches().revision());
    }
  }
  const auto matches = matcher(request.labels, request.fields);
  ListAnswer answer;
  while (true) {
    std::vector<storage::EntryPtr> page;
    bool more = false;
    int64_t count = 0;
    const auto wanted = limit > 0 ? limit - static_cast<int64_t>(answer.items.size()) : 0;
    if (revision == 0 || revision == cache_.watches().revision()) {
      auto snapshot = cache_.watches().list(prefix, start, wanted);
      if (revision != 0 && snapshot.revision != revision) continue;  // it went on meanwhile
      page = std::move(snapshot.entries);
      more = snapshot.more;
      count = snapshot.count;
      revision = snapshot.revision;
    } else {
      storage::RangeRequest range;
      range.prefix = prefix;
      range.startKey = start;
      range.revision = revision;
      range.limit = wanted;
      TRY(auto result, rangeAt(range));
      page.reserve(result.items.size());
      for (auto& item : result.items) page.push_back(cache_.entryOf(std::move(item)));
      more = result.more;
      count = result.count;
    }
    answer.revision = revision;
    answer.items.reserve(answer.items.size() + (matches ? 0 : page.size()));
    for (const auto& entry : page) {
      if (!matches || matches(*entry)) answer.items.emplace_back(*this, entry);
    }
    if (!more || page.empty()) break;
    start = page.back()->key() + std::string(1, '\0');
    if (static_cast<int64_t>(answer.items.size()) >= limit) {
      answer.continueToken = encodeContinueToken({revision, start.substr(root.size())});
      if (!matches) answer.remainingItems = count - static_cast<int64_t>(page.size());
      break;
    }
  }
  return answer;
}

// --- watch ---------------------------------------------------------------------------------------

Result<std::unique_ptr<ObjectWatch>> GenericRegistry::watch(WatchRequest request) const {
  auto watch = std::make_unique<ObjectWatch>();
  watch->matches_ = matcher(request.labels, request.fields);
  storage::WatchCache::WatchOptions options;
  options.prefix = prefixOf(request.ns);
  const auto current = cache_.watches().revision();
  // A revision that is not there yet: only what comes after it.
  const auto floor = request.after > current ? request.after : 0;
  options.after = std::min(request.after, current);
  options.initialEvents = request.initialEvents;
  if (auto field = cache_.kind().triggerField; !field.empty() && !converts()) {
    if (const auto* value = request.fields.requiredValue(field)) options.trigger = *value;
  }
  if (watch->matches_ || floor != 0) {
    options.filter = [matches = watch->matches_, floor](const storage::CacheEvent& event) {
      if (event.revision <= floor) return false;
      return !matches || matches(*event.entry) || (event.previous && matches(*event.previous));
    };
  }
  options.notify = std::move(request.notify);
  TRY(watch->watcher_, cache_.watches().watch(std::move(options)));
  return watch;
}

Result<std::vector<ObjectEvent>> ObjectWatch::take(size_t max) {
  using Type = storage::CacheEvent::Type;
  std::vector<ObjectEvent> events;
  while (events.empty()) {
    TRY(auto taken, watcher_->take(max));
    if (taken.empty()) break;
    events.reserve(taken.size());
    for (auto& source : taken) {
      ObjectEvent event;
      event.type = source->type;
      event.revision = source->revision;
      event.entry = source->entry;
      if (source->type == Type::Modified && matches_) {
        const bool is = matches_(*source->entry);
        const bool was = matches_(*source->previous);
        if (!is && !was) continue;
        if (!is) {
          event.type = Type::Deleted;
          event.entry = source->previous;
        } else if (!was) {
          event.type = Type::Added;
        }
      }
      event.source = std::move(source);
      events.push_back(std::move(event));
    }
  }
  return events;
}

}  // namespace coxswain::apiserver
