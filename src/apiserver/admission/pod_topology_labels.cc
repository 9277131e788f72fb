#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Binding;
using api::core::v1::Pod;

constexpr std::string_view kLabels[] = {"topology.kubernetes.io/region",
                                        "topology.kubernetes.io/zone"};

/// Pods carry the zone and region of their node, for their containers to read: from the binding on,
/// or from the start where they name a node.
class PodTopologyLabels final : public AdmissionPlugin {
 public:
  explicit PodTopologyLabels(const AdmissionSources& sources) : nodes_(sources, "", "nodes") {}
  [[nodiscard]] std::string_view name() const override { return "PodTopologyLabels"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    if (kind != WriteKind::Create || !info.group.empty()) return false;
    if (info.resource == "bindings") return info.subresource.empty();
    return info.resource == "pods" && (info.subresource.empty() || info.subresource == "binding");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    if (auto* binding = object->as<Binding>()) {
      const bool node = binding->target.kind.empty() || binding->target.kind == "Node";
      return node ? copy(binding->target.name, binding->metadata.labels) : Status();
    }
    auto* pod = object->as<Pod>();
    return pod ? copy(pod->spec.nodeName, pod->metadata.labels) : Status();
  }

 private:
  Status copy(const std::string& node, api::Map<std::string>& labels) const {
    if (node.empty()) return {};
    auto found = nodes_.get("", node);
    if (!found.ok()) return isNotFound(found.status()) ? Status() : found.status();
    for (auto key : kLabels) {
      const auto* value = api::objectMeta(*found)->labels.get(key);
      if (value) labels.insert_or_assign(std::string(key), *value);
    }
    return {};
  }

  SourceCollection nodes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePodTopologyLabels(const AdmissionSources& sources) {
  return std::make_unique<PodTopologyLabels>(sources);
}

}  // namespace coxswain::apiserver
