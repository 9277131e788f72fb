#include "apiserver/generic/generic_registry.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "apiserver/generic/continue_token.h"
#include "apiserver/registry/metadata.h"
#include "base/assert.h"
#include "runtime/one_shot.h"

namespace coxswain::apiserver {

using api::meta::v1::ObjectMeta;

namespace {

/// Names tried for one generateName before the client hears of the collision.
constexpr int kGenerateAttempts = 8;
/// Bound on repeated updates of one object that others keep changing.
constexpr int kUpdateAttempts = 100;

constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kModified =
    "the object has been modified; please apply your changes to the latest version and try again";

api::Time timeNow() {
  Executor* executor = Executor::current();
  COXSWAIN_ASSERT(executor != nullptr);
  auto seconds = std::chrono::floor<std::chrono::seconds>(executor->wallNow());
  return api::Time::fromUnix(seconds.time_since_epoch().count());
}

Result<storage::Revision> parseRevision(std::string_view text) {
  storage::Revision revision = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (error != std::errc() || end != text.data() + text.size() || revision < 0) {
    return badRequest("invalid resource version \"" + std::string(text) + "\"");
  }
  return revision;
}

void setFinalizer(ObjectMeta& meta, std::string_view finalizer, bool wanted) {
  if (!wanted) {
    api::removeFinalizer(meta, finalizer);
  } else if (!api::hasFinalizer(meta, finalizer)) {
    meta.finalizers.emplace_back(finalizer);
  }
}

bool mayVanish(const ObjectMeta& meta) {
  return meta.deletionTimestamp.has_value() && meta.finalizers.empty() &&
         meta.deletionGracePeriodSeconds.value_or(0) == 0;
}

}  // namespace

/// What is under a key; `object` is empty where it is absent.
struct GenericRegistry::Stored {
  storage::KeyValuePtr item;
  api::Object object;
};

GenericRegistry::GenericRegistry(storage::Store& store, Collection collection,
                                 const Strategy& strategy, Random& random)
    : store_(store), collection_(std::move(collection)), strategy_(strategy), random_(random) {}

std::string GenericRegistry::key(std::string_view ns, std::string_view name) const {
  std::string key = collection_.keyPrefix;
  if (collection_.namespaced) key.append(ns).append("/");
  return key.append(name);
}

Result<api::Object> GenericRegistry::decode(const storage::KeyValue& stored) const {
  TRY(auto envelope, api::openEnvelope(*stored.value));
  api::Object object(strategy_.info());
  TRY_STATUS(api::decodeProtobuf(strategy_.info(), envelope.raw, object.data()));
  strategy_.setDefaults(object.data());
  api::objectMeta(object)->resourceVersion = std::to_string(stored.modRevision);
  return object;
}

std::string GenericRegistry::encode(const api::Object& object) const {
  // The revision is the store's to know; kept in the value it would be stale.
  auto copy = object.clone();
  api::objectMeta(copy)->resourceVersion.clear();
  std::string bytes;
  api::encodeEnvelope(strategy_.info(), copy.data(), bytes, collection_.apiVersion);
  return bytes;
}

std::string GenericRegistry::newUid() {
  uint8_t bytes[16];
  random_.fill(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);  // RFC 9562: version 4
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  constexpr char kHex[] = "0123456789abcdef";
  std::string uid;
  uid.reserve(36);
  for (size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uid.push_back('-');
    uid.push_back(kHex[bytes[i] >> 4]);
    uid.push_back(kHex[bytes[i] & 15]);
  }
  return uid;
}

Result<GenericRegistry::Stored> GenericRegistry::load(std::string_view ns,
                                                      std::string_view name) const {
  Stored stored;
  TRY(stored.item, store_.get(key(ns, name)));
  if (stored.item) {
    TRY(stored.object, decode(*stored.item));
  }
  return stored;
}

Task<Result<storage::WriteResult>> GenericRegistry::write(storage::WriteRequest request) const {
  OneShot<Result<storage::WriteResult>> done;
  store_.write(std::move(request), [done](Result<storage::WriteResult> result) mutable {
    done.set(std::move(result));
  });
  auto result = co_await done.wait();
  co_return std::move(*result);
}

Result<api::ConstObject> GenericRegistry::get(std::string_view ns, std::string_view name) const {
  TRY(auto stored, load(ns, name));
  if (!stored.item) return notFound(collection_.resource, name);
  return api::ConstObject(std::move(stored.object));
}

Task<Result<api::ConstObject>> GenericRegistry::create(std::string ns, api::Object object,
                                                       bool dryRun, WriteAdmission* admission) {
  auto& meta = *api::objectMeta(object);
  if (!meta.resourceVersion.empty() && meta.resourceVersion != "0") {
    co_return internalError("resourceVersion should not be set on objects to be created");
  }
  meta.resourceVersion.clear();
  meta.namespace_ = ns;
  prepareMetaForCreate(meta, strategy_.traits());
  strategy_.prepareForCreate(object.data());
  fillSystemFields(meta, timeNow(), newUid());

  const bool generated = meta.name.empty() && !meta.generateName.empty();
  for (int attempt = 1;; ++attempt) {
    if (generated) {
      meta.name = api::generateName(meta.generateName, [this] { return random_.next(); });
    }
    if (admission) {
      CO_TRY_STATUS(co_await admission->admit(WriteKind::Create, &object, nullptr));
    }
    api::FieldErrors errors;
    validateObjectMeta(meta, collection_.namespaced, strategy_, api::FieldPath("metadata"), errors);
    strategy_.validate(object.data(), errors);
    if (!errors.empty()) co_return errors.toStatus(collection_.kind, meta.name);
    if (admission) {
      CO_TRY_STATUS(co_await admission->validate(WriteKind::Create, &object, nullptr));
    }
    std::unique_ptr<StorageTransaction> transaction;
    if (hooks_) {
      CO_TRY(transaction, co_await hooks_->beginCreate(object, dryRun));
    }
    if (dryRun) {
      if (transaction) transaction->finish(false);
      CO_TRY(auto existing, store_.get(key(ns, meta.name)));
      if (existing) co_return alreadyExists(collection_.resource, meta.name);
      co_return api::ConstObject(std::move(object));
    }
    auto path = key(ns, meta.name);
    storage::WriteRequest request;
    request.compares.push_back({path, 0});
    request.operations.push_back(storage::Operation::put(path, encode(object)));
    auto written = co_await write(std::move(request));
    if (transaction) transaction->finish(written.ok() && written->succeeded);
    if (!written.ok()) co_return written.status();
    if (written->succeeded) {
      meta.resourceVersion = std::to_string(written->revision);
      co_return api::ConstObject(std::move(object));
    }
    if (!generated || attempt == kGenerateAttempts) {
      co_return alreadyExists(collection_.resource, meta.name);
    }
  }
}

Status GenericRegistry::checkPreconditions(const Preconditions& wanted,
                                           const api::Object& current) const {
  const auto& meta = *api::objectMeta(current);
  if (!wanted.uid.empty() && wanted.uid != meta.uid) {
    return conflict(collection_.resource, meta.name,
                    "Precondition failed: UID in precondition: " + wanted.uid +
                        ", UID in object meta: " + meta.uid);
  }
  if (!wanted.resourceVersion.empty() && wanted.resourceVersion != meta.resourceVersion) {
    return conflict(
        collection_.resource, meta.name,
        "Precondition failed: ResourceVersion in precondition: " + wanted.resourceVersion +
            ", ResourceVersion in object meta: " + meta.resourceVersion);
  }
  return {};
}

Status GenericRegistry::prepareUpdate(const UpdateRequest& request, api::Object& next,
                                      const api::Object& current) const {
  auto& meta = *api::objectMeta(next);
  const auto& currentMeta = *api::objectMeta(current);
  if (meta.resourceVersion.empty() && strategy_.traits().allowUnconditionalUpdate) {
    meta.resourceVersion = currentMeta.resourceVersion;
  }
  if (!meta.resourceVersion.empty() && meta.resourceVersion != currentMeta.resourceVersion) {
    return conflict(collection_.resource, request.name, kModified);
  }
  if (!meta.uid.empty() && meta.uid != currentMeta.uid) {
    return conflict(collection_.resource, request.name,
                    "Precondition failed: UID in precondition: " + meta.uid +
                        ", UID in object meta: " + currentMeta.uid);
  }
  if (collection_.namespaced && meta.namespace_.empty()) meta.namespace_ = request.ns;
  prepareMetaForUpdate(meta, currentMeta);
  if (request.status) {
    strategy_.prepareForStatusUpdate(next.data(), current.data());
  } else {
    strategy_.prepareForUpdate(next.data(), current.data());
  }
  growGeneration(strategy_, next.data(), current.data());
  return {};
}

Status GenericRegistry::validateUpdate(const UpdateRequest& request, const api::Object& next,
                                       const api::Object& current) const {
  const auto& meta = *api::objectMeta(next);
  const auto& currentMeta = *api::objectMeta(current);
  api::FieldErrors errors;
  validateObjectMetaUpdate(meta, currentMeta, strategy_.traits(), api::FieldPath("metadata"),
                           errors);
  if (request.status) {
    strategy_.validateStatusUpdate(next.data(), current.data(), errors);
  } else {
    strategy_.validateUpdate(next.data(), current.data(), errors);
  }
  return errors.empty() ? Status() : errors.toStatus(collection_.kind, request.name);
}

Task<Result<GenericRegistry::Updated>> GenericRegistry::update(UpdateRequest request,
                                                               const Transform& transform,
                                                               WriteAdmission* admission) {
  for (int attempt = 0; attempt < kUpdateAttempts; ++attempt) {
    CO_TRY(auto stored, load(request.ns, request.name));
    if (!stored.item) {
      if (!strategy_.traits().allowCreateOnUpdate || request.status) {
        co_return notFound(collection_.resource, request.name);
      }
      CO_TRY(auto fresh, transform(nullptr));
      auto made = co_await create(request.ns, std::move(fresh), request.dryRun, admission);
      if (!made.ok()) co_return made.status();
      co_return Updated{std::move(*made), true};
    }
    CO_TRY_STATUS(checkPreconditions(request.preconditions, stored.object));
    CO_TRY(auto next, transform(&stored.object));
    CO_TRY_STATUS(prepareUpdate(request, next, stored.object));
    if (admission) {
      CO_TRY_STATUS(co_await admission->admit(WriteKind::Update, &next, &stored.object));
    }
    CO_TRY_STATUS(validateUpdate(request, next, stored.object));
    if (admission) {
      CO_TRY_STATUS(co_await admission->validate(WriteKind::Update, &next, &stored.object));
    }
    std::unique_ptr<StorageTransaction> transaction;
    if (hooks_) {
      CO_TRY(transaction, co_await hooks_->beginUpdate(next, stored.object, request.dryRun));
    }
    auto bytes = encode(next);
    const bool unchanged = bytes == *stored.item->value;
    if (unchanged || request.dryRun) {
      if (transaction) transaction->finish(unchanged);
      co_return Updated{unchanged ? std::move(stored.object) : std::move(next), false};
    }

    const bool vanishes = mayVanish(*api::objectMeta(next));
    storage::WriteRequest write;
    write.compares.push_back({stored.item->key, stored.item->modRevision});
    write.operations.push_back(vanishes
                                   ? storage::Operation::del(stored.item->key)
                                   : storage::Operation::put(stored.item->key, std::move(bytes)));
    auto written = co_await this->write(std::move(write));
    if (transaction) transaction->finish(written.ok() && written->succeeded);
    if (!written.ok()) co_return written.status();
    if (written->succeeded) {
      if (vanishes && hooks_) hooks_->afterDelete(next);
      api::objectMeta(next)->resourceVersion = std::to_string(written->revision);
      co_return Updated{std::move(next), false};
    }
    // Somebody was faster: the next round reads again, and finds the conflict if the client named
    // a resourceVersion.
  }
  co_return conflict(collection_.resource, request.name, kModified);
}

void GenericRegistry::markForDeletion(api::Object& object, const DeleteRequest& request,
                                      int64_t grace) const {
  auto& meta = *api::objectMeta(object);
  if (!meta.deletionTimestamp) {
    auto at = timeNow();
    meta.deletionTimestamp = api::Time::fromUnix(at.unix() + grace);
    if (meta.generation > 0) ++meta.generation;
  }
  meta.deletionGracePeriodSeconds = grace;
}

Task<Result<Deleted>> GenericRegistry::remove(std::string ns, std::string name,
                                              DeleteRequest request, WriteAdmission* admission) {
  for (int attempt = 0; attempt < kUpdateAttempts; ++attempt) {
    CO_TRY(auto stored, load(ns, name));
    if (!stored.item) co_return notFound(collection_.resource, name);
    CO_TRY_STATUS(checkPreconditions(request.preconditions, stored.object));
    if (admission) {
      CO_TRY_STATUS(co_await admission->admit(WriteKind::Delete, nullptr, &stored.object));
      CO_TRY_STATUS(co_await admission->validate(WriteKind::Delete, nullptr, &stored.object));
    }

    auto next = stored.object.clone();
    auto& meta = *api::objectMeta(next);
    std::string policy = request.propagationPolicy;
    if (policy.empty() && strategy_.traits().orphanByDefault) policy = "Orphan";
    if (!policy.empty()) {
      setFinalizer(meta, kOrphan, policy == "Orphan");
      setFinalizer(meta, kForeground, policy == "Foreground");
    }
    auto grace = strategy_.gracePeriod(next.data(), request.gracePeriodSeconds);
    // A second request may shorten the wait, never lengthen it.
    if (grace && meta.deletionTimestamp && meta.deletionGracePeriodSeconds) {
      *grace = std::min(*grace, *meta.deletionGracePeriodSeconds);
    }
    const bool waits = grace.value_or(0) > 0 || !meta.finalizers.empty();
    if (request.dryRun) co_return Deleted{std::move(next), !waits};

    storage::WriteRequest write;
    write.compares.push_back({stored.item->key, stored.item->modRevision});
    if (waits) {
      markForDeletion(next, request, grace.value_or(0));
      auto bytes = encode(next);
      if (bytes == *stored.item->value) co_return Deleted{std::move(stored.object), false};
      write.operations.push_back(storage::Operation::put(stored.item->key, std::move(bytes)));
    } else {
      write.operations.push_back(storage::Operation::del(stored.item->key));
    }
    auto written = co_await this->write(std::move(write));
    if (!written.ok()) co_return written.status();
    if (written->succeeded) {
      if (!waits && hooks_) hooks_->afterDelete(next);
      meta.resourceVersion = std::to_string(written->revision);
      co_return Deleted{std::move(next), !waits};
    }
  }
  co_return conflict(collection_.resource, name, kModified);
}

Result<ListAnswer> GenericRegistry::list(const ListRequest& request) const {
  storage::RangeRequest range;
  range.prefix = collection_.keyPrefix;
  if (collection_.namespaced && !request.ns.empty()) range.prefix += request.ns + "/";
  if (!request.continueToken.empty()) {
    if (!request.resourceVersion.empty() && request.resourceVersion != "0") {
      return badRequest("specifying resource version is not allowed when using continue");
    }
    TRY(auto token, decodeContinueToken(request.continueToken));
    range.revision = token.revision;
    range.startKey = collection_.keyPrefix + token.start;
  } else if (!request.resourceVersion.empty()) {
    TRY(auto wanted, parseRevision(request.resourceVersion));
    if (request.resourceVersionMatch == "Exact") {
      range.revision = wanted;
    } else if (wanted > store_.revision()) {
      return storage::futureRevisionStatus(wanted, store_.revision());
    }
  }
  const bool selective = !request.labels.isEverything() || !request.fields.isEverything();
  ListAnswer answer;
  while (true) {
    if (request.limit > 0) {
      range.limit = request.limit - static_cast<int64_t>(answer.items.size());
    }
    TRY(auto page, store_.range(range));
    answer.revision = page.revision;
    range.revision = page.revision;
    for (const auto& item : page.items) {
      TRY(auto object, decode(*item));
      const auto& meta = *api::objectMeta(object);
      if (!request.labels.matches(meta.labels)) continue;
      if (!request.fields.isEverything()) {
        api::FieldSet fields;
        fields.emplace_back("metadata.name", meta.name);
        fields.emplace_back("metadata.namespace", meta.namespace_);
        strategy_.selectableFields(object.data(), fields);
        if (!request.fields.matches(fields)) continue;
      }
      answer.items.emplace_back(std::move(object));
    }
    if (!page.more) break;
    range.startKey = page.items.back()->key + std::string(1, '\0');
    if (static_cast<int64_t>(answer.items.size()) >= request.limit) {
      answer.continueToken =
          encodeContinueToken({page.revision, range.startKey.substr(collection_.keyPrefix.size())});
      if (!selective) {
        answer.remainingItems = page.count - static_cast<int64_t>(page.items.size());
      }
      break;
    }
  }
  return answer;
}

}  // namespace coxswain::apiserver
