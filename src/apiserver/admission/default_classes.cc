#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/networking_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::PersistentVolumeClaim;
using api::networking::v1::Ingress;

/// Of the objects that an annotation makes the default, the newest; of these the first by name.
/// Empty: there is none.
Result<std::string> defaultOf(const AdmissionSources& sources, std::string_view group,
                              std::string_view plural,
                              std::initializer_list<std::string_view> annotations) {
  TRY(auto classes, sources.list(group, plural, ""));
  const api::meta::v1::ObjectMeta* best = nullptr;
  for (const auto& one : classes) {
    const auto& meta = *api::objectMeta(one);
    bool marked = false;
    for (auto annotation : annotations) {
      const auto* value = meta.annotations.get(annotation);
      marked = marked || (value && *value == "true");
    }
    if (!marked) continue;
    const bool newer = !best || meta.creationTimestamp > best->creationTimestamp;
    const bool first =
        best && meta.creationTimestamp == best->creationTimestamp && meta.name < best->name;
    if (newer || first) best = &meta;
  }
  return best ? best->name : std::string();
}

/// A claim that names no storage class gets the default one. Said to be none ("") it gets none.
class DefaultStorageClass final : public AdmissionPlugin {
 public:
  explicit DefaultStorageClass(const AdmissionSources& sources) : sources_(sources) {}
  [[nodiscard]] std::string_view name() const override { return "DefaultStorageClass"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && isResource(request, "", "persistentvolumeclaims");
  }
  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& claim = *object->as<PersistentVolumeClaim>();
    const bool said =
        claim.spec.storageClassName.has_value() ||
        claim.metadata.annotations.contains("volume.beta.kubernetes.io/storage-class");
    if (said) return {};
    TRY(auto name, defaultOf(sources_, "storage.k8s.io", "storageclasses",
                             {"storageclass.kubernetes.io/is-default-class",
                              "storageclass.beta.kubernetes.io/is-default-class"}));
    if (!name.empty()) claim.spec.storageClassName = std::move(name);
    return {};
  }

 private:
  AdmissionSources sources_;
};

/// An ingress that names no class gets the default one.
class DefaultIngressClass final : public AdmissionPlugin {
 public:
  explicit DefaultIngressClass(const AdmissionSources& sources) : sources_(sources) {}
  [[nodiscard]] std::string_view name() const override { return "DefaultIngressClass"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && isResource(request, "networking.k8s.io", "ingresses");
  }
  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& ingress = *object->as<Ingress>();
    const bool said = ingress.spec.ingressClassName.has_value() ||
                      ingress.metadata.annotations.contains("kubernetes.io/ingress.class");
    if (said) return {};
    TRY(auto name, defaultOf(sources_, "networking.k8s.io", "ingressclasses",
                             {"ingressclass.kubernetes.io/is-default-class"}));
    if (!name.empty()) ingress.spec.ingressClassName = std::move(name);
    return {};
  }

 private:
  AdmissionSources sources_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeDefaultStorageClass(const AdmissionSources& sources) {
  return std::make_unique<DefaultStorageClass>(sources);
}

std::unique_ptr<AdmissionPlugin> makeDefaultIngressClass(const AdmissionSources& sources) {
  return std::make_unique<DefaultIngressClass>(sources);
}

}  // namespace coxswain::apiserver
