#include "scheduler/volumes/volume_binder.h"

#include <charconv>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::scheduler {

using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;

namespace {

/// The cache shows a version before `written`.
bool isBehind(const api::meta::v1::ObjectMeta& cached, const std::string& written) {
  const auto number = [](const std::string& version) {
    uint64_t value = 0;
    std::from_chars(version.data(), version.data() + version.size(), value);
    return value;
  };
  return number(cached.resourceVersion) < number(written);
}

Status failure(std::string message) {
  return badRequest(std::move(message));
}

PersistentVolume claimed(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  PersistentVolume next = volume;
  if (!next.spec.claimRef) next.metadata.annotations[api::kBoundByControllerAnnotation] = "yes";
  next.spec.claimRef.getOrCreate() = api::claimReference(claim);
  return next;
}

/// What was written, by the version the server gave it.
struct Written {
  std::vector<std::string> matches;
  std::vector<std::string> provisions;
};

Task<Result<Written>> write(client::Client& client, const VolumePlan& plan, std::string node,
                            std::stop_token stop) {
  Written written;
  for (const auto& match : plan.matches) {
    written.matches.push_back(match.volume->metadata.resourceVersion);
    if (!match.taken) continue;
    auto next = claimed(*match.volume, *match.claim);
    CO_TRY(auto stored, co_await client::update(client, std::move(next), "", stop));
    written.matches.back() = stored->metadata.resourceVersion;
  }
  for (const auto& provision : plan.provisions) {
    written.provisions.push_back(provision.claim->metadata.resourceVersion);
    if (!provision.selected) continue;
    PersistentVolumeClaim next = *provision.claim;
    next.metadata.annotations[api::kSelectedNodeAnnotation] = node;
    CO_TRY(auto stored, co_await client::update(client, std::move(next), "", stop));
    written.provisions.back() = stored->metadata.resourceVersion;
  }
  co_return written;
}

/// True: the claim is bound; false: not yet.
Result<bool> isBound(const VolumeState& state, const PersistentVolumeClaim& planned) {
  const auto& meta = planned.metadata;
  const auto claim = state.claim(meta.namespace_, meta.name);
  if (!claim || claim->metadata.uid != meta.uid)
    return failure("persistentvolumeclaim \"" + meta.name + "\" not found");
  return api::isFullyBound(*claim);
}

Result<bool> isMatched(const VolumeState& state, const VolumePlan::Match& match,
                       const std::string& version, const Node& node) {
  const auto& name = match.volume->metadata.name;
  const auto volume = state.volume(name);
  if (!volume) return failure("persistentvolume \"" + name + "\" not found");
  if (isBehind(volume->metadata, version)) return false;
  if (!isReachable(*volume, node))
    return failure("pv \"" + name + "\" node affinity doesn't match node \"" + node.metadata.name +
                   "\"");
  if (match.taken && (!volume->spec.claimRef || volume->spec.claimRef->uid.empty()))
    return failure("ClaimRef got reset for pv \"" + name + "\"");
  return isBound(state, *match.claim);
}

Result<bool> isProvisioned(const VolumeState& state, const PersistentVolumeClaim& planned,
                           const std::string& version, const Node& node) {
  TRY(const bool bound, isBound(state, planned));
  const auto claim = state.claim(planned.metadata.namespace_, planned.metadata.name);
  if (isBehind(claim->metadata, version)) return false;
  const auto quoted = "\"" + planned.metadata.namespace_ + "/" + planned.metadata.name + "\"";
  const auto* selected = claim->metadata.annotations.get(api::kSelectedNodeAnnotation);
  if (!selected) return failure("selectedNode annotation reset for PVC " + quoted);
  if (*selected != node.metadata.name) return failure("provisioning failed for PVC " + quoted);
  if (!bound) return false;
  const auto volume = state.volume(claim->spec.volumeName);
  if (!volume) return false;  // the informer is behind
  if (!isReachable(*volume, node))
    return failure("pv \"" + volume->metadata.name + "\" node affinity doesn't match node \"" +
                   node.metadata.name + "\"");
  return true;
}

/// The key of a claim that is not bound yet; empty: all are.
Result<std::string> openClaim(const VolumeState& state, const VolumePlan& plan,
                              const Written& written, const std::string& nodeName) {
  const auto node = state.node(nodeName);
  if (!node) return failure("node \"" + nodeName + "\" not found");
  for (size_t i = 0; i < plan.matches.size(); ++i) {
    TRY(const bool done, isMatched(state, plan.matches[i], written.matches[i], *node));
    if (!done) return api::objectKey(plan.matches[i].claim->metadata);
  }
  for (size_t i = 0; i < plan.provisions.size(); ++i) {
    const auto& claim = *plan.provisions[i].claim;
    TRY(const bool done, isProvisioned(state, claim, written.provisions[i], *node));
    if (!done) return api::objectKey(claim.metadata);
  }
  return std::string();
}

}  // namespace

void reservePlan(VolumeState& state, VolumePlan& plan, const std::string& node) {
  for (auto& match : plan.matches)
    if (!api::isClaimedBy(*match.volume, *match.claim) || match.volume->spec.claimRef->uid.empty())
      match.taken = state.take(match.volume->metadata.name, api::objectKey(match.claim->metadata));
  for (auto& provision : plan.provisions)
    if (!provision.claim->metadata.annotations.contains(api::kSelectedNodeAnnotation))
      provision.selected = state.selectNode(api::objectKey(provision.claim->metadata), node);
}

void releasePlan(VolumeState& state, VolumePlan& plan) {
  for (auto& match : plan.matches) {
    if (match.taken) state.release(match.volume->metadata.name);
    match.taken = false;
  }
  for (auto& provision : plan.provisions) {
    if (provision.selected) state.unselectNode(api::objectKey(provision.claim->metadata));
    provision.selected = false;
  }
}

Task<Status> carryOut(client::Client& client, VolumeState& state, const VolumePlan& plan,
                      std::string node, Duration timeout, std::stop_token stop) {
  Deadline deadline(timeout, stop);
  auto written = co_await write(client, plan, node, stop);
  if (!written.ok()) co_return written.status();
  while (true) {
    CO_TRY(std::string open, openClaim(state, plan, *written, node));
    if (open.empty()) co_return Status();
    Status waited = co_await state.changed(std::move(open), deadline.token());
    if (!waited.ok()) co_return deadline.expired() ? failure("context deadline exceeded") : waited;
  }
}

}  // namespace coxswain::scheduler
