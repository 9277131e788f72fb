#include "apiserver/generic/generic_registry.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/names/quote.h"
#include "apiserver/generic/owner_references.h"
#include "apiserver/registry/metadata.h"
#include "apiserver/registry/resources.h"
#include "base/assert.h"
#include "runtime/one_shot.h"

namespace coxswain::apiserver {

using api::meta::v1::ObjectMeta;

namespace {

/// Names tried for one generateName before the client hears of the collision.
constexpr int kGenerateAttempts = 8;
/// Bound on repeated updates of one object that others keep changing.
constexpr int kUpdateAttempts = 100;

/// Seconds that clocks can still add to the time of day; more is held to it.
constexpr int64_t kGraceMax = int64_t{1} << 32;
constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kModified =
    "the object has been modified; please apply your changes to the latest version and try again";

void setFinalizer(ObjectMeta& meta, std::string_view finalizer, bool wanted) {
  if (!wanted) {
    api::removeFinalizer(meta, finalizer);
  } else if (!api::hasFinalizer(meta, finalizer)) {
    meta.finalizers.emplace_back(finalizer);
  }
}

/// As Go reads it, with Go's text where it is none; 0 for an empty one.
Result<uint64_t> versionNumber(const std::string& text) {
  uint64_t number = 0;
  if (text.empty()) return number;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ptr == text.data() + text.size() && read.ec == std::errc()) return number;
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  return Status(Reason::Unknown, 500,
                "strconv.ParseUint: parsing " + api::goQuote(text) +
                    (digits ? ": value out of range" : ": invalid syntax"));
}

/// Gives the transaction back unless the write succeeds.
class Pending {
 public:
  explicit Pending(std::unique_ptr<StorageTransaction> transaction)
      : transaction_(std::move(transaction)) {}
  Task<Status> prepare() {
    if (!transaction_) co_return Status();
    co_return co_await transaction_->prepare();
  }
  void contribute(storage::WriteRequest& write) {
    if (transaction_) transaction_->contribute(write);
  }
  void finish(bool stored) {
    if (transaction_) std::exchange(transaction_, nullptr)->finish(stored);
  }
  ~Pending() { finish(false); }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

 private:
  std::unique_ptr<StorageTransaction> transaction_;
};

}  // namespace

api::Time registryNow() {
  Executor* executor = Executor::current();
  COXSWAIN_ASSERT(executor != nullptr);
  auto seconds = std::chrono::floor<std::chrono::seconds>(executor->wallNow());
  return api::Time::fromUnix(seconds.time_since_epoch().count());
}

Writer writerOf(const RequestContext& request) {
  return {managerName(request.fieldManager, request.userAgent), request.info.subresource};
}

FieldTree resetFieldsOf(const Strategy& strategy, bool status) {
  const auto& traits = strategy.traits();
  return FieldTree::ofPaths(status ? traits.statusResets : traits.resets);
}

namespace {

/// The versions beside that of `info` in which the same objects are served.
std::vector<OtherVersion> otherVersions(const api::MessageInfo& info) {
  std::vector<OtherVersion> others;
  const Resource* own = nullptr;
  for (const auto& row : resources()) {
    if (row.info == &info) own = &row;
  }
  if (!own) return others;
  for (const auto& row : resources()) {
    if (row.keyPrefix != own->keyPrefix || &row == own) continue;
    if (row.storageInfo != own->storageInfo || row.info == own->info) continue;
    // By way of what is stored, which one of the two may be.
    const auto between = [](const Resource& from, const Resource& to) {
      return [&from, &to](const void* source, void* target) {
        if (!to.fromStorage) return from.toStorage(source, target);
        if (!from.toStorage) return to.fromStorage(source, target);
        api::Object stored(*from.storageInfo);
        from.toStorage(source, stored.data());
        to.fromStorage(stored.data(), target);
      };
    };
    std::string version(row.group);
    version.append(version.empty() ? "" : "/").append(row.version);
    others.push_back({std::move(version), std::string(row.kind), row.info, between(*own, row),
                      between(row, *own)});
  }
  return others;
}

}  // namespace

/// What is under a key; `object` is empty where it is absent.
struct GenericRegistry::Stored {
  storage::EntryPtr entry;
  api::ConstObject object;
};

