#include "controllers/resourceclaim/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "base/log.h"
#include "client/resources.h"

namespace coxswain::controllers::resourceclaim {

using api::resource::v1::ResourceClaimConsumerReference;
using api::resource::v1::ResourceClaimTemplate;

namespace {

const Logger kLog("resourceclaim");

/// Pods: by "namespace/claim", and by "namespace/template".
constexpr const char* kByResourceClaim = "resource claim";
constexpr const char* kByTemplate = "resource claim template";
/// Claims: by the uid of the pod that controls them.
constexpr const char* kByOwner = "owning pod";

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "resource_claim";
  o.workers = workers;
  return o;
}

bool concerns(const api::core::v1::Pod& pod) {
  return !pod.spec.resourceClaims.empty() || pod.status.extendedResourceClaimStatus;
}

std::vector<std::string> claimValues(const api::ConstObject& object) {
  const auto& pod = *object.as<api::core::v1::Pod>();
  if (!concerns(pod)) return {};
  auto values = claimNamesOf(pod);
  for (auto& value : values) value = pod.metadata.namespace_ + "/" + value;
  return values;
}

std::vector<std::string> templateValues(const api::ConstObject& object) {
  const auto& pod = *object.as<api::core::v1::Pod>();
  std::vector<std::string> values;
  for (const auto& entry : pod.spec.resourceClaims) {
    if (!entry.resourceClaimTemplateName) continue;
    values.push_back(pod.metadata.namespace_ + "/" + *entry.resourceClaimTemplateName);
  }
  return values;
}

std::vector<std::string> ownerValues(const api::ConstObject& object) {
  auto owner = owningPod(*object.as<api::resource::v1::ResourceClaim>());
  if (owner.second.empty()) return {};
  return {std::move(owner.second)};
}

bool isBuiltIn(const api::resource::v1::ResourceClaim& claim) {
  return api::hasFinalizer(claim.metadata, kFinalizer);
}

}  // namespace

ResourceClaimController::ResourceClaimController(const Context& context, int workers)
    : Controller(context, options(workers)),
      pods_(use<Pod>()),
      claims_(use<Claim>()),
      templates_(use<ResourceClaimTemplate>()) {
  pods_.addIndex(kByResourceClaim, claimValues);
  pods_.addIndex(kByTemplate, templateValues);
  claims_.addIndex(kByOwner, ownerValues);
  pods_.addHandler([this](const client::Change& change) {
    onPod(*(change.after ? change.after : change.before).as<Pod>(), !change.after);
  });
  claims_.addHandler([this](const client::Change& change) { onClaim(change); });
  templates_.addHandler([this](const client::Change& change) {
    if (change.before) return;
    for (const auto& pod : pods_.byIndex(kByTemplate, client::objectKey(change.after))) {
      onPod(*pod.as<Pod>(), false);
    }
  });
}

void ResourceClaimController::onPod(const Pod& pod, bool gone) {
  if (!concerns(pod)) return;
  const auto& ns = pod.metadata.namespace_;
  if (gone || isDone(pod)) {
    for (const auto& name : claimNamesOf(pod)) queue().add("c|" + ns + "/" + name);
  }
  for (const auto& entry : pod.spec.resourceClaims) {
    auto made = made_.find({pod.metadata.uid, entry.name});
    if (made == made_.end()) continue;
    // Until the pod is seen to name it.
    if (gone || (!made->second.empty() && claimOf(pod, entry).name == made->second))
      made_.erase(made);
  }
  if (!gone && needsWork(pod)) queue().add("p|" + ns + "/" + pod.metadata.name);
}

void ResourceClaimController::onClaim(const client::Change& change) {
  const auto key = client::objectKey(change.after ? change.after : change.before);
  if (change.after) queue().add("c|" + key);
  for (const auto& pod : pods_.byIndex(kByResourceClaim, key)) onPod(*pod.as<Pod>(), false);
}

bool ResourceClaimController::needsWork(const Pod& pod) const {
  if (pod.metadata.deletionTimestamp || isDone(pod)) return false;
  for (const auto& entry : pod.spec.resourceClaims) {
    const auto named = claimOf(pod, entry);
    if (!named.known) return true;
    if (named.name.empty()) continue;
    auto claim = claims_.get<Claim>(pod.metadata.namespace_ + "/" + named.name);
    if (!claim) {
      if (named.made) return true;
      continue;  // its user makes it
    }
    if (named.made && !isFor(pod, *claim)) return true;
    if (!pod.spec.nodeName.empty() && mustReserve(pod, *claim)) return true;
  }
  return false;
}

