#include "apiserver/generic/object_cache.h"

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"

namespace coxswain::apiserver {
namespace {

/// Bytes of structs for one byte of protobuf, about.
constexpr size_t kDecodedFactor = 6;

/// What hangs on an entry.
struct Forms {
  api::ConstObject object;                  ///< empty: not decoded
  std::shared_ptr<const std::string> json;  ///< null: not encoded
  std::shared_ptr<const DeflatePiece> deflated;
  mutable std::atomic<bool> used = true;  ///< since the budget last looked
};

std::shared_ptr<const Forms> formsOf(const storage::Entry& entry) {
  auto forms = std::static_pointer_cast<const Forms>(entry.decoded());
  if (forms) forms->used = true;
  return forms;
}

bool readVarint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

void appendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Takes one field off the front: its number and all its bytes, tag included.
bool takeField(std::string_view& bytes, uint64_t& number, std::string_view& field) {
  const auto* start = bytes.data();
  uint64_t tag = 0;
  uint64_t value = 0;
  if (!readVarint(bytes, tag)) return false;
  number = tag >> 3;
  size_t skip = 0;
  switch (tag & 7) {
    case 0:
      if (!readVarint(bytes, value)) return false;
      break;
    case 1:
      skip = 8;
      break;
    case 2:
      if (!readVarint(bytes, value)) return false;
      skip = value;
      break;
    case 5:
      skip = 4;
      break;
    default:
      return false;
  }
  if (skip > bytes.size()) return false;
  bytes.remove_prefix(skip);
  field = {start, static_cast<size_t>(bytes.data() - start)};
  return true;
}

constexpr uint64_t kMetadata = 1;
constexpr uint64_t kResourceVersion = 6;

}  // namespace

bool spliceResourceVersion(std::string_view raw, std::string_view resourceVersion,
                           std::string& out) {
  uint64_t number = 0;
  std::string_view field;
  auto rest = raw;
  if (!takeField(rest, number, field) || number != kMetadata || (field.front() & 7) != 2) {
    return false;
  }
  field.remove_prefix(1);
  uint64_t length = 0;
  if (!readVarint(field, length) || length != field.size()) return false;
  std::string version;
  version.push_back(static_cast<char>(kResourceVersion << 3 | 2));
  appendVarint(version, resourceVersion.size());
  version.append(resourceVersion);

  // The old one ends at `after`, begins at `before`.
  auto before = field.data();
  auto after = before;
  for (auto left = field; !left.empty(); after = left.data()) {
    std::string_view each;
    if (!takeField(left, number, each)) return false;
    if (number > kResourceVersion) break;
    before = number == kResourceVersion ? each.data() : left.data();
    if (number == kResourceVersion) {
      after = left.data();
      break;
    }
  }
  const auto* end = field.data() + field.size();
  const std::string_view head(field.data(), static_cast<size_t>(before - field.data()));
  const std::string_view tail(after, static_cast<size_t>(end - after));
  out.push_back(static_cast<char>(kMetadata << 3 | 2));
  appendVarint(out, head.size() + version.size() + tail.size());
  out.append(head).append(version).append(tail).append(rest);
  return true;
}

void FormBudget::add(const storage::EntryPtr& entry, size_t bytes) {
  std::lock_guard lock(mutex_);
  held_.push_back({entry, bytes});
  bytes_ += bytes;
  // Each gets a second chance at most once a round.
  for (size_t looked = 0, most = held_.size(); bytes_ > bytesMax_ && looked < 2 * most; ++looked) {
    auto oldest = std::move(held_.front());
    held_.pop_front();
    auto alive = oldest.entry.lock();
    auto forms = alive ? std::static_pointer_cast<const Forms>(alive->decoded()) : nullptr;
    if (forms && forms->used.exchange(false)) {
      held_.push_back(std::move(oldest));
      continue;
    }
    if (forms) alive->setDecoded(nullptr);
    bytes_ -= oldest.bytes;
  }
}

size_t FormBudget::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

Result<std::unique_ptr<ObjectCache>> ObjectCache::create(storage::Store& store, FormBudget& budget,
                                                         Kind kind) {
  std::unique_ptr<ObjectCache> cache(new ObjectCache(budget, std::move(kind)));
  storage::WatchCache::Options options;
  options.prefix = cache->kind_.prefix;
  options.eventsMax = cache->kind_.eventsKept;
  options.watcherEventsMax = cache->kind_.watcherEventsMax;
  options.makeEntry = [self = cache.get()](storage::KeyValuePtr stored,
                                           std::shared_ptr<const void> attachment) {
    return self->makeEntry(std::move(stored), std::move(attachment));
  };
  if (auto field = cache->kind_.triggerField; !field.empty()) {
    options.trigger = [field](const storage::Entry& entry) -> std::string_view {
      return static_cast<const ObjectHeader*>(entry.header())->field(field);
    };
  }
  TRY(cache->cache_, storage::WatchCache::create(store, std::move(options)));
  return cache;
}

Result<api::Object> ObjectCache::decode(const storage::KeyValue& stored) const {
  const auto& strategy = *kind_.strategy;
  TRY(auto envelope, api::openEnvelope(*stored.value));
  api::Object object(strategy.info());
  TRY_STATUS(api::decodeProtobuf(strategy.info(), envelope.raw, object.data()));
  strategy.setDefaults(object.data());
  api::objectMeta(object)->resourceVersion = std::to_string(stored.modRevision);
  return object;
}

storage::EntryPtr ObjectCache::makeEntry(storage::KeyValuePtr stored,
                                         std::shared_ptr<const void> attachment) const {
  const auto& strategy = *kind_.strategy;
  const bool given = attachment != nullptr;
  if (given) {
    // Nobody else has seen it yet.
    auto* fresh = const_cast<void*>(attachment.get());
    api::objectMeta(strategy.info(), fresh)->resourceVersion = std::to_string(stored->modRevision);
  }
  api::ConstObject object;
  if (given) {
    object = api::ConstObject(strategy.info(), std::move(attachment));
  } else if (auto decoded = decode(*stored); decoded.ok()) {
    object = std::move(*decoded);
  }
  std::string_view ns;
  auto name = std::string_view(stored->key).substr(kind_.prefix.size());
  if (kind_.namespaced) {
    auto slash = std::min(name.find('/'), name.size());
    ns = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
  }
  api::Labels labels;
  api::FieldSet fields;
  if (object) {
    labels = api::objectMeta(object)->labels;
    strategy.selectableFields(object.data(), fields);
  }
  auto header = std::make_shared<const ObjectHeader>(ns, name, std::move(labels),
                                                     strategy.traits().fieldSelectors, fields);
  const size_t bytes = stored->value->size() * kDecodedFactor;
  auto entry = std::make_shared<const storage::Entry>(std::move(stored), std::move(header));
  if (given) {
    auto forms = std::make_shared<Forms>();
    forms->object = std::move(object);
    entry->setDecoded(std::move(forms));
    budget_.add(entry, bytes);
  }
  return entry;
}

storage::EntryPtr ObjectCache::entryOf(storage::KeyValuePtr stored) const {
  return makeEntry(std::move(stored), nullptr);
}

Result<api::ConstObject> ObjectCache::object(const storage::EntryPtr& entry) const {
  auto forms = formsOf(*entry);
  if (forms && forms->object) return forms->object;
  TRY(auto decoded, decode(entry->stored()));
  auto fresh = std::make_shared<Forms>();
  fresh->object = std::move(decoded);
  if (forms) {
    fresh->json = forms->json;
    fresh->deflated = forms->deflated;
  }
  auto object = fresh->object;
  entry->setDecoded(std::move(fresh));
  budget_.add(entry, entry->bytes().size() * kDecodedFactor);
  return object;
}

Result<std::string> ObjectCache::encodeText(const storage::EntryPtr& entry, bool typeMeta) const {
  auto forms = formsOf(*entry);
  api::ConstObject object = forms ? forms->object : api::ConstObject();
  if (!object) {
    // For its text alone the decoded form is not worth keeping.
    TRY(object, decode(entry->stored()));
  }
  std::string text;
  text.reserve(entry->bytes().size() * 2);
  api::JsonEncodeOptions options;
  options.apiVersion = kind_.apiVersion;
  options.kind = kind_.kind;
  options.typeMeta = typeMeta;
  api::encodeJson(object.info(), object.data(), text, options);
  return text;
}

Result<std::shared_ptr<const std::string>> ObjectCache::json(const storage::EntryPtr& entry) const {
  auto forms = formsOf(*entry);
  if (forms && forms->json) return forms->json;
  TRY(auto text, encodeText(entry, true));
  text.shrink_to_fit();
  auto fresh = std::make_shared<Forms>();
  if (forms) {
    fresh->object = forms->object;
    fresh->deflated = forms->deflated;
  }
  auto shared = std::make_shared<const std::string>(std::move(text));
  fresh->json = shared;
  entry->setDecoded(std::move(fresh));
  budget_.add(entry, shared->size());
  return shared;
}

Result<std::shared_ptr<const DeflatePiece>> ObjectCache::deflatedItem(
    const storage::EntryPtr& entry) const {
  auto forms = formsOf(*entry);
  if (forms && forms->deflated) return forms->deflated;
  TRY(auto text, encodeText(entry, false));
  TRY(auto piece, deflatePiece(text));
  auto fresh = std::make_shared<Forms>();
  if (forms) {
    fresh->object = forms->object;
    fresh->json = forms->json;
  }
  auto shared = std::make_shared<const DeflatePiece>(std::move(piece));
  fresh->deflated = shared;
  entry->setDecoded(std::move(fresh));
  budget_.add(entry, shared->bytes.size());
  return shared;
}

Status ObjectCache::appendProtobuf(const storage::EntryPtr& entry, std::string& out) const {
  TRY(auto envelope, api::openEnvelope(entry->bytes()));
  const auto start = out.size();
  if (spliceResourceVersion(envelope.raw, std::to_string(entry->modRevision()), out)) return {};
  out.resize(start);
  TRY(auto object, this->object(entry));
  api::encodeProtobuf(object.info(), object.data(), out);
  return {};
}

}  // namespace coxswain::apiserver