/// An object on its way into the store.
struct GenericRegistry::Encoded {
  std::string bytes;
  api::ConstObject stored;  ///< its stored form; the cache sets the resourceVersion
  api::Object served;       ///< empty: the same
};

GenericRegistry::GenericRegistry(storage::Store& store, ObjectCache& cache, Collection collection,
                                 const Strategy& strategy, Random& random)
    : store_(store),
      cache_(cache),
      collection_(std::move(collection)),
      strategy_(strategy),
      random_(random),
      fieldManager_(strategy.info(), collection_.apiVersion, collection_.kindName,
                    otherVersions(strategy.info())) {}

std::string GenericRegistry::prefixOf(std::string_view ns) const {
  std::string prefix = cache_.kind().prefix;
  if (collection_.namespaced && !ns.empty()) prefix.append(ns).append("/");
  return prefix;
}

std::string GenericRegistry::key(std::string_view ns, std::string_view name) const {
  return prefixOf(ns).append(name);
}

Result<api::ConstObject> GenericRegistry::decode(const storage::EntryPtr& entry) const {
  TRY(auto stored, cache_.object(entry));
  if (!converts()) return stored;
  api::Object served(strategy_.info());
  collection_.fromStorage(stored.data(), served.data());
  strategy_.setDefaults(served.data());
  return api::ConstObject(std::move(served));
}

GenericRegistry::Encoded GenericRegistry::encode(api::Object& object) const {
  Encoded encoded;
  // The revision is the store's to know; kept in the value it would be stale.
  auto& version = api::objectMeta(object)->resourceVersion;
  auto kept = std::exchange(version, {});
  if (converts()) {
    api::Object stored(cache_.kind().strategy->info());
    collection_.toStorage(object.data(), stored.data());
    api::encodeEnvelope(stored.info(), stored.data(), encoded.bytes, cache_.kind().apiVersion,
                        cache_.kind().kind);
    encoded.stored = api::ConstObject(std::move(stored));
  } else {
    api::encodeEnvelope(object.info(), object.data(), encoded.bytes, cache_.kind().apiVersion,
                        cache_.kind().kind);
  }
  version = std::move(kept);
  return encoded;
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
  stored.entry = cache_.watches().get(key(ns, name));
  if (stored.entry) {
    TRY(stored.object, decode(stored.entry));
  }
  return stored;
}

Task<Result<storage::WriteResult>> GenericRegistry::write(storage::WriteRequest request) const {
  OneShot<Result<storage::WriteResult>> done;
  const auto kind = WriteLatencies::kindOf(request);
  const auto start = Executor::current()->now();
  store_.write(std::move(request), [done](Result<storage::WriteResult> result) mutable {
    done.set(std::move(result));
  });
  auto result = co_await done.wait();
  writeLatencies_.observe(kind, Executor::current()->now() - start);
  co_return std::move(*result);
}

/// Takes `object` over; afterwards `*object` is what the client gets once the write is done.
storage::Operation GenericRegistry::put(std::string key, Encoded encoded,
                                        api::ConstObject* object) const {
  auto operation =
      storage::Operation::put(std::move(key), std::move(encoded.bytes), collection_.ttl);
  if (!converts()) encoded.stored = *object;
  operation.attachment = encoded.stored.shared();
  return operation;
}

