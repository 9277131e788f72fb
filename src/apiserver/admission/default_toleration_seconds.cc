#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;
using api::core::v1::Toleration;

constexpr int64_t kSeconds = 300;
constexpr std::string_view kTaints[] = {"node.kubernetes.io/not-ready",
                                        "node.kubernetes.io/unreachable"};

bool covers(const Toleration& toleration, std::string_view key) {
  return (toleration.key == key || toleration.key.empty()) &&
         (toleration.effect == "NoExecute" || toleration.effect.empty());
}

/// Pods stay five minutes on nodes that are not ready or cannot be reached, unless they say how
/// long themselves.
class DefaultTolerationSeconds final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "DefaultTolerationSeconds"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return (kind == WriteKind::Create || kind == WriteKind::Update) &&
           isResource(request, "", "pods");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& tolerations = object->as<Pod>()->spec.tolerations;
    const auto given = tolerations;
    for (auto key : kTaints) {
      const bool covered = std::any_of(given.begin(), given.end(),
                                       [&](const Toleration& t) { return covers(t, key); });
      if (covered) continue;
      auto& added = tolerations.emplace_back();
      added.key = key;
      added.operator_ = "Exists";
      added.effect = "NoExecute";
      added.tolerationSeconds = kSeconds;
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeDefaultTolerationSeconds() {
  return std::make_unique<DefaultTolerationSeconds>();
}

}  // namespace coxswain::apiserver
