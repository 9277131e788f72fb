#include <algorithm>
#include <optional>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/resources.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using Tolerations = std::vector<Toleration>;

constexpr std::string_view kDefaults = "scheduler.alpha.kubernetes.io/defaultTolerations";
constexpr std::string_view kWhitelist = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

/// Does `wide` tolerate all that `narrow` does?
bool covers(const Toleration& wide, const Toleration& narrow) {
  if (wide == narrow) return true;
  if (!wide.key.empty() && wide.key != narrow.key) return false;
  if (!wide.effect.empty() && wide.effect != narrow.effect) return false;
  if (wide.effect == "NoExecute" && wide.tolerationSeconds) {
    const bool shorter =
        narrow.tolerationSeconds && *narrow.tolerationSeconds <= *wide.tolerationSeconds;
    if (!shorter) return false;
  }
  if (wide.operator_ == "Exists") return true;
  return wide.operator_ == narrow.operator_ && wide.value == narrow.value;
}

/// Both, without those that others of them cover.
Tolerations merged(const Tolerations& first, const Tolerations& second) {
  Tolerations all = first;
  all.insert(all.end(), second.begin(), second.end());
  Tolerations out;
  for (size_t i = 0; i < all.size(); ++i) {
    bool needless = false;
    for (size_t j = 0; j < all.size() && !needless; ++j) {
      if (j == i || !covers(all[j], all[i])) continue;
      // Of two that cover each other the first stays.
      needless = j < i || !covers(all[i], all[j]);
    }
    if (!needless) out.push_back(all[i]);
  }
  return out;
}

/// Of the annotation, a JSON list. Nothing: there is none.
Result<std::optional<Tolerations>> annotated(const api::meta::v1::ObjectMeta& meta,
                                             std::string_view key) {
  const auto* text = meta.annotations.get(key);
  if (!text || text->empty()) return std::optional<Tolerations>();
  // A pod's tolerations are such a list.
  auto spec = api::decodeJson<PodSpec>("{\"tolerations\":" + *text + "}");
  if (!spec.ok()) return Status(Reason::Unknown, 500, spec.status().message());
  return std::optional<Tolerations>(std::move(spec->tolerations));
}

/// Pods of a namespace have the tolerations that its annotation (or the configuration) gives them,
/// and none that its whitelist does not cover. Pods with resources tolerate pressure on memory.
class PodTolerationRestriction final : public AdmissionPlugin {
 public:
  PodTolerationRestriction(const AdmissionSources& sources, Tolerations defaults,
                           Tolerations whitelist)
      : namespaces_(sources, "", "namespaces"),
        defaults_(std::move(defaults)),
        whitelist_(std::move(whitelist)) {}
  [[nodiscard]] std::string_view name() const override { return "PodTolerationRestriction"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return (kind == WriteKind::Create || kind == WriteKind::Update) &&
           isResource(request, "", "pods");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& pod = *object->as<Pod>();
    if (kind == WriteKind::Create) {
      TRY(auto ns, namespaces_.get("", request.info.ns));
      TRY(auto own, annotated(*api::objectMeta(ns), kDefaults));
      const auto& defaults = own ? *own : defaults_;
      if (!defaults.empty()) pod.spec.tolerations = merged(defaults, pod.spec.tolerations);
    }
    if (api::computeQosClass(pod.spec) != "BestEffort") {
      Toleration pressure;
      pressure.key = "node.kubernetes.io/memory-pressure";
      pressure.operator_ = "Exists";
      pressure.effect = "NoSchedule";
      pod.spec.tolerations = merged(pod.spec.tolerations, {pressure});
    }
    return check(request, pod);
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    return check(request, *object->as<Pod>());
  }

 private:
  [[nodiscard]] Status check(const RequestContext& request, const Pod& pod) const {
    if (pod.spec.tolerations.empty()) return {};
    TRY(auto ns, namespaces_.get("", request.info.ns));
    TRY(auto own, annotated(*api::objectMeta(ns), kWhitelist));
    const auto& allowed = own ? *own : whitelist_;
    if (allowed.empty()) return {};
    for (const auto& one : pod.spec.tolerations) {
      const bool covered = std::any_of(allowed.begin(), allowed.end(),
                                       [&one](const auto& wide) { return covers(wide, one); });
      if (covered) continue;
      return Status(Reason::Unknown, 500,
                    "pod tolerations (possibly merged with namespace default tolerations) "
                    "conflict with its namespace whitelist");
    }
    return {};
  }

  SourceCollection namespaces_;
  Tolerations defaults_;
  Tolerations whitelist_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePodTolerationRestriction(const AdmissionSources& sources,
                                                              Tolerations defaults,
                                                              Tolerations whitelist) {
  return std::make_unique<PodTolerationRestriction>(sources, std::move(defaults),
                                                    std::move(whitelist));
}

}  // namespace coxswain::apiserver
