#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

/// New claims and volumes carry the finalizer that keeps them while pods (or claims) use them.
class StorageObjectInUseProtection final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "StorageObjectInUseProtection"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && (isResource(request, "", "persistentvolumeclaims") ||
                                         isResource(request, "", "persistentvolumes"));
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    const bool claim = request.info.resource == "persistentvolumeclaims";
    auto finalizer = claim ? "kubernetes.io/pvc-protection" : "kubernetes.io/pv-protection";
    auto& meta = *api::objectMeta(*object);
    if (!api::hasFinalizer(meta, finalizer)) meta.finalizers.emplace_back(finalizer);
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeStorageObjectInUseProtection() {
  return std::make_unique<StorageObjectInUseProtection>();
}

}  // namespace coxswain::apiserver
