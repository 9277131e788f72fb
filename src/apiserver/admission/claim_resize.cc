#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::StorageClass;

std::string classOf(const PersistentVolumeClaim& claim) {
  const auto* old = claim.metadata.annotations.get("volume.beta.kubernetes.io/storage-class");
  return old ? *old : claim.spec.storageClassName.value_or("");
}

/// Claims grow only while they are bound, and where their storage class says that its volumes can.
class PersistentVolumeClaimResize final : public AdmissionPlugin {
 public:
  explicit PersistentVolumeClaimResize(const AdmissionSources& sources) : sources_(sources) {}
  [[nodiscard]] std::string_view name() const override { return "PersistentVolumeClaimResize"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Update && isResource(request, "", "persistentvolumeclaims");
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& next = *object->as<PersistentVolumeClaim>();
    const auto& current = *old->as<PersistentVolumeClaim>();
    const auto* wanted = next.spec.resources.requests.get("storage");
    const auto* had = current.spec.resources.requests.get("storage");
    if (!wanted || (had && *wanted <= *had)) return {};
    if (current.status.phase != "Bound") {
      return refuse(request, object, "Only bound persistent volume claims can be expanded");
    }
    if (mayGrow(next, current)) return {};
    return refuse(request, object,
                  "only dynamically provisioned pvc can be resized and the storageclass that "
                  "provisions the pvc must support resize");
  }

 private:
  [[nodiscard]] bool mayGrow(const PersistentVolumeClaim& next,
                             const PersistentVolumeClaim& current) const {
    const auto name = classOf(next);
    if (name.empty() || name != classOf(current)) return false;
    auto found = sources_.get("storage.k8s.io", "storageclasses", "", name);
    return found.ok() && found->as<StorageClass>()->allowVolumeExpansion.value_or(false);
  }

  AdmissionSources sources_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePersistentVolumeClaimResize(const AdmissionSources& sources) {
  return std::make_unique<PersistentVolumeClaimResize>(sources);
}

}  // namespace coxswain::apiserver
