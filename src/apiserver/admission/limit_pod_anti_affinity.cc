#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;

constexpr std::string_view kHostname = "kubernetes.io/hostname";

/// Pods keep others off their node at most, not off their zone.
class LimitPodHardAntiAffinityTopology final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override {
    return "LimitPodHardAntiAffinityTopology";
  }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return (kind == WriteKind::Create || kind == WriteKind::Update) &&
           isResource(request, "", "pods");
  }
  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& affinity = object->as<Pod>()->spec.affinity;
    if (!affinity || !affinity->podAntiAffinity) return {};
    const auto& hard = affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution;
    for (const auto& term : hard) {
      if (term.topologyKey == kHostname) continue;
      return refuse(request, object,
                    "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey " +
                        term.topologyKey + " but only key " + std::string(kHostname) +
                        " is allowed");
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeLimitPodHardAntiAffinityTopology() {
  return std::make_unique<LimitPodHardAntiAffinityTopology>();
}

}  // namespace coxswain::apiserver
