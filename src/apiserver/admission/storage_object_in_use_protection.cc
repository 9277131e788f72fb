#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

/// New claims, volumes and volume attributes classes carry the finalizer that keeps them while pods
/// (or claims) use them.
class StorageObjectInUseProtection final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "StorageObjectInUseProtection"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && !finalizerOf(request).empty();
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    const auto finalizer = finalizerOf(request);
    auto& meta = *api::objectMeta(*object);
    if (!api::hasFinalizer(meta, finalizer)) meta.finalizers.emplace_back(finalizer);
    return {};
  }

 private:
  static std::string_view finalizerOf(const RequestContext& request) {
    if (isResource(request, "", "persistentvolumeclaims")) return "kubernetes.io/pvc-protection";
    if (isResource(request, "", "persistentvolumes")) return "kubernetes.io/pv-protection";
    if (isResource(request, "storage.k8s.io", "volumeattributesclasses")) {
      return "kubernetes.io/vac-protection";
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeStorageObjectInUseProtection() {
  return std::make_unique<StorageObjectInUseProtection>();
}

}  // namespace coxswain::apiserver