Task<Result<Duration>> ResourceClaimController::reconcile(std::string key, std::stop_token stop) {
  if (key.starts_with("p|")) {
    auto pod = pods_.get<Pod>(key.substr(2));
    if (!pod || pod->metadata.deletionTimestamp || isDone(*pod)) co_return Duration(0);
    CO_TRY_STATUS(co_await syncPod(pod, stop));
    co_return Duration(0);
  }
  auto claim = claims_.get<Claim>(key.substr(2));
  if (claim) CO_TRY_STATUS(co_await syncClaim(claim, stop));
  co_return Duration(0);
}

Task<Result<std::string>> ResourceClaimController::findMade(PodPointer pod, std::string entry,
                                                            std::stop_token stop) {
  for (const auto& object : claims_.byIndex(kByOwner, pod->metadata.uid)) {
    const auto& claim = *object.as<Claim>();
    if (isMadeFor(claim, *pod, entry)) co_return claim.metadata.name;
  }
  auto made = made_.find({pod->metadata.uid, entry});
  if (made == made_.end()) co_return "";
  const auto& ns = pod->metadata.namespace_;
  if (!made->second.empty()) {
    const auto name = made->second;
    auto live = co_await client::get<Claim>(client(), ns, name, stop);
    if (live.ok()) co_return name;
    if (!isNotFound(live.status())) co_return live.status();
    made_.erase({pod->metadata.uid, entry});
    co_return "";
  }
  // An earlier create had no answer.
  CO_TRY(auto all, co_await client().list(client::resourceOf<Claim>(), ns, {}, stop));
  made_.erase({pod->metadata.uid, entry});
  for (const auto& object : all.items) {
    const auto& claim = *object.as<Claim>();
    if (isMadeFor(claim, *pod, entry)) co_return claim.metadata.name;
  }
  co_return "";
}

Task<Status> ResourceClaimController::ensureClaim(PodPointer pod, Entry entry, Names& names,
                                                  std::stop_token stop) {
  const auto& ns = pod->metadata.namespace_;
  const auto named = claimOf(*pod, entry);
  if (named.known) {
    // Unknown kinds of sources, claims of users, and those that are not needed.
    if (!named.made || named.name.empty()) co_return Status();
    auto claim = claims_.get<Claim>(ns + "/" + named.name);
    if (!claim) {
      // The two caches are not equally old.
      auto live = co_await client::get<Claim>(client(), ns, named.name, stop);
      if (!live.ok() && !isNotFound(live.status())) co_return live.status();
      if (live.ok()) claim = *live;
    }
    if (claim && isFor(*pod, *claim)) co_return Status();
  }
  CO_TRY(auto name, co_await findMade(pod, entry.name, stop));
  if (name.empty()) {
    const auto& from = *entry.resourceClaimTemplateName;
    auto made = templates_.get<ResourceClaimTemplate>(ns + "/" + from);
    if (!made) {
      co_return badRequest(fmt::format(
          "resource claim template \"{0}\": resourceclaimtemplate.resource.k8s.io \"{0}\" not "
          "found",
          from));
    }
    made_[{pod->metadata.uid, entry.name}] = "";
    auto created = co_await client::create(client(), claimFrom(*made, *pod, entry), stop);
    if (!created.ok()) co_return created.status().withContext("create ResourceClaim ");
    name = (*created)->metadata.name;
  }
  made_[{pod->metadata.uid, entry.name}] = name;
  names.emplace_back(entry.name, name);
  co_return Status();
}

Task<Status> ResourceClaimController::syncPod(PodPointer pod, std::stop_token stop) {
  Names names;
  for (const auto& entry : pod->spec.resourceClaims) {
    Status done = co_await ensureClaim(pod, entry, names, stop);
    if (done.ok()) continue;
    if (!isCanceled(done)) {
      events().event(*pod, client::kEventWarning, "FailedResourceClaimCreation",
                     fmt::format("PodResourceClaim {}: {}", entry.name, done.message()));
    }
    co_return done;
  }
  if (!names.empty()) {
    auto patched = co_await client().patch(
        client::resourceOf<Pod>(), pod->metadata.namespace_, pod->metadata.name, "status",
        client::PatchType::StrategicMerge, statusPatch(*pod, names), stop);
    // A pod of this name with another uid is a conflict, and comes by itself.
    if (isNotFound(patched.status())) co_return Status();
    if (!patched.ok()) co_return patched.status();
  }
  // The scheduler reserves for all others.
  if (pod->spec.nodeName.empty()) co_return Status();
  co_return co_await reserve(pod, stop);
}