Task<Result<api::ConstObject>> GenericRegistry::create(std::string ns, api::Object object,
                                                       bool dryRun, WriteAdmission* admission,
                                                       bool tracked) {
  if (admission && admission->request().info.verb != "patch") {
    dropRepeatedOwners(*api::objectMeta(object), OwnersSeen::BeforeAdmission,
                       admission->request().warnings);
  }
  // What admission and the kind's strategy set belongs to nobody.
  if (!tracked) track(admission, nullptr, object, strategy_, false);
  auto& first = *api::objectMeta(object);
  // The store looks at it, behind everybody else, and only where it is a number.
  const bool versioned = versionNumber(first.resourceVersion).valueOr(0) != 0;
  first.resourceVersion.clear();
  first.namespace_ = ns;
  prepareMetaForCreate(first, strategy_.traits());
  fillSystemFields(first, registryNow(), newUid());
  strategy_.prepareForCreate(object.data());
  stamp(strategy_, admission, object, nullptr);
  if (admission) {
    CO_TRY_STATUS(co_await admission->admit(WriteKind::Create, &object, nullptr));
    dropRepeatedOwners(*api::objectMeta(object), OwnersSeen::AfterAdmission,
                       admission->request().warnings);
  }
  const bool generated =
      api::objectMeta(object)->name.empty() && !api::objectMeta(object)->generateName.empty();
  for (int attempt = 1;; ++attempt) {
    auto next = generated ? object.clone() : std::move(object);
    auto& meta = *api::objectMeta(next);
    if (generated) {
      meta.name = api::generateName(meta.generateName, [this] { return random_.next(); });
      strategy_.prepareForCreate(next.data());  // once more, for what comes from the name
    }
    api::FieldErrors errors;
    validateObjectMeta(meta, collection_.namespaced, strategy_, api::FieldPath("metadata"), errors);
    strategy_.validate(next.data(), errors);
    if (!errors.empty()) co_return errors.toStatus(collection_.kind, meta.name);
    if (admission) {
      strategy_.warnings(next.data(), nullptr, admission->request().warnings);
      CO_TRY_STATUS(co_await admission->validate(WriteKind::Create, &next, nullptr));
    }
    if (versioned && !dryRun) {
      co_return Status(Reason::Unknown, 500,
                       "resourceVersion should not be set on objects to be created");
    }
    auto path = key(ns, meta.name);
    std::unique_ptr<StorageTransaction> transaction;
    if (hooks_) {
      CO_TRY(transaction, co_await hooks_->beginCreate(next, dryRun));
    }
    Pending pending(std::move(transaction));
    auto existing = cache_.watches().get(path);
    if (!existing && dryRun) co_return api::ConstObject(std::move(next));

    std::string name = meta.name;
    if (!existing) {
      CO_TRY_STATUS(co_await pending.prepare());
      auto encoded = encode(next);
      api::ConstObject answer(converts() ? api::ConstObject() : api::ConstObject(std::move(next)));
      storage::WriteRequest request;
      request.compares.push_back({path, 0});
      request.operations.push_back(put(path, std::move(encoded), &answer));
      pending.contribute(request);
      auto written = co_await write(std::move(request));
      if (!written.ok()) co_return written.status();
      if (written->succeeded) {
        pending.finish(true);
        if (converts()) {
          api::objectMeta(next)->resourceVersion = std::to_string(written->revision);
          answer = api::ConstObject(std::move(next));
        }
        co_return answer;
      }
    }
    if (!generated || attempt == kGenerateAttempts || dryRun) {
      auto taken = alreadyExists(collection_.resource, name);
      auto other = load(ns, name);
      if (other.ok() && other->entry && api::objectMeta(other->object)->deletionTimestamp) {
        co_return taken.withContext("object is being deleted");
      }
      co_return taken;
    }
  }
}

Status GenericRegistry::checkPreconditions(const Preconditions& wanted,
                                           const api::Object& current) const {
  const auto& meta = *api::objectMeta(current);
  std::string why;
  if (!wanted.uid.empty() && wanted.uid != meta.uid) {
    why = "UID in precondition: " + wanted.uid + ", UID in object meta: " + meta.uid;
  } else if (!wanted.resourceVersion.empty() && wanted.resourceVersion != meta.resourceVersion) {
    why = "ResourceVersion in precondition: " + wanted.resourceVersion +
          ", ResourceVersion in object meta: " + meta.resourceVersion;
  } else {
    return {};
  }
  return conflict(collection_.resource, meta.name,
                  "StorageError: invalid object, Code: 4, Key: " + key(meta.namespace_, meta.name) +
                      ", ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: " + why);
}

