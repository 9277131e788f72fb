#include "controllers/garbagecollector/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "base/log.h"
#include "client/resources.h"
#include "controllers/framework/finalizers.h"
#include "controllers/framework/served.h"

namespace coxswain::controllers::garbagecollector {

using api::meta::v1::ObjectMeta;

namespace {

const Logger kLog("garbagecollector");
constexpr const char* kByOwner = "owner";
/// An owner is there but no cache shows it yet: look again then.
constexpr Duration kLagging = 10s;

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "garbage-collector-controller";
  o.workers = workers;
  o.queue.maxDelay = 60s;
  o.queue.perSecond = 0;
  return o;
}

std::vector<std::string> ownerUids(const api::ConstObject& object) {
  std::vector<std::string> uids;
  for (const auto& owner : api::objectMeta(object)->ownerReferences) uids.push_back(owner.uid);
  return uids;
}

/// It is the object that was not found, not its kind.
bool namesObject(const Status& status, const std::string& name) {
  return status.details() != nullptr && status.details()->name == name;
}

std::string_view groupOf(std::string_view apiVersion) {
  const auto slash = apiVersion.find('/');
  return slash == std::string_view::npos ? "" : apiVersion.substr(0, slash);
}

}  // namespace

GarbageCollector::GarbageCollector(const Context& context, int workers)
    : Controller(context, options(workers)),
      search_(client(), informers().of<api::apiregistration::v1::APIService>()) {}

Task<Status> GarbageCollector::prepare(std::stop_token stop) {
  // Without events: they have no dependents, and die by themselves.
  CO_TRY(auto served, co_await servedCollections(client(), stop));
  for (const auto* type : served) add(*type, type->kind->kind->kind);
  for (auto& kind : kinds_) use(*kind.type);
  // Handlers hear of present objects at once, and look into all caches: so these come last.
  for (auto& kind : kinds_) {
    listen(kind);
    if (!announcesKinds(*kind.type)) continue;
    kind.informer->addHandler([this](const client::Change&) { search_.changed(); });
  }
  informers().start();
  kLog.debug("watching", {{"kinds", kinds_.size()}});
  co_return Status();
}

void GarbageCollector::add(const client::ResourceType& type, std::string_view name) {
  auto& kind = kinds_.emplace_back(Kind{kinds_.size(), &type, std::string(name)});
  kind.informer = &informers().of(type);
  kind.informer->addIndex(kByOwner, ownerUids);
}

void GarbageCollector::listen(Kind& kind) {
  kind.informer->addHandler([this, &kind](const client::Change& c) { onChange(kind, c); });
}

void GarbageCollector::enqueue(const Kind& kind, const ObjectMeta& meta) {
  queue().add(fmt::format("{}|{}", kind.index, api::objectKey(meta)));
}

void GarbageCollector::onChange(Kind& kind, const client::Change& change) {
  if (!change.after) return onGone(kind, *api::objectMeta(change.before));
  const auto& meta = *api::objectMeta(change.after);
  if (auto& uids = kind.uids) uids->insert(meta.uid);
  if (change.before) {
    const auto& old = *api::objectMeta(change.before);
    if (old.uid != meta.uid) {
      onGone(kind, old);
    } else if (old.ownerReferences != meta.ownerReferences) {
      enqueueWaitingOwners(old);
    } else if (!meta.deletionTimestamp ||
               (old.deletionTimestamp.has_value() == meta.deletionTimestamp.has_value() &&
                old.finalizers == meta.finalizers)) {
      return;
    }
  }
  if (waitsForDependents(meta) || waitsForOrphaning(meta)) {
    enqueue(kind, meta);
    return;
  }
  for (const auto& owner : meta.ownerReferences) {
    auto cached = cachedOwner(meta.namespace_, owner);
    if (!cached || waitsForDependents(*api::objectMeta(cached))) {
      enqueue(kind, meta);
      return;
    }
  }
}

void GarbageCollector::onGone(Kind& kind, const ObjectMeta& meta) {
  if (kind.uids) kind.uids->erase(meta.uid);
  if (enqueueDependents(meta.uid)) absent_.remember(meta.uid);
  enqueueWaitingOwners(meta);
}

bool GarbageCollector::enqueueDependents(const std::string& uid) {
  bool any = false;
  for (const auto& kind : kinds_) {
    if (!kind.served) continue;
    for (const auto& object : kind.informer->byIndex(kByOwner, uid)) {
      enqueue(kind, *api::objectMeta(object));
      any = true;
    }
  }
  return any;
}

