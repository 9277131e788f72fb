#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;
using api::core::v1::Toleration;

constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";
constexpr std::string_view kUnreachable = "node.kubernetes.io/unreachable";

bool covers(const Toleration& toleration, std::string_view key) {
  return (toleration.key == key || toleration.key.empty()) &&
         (toleration.effect == "NoExecute" || toleration.effect.empty());
}

/// Pods stay some time (five minutes) on nodes that are not ready or cannot be reached, unless they
/// say how long themselves.
class DefaultTolerationSeconds final : public AdmissionPlugin {
 public:
  DefaultTolerationSeconds(int64_t notReady, int64_t unreachable)
      : notReady_(notReady), unreachable_(unreachable) {}
  [[nodiscard]] std::string_view name() const override { return "DefaultTolerationSeconds"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return (kind == WriteKind::Create || kind == WriteKind::Update) &&
           isResource(request, "", "pods");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& tolerations = object->as<Pod>()->spec.tolerations;
    bool haveNotReady = notReady_ < 0;
    bool haveUnreachable = unreachable_ < 0;
    for (const auto& one : tolerations) {
      haveNotReady = haveNotReady || covers(one, kNotReady);
      haveUnreachable = haveUnreachable || covers(one, kUnreachable);
    }
    if (!haveNotReady) add(tolerations, kNotReady, notReady_);
    if (!haveUnreachable) add(tolerations, kUnreachable, unreachable_);
    return {};
  }

 private:
  static void add(std::vector<Toleration>& to, std::string_view key, int64_t seconds) {
    auto& added = to.emplace_back();
    added.key = key;
    added.operator_ = "Exists";
    added.effect = "NoExecute";
    added.tolerationSeconds = seconds;
  }

  const int64_t notReady_;
  const int64_t unreachable_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeDefaultTolerationSeconds(int64_t notReady,
                                                              int64_t unreachable) {
  return std::make_unique<DefaultTolerationSeconds>(notReady, unreachable);
}

}  // namespace coxswain::apiserver
