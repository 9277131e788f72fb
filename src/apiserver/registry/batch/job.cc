#include <algorithm>

#include <fmt/format.h>

#include "api/names/names.h"
#include "api/select/labels.h"
#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/batch/job_rules.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

namespace v1 = api::batch::v1;
using api::FieldErrors;
using api::FieldPath;
using v1::Job;
using v1::JobSpec;

namespace {

constexpr std::string_view kLegacyUid = "controller-uid";
constexpr std::string_view kLegacyName = "job-name";

void addLabel(api::Map<std::string>& labels, std::string_view key, const std::string& value) {
  if (labels.get(key) == nullptr) labels.insert_or_assign(key, value);
}

/// Pods of this job and of no other: by its uid. What the client set stays, and is told of by
/// checkGeneratedSelector where it is wrong.
void generateSelector(Job& job) {
  auto& labels = job.spec.template_.metadata.labels;
  addLabel(labels, kLegacyName, job.metadata.name);
  addLabel(labels, v1::kJobNameLabel, job.metadata.name);
  addLabel(labels, kLegacyUid, job.metadata.uid);
  addLabel(labels, v1::kControllerUidLabel, job.metadata.uid);
  addLabel(job.spec.selector.getOrCreate().matchLabels, v1::kControllerUidLabel, job.metadata.uid);
}

void checkGeneratedSelector(const Job& job, FieldErrors& errors) {
  if (job.spec.manualSelector.value_or(false) || !job.spec.selector) return;
  if (job.metadata.uid.empty()) errors.required(FieldPath("metadata").child("uid"));
  api::Map<std::string> expected;
  addLabel(expected, kLegacyUid, job.metadata.uid);
  addLabel(expected, kLegacyName, job.metadata.name);
  addLabel(expected, v1::kControllerUidLabel, job.metadata.uid);
  addLabel(expected, v1::kJobNameLabel, job.metadata.name);
  const auto& labels = job.spec.template_.metadata.labels;
  const FieldPath spec("spec");
  const auto path = spec.child("template").child("metadata").child("labels");
  for (const auto& [key, value] : expected) {
    const auto* found = labels.get(key);
    const auto text = fmt::format("must be '{}'", value);
    if (found == nullptr) errors.required(path.key(key), text);
    if (found == nullptr || *found != value) errors.invalid(path.key(key), labels, text);
  }
  const auto selector = api::LabelSelector::from(*job.spec.selector);
  if (selector.ok() && !selector->matches(expected)) {
    errors.invalid(spec.child("selector"), asJson(*job.spec.selector),
                   "`selector` not auto-generated");
  }
}

void checkSelector(const JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto at = path.child("selector");
  if (!spec.selector) return errors.required(at);
  validateLabelSelector(*spec.selector, at, errors);
  const auto selector = api::LabelSelector::from(*spec.selector);
  const auto& labels = spec.template_.metadata.labels;
  if (selector.ok() && !selector->matches(labels)) {
    errors.invalid(path.child("template").child("metadata").child("labels"), labels,
                   "`selector` does not match template `labels`");
  }
}

/// Pods get the name of the job and their index as name of the host.
void checkHostName(const Job& job, FieldErrors& errors) {
  const auto& completions = job.spec.completions;
  if (!isIndexed(job.spec) || !completions || *completions <= 0) return;
  const auto host = fmt::format("{}-{}", job.metadata.name, *completions - 1);
  if (api::validateDns1123Label(host).empty()) return;
  errors.invalid(FieldPath("metadata").child("name"), job.metadata.name,
                 "will not able to create pod with invalid DNS label: " + host);
}

template <typename T>
void checkBoxUnchanged(const api::Box<T>& next, const api::Box<T>& current, const FieldPath& path,
                       FieldErrors& errors) {
  if (!next && !current) return;
  if (next && current && api::semanticEqual(*next, *current)) return;
  errors.invalid(path, next ? api::FieldValue::json(internalJson(*next)) : api::FieldValue(nullptr),
                 kImmutableText);
}

void checkCompletionsUpdate(const JobSpec& next, const JobSpec& current, const FieldPath& path,
                            FieldErrors& errors) {
  const auto at = path.child("completions");
  if (!isIndexed(next)) return checkImmutable(next.completions, current.completions, at, errors);
  if (next.completions == current.completions || !next.completions || !current.completions) return;
  if (next.completions != next.parallelism) {
    errors.invalid(at, *next.completions, "can only be modified in tandem with spec.parallelism");
  }
}

/// While a job is at rest, where its pods will run may still change. Makes those
/// fields of `podTemplate` like `next`'s.
void takeOverScheduling(api::core::v1::PodTemplateSpec& podTemplate,
                        const api::core::v1::PodTemplateSpec& next) {
  podTemplate.metadata.labels = next.metadata.labels;
  podTemplate.metadata.annotations = next.metadata.annotations;
  auto& spec = podTemplate.spec;
  spec.nodeSelector = next.spec.nodeSelector;
  spec.tolerations = next.spec.tolerations;
  spec.schedulingGates = next.spec.schedulingGates;
  if (next.spec.affinity) {
    spec.affinity.getOrCreate().nodeAffinity = next.spec.affinity->nodeAffinity;
  } else if (spec.affinity) {
    spec.affinity->nodeAffinity = nullptr;
    if (!spec.affinity->podAffinity && !spec.affinity->podAntiAffinity) spec.affinity = nullptr;
  }
}

/// What pods of a suspended job will ask for may change too.
void takeOverResources(api::core::v1::PodSpec& spec, const api::core::v1::PodSpec& next) {
  const auto resources = [](auto& containers, const auto& from) {
    if (containers.size() != from.size()) return;
    for (size_t i = 0; i < containers.size(); ++i) {
      if (containers[i].name == from[i].name) containers[i].resources = from[i].resources;
    }
  };
  resources(spec.containers, next.containers);
  resources(spec.initContainers, next.initContainers);
}

/// Its pods are gone, and it has said so if there were any.
bool isAtRest(const Job& job) {
  if (!job.spec.suspend.value_or(false)) return false;
  if (!job.status.startTime) return true;
  const auto& conditions = job.status.conditions;
  return job.status.active == 0 &&
         std::any_of(conditions.begin(), conditions.end(), [](const auto& each) {
           return each.type == v1::kJobSuspended && each.status == "True";
         });
}

void checkTemplateUpdate(const Job& next, const Job& current, const FieldPath& path,
                         FieldErrors& errors) {
  const auto& now = next.spec.template_;
  auto was = current.spec.template_;
  if (isAtRest(current)) takeOverScheduling(was, now);
  if (!current.spec.suspend.value_or(false) || current.status.active > 0) {
    if (!api::semanticEqual(now, was))
      errors.invalid(path, api::FieldValue::json(internalJson(now)), kImmutableText);
    return;
  }
  takeOverResources(was.spec, now.spec);
  if (!api::semanticEqual(now.spec, was.spec)) {
    errors.invalid(path.child("spec"), api::FieldValue::json(internalJson(now.spec)),
                   kImmutableText);
  }
}

class JobKind final : public TypedStrategy<Job> {
 public:
  JobKind()
      : TypedStrategy(StrategyTraits{
            .generation = true, .orphanByDefault = true, .fieldSelectors = {"status.successful"}}) {
  }