void GarbageCollector::enqueueWaitingOwners(const ObjectMeta& meta) {
  for (const auto& owner : meta.ownerReferences) {
    auto cached = cachedOwner(meta.namespace_, owner);
    if (!cached || !waitsForDependents(*api::objectMeta(cached))) continue;
    enqueue(*kindOf(owner), *api::objectMeta(cached));
  }
}

const GarbageCollector::Kind* GarbageCollector::kindOf(const Owner& owner) const {
  const auto group = groupOf(owner.apiVersion);
  for (const auto& kind : kinds_) {
    if (kind.served && kind.type->group == group && kind.name == owner.kind) return &kind;
  }
  return nullptr;
}

api::ConstObject GarbageCollector::cachedOwner(const std::string& ns, const Owner& owner) const {
  const auto* kind = kindOf(owner);
  if (kind == nullptr) return {};
  auto object = kind->informer->get(kind->type->namespaced ? ns + "/" + owner.name : owner.name);
  if (object && api::objectMeta(object)->uid != owner.uid) return {};
  return object;
}

std::vector<GarbageCollector::Found> GarbageCollector::dependentsOf(const std::string& uid) const {
  std::vector<Found> found;
  for (const auto& kind : kinds_) {
    if (!kind.served) continue;
    for (auto& object : kind.informer->byIndex(kByOwner, uid)) {
      found.push_back({&kind, std::move(object)});
    }
  }
  return found;
}

bool GarbageCollector::existsElsewhere(const Kind& kind, const std::string& uid) {
  auto& uids = kinds_[kind.index].uids;
  if (!uids) {
    uids.emplace();
    kind.informer->forEach(
        [&uids](const api::ConstObject& object) { uids->insert(api::objectMeta(object)->uid); });
  }
  return uids->contains(uid);
}

Task<Result<Duration>> GarbageCollector::reconcile(std::string key, std::stop_token stop) {
  const auto bar = key.find('|');
  size_t index = 0;
  std::from_chars(key.data(), key.data() + bar, index);
  const Kind& kind = kinds_[index];
  auto object = kind.informer->get(key.substr(bar + 1));
  if (!object) co_return Duration(0);
  const auto& meta = *api::objectMeta(object);
  if (meta.deletionTimestamp) {
    if (waitsForOrphaning(meta)) {
      CO_TRY_STATUS(co_await finishOrphaning(kind, object, stop));
    } else if (waitsForDependents(meta)) {
      CO_TRY_STATUS(co_await finishForeground(kind, object, stop));
    }
    co_return Duration(0);
  }
  std::vector<OwnerState> states;
  bool lagging = false;
  for (const auto& owner : meta.ownerReferences) {
    CO_TRY(OwnerState state, co_await stateOf(kind, object, owner, stop));
    lagging = lagging || (state == OwnerState::Present && kindOf(owner) != nullptr &&
                          !cachedOwner(meta.namespace_, owner));
    states.push_back(state);
  }
  const auto dependents = dependentsOf(meta.uid);
  const bool wait = std::any_of(dependents.begin(), dependents.end(), [](const Found& found) {
    return waitsForDependents(*api::objectMeta(found.object));
  });
  auto decision = decide(meta, states, !dependents.empty(), wait);
  CO_TRY_STATUS(co_await act(kind, object, std::move(decision), stop));
  co_return lagging ? kLagging : Duration(0);
}

Task<Result<OwnerState>> GarbageCollector::stateOf(const Kind& kind, const api::ConstObject& object,
                                                   Owner owner, std::stop_token stop) {
  const auto ns = api::objectMeta(object)->namespace_;
  const auto* ownerKind = kindOf(owner);
  // A kind that is not known: nothing can be said about its objects.
  if (ownerKind == nullptr) co_return OwnerState::Present;
  if (!kind.type->namespaced && ownerKind->type->namespaced) {
    tellWrongNamespace(object, owner);
    co_return OwnerState::Present;
  }
  if (auto cached = cachedOwner(ns, owner)) {
    co_return waitsForDependents(*api::objectMeta(cached)) ? OwnerState::Waiting
                                                           : OwnerState::Present;
  }
  if (absent_.contains(owner.uid)) co_return OwnerState::Absent;
  auto live = co_await client().get(*ownerKind->type, ownerKind->type->namespaced ? ns : "",
                                    owner.name, stop);
  if (live.ok() && api::objectMeta(*live)->uid == owner.uid) {
    co_return waitsForDependents(*api::objectMeta(*live)) ? OwnerState::Waiting
                                                          : OwnerState::Present;
  }
  if (!live.ok() && !isNotFound(live.status())) co_return live.status();
  if (ownerKind->foreign && !live.ok() && !namesObject(live.status(), owner.name)) {
    // The kind is not served (any more): that says nothing of its objects.
    co_return OwnerState::Present;
  }
  if (existsElsewhere(*ownerKind, owner.uid)) {
    // In another namespace, or by another name.
    tellWrongNamespace(object, owner);
    co_return OwnerState::Absent;
  }
  absent_.remember(owner.uid);
  co_return OwnerState::Absent;
}

