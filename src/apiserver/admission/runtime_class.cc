#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/node_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;
using api::node::v1::RuntimeClass;

/// A pod's runtime class must exist; it says the pod's overhead, and where such pods can run.
class RuntimeClassAdmission final : public AdmissionPlugin {
 public:
  explicit RuntimeClassAdmission(const AdmissionSources& sources) : sources_(sources) {}
  [[nodiscard]] std::string_view name() const override { return "RuntimeClass"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && isResource(request, "", "pods");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& spec = object->as<Pod>()->spec;
    TRY(auto found, classOf(request, object));
    if (!found) return {};
    const auto& runtime = *found.as<RuntimeClass>();
    if (runtime.overhead) {
      if (!spec.overhead.empty() && !(spec.overhead == runtime.overhead->podFixed)) {
        return refuse(request, object,
                      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      }
      spec.overhead = runtime.overhead->podFixed;
    }
    if (!runtime.scheduling) return {};
    for (const auto& [key, value] : runtime.scheduling->nodeSelector) {
      auto [present, added] = spec.nodeSelector.try_emplace(key, value);
      if (!added && present->second != value) {
        return refuse(request, object,
                      "conflict: runtimeClass.scheduling.nodeSelector[" + key + "] = " + value +
                          "; pod.spec.nodeSelector[" + key + "] = " + present->second);
      }
    }
    for (const auto& toleration : runtime.scheduling->tolerations) {
      const auto& have = spec.tolerations;
      if (std::find(have.begin(), have.end(), toleration) == have.end()) {
        spec.tolerations.push_back(toleration);
      }
    }
    return {};
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& spec = object->as<Pod>()->spec;
    TRY(auto found, classOf(request, object));
    const auto* runtime = found ? found.as<RuntimeClass>() : nullptr;
    if (spec.overhead.empty() || (runtime && runtime->overhead)) return {};
    return refuse(request, object,
                  "pod rejected: Pod Overhead set without corresponding RuntimeClass defined "
                  "Overhead");
  }

 private:
  /// Empty: the pod names none.
  Result<api::ConstObject> classOf(const RequestContext& request, const api::Object* object) const {
    const auto& name = object->as<Pod>()->spec.runtimeClassName;
    if (!name || name->empty()) return api::ConstObject();
    auto found = sources_.get("node.k8s.io", "runtimeclasses", "", *name);
    if (found.ok() || !isNotFound(found.status())) return found;
    return refuse(request, object, "pod rejected: RuntimeClass \"" + *name + "\" not found");
  }

  AdmissionSources sources_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeRuntimeClassAdmission(const AdmissionSources& sources) {
  return std::make_unique<RuntimeClassAdmission>(sources);
}

}  // namespace coxswain::apiserver
