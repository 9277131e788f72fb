#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/job/decide.h"

namespace coxswain::controllers::job {

using api::batch::v1::Job;
using api::core::v1::Container;
using api::core::v1::Pod;

namespace {

constexpr std::string_view kIndexVariable = "JOB_COMPLETION_INDEX";

void addIndexVariable(Container& container) {
  for (const auto& variable : container.env) {
    if (variable.name == kIndexVariable) return;
  }
  auto& variable = container.env.emplace_back();
  variable.name = kIndexVariable;
  auto& field = variable.valueFrom.getOrCreate().fieldRef.getOrCreate();
  field.fieldPath = "metadata.labels['" + std::string(kIndexAnnotation) + "']";
}

}  // namespace

bool isTracked(const Pod& pod) {
  return api::hasFinalizer(pod.metadata, kTrackingFinalizer);
}

bool isIndexed(const Job& job) {
  return job.spec.completionMode && *job.spec.completionMode == "Indexed";
}

bool isFinished(const Job& job) {
  for (const auto& condition : job.status.conditions) {
    const bool last = condition.type == "Complete" || condition.type == "Failed";
    if (last && condition.status == "True") return true;
  }
  return false;
}

void shapePod(const Job& job, const NewPod& wanted, Pod& pod) {
  if (!isTracked(pod)) pod.metadata.finalizers.emplace_back(kTrackingFinalizer);
  if (!wanted.index) return;
  const auto text = std::to_string(*wanted.index);
  pod.metadata.annotations[kIndexAnnotation] = text;
  pod.metadata.labels[kIndexAnnotation] = text;
  pod.metadata.generateName = job.metadata.name + "-" + text + "-";
  pod.spec.hostname = job.metadata.name + "-" + text;
  if (job.spec.backoffLimitPerIndex) {
    pod.metadata.annotations[kIndexFailuresAnnotation] = std::to_string(wanted.failures);
    if (wanted.ignored > 0) {
      pod.metadata.annotations[kIndexIgnoredAnnotation] = std::to_string(wanted.ignored);
    }
  }
  for (auto& container : pod.spec.initContainers) addIndexVariable(container);
  for (auto& container : pod.spec.containers) addIndexVariable(container);
}

}  // namespace coxswain::controllers::job
