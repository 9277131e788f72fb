#include "scheduler/config/plugin_args.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "scheduler/config/validation.h"

namespace coxswain::scheduler::config {

namespace {

using api::FieldErrors;
using api::FieldPath;

constexpr std::string_view kVersion = "kubescheduler.config.k8s.io/v1";

template <typename T>
Result<T> decode(const v1::PluginConfig& from) {
  if (from.args.raw.empty()) return T();
  api::JsonReport report;
  auto args = api::decodeJson<T>(from.args.raw, &report);
  const auto context = "decoding args for plugin " + from.name;
  if (!args.ok()) return args.status().withContext(context);
  const std::string wanted = from.name + "Args";
  if (!report.kind.empty() && report.kind != wanted)
    return badRequest(
        fmt::format("args for plugin {} were not of type {}.kubescheduler.config.k8s.io, got "
                    "{}.kubescheduler.config.k8s.io",
                    from.name, wanted, report.kind));
  if (!report.apiVersion.empty() && report.apiVersion != kVersion)
    return badRequest(fmt::format("{}: no kind \"{}\" is registered for version \"{}\"", context,
                                  wanted, report.apiVersion));
  const Status strict = api::strictStatus(report);
  if (!strict.ok())
    return badRequest("strict decoding error: " + strict.withContext(context).message());
  return args;
}

std::vector<ResourceWeight> resourcesOf(const std::vector<v1::ResourceSpec>& from) {
  if (from.empty()) return {{"cpu", 1}, {"memory", 1}};
  std::vector<ResourceWeight> out;
  for (const auto& resource : from)
    out.push_back({resource.name, resource.weight == 0 ? 1 : resource.weight});
  return out;
}

Status read(const v1::PluginConfig& from, const FieldPath& path, PreemptionOptions& to,
            FieldErrors& errors) {
  TRY(const auto args, decode<v1::DefaultPreemptionArgs>(from));
  to.minCandidateNodesPercentage = args.minCandidateNodesPercentage.value_or(10);
  to.minCandidateNodesAbsolute = args.minCandidateNodesAbsolute.value_or(100);
  validate(to, path, errors);
  return {};
}

Status read(const v1::PluginConfig& from, const FieldPath& path, InterPodAffinityArgs& to,
            FieldErrors& errors) {
  TRY(const auto args, decode<v1::InterPodAffinityArgs>(from));
  to.hardPodAffinityWeight = args.hardPodAffinityWeight.value_or(1);
  to.ignorePreferredTermsOfExistingPods = args.ignorePreferredTermsOfExistingPods;
  if (to.hardPodAffinityWeight < 0 || to.hardPodAffinityWeight > 100)
    errors.invalid(path.child("hardPodAffinityWeight"), to.hardPodAffinityWeight,
                   "not in valid range [0, 100]");
  return {};
}

Status read(const v1::PluginConfig& from, const FieldPath& path, NodeAffinityArgs& to,
            FieldErrors& errors) {
  TRY(const auto args, decode<v1::NodeAffinityArgs>(from));
  if (!args.addedAffinity) return {};
  to.addedAffinity = *args.addedAffinity;
  validate(*to.addedAffinity, path.child("addedAffinity"), errors);
  return {};
}

Status read(const v1::PluginConfig& from, const FieldPath& path,
            NodeResourcesBalancedAllocationArgs& to, FieldErrors& errors) {
  TRY(const auto args, decode<v1::NodeResourcesBalancedAllocationArgs>(from));
  to.resources = resourcesOf(args.resources);
  const auto list = path.child("resources");
  for (size_t i = 0; i < to.resources.size(); ++i) {
    const auto& resource = to.resources[i];
    const bool again =
        std::any_of(to.resources.begin(), to.resources.begin() + static_cast<ptrdiff_t>(i),
                    [&](const ResourceWeight& before) { return before.name == resource.name; });
    if (again) errors.duplicate(list.index(i).child("name"), resource.name);
    if (resource.weight != 1)
      errors.invalid(list.index(i).child("weight"), resource.weight, "must be 1");
  }
  return {};
}

Status read(const v1::PluginConfig& from, NodeResourcesFitArgs& to) {
  TRY(const auto args, decode<v1::NodeResourcesFitArgs>(from));
  to.ignoredResources = args.ignoredResources;
  to.ignoredResourceGroups = args.ignoredResourceGroups;
  const auto* strategy = args.scoringStrategy.get();
  if (strategy) {
    to.strategy = strategy->type;
    to.resources = resourcesOf(strategy->resources);
    if (strategy->requestedToCapacityRatio)
      for (const auto& point : strategy->requestedToCapacityRatio->shape)
        to.shape.push_back({point.utilization, point.score});
  }
  // The plugin itself looks at its arguments: paths begin with them.
  FieldErrors errors;
  validate(to, strategy && strategy->requestedToCapacityRatio, errors);
  if (errors.empty()) return {};
  return badRequest("initializing plugin \"NodeResourcesFit\": " + errors.str());
}

Status read(const v1::PluginConfig& from, const FieldPath& path, PodTopologySpreadArgs& to,
            FieldErrors& errors) {
  TRY(const auto args, decode<v1::PodTopologySpreadArgs>(from));
  to.defaultConstraints = args.defaultConstraints;
  to.defaultingType = args.defaultingType.empty() ? "System" : args.defaultingType;
  validate(to, path, errors);
  return {};
}

Status read(const v1::PluginConfig& from, const FieldPath& path, VolumeBindingArgs& to,
            FieldErrors& errors) {
  TRY(const auto args, decode<v1::VolumeBindingArgs>(from));
  to.bindTimeoutSeconds = args.bindTimeoutSeconds.value_or(600);
  if (to.bindTimeoutSeconds < 0)
    errors.invalid(path.child("bindTimeoutSeconds"), to.bindTimeoutSeconds,
                   "invalid BindTimeoutSeconds, should not be a negative value");
  // A hundred years are for ever, and can be counted in nanoseconds.
  to.bindTimeoutSeconds = std::min<int64_t>(to.bindTimeoutSeconds, 3'153'600'000);
  if (!args.shape.empty())
    errors.invalid(path.child("shape"), api::FieldValue::json(api::encodeJson(args)),
                   "unexpected field `shape`, remove it or turn on the feature gate "
                   "StorageCapacityScoring");
  return {};
}

}  // namespace

Status readPluginArgs(const v1::PluginConfig& from, const FieldPath& path, PluginArgs& to,
                      FieldErrors& errors) {
  if (from.name == "DefaultPreemption") return read(from, path, to.defaultPreemption, errors);
  if (from.name == "InterPodAffinity") return read(from, path, to.interPodAffinity, errors);
  if (from.name == "NodeAffinity") return read(from, path, to.nodeAffinity, errors);
  if (from.name == "NodeResourcesBalancedAllocation")
    return read(from, path, to.balancedAllocation, errors);
  if (from.name == "NodeResourcesFit") return read(from, to.nodeResourcesFit);
  if (from.name == "PodTopologySpread") return read(from, path, to.podTopologySpread, errors);
  if (from.name == "VolumeBinding") return read(from, path, to.volumeBinding, errors);
  if (from.name == "DynamicResources")
    return badRequest("plugin DynamicResources is not part of this scheduler: it takes no args");
  return {};
}

}  // namespace coxswain::scheduler::config
