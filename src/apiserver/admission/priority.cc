#include "api/gen/core_v1.h"
#include "api/gen/scheduling_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;
using api::scheduling::v1::PriorityClass;

constexpr std::string_view kGroup = "scheduling.k8s.io";

/// A pod's priority and preemption policy come from its priority class (the cluster's default one,
/// else 0), and from nowhere else. There is at most one default class.
class PriorityAdmission final : public AdmissionPlugin {
 public:
  explicit PriorityAdmission(const AdmissionSources& sources)
      : classes_(sources, kGroup, "priorityclasses") {}
  [[nodiscard]] std::string_view name() const override { return "Priority"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    if (isResource(request, kGroup, "priorityclasses")) return kind != WriteKind::Connect;
    return isResource(request, "", "pods") &&
           (kind == WriteKind::Create || kind == WriteKind::Update);
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    if (kind == WriteKind::Delete) {
      const bool system = api::objectMeta(*old)->name.starts_with("system-");
      return system ? refuse(request, old, "this is a system priority class and cannot be deleted")
                    : Status();
    }
    auto* pod = object->as<Pod>();
    if (!pod) return {};
    if (kind == WriteKind::Create) return admitNew(request, *pod, object);
    // Old pods may lack what was computed later.
    const auto& before = old->as<Pod>()->spec;
    if (!pod->spec.priority) pod->spec.priority = before.priority;
    if (!pod->spec.preemptionPolicy) pod->spec.preemptionPolicy = before.preemptionPolicy;
    return {};
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto* wanted = object ? object->as<PriorityClass>() : nullptr;
    if (!wanted || !wanted->globalDefault) return {};
    TRY(auto present, defaultClass());
    if (!present || api::objectMeta(present)->name == wanted->metadata.name) return {};
    return refuse(request, object,
                  "PriorityClass " + api::objectMeta(present)->name +
                      " is already marked as default. Only one default can exist");
  }

 private:
  Status admitNew(const RequestContext& request, Pod& pod, const api::Object* object) const {
    auto& spec = pod.spec;
    int32_t priority = 0;
    std::string policy = "PreemptLowerPriority";
    api::ConstObject found;
    if (spec.priorityClassName.empty()) {
      TRY(found, defaultClass());
      if (found) spec.priorityClassName = api::objectMeta(found)->name;
    } else {
      auto stored = classes_.get("", spec.priorityClassName);
      if (!stored.ok()) {
        if (!isNotFound(stored.status())) return stored.status();
        return refuse(request, object,
                      "no PriorityClass with name " + spec.priorityClassName + " was found");
      }
      found = std::move(*stored);
    }
    if (found) {
      priority = found.as<PriorityClass>()->value;
      policy = found.as<PriorityClass>()->preemptionPolicy.value_or(policy);
    }
    if (spec.priority && *spec.priority != priority) {
      return refuse(request, object,
                    "the integer value of priority (" + std::to_string(*spec.priority) +
                        ") must not be provided in pod spec; priority admission controller "
                        "computed " +
                        std::to_string(priority) + " from the given PriorityClass name");
    }
    if (spec.preemptionPolicy && *spec.preemptionPolicy != policy) {
      return refuse(request, object,
                    "the string value of PreemptionPolicy (" + *spec.preemptionPolicy +
                        ") must not be provided in pod spec; priority admission controller "
                        "computed " +
                        policy + " from the given PriorityClass name");
    }
    spec.priority = priority;
    spec.preemptionPolicy = policy;
    return {};
  }

  /// Empty: there is none. Of several (older data) that of the lowest value.
  Result<api::ConstObject> defaultClass() const {
    TRY(auto classes, classes_.list(""));
    api::ConstObject best;
    for (auto& object : classes) {
      const auto& one = *object.as<PriorityClass>();
      if (!one.globalDefault) continue;
      if (!best || one.value < best.as<PriorityClass>()->value) best = std::move(object);
    }
    return best;
  }

  SourceCollection classes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePriorityAdmission(const AdmissionSources& sources) {
  return std::make_unique<PriorityAdmission>(sources);
}

}  // namespace coxswain::apiserver