Status GenericRegistry::checkDeletePreconditions(const Preconditions& wanted,
                                                 const api::Object& current) const {
  const auto& meta = *api::objectMeta(current);
  const bool otherUid = !wanted.uid.empty() && wanted.uid != meta.uid;
  const bool otherVersion =
      !wanted.resourceVersion.empty() && wanted.resourceVersion != meta.resourceVersion;
  if (!otherUid && !otherVersion) return {};
  if (strategy_.traits().ownFinalizers) {
    return conflict(collection_.resource, meta.name,
                    otherUid ? "Precondition failed: UID in precondition: " + wanted.uid +
                                   ", UID in object meta: " + meta.uid
                             : "Precondition failed: ResourceVersion in precondition: " +
                                   wanted.resourceVersion +
                                   ", ResourceVersion in object meta: " + meta.resourceVersion);
  }
  return conflict(collection_.kind, meta.name,
                  otherUid ? "the UID in the precondition (" + wanted.uid +
                                 ") does not match the UID in record (" + meta.uid +
                                 "). The object might have been deleted and then recreated"
                           : "the ResourceVersion in the precondition (" + wanted.resourceVersion +
                                 ") does not match the ResourceVersion in record (" +
                                 meta.resourceVersion + "). The object might have been modified");
}

Status GenericRegistry::prepareUpdate(const UpdateRequest& request, api::Object& next,
                                      const api::Object& current) const {
  const auto& strategy = request.strategy ? *request.strategy : strategy_;
  auto& meta = *api::objectMeta(next);
  const auto& currentMeta = *api::objectMeta(current);
  TRY(const auto version, versionNumber(meta.resourceVersion));
  if (version == 0 && !strategy_.traits().allowUnconditionalUpdate) {
    api::FieldErrors errors;
    errors.invalid(api::FieldPath("metadata").child("resourceVersion"), 0,
                   "must be specified for an update");
    return errors.toStatus(collection_.resource, request.name);
  }
  TRY(const auto stored, versionNumber(currentMeta.resourceVersion));
  if (version != 0 && version != stored) {
    return conflict(collection_.resource, request.name, kModified);
  }
  meta.resourceVersion = currentMeta.resourceVersion;
  if (!collection_.namespaced) {
    meta.namespace_.clear();
  } else if (meta.namespace_.empty()) {
    meta.namespace_ = request.ns;
  }
  prepareMetaForUpdate(meta, currentMeta);
  if (request.status) {
    strategy.prepareForStatusUpdate(next.data(), current.data());
  } else {
    strategy.prepareForUpdate(next.data(), current.data());
  }
  if (!request.status) growGeneration(strategy, next.data(), current.data());
  return {};
}

Status GenericRegistry::validateUpdate(const UpdateRequest& request, const api::Object& next,
                                       const api::Object& current) const {
  const auto& strategy = request.strategy ? *request.strategy : strategy_;
  const auto& meta = *api::objectMeta(next);
  const auto& currentMeta = *api::objectMeta(current);
  api::FieldErrors errors;
  validateObjectMetaUpdate(meta, currentMeta, strategy.traits(), api::FieldPath("metadata"),
                           errors);
  if (request.status) {
    strategy.validateStatusUpdate(next.data(), current.data(), errors);
  } else {
    strategy.validateUpdate(next.data(), current.data(), errors);
  }
  return errors.empty() ? Status() : errors.toStatus(collection_.kind, request.name);
}

bool GenericRegistry::mayVanish(const api::Object& object) const {
  const auto& meta = *api::objectMeta(object);
  return meta.deletionTimestamp.has_value() && meta.finalizers.empty() &&
         meta.deletionGracePeriodSeconds.value_or(0) == 0 && !strategy_.holdsDeleted(object.data());
}