void GarbageCollector::tellWrongNamespace(const api::ConstObject& object, const Owner& owner) {
  const auto& meta = *api::objectMeta(object);
  events().event(object.info(), object.data(), client::kEventWarning, "OwnerRefInvalidNamespace",
                 fmt::format("ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in "
                             "namespace \"{}\"",
                             owner.apiVersion, owner.kind, meta.namespace_, owner.name, owner.uid,
                             meta.namespace_));
}

Task<Status> GarbageCollector::patch(const Kind& kind, const api::ConstObject& object,
                                     client::PatchType type, std::string body,
                                     std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  auto patched = co_await client().patch(*kind.type, meta.namespace_, meta.name, "", type,
                                         std::move(body), stop);
  // Gone, or it is another object now.
  if (isNotFound(patched.status()) || isInvalid(patched.status())) co_return Status();
  co_return patched.status();
}

Task<Status> GarbageCollector::removeOwners(const Kind& kind, api::ConstObject object,
                                            std::vector<std::string> owners, std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  if (kind.foreign) {
    // Not all servers know strategic merge patches.
    co_return co_await patch(kind, object, client::PatchType::Merge, keepOwnersPatch(meta, owners),
                             stop);
  }
  co_return co_await patch(kind, object, client::PatchType::StrategicMerge,
                           removeOwnersPatch(meta.uid, owners), stop);
}

Task<Status> GarbageCollector::act(const Kind& kind, api::ConstObject object, Decision decision,
                                   std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  if (decision.action == Decision::Action::Keep) co_return Status();
  if (decision.action == Decision::Action::RemoveOwners) {
    co_return co_await removeOwners(kind, object, std::move(decision.ownersToRemove), stop);
  }
  client::DeleteOptions options;
  options.uid = meta.uid;
  if (decision.unblock) {
    CO_TRY_STATUS(co_await patch(kind, object, client::PatchType::Merge, unblockPatch(meta), stop));
  } else {
    // What was decided holds for this state only.
    options.resourceVersion = meta.resourceVersion;
  }
  options.propagationPolicy = decision.propagationPolicy;
  Status removed =
      co_await client().remove(*kind.type, meta.namespace_, meta.name, std::move(options), stop);
  if (isNotFound(removed)) co_return Status();
  co_return removed;
}

Task<Status> GarbageCollector::finishForeground(const Kind& kind, api::ConstObject object,
                                                std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  bool blocked = false;
  for (const auto& found : dependentsOf(meta.uid)) {
    const auto& dependent = *api::objectMeta(found.object);
    for (const auto& owner : dependent.ownerReferences) {
      blocked = blocked || (owner.uid == meta.uid && owner.blockOwnerDeletion.value_or(false));
    }
    if (!dependent.deletionTimestamp) {
      enqueue(*found.kind, dependent);
    }
  }
  if (blocked) co_return Status();
  co_return co_await removeFinalizer(kind, object, kForeground, stop);
}

Task<Status> GarbageCollector::finishOrphaning(const Kind& kind, api::ConstObject object,
                                               std::stop_token stop) {
  const auto& uid = api::objectMeta(object)->uid;
  for (const auto& found : dependentsOf(uid)) {
    std::vector<std::string> owners{uid};
    CO_TRY_STATUS(co_await removeOwners(*found.kind, found.object, std::move(owners), stop));
  }
  co_return co_await removeFinalizer(kind, object, kOrphan, stop);
}

Task<Status> GarbageCollector::removeFinalizer(const Kind& kind, api::ConstObject object,
                                               std::string_view finalizer, std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  auto live = co_await client().get(*kind.type, meta.namespace_, meta.name, stop);
  if (isNotFound(live.status())) co_return Status();
  if (!live.ok()) co_return live.status();
  if (api::objectMeta(*live)->uid != meta.uid) co_return Status();
  co_return co_await setFinalizer(client(), *kind.type, *live, std::string(finalizer), false, stop);
}

}  // namespace coxswain::controllers::garbagecollector
