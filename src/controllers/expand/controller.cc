#include "controllers/expand/controller.h"

#include "api/codec/json_writer.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/persistentvolume/migration.h"

namespace coxswain::controllers::expand {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;

namespace {

constexpr std::string_view kStorage = "storage";
constexpr std::string_view kResizer = "volume.kubernetes.io/storage-resizer";
constexpr std::string_view kSizeBefore = "volume.alpha.kubernetes.io/pre-resize-capacity";

Controller::Options options() {
  Controller::Options o;
  o.name = "volume_expand";
  o.workers = 1;
  return o;
}

api::Quantity storageIn(const api::Map<api::Quantity>& resources) {
  const auto* amount = resources.get(kStorage);
  return amount == nullptr ? api::Quantity() : *amount;
}

api::Quantity wanted(const PersistentVolumeClaim& claim) {
  return storageIn(claim.spec.resources.requests);
}
api::Quantity present(const PersistentVolumeClaim& claim) {
  return storageIn(claim.status.capacity);
}

std::string resizerPatch(const PersistentVolumeClaim& claim, std::string_view resizer) {
  std::string body;
  api::JsonTextWriter writer(body);
  writer.beginObject();
  writer.plainKey("metadata");
  writer.beginObject();
  writer.plainKey("uid");
  writer.string(claim.metadata.uid);
  writer.plainKey("annotations");
  writer.beginObject();
  writer.key(kResizer);
  writer.string(resizer);
  writer.endObject();
  writer.endObject();
  writer.endObject();
  writer.finish();
  return body;
}

}  // namespace

ExpandController::ExpandController(const Context& context)
    : Controller(context, options()), claims_(use<PersistentVolumeClaim>()) {
  claims_.addHandler([this](const client::Change& change) {
    const auto* after = change.after.as<PersistentVolumeClaim>();
    const auto* before = change.before.as<PersistentVolumeClaim>();
    if (after == nullptr || after->status.phase != "Bound") return;
    const bool grew =
        before == nullptr || wanted(*after) > wanted(*before) || before->status.phase != "Bound";
    if (grew && wanted(*after) > present(*after)) queue().add(client::objectKey(change.after));
  });
}

Task<Result<Duration>> ExpandController::reconcile(std::string key, std::stop_token stop) {
  auto claim = claims_.get<PersistentVolumeClaim>(key);
  if (!claim || claim->status.phase != "Bound" || claim->spec.volumeName.empty()) {
    co_return Duration(0);
  }
  auto volume = co_await client::get<PersistentVolume>(client(), "", claim->spec.volumeName, stop);
  if (isNotFound(volume.status())) co_return Duration(0);
  if (!volume.ok()) co_return volume.status();
  const auto& owner = (*volume)->spec.claimRef;
  if (!owner || owner->uid != claim->metadata.uid) co_return Duration(0);
  const bool marked = (*volume)->metadata.annotations.contains(kSizeBefore);
  if (wanted(*claim) <= present(*claim) && !marked) co_return Duration(0);
  const auto driver = persistentvolume::migratedSource((*volume)->spec.persistentVolumeSource);
  if (driver.empty()) {
    events().event(*claim, client::kEventNormal, "ExternalExpanding",
                   "waiting for an external controller to expand this PVC");
    co_return Duration(0);
  }
  const auto* told = claim->metadata.annotations.get(kResizer);
  if (told != nullptr && *told == driver) co_return Duration(0);
  auto patched = co_await client().patch(
      client::resourceOf<PersistentVolumeClaim>(), claim->metadata.namespace_, claim->metadata.name,
      "status", client::PatchType::Merge, resizerPatch(*claim, driver), stop);
  // After a conflict, too: what changes a claim need not be what wakes this.
  if (!patched.ok() && !isNotFound(patched.status())) co_return patched.status();
  co_return Duration(0);
}

}  // namespace coxswain::controllers::expand