Task<Result<GenericRegistry::Updated>> GenericRegistry::update(UpdateRequest request,
                                                               const Transform& transform,
                                                               WriteAdmission* admission) {
  for (int attempt = 0; attempt < kUpdateAttempts; ++attempt) {
    CO_TRY(auto stored, load(request.ns, request.name));
    if (!stored.entry) {
      const bool creates = strategy_.traits().allowCreateOnUpdate || request.createAlways;
      if (!creates || request.status || request.strategy) {
        co_return notFound(collection_.resource, request.name);
      }
      CO_TRY(auto fresh, transform(nullptr));
      api::objectMeta(fresh)->resourceVersion.clear();
      auto made =
          co_await create(request.ns, std::move(fresh), request.dryRun, admission, request.tracked);
      if (!made.ok()) co_return made.status();
      co_return Updated{std::move(*made), true};
    }
    auto current = stored.object.clone();
    CO_TRY_STATUS(checkPreconditions(request.preconditions, current));
    CO_TRY(auto next, transform(&current));
    if (admission && admission->request().info.verb == "update") {
      dropRepeatedOwners(*api::objectMeta(next), OwnersSeen::BeforeAdmission,
                         admission->request().warnings);
    }
    if (!request.tracked) {
      track(admission, &current, next, request.strategy ? *request.strategy : strategy_,
            request.status);
    }
    CO_TRY_STATUS(prepareUpdate(request, next, current));
    stamp(request.strategy ? *request.strategy : strategy_, admission, next, &current);
    if (admission) {
      CO_TRY_STATUS(co_await admission->admit(WriteKind::Update, &next, &current));
      dropRepeatedOwners(*api::objectMeta(next), OwnersSeen::AfterAdmission,
                         admission->request().warnings);
    }
    CO_TRY_STATUS(validateUpdate(request, next, current));
    if (admission) {
      const auto& strategy = request.strategy ? *request.strategy : strategy_;
      // Of a template that stays as it is nobody needs to hear again.
      const bool changed =
          !strategy.traits().generation ||
          api::objectMeta(next)->generation != api::objectMeta(current)->generation;
      if (!request.status && changed) {
        strategy.warnings(next.data(), current.data(), admission->request().warnings);
      }
      CO_TRY_STATUS(co_await admission->validate(WriteKind::Update, &next, &current));
    }
    std::unique_ptr<StorageTransaction> transaction;
    if (hooks_) {
      CO_TRY(transaction, co_await hooks_->beginUpdate(next, current, request.dryRun));
    }
    Pending pending(std::move(transaction));
    auto encoded = encode(next);
    if (encoded.bytes == stored.entry->bytes()) {
      pending.finish(true);
      co_return Updated{std::move(stored.object), false};
    }
    if (request.dryRun) co_return Updated{api::ConstObject(std::move(next)), false};

    CO_TRY_STATUS(co_await pending.prepare());
    const bool vanishes = mayVanish(next);
    const auto& path = stored.entry->key();
    api::ConstObject answer;
    storage::WriteRequest write;
    pending.contribute(write);
    if (vanishes && hooks_) hooks_->contributeDelete(next, write);
    if (!vanishes && !converts()) answer = api::ConstObject(std::move(next));
    write.compares.push_back({path, stored.entry->modRevision()});
    write.operations.push_back(vanishes ? storage::Operation::del(path)
                                        : put(path, std::move(encoded), &answer));
    auto written = co_await this->write(std::move(write));
    if (!written.ok()) co_return written.status();
    if (!written->succeeded) continue;
    // A failed compare: somebody was faster. The next round reads again, and finds the conflict if
    // the client named a resourceVersion.
    pending.finish(true);
    if (vanishes && hooks_) hooks_->afterDelete(next);
    if (!vanishes && converts()) {
      api::objectMeta(next)->resourceVersion = std::to_string(written->revision);
    }
    if (!answer) answer = api::ConstObject(std::move(next));
    co_return Updated{std::move(answer), false};
  }
  co_return conflict(collection_.resource, request.name, kModified);
}

void GenericRegistry::stamp(const Strategy& strategy, WriteAdmission* admission, api::Object& next,
                            const api::Object* current) const {
  if (!admission) return;
  const auto& user = admission->request().user;
  strategy.stamp(next.data(), current ? current->data() : nullptr,
                 {user.name, user.uid, user.groups, user.extra, registryNow()});
}

/// Writes of the server itself have no request, and no managers.
void GenericRegistry::track(WriteAdmission* admission, const api::Object* live, api::Object& next,
                            const Strategy& strategy, bool status) const {
  if (!admission) return;
  fieldManager_.update(writerOf(admission->request()), live, next, resetFieldsOf(strategy, status),
                       registryNow());
}

