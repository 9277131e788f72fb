#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Node;
using api::core::v1::Taint;

/// A new node takes no pods until somebody has seen it ready.
class TaintNodesByCondition final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "TaintNodesByCondition"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && isResource(request, "", "nodes");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& taints = object->as<Node>()->spec.taints;
    Taint notReady;
    notReady.key = "node.kubernetes.io/not-ready";
    notReady.effect = "NoSchedule";
    const bool present = std::any_of(taints.begin(), taints.end(), [&](const Taint& t) {
      return t.key == notReady.key && t.effect == notReady.effect;
    });
    if (!present) taints.push_back(std::move(notReady));
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeTaintNodesByCondition() {
  return std::make_unique<TaintNodesByCondition>();
}

}  // namespace coxswain::apiserver
