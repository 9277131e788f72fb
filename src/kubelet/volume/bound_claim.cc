#include "kubelet/volume/bound_claim.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/volumes.h"
#include "client/resources.h"

namespace coxswain::kubelet {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;

namespace {

bool tellsOfResizing(std::string_view type) {
  return type == "Resizing" || type == "FileSystemResizePending" ||
         type == "ControllerResizeError" || type == "NodeResizeError";
}

}  // namespace

std::string claimNameOf(const api::core::v1::Pod& pod, const api::core::v1::Volume& volume) {
  const auto& source = volume.volumeSource;
  return source.ephemeral ? pod.metadata.name + "-" + volume.name
                          : source.persistentVolumeClaim->claimName;
}

Task<Result<BoundClaim>> findBoundClaim(client::Client& client, VolumeRequest request,
                                        std::stop_token stop) {
  const std::string ns = request.pod->metadata.namespace_;
  const std::string name = claimNameOf(*request.pod, *request.volume);
  const std::string context = "error processing PVC " + ns + "/" + name;
  auto claim = co_await client::get<PersistentVolumeClaim>(client, ns, name, stop);
  if (!claim.ok()) {
    co_return claim.status()
        .withContext("failed to fetch PVC from API server")
        .withContext(context);
  }
  const auto& found = **claim;
  if (found.metadata.deletionTimestamp && !found.metadata.deletionTimestamp->isZero()) {
    co_return badRequest(context + ": PVC is being deleted");
  }
  if (request.volume->volumeSource.ephemeral) {
    const Status own = api::checkClaimIsForPod(*request.pod, found);
    if (!own.ok()) co_return own.withContext(context);
  }
  if (found.status.phase != "Bound" || found.spec.volumeName.empty()) {
    co_return badRequest(context + ": PVC is not bound");
  }
  auto volume = co_await client::get<PersistentVolume>(client, "", found.spec.volumeName, stop);
  if (!volume.ok()) {
    co_return volume.status()
        .withContext("failed to fetch PV " + found.spec.volumeName + " from API server")
        .withContext(context);
  }
  const auto& owner = (*volume)->spec.claimRef;
  if (!owner || owner->uid != found.metadata.uid) {
    co_return badRequest(context + ": PV " + found.spec.volumeName + " is not bound to this PVC");
  }
  co_return BoundClaim{*claim, *volume};
}

Task<Status> writeGrownClaim(client::Client& client, BoundClaim bound, std::stop_token stop) {
  PersistentVolumeClaim wanted = *bound.claim;
  const auto* size = bound.volume->spec.capacity.get("storage");
  if (size == nullptr) co_return Status();
  wanted.status.capacity["storage"] = *size;
  wanted.status.allocatedResourceStatuses.erase("storage");
  std::erase_if(wanted.status.conditions,
                [](const auto& condition) { return tellsOfResizing(condition.type); });
  auto written = co_await client::update(client, std::move(wanted), "status", std::move(stop));
  co_return written.ok() ? Status() : written.status();
}

Task<Status> writeGrowthFailure(client::Client& client, BoundClaim bound, std::string why,
                                bool infeasible, api::Time now, std::stop_token stop) {
  PersistentVolumeClaim wanted = *bound.claim;
  wanted.status.allocatedResourceStatuses["storage"] =
      infeasible ? "NodeResizeInfeasible" : "NodeResizeInProgress";
  auto& conditions = wanted.status.conditions;
  std::erase_if(conditions, [](const auto& c) { return c.type == "NodeResizeError"; });
  auto& condition = conditions.emplace_back();
  condition.type = "NodeResizeError";
  condition.status = "True";
  condition.lastTransitionTime = now;
  condition.message = "failed to expand pvc with " + std::move(why);
  auto written = co_await client::update(client, std::move(wanted), "status", std::move(stop));
  co_return written.ok() ? Status() : written.status();
}

}  // namespace coxswain::kubelet