void GenericRegistry::markForDeletion(api::Object& object, std::optional<int64_t> grace) const {
  auto& meta = *api::objectMeta(object);
  if (!meta.deletionTimestamp) {
    meta.deletionTimestamp = api::Time::fromUnix(registryNow().unix() + grace.value_or(0));
    if (meta.generation > 0) ++meta.generation;
  } else if (grace && meta.deletionGracePeriodSeconds.value_or(0) > *grace) {
    // Earlier than was said before.
    meta.deletionTimestamp = api::Time::fromUnix(meta.deletionTimestamp->unix() -
                                                 *meta.deletionGracePeriodSeconds + *grace);
  }
  if (!strategy_.traits().ownFinalizers) meta.deletionGracePeriodSeconds = grace.value_or(0);
  strategy_.beginDeletion(object.data());
}

Task<Result<Deleted>> GenericRegistry::remove(std::string ns, std::string name,
                                              DeleteRequest request, WriteAdmission* admission) {
  // Anything negative means the shortest time.
  if (request.gracePeriodSeconds.value_or(0) < 0) request.gracePeriodSeconds = 1;
  for (int attempt = 0; attempt < kUpdateAttempts; ++attempt) {
    CO_TRY(auto stored, load(ns, name));
    if (!stored.entry) co_return notFound(collection_.resource, name);
    auto next = stored.object.clone();
    CO_TRY_STATUS(checkDeletePreconditions(request.preconditions, next));
    if (admission) {
      CO_TRY_STATUS(co_await admission->admit(WriteKind::Delete, nullptr, &next));
      CO_TRY_STATUS(co_await admission->validate(WriteKind::Delete, nullptr, &next));
    }
    auto& meta = *api::objectMeta(next);
    std::string policy = request.propagationPolicy;
    if (policy.empty() && strategy_.traits().orphanByDefault && !meta.deletionTimestamp) {
      policy = "Orphan";
    }
    if (!policy.empty()) {
      setFinalizer(meta, kOrphan, policy == "Orphan");
      setFinalizer(meta, kForeground, policy == "Foreground");
    }
    auto grace = strategy_.gracePeriod(next.data(), request.gracePeriodSeconds);
    if (grace) *grace = std::min(*grace, kGraceMax);
    // A second request may shorten the wait, never lengthen it.
    if (grace && meta.deletionTimestamp && meta.deletionGracePeriodSeconds) {
      *grace = std::min(*grace, *meta.deletionGracePeriodSeconds);
    }
    const bool waits =
        grace.value_or(0) > 0 || !meta.finalizers.empty() || strategy_.holdsDeleted(next.data());
    if (waits || grace) markForDeletion(next, grace);
    if (request.dryRun) co_return Deleted{api::ConstObject(std::move(next)), !waits};

    const auto& path = stored.entry->key();
    storage::WriteRequest write;
    auto version = stored.entry->modRevision();
    if (grace && !waits) {
      // Watchers see the end announced, and then come.
      auto encoded = encode(next);
      if (encoded.bytes != stored.entry->bytes()) {
        api::ConstObject announced(next.clone());
        storage::WriteRequest mark;
        mark.compares.push_back({path, version});
        mark.operations.push_back(put(path, std::move(encoded), &announced));
        auto marked = co_await this->write(std::move(mark));
        if (!marked.ok()) co_return marked.status();
        if (!marked->succeeded) continue;
        version = marked->revision;
      }
    }
    write.compares.push_back({path, version});
    api::ConstObject answer;
    if (waits) {
      auto encoded = encode(next);
      if (encoded.bytes == stored.entry->bytes())
        co_return Deleted{std::move(stored.object), false};
      if (!converts()) answer = api::ConstObject(std::move(next));
      write.operations.push_back(put(path, std::move(encoded), &answer));
    } else {
      write.operations.push_back(storage::Operation::del(path));
      if (hooks_) hooks_->contributeDelete(next, write);
    }
    auto written = co_await this->write(std::move(write));
    if (!written.ok()) co_return written.status();
    if (!written->succeeded) continue;
    if (!answer) {
      if (!waits && hooks_) hooks_->afterDelete(next);
      api::objectMeta(next)->resourceVersion = std::to_string(written->revision);
      answer = api::ConstObject(std::move(next));
    }
    co_return Deleted{std::move(answer), !waits};
  }
  co_return conflict(collection_.resource, name, kModified);
}

}  // namespace coxswain::apiserver
