#include "scheduler/config/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "api/codec/json.h"
#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "api/select/labels.h"

namespace coxswain::scheduler::config {

namespace {

using api::FieldErrors;
using api::FieldPath;
using api::FieldValue;
using api::GoDuration;

constexpr std::array<std::string_view, 4> kRemovedPlugins = {"AzureDiskLimits", "CinderLimits",
                                                             "EBSLimits", "GCEPDLimits"};
constexpr std::string_view kRemoved =
    "was invalid in version \"v1\" (KubeSchedulerConfiguration is version "
    "\"kubescheduler.config.k8s.io/v1\")";

bool isRemoved(std::string_view plugin) {
  return std::find(kRemovedPlugins.begin(), kRemovedPlugins.end(), plugin) != kRemovedPlugins.end();
}

void validateElection(const v1::LeaderElectionConfiguration& election, const FieldPath& path,
                      FieldErrors& errors) {
  if (!election.leaderElect.value_or(true)) return;
  const auto positive = [&](std::string_view name, const GoDuration& duration) {
    if (duration.nanos <= 0)
      errors.invalid(path.child(name), duration, "must be greater than zero");
  };
  positive("leaseDuration", election.leaseDuration);
  positive("renewDeadline", election.renewDeadline);
  positive("retryPeriod", election.retryPeriod);
  if (election.leaseDuration <= election.renewDeadline)
    errors.invalid(path.child("leaseDuration"), election.renewDeadline,
                   "LeaseDuration must be greater than RenewDeadline");
  if (election.renewDeadline <= election.retryPeriod)
    errors.invalid(path.child("renewDeadline"), election.retryPeriod,
                   "RenewDeadline must be greater than RetryPeriod");
  if (election.resourceNamespace.empty())
    errors.required(path.child("resourceNamespace"), "resourceNamespace is required");
  if (election.resourceName.empty())
    errors.required(path.child("resourceName"), "resourceName is required");
  if (election.resourceLock != "leases")
    errors.invalid(path.child("resourceLock"), election.resourceLock,
                   "resourceLock value must be \"leases\"");
}

void validatePercentage(const std::optional<int32_t>& percentage, const FieldPath& path,
                        FieldErrors& errors) {
  if (percentage && (*percentage < 0 || *percentage > 100))
    errors.invalid(path, *percentage, "not in valid range [0-100]");
}

void validateNamed(const v1::PluginSet& set, const FieldPath& path, FieldErrors& errors) {
  const auto enabled = path.child("enabled");
  for (size_t i = 0; i < set.enabled.size(); ++i)
    if (isRemoved(set.enabled[i].name))
      errors.invalid(enabled.index(i), set.enabled[i].name, kRemoved);
}

void validateProfile(const v1::KubeSchedulerProfile& profile, const FieldPath& path,
                     FieldErrors& errors) {
  if (profile.schedulerName.value_or("").empty()) errors.required(path.child("schedulerName"));
  validatePercentage(profile.percentageOfNodesToScore, path.child("percentageOfNodesToScore"),
                     errors);
  if (profile.plugins) {
    const auto& plugins = *profile.plugins;
    const auto sets = path.child("plugins");
    validateNamed(plugins.preEnqueue, sets.child("preEnqueue"), errors);
    validateNamed(plugins.queueSort, sets.child("queueSort"), errors);
    validateNamed(plugins.preFilter, sets.child("preFilter"), errors);
    validateNamed(plugins.filter, sets.child("filter"), errors);
    validateNamed(plugins.postFilter, sets.child("postFilter"), errors);
    validateNamed(plugins.preScore, sets.child("preScore"), errors);
    validateNamed(plugins.score, sets.child("score"), errors);
    validateNamed(plugins.reserve, sets.child("reserve"), errors);
    validateNamed(plugins.permit, sets.child("permit"), errors);
    validateNamed(plugins.preBind, sets.child("preBind"), errors);
    validateNamed(plugins.bind, sets.child("bind"), errors);
    validateNamed(plugins.postBind, sets.child("postBind"), errors);
  }
  std::set<std::string_view> seen;
  const auto list = path.child("pluginConfig");
  for (size_t i = 0; i < profile.pluginConfig.size(); ++i) {
    const auto& name = profile.pluginConfig[i].name;
    if (!seen.insert(name).second) errors.duplicate(list.index(i), name);
    if (isRemoved(name)) errors.invalid(list.index(i), name, kRemoved);
  }
}

void validateQueueSort(const std::vector<v1::KubeSchedulerProfile>& profiles, const FieldPath& path,
                       FieldErrors& errors) {
  const auto setOf = [](const v1::KubeSchedulerProfile& profile) {
    return profile.plugins ? profile.plugins->queueSort : v1::PluginSet();
  };
  const auto first = setOf(profiles.front());
  if (first.enabled.size() > 1)
    errors.invalid(path.index(0).child("plugins", "queueSort", "Enabled"), first.enabled.size(),
                   "only one queue sort plugin can be enabled");
  for (size_t i = 1; i < profiles.size(); ++i) {
    const auto other = setOf(profiles[i]);
    if (other == first) continue;
    errors.invalid(path.index(i).child("plugins", "queueSort"),
                   FieldValue::json(api::encodeJson(other)), "must be the same for all profiles");
  }
}

void validateExtenders(const std::vector<v1::Extender>& extenders, const FieldPath& path,
                       FieldErrors& errors) {
  size_t binders = 0;
  std::set<std::string_view> managed;
  for (size_t i = 0; i < extenders.size(); ++i) {
    const auto& extender = extenders[i];
    const auto at = path.index(i);
    if (!extender.prioritizeVerb.empty() && extender.weight <= 0)
      errors.invalid(at.child("weight"), extender.weight,
                     "must have a positive weight applied to it");
    binders += extender.bindVerb.empty() ? 0 : 1;
    for (size_t j = 0; j < extender.managedResources.size(); ++j) {
      const auto& name = extender.managedResources[j].name;
      const auto where = at.child("managedResources").index(j).child("name");
      const auto messages = api::validateQualifiedName(name);
      errors.invalidEach(where, name, messages);
      if (messages.empty() && !api::isExtendedResource(name))
        errors.invalid(where, name, "is an invalid extended resource name");
      if (!managed.insert(name).second)
        errors.invalid(where, name, "duplicate extender managed resource name");
    }
  }
  if (binders > 1)
    errors.invalid(path, fmt::format("found {} extenders implementing bind", binders),
                   "only one extender can implement bind");
}

void validateShape(const std::vector<ShapePoint>& shape, const FieldPath& path,
                   FieldErrors& errors) {
  if (shape.empty()) {
    errors.required(path, "at least one point must be specified");
    return;
  }
  for (size_t i = 1; i < shape.size(); ++i) {
    if (shape[i - 1].utilization < shape[i].utilization) continue;
    errors.invalid(path.index(i).child("utilization"), shape[i].utilization,
                   "values must be sorted in increasing order");
    break;
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto& point = shape[i];
    if (point.utilization < 0 || point.utilization > 100)
      errors.invalid(path.index(i).child("utilization"), point.utilization,
                     "not in valid range [0, 100]");
    if (point.score < 0 || point.score > 10)
      errors.invalid(path.index(i).child("score"), point.score, "not in valid range [0, 10]");
  }
}

void validateTerm(const api::core::v1::NodeSelectorTerm& term, const FieldPath& path,
                  FieldErrors& errors) {
  using Op = api::LabelRequirement::Op;
  static const std::map<std::string_view, Op> kOps = {
      {"In", Op::In},          {"NotIn", Op::NotIn},
      {"Exists", Op::Exists},  {"DoesNotExist", Op::DoesNotExist},
      {"Gt", Op::GreaterThan}, {"Lt", Op::LessThan}};
  const auto list = path.child("matchExpressions");
  for (size_t i = 0; i < term.matchExpressions.size(); ++i) {
    const auto& one = term.matchExpressions[i];
    const auto at = list.index(i);
    const auto op = kOps.find(one.operator_);
    if (op == kOps.end()) {
      errors.notSupported(at.child("operator"), one.operator_,
                          {"DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"});
      continue;
    }
    const auto made = api::LabelRequirement::create(one.key, op->second, one.values);
    if (!made.ok())
      errors.invalid(at, FieldValue::json(api::encodeJson(one)), made.status().message());
  }
  const auto fields = path.child("matchFields");
  for (size_t i = 0; i < term.matchFields.size(); ++i) {
    const auto& one = term.matchFields[i];
    const auto at = fields.index(i);
    if (one.operator_ != "In" && one.operator_ != "NotIn") {
      errors.notSupported(at.child("operator"), one.operator_, {"In", "NotIn"});
      continue;
    }
    if (one.values.size() != 1)
      errors.invalid(at.child("values"), one.values, "must have one element");
  }
}

}  // namespace

void validate(const v1::KubeSchedulerConfiguration& c, FieldErrors& errors) {
  if (c.clientConnection.burst < 0)
    errors.invalid(FieldPath("clientConnection").child("burst"), c.clientConnection.burst,
                   "must be non-negative");
  validateElection(c.leaderElection, FieldPath("leaderElection"), errors);
  if (c.parallelism.value_or(0) <= 0)
    errors.invalid(FieldPath("parallelism"), c.parallelism.value_or(0),
                   "should be an integer value greater than zero");
  const FieldPath profiles("profiles");
  std::map<std::string, size_t> names;
  for (size_t i = 0; i < c.profiles.size(); ++i) {
    validateProfile(c.profiles[i], profiles.index(i), errors);
    const auto [at, fresh] = names.try_emplace(c.profiles[i].schedulerName.value_or(""), i);
    if (fresh) continue;
    errors.duplicate(profiles.index(i).child("schedulerName"),
                     FieldValue::json(fmt::format("profiles[{}].schedulerName", at->second)));
    at->second = i;
  }
  if (!c.profiles.empty()) validateQueueSort(c.profiles, profiles, errors);
  validatePercentage(c.percentageOfNodesToScore, FieldPath("percentageOfNodesToScore"), errors);
  const int64_t first = c.podInitialBackoffSeconds.value_or(0);
  const int64_t most = c.podMaxBackoffSeconds.value_or(0);
  if (first <= 0)
    errors.invalid(FieldPath("podInitialBackoffSeconds"), first, "must be greater than 0");
  if (most < first)
    errors.invalid(FieldPath("podMaxBackoffSeconds"), most,
                   "must be greater than or equal to PodInitialBackoffSeconds");
  validateExtenders(c.extenders, FieldPath("extenders"), errors);
}

void validate(const PreemptionOptions& args, const FieldPath& path, FieldErrors& errors) {
  const auto percentage = path.child("minCandidateNodesPercentage");
  const auto absolute = path.child("minCandidateNodesAbsolute");
  if (args.minCandidateNodesPercentage < 0 || args.minCandidateNodesPercentage > 100)
    errors.invalid(percentage, args.minCandidateNodesPercentage, "not in valid range [0, 100]");
  if (args.minCandidateNodesAbsolute < 0)
    errors.invalid(absolute, args.minCandidateNodesAbsolute, "not in valid range [0, inf)");
  if (args.minCandidateNodesPercentage != 0 || args.minCandidateNodesAbsolute != 0) return;
  errors.invalid(percentage, 0, "cannot be zero at the same time as minCandidateNodesAbsolute");
  errors.invalid(absolute, 0, "cannot be zero at the same time as minCandidateNodesPercentage");
}

void validate(const PodTopologySpreadArgs& args, const FieldPath& path, FieldErrors& errors) {
  const auto type = path.child("defaultingType");
  if (args.defaultingType != "System" && args.defaultingType != "List")
    errors.notSupported(type, args.defaultingType, {"System", "List"});
  if (args.defaultingType == "System" && !args.defaultConstraints.empty())
    errors.invalid(type, args.defaultingType, "when .defaultConstraints are not empty");
  const auto list = path.child("defaultConstraints");
  for (size_t i = 0; i < args.defaultConstraints.size(); ++i) {
    const auto& one = args.defaultConstraints[i];
    const auto at = list.index(i);
    if (one.maxSkew <= 0)
      errors.invalid(at.child("maxSkew"), one.maxSkew, "not in valid range (0, inf)");
    const auto key = at.child("topologyKey");
    if (one.topologyKey.empty()) {
      errors.required(key, "can not be empty");
    } else {
      errors.invalidEach(key, one.topologyKey, api::validateLabelKey(one.topologyKey));
    }
    const auto when = at.child("whenUnsatisfiable");
    if (one.whenUnsatisfiable.empty()) {
      errors.required(when, "can not be empty");
    } else if (one.whenUnsatisfiable != "DoNotSchedule" &&
               one.whenUnsatisfiable != "ScheduleAnyway") {
      errors.notSupported(when, one.whenUnsatisfiable, {"DoNotSchedule", "ScheduleAnyway"});
    }
    if (one.labelSelector)
      errors.forbidden(at.child("labelSelector"),
                       "constraint must not define a selector, as they deduced for each pod");
    for (size_t j = 0; j < i; ++j) {
      const auto& other = args.defaultConstraints[j];
      if (other.topologyKey != one.topologyKey || other.whenUnsatisfiable != one.whenUnsatisfiable)
        continue;
      errors.duplicate(at, "{" + one.topologyKey + ", " + one.whenUnsatisfiable + "}");
      break;
    }
  }
}

void validate(const api::core::v1::NodeAffinity& affinity, const FieldPath& path,
              FieldErrors& errors) {
  if (const auto* required = affinity.requiredDuringSchedulingIgnoredDuringExecution.get()) {
    const auto terms =
        path.child("requiredDuringSchedulingIgnoredDuringExecution").child("nodeSelectorTerms");
    for (size_t i = 0; i < required->nodeSelectorTerms.size(); ++i)
      validateTerm(required->nodeSelectorTerms[i], terms.index(i), errors);
  }
  const auto preferred = path.child("preferredDuringSchedulingIgnoredDuringExecution");
  const auto& list = affinity.preferredDuringSchedulingIgnoredDuringExecution;
  for (size_t i = 0; i < list.size(); ++i)
    validateTerm(list[i].preference, preferred.index(i).child("preference"), errors);
}

void validate(const NodeResourcesFitArgs& args, bool hasShape, FieldErrors& errors) {
  const FieldPath ignored("ignoredResources");
  for (size_t i = 0; i < args.ignoredResources.size(); ++i)
    errors.invalidEach(ignored.index(i), args.ignoredResources[i],
                       api::validateLabelKey(args.ignoredResources[i]));
  const FieldPath groups("ignoredResourceGroups");
  for (size_t i = 0; i < args.ignoredResourceGroups.size(); ++i) {
    const auto& group = args.ignoredResourceGroups[i];
    if (group.find('/') != std::string::npos)
      errors.invalid(groups.index(i), group, "resource group name can't contain '/'");
    errors.invalidEach(groups.index(i), group, api::validateLabelKey(group));
  }
  const FieldPath strategy("scoringStrategy");
  const bool ratio = args.strategy == "RequestedToCapacityRatio";
  if (!ratio && args.strategy != "LeastAllocated" && args.strategy != "MostAllocated")
    errors.notSupported(strategy.child("type"), args.strategy,
                        {"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"});
  const auto resources = strategy.child("resources");
  for (size_t i = 0; i < args.resources.size(); ++i) {
    const auto& resource = args.resources[i];
    if (resource.weight > 0 && resource.weight <= 100) continue;
    errors.invalid(resources.index(i).child("weight"), resource.weight,
                   fmt::format("resource weight of {} not in valid range (0, 100]", resource.name));
  }
  const auto shape = strategy.child("requestedToCapacityRatio");
  if (ratio && !hasShape) {
    errors.required(shape, "must be specified when type is RequestedToCapacityRatio");
  } else if (ratio) {
    validateShape(args.shape, shape.child("shape"), errors);
  } else if (hasShape) {
    errors.forbidden(shape, "must be nil when type is not RequestedToCapacityRatio");
  }
}

}  // namespace coxswain::scheduler::config