Task<Status> ResourceClaimController::reserve(PodPointer pod, std::stop_token stop) {
  for (const auto& entry : pod->spec.resourceClaims) {
    const auto named = claimOf(*pod, entry);
    if (named.name.empty()) continue;
    auto claim = claims_.get<Claim>(pod->metadata.namespace_ + "/" + named.name);
    if (!claim) co_return Status();  // it brings the pod again
    if (named.made && !isFor(*pod, *claim)) continue;
    if (!mustReserve(*pod, *claim)) continue;
    Claim next = *claim;
    ResourceClaimConsumerReference who;
    who.resource = "pods";
    who.name = pod->metadata.name;
    who.uid = pod->metadata.uid;
    next.status.reservedFor.push_back(std::move(who));
    auto written = co_await client::update(client(), std::move(next), "status", stop);
    if (!written.ok()) {
      co_return written.status().withContext(
          fmt::format("reserve claim {} for pod", api::objectKey(claim->metadata)));
    }
  }
  co_return Status();
}

Task<Result<bool>> ResourceClaimController::isNobody(ResourceClaimConsumerReference who,
                                                     std::string ns, std::stop_token stop) {
  auto pod = pods_.get<Pod>(ns + "/" + who.name);
  if (!pod) {
    // The cache may not know it yet, and the scheduler is just placing it.
    auto live = co_await client::get<Pod>(client(), ns, who.name, stop);
    if (isNotFound(live.status())) co_return true;
    CO_TRY(pod, std::move(live));
  }
  co_return pod->metadata.uid != who.uid || isDone(*pod);
}

Task<Status> ResourceClaimController::syncClaim(ClaimPointer claim, std::stop_token stop) {
  Claim next = *claim;
  next.status.reservedFor.clear();
  for (const auto& who : claim->status.reservedFor) {
    if (!who.apiGroup.empty() || who.resource != "pods") {
      kLog.warn("reserved for something that is no pod",
                {{"claim", api::objectKey(claim->metadata)}, {"resource", who.resource}});
      co_return Status();
    }
    CO_TRY(bool nobody, co_await isNobody(who, claim->metadata.namespace_, stop));
    if (!nobody) next.status.reservedFor.push_back(who);
  }
  const bool unused = next.status.reservedFor.empty();
  const bool fewer = next.status.reservedFor.size() < claim->status.reservedFor.size();
  // It was in use until now, or nobody is to have it any more. One that nobody has used yet stays
  // allocated.
  const bool freed = fewer && unused && isBuiltIn(*claim);
  const bool dying = !fewer && unused && isBuiltIn(*claim) && claim->metadata.deletionTimestamp;
  if (freed || dying) next.status.allocation.reset();
  if (fewer || dying) CO_TRY_STATUS(co_await release(std::move(next), stop));
  if (unused) co_return co_await removeUnneeded(claim, stop);
  co_return Status();
}

Task<Status> ResourceClaimController::release(Claim next, std::stop_token stop) {
  auto current = claims_.get<Claim>(api::objectKey(next.metadata));
  const bool same = current && current->metadata.resourceVersion == next.metadata.resourceVersion &&
                    current->status.reservedFor.size() == next.status.reservedFor.size() &&
                    bool(current->status.allocation) == bool(next.status.allocation);
  if (!same) {
    auto written = co_await client::update(client(), std::move(next), "status", stop);
    if (isNotFound(written.status())) co_return Status();
    CO_TRY(auto stored, std::move(written));
    next = *stored;
  }
  if (next.status.allocation || !api::removeFinalizer(next.metadata, kFinalizer)) {
    co_return Status();
  }
  auto written = co_await client::update(client(), std::move(next), "", stop);
  co_return isNotFound(written.status()) ? Status() : written.status();
}

Task<Status> ResourceClaimController::removeUnneeded(ClaimPointer claim, std::stop_token stop) {
  const auto [name, uid] = owningPod(*claim);
  if (name.empty() || claim->metadata.deletionTimestamp) co_return Status();
  auto pod = pods_.get<Pod>(claim->metadata.namespace_ + "/" + name);
  // One that is gone, or not here yet: the garbage collector knows.
  if (!pod || (pod->metadata.uid == uid && !isDone(*pod))) co_return Status();
  client::DeleteOptions options;
  options.uid = claim->metadata.uid;
  Status removed = co_await client().remove(client::resourceOf<Claim>(), claim->metadata.namespace_,
                                            claim->metadata.name, std::move(options), stop);
  co_return isNotFound(removed) || isConflict(removed) ? Status() : removed;
}

}  // namespace coxswain::controllers::resourceclaim
