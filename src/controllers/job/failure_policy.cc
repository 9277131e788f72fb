#include "controllers/job/failure_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"

namespace coxswain::controllers::job {

using api::batch::v1::Job;
using api::batch::v1::PodFailurePolicyOnExitCodesRequirement;
using api::batch::v1::PodFailurePolicyRule;
using api::core::v1::ContainerStatus;
using api::core::v1::Pod;

namespace {

const ContainerStatus* matchingExit(const PodFailurePolicyOnExitCodesRequirement& wanted,
                                    const std::vector<ContainerStatus>& statuses) {
  for (const auto& status : statuses) {
    if (wanted.containerName && *wanted.containerName != status.name) continue;
    const auto& ended = status.state.terminated;
    if (!ended || ended->exitCode == 0) continue;
    const bool listed = std::find(wanted.values.begin(), wanted.values.end(), ended->exitCode) !=
                        wanted.values.end();
    if (listed == (wanted.operator_ == "In")) return &status;
  }
  return nullptr;
}

/// Empty: the rule does not match.
std::string match(const PodFailurePolicyRule& rule, size_t index, const Pod& pod) {
  const auto name = pod.metadata.namespace_ + "/" + pod.metadata.name;
  if (rule.onExitCodes) {
    const auto* status = matchingExit(*rule.onExitCodes, pod.status.containerStatuses);
    if (status == nullptr) {
      status = matchingExit(*rule.onExitCodes, pod.status.initContainerStatuses);
    }
    if (status == nullptr) return "";
    return fmt::format(
        "Container {} for pod {} failed with exit code {} matching {} rule at index "
        "{}",
        status->name, name, status->state.terminated->exitCode, rule.action, index);
  }
  for (const auto& condition : pod.status.conditions) {
    for (const auto& wanted : rule.onPodConditions) {
      const auto& status = wanted.status.empty() ? "True" : wanted.status;
      if (condition.type != wanted.type || condition.status != status) continue;
      return fmt::format("Pod {} has condition {} matching {} rule at index {}", name,
                         condition.type, rule.action, index);
    }
  }
  return "";
}

}  // namespace

FailureVerdict judgeFailure(const Job& job, const Pod& pod) {
  FailureVerdict verdict;
  if (!job.spec.podFailurePolicy || pod.status.phase != "Failed") return verdict;
  const auto& rules = job.spec.podFailurePolicy->rules;
  for (size_t i = 0; i < rules.size(); ++i) {
    auto message = match(rules[i], i, pod);
    if (message.empty()) continue;
    verdict.action = rules[i].action;
    verdict.message = std::move(message);
    break;
  }
  return verdict;
}

}  // namespace coxswain::controllers::job