 protected:
  void defaults(Job& object) const override {
    auto& spec = object.spec;
    setPodTemplateDefaults(spec.template_);
    setFailurePolicyDefaults(spec);
    if (!spec.completions && !spec.parallelism) {
      spec.completions = 1;
      spec.parallelism = 1;
    }
    if (!spec.parallelism) spec.parallelism = 1;
    if (!spec.backoffLimit) spec.backoffLimit = spec.backoffLimitPerIndex ? INT32_MAX : 6;
    takeTemplateLabels(object);
    if (!spec.completionMode) spec.completionMode = std::string(v1::kNonIndexedCompletion);
    if (!spec.suspend) spec.suspend = false;
    if (!spec.podReplacementPolicy) {
      spec.podReplacementPolicy =
          std::string(spec.podFailurePolicy ? v1::kFailed : v1::kTerminatingOrFailed);
    }
    if (!spec.manualSelector) spec.manualSelector = false;
  }
  void beforeCreate(Job& object) const override {
    if (object.spec.manualSelector.value_or(false)) return;
    // Before its name is made up; then this runs once more.
    if (object.metadata.name.empty() && !object.metadata.generateName.empty()) return;
    generateSelector(object);
    takeTemplateLabels(object);
  }
  void check(const Job& object, FieldErrors& errors) const override {
    checkGeneratedSelector(object, errors);
    checkSpec(object.spec, errors);
    checkHostName(object, errors);
  }
  void checkUpdate(const Job& next, const Job& current, FieldErrors& errors) const override {
    const FieldPath path("spec");
    const auto& a = next.spec;
    const auto& b = current.spec;
    checkSpec(a, errors);
    checkCompletionsUpdate(a, b, path, errors);
    checkSelectorUnchanged(a.selector, b.selector, errors);
    checkTemplateUpdate(next, current, path.child("template"), errors);
    checkImmutable(a.completionMode, b.completionMode, path.child("completionMode"), errors);
    checkBoxUnchanged(a.podFailurePolicy, b.podFailurePolicy, path.child("podFailurePolicy"),
                      errors);
    checkImmutable(a.backoffLimitPerIndex, b.backoffLimitPerIndex,
                   path.child("backoffLimitPerIndex"), errors);
    checkImmutable(a.managedBy, b.managedBy, path.child("managedBy"), errors);
    checkBoxUnchanged(a.successPolicy, b.successPolicy, path.child("successPolicy"), errors);
  }
  void checkStatusUpdate(const Job& next, const Job& current, FieldErrors& errors) const override {
    checkJobStatus(next, current, errors);
  }
  void warn(const Job& next, const Job* current, std::vector<std::string>& out) const override {
    constexpr int32_t kMany = 100000;
    constexpr int32_t kAtOnce = 10000;
    if (!current) warnOfPodMakersName(next.metadata.name, out);
    if (isIndexed(next.spec) && next.spec.completions.value_or(0) > kMany &&
        next.spec.parallelism.value_or(0) > kAtOnce) {
      out.emplace_back(
          "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher "
          "than 10^4, Kubernetes might not be able to track completedIndexes when a big number of "
          "indexes fail");
    }
    warnOfPodTemplate(next.spec.template_, FieldPath("spec").child("template"), out);
  }
  void fields(const Job& object, api::FieldSet& out) const override {
    out.emplace_back("status.successful", std::to_string(object.status.succeeded));
  }

 private:
  static void takeTemplateLabels(Job& job) {
    if (job.metadata.labels.empty()) job.metadata.labels = job.spec.template_.metadata.labels;
  }
  static void checkSpec(const JobSpec& spec, FieldErrors& errors) {
    const FieldPath path("spec");
    checkJobSpec(spec, path, errors);
    checkSelector(spec, path, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeJobStrategy() {
  return std::make_unique<JobKind>();
}

}  // namespace coxswain::apiserver
