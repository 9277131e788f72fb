#include "scheduler/config/configuration.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/names/field_error.h"
#include "api/yaml/yaml.h"
#include "scheduler/config/plugin_args.h"
#include "scheduler/config/plugin_sets.h"
#include "scheduler/config/validation.h"

namespace coxswain::scheduler {

namespace {

using config::v1::KubeSchedulerConfiguration;

constexpr std::string_view kVersion = "kubescheduler.config.k8s.io/v1";
constexpr std::string_view kKind = "KubeSchedulerConfiguration";

Result<KubeSchedulerConfiguration> decode(std::string_view text) {
  api::YamlOptions strict;
  strict.strict = true;
  strict.bytesMax = 4U << 20;
  TRY(auto parsed, api::yamlToValue(text, strict));
  if (!parsed.is_object()) return badRequest("KubeSchedulerConfiguration: must be a map");
  api::JsonReport report;
  KubeSchedulerConfiguration file;
  const Status done = api::decodeValue(KubeSchedulerConfiguration::info(), parsed, &file, &report);
  if (report.kind.empty()) return badRequest("Object 'Kind' is missing");
  if (report.kind != kKind || report.apiVersion != kVersion)
    return badRequest(fmt::format("no kind \"{}\" is registered for version \"{}\"", report.kind,
                                  report.apiVersion));
  TRY_STATUS(done);
  TRY_STATUS(api::strictStatus(report));
  return file;
}

void setDefaults(KubeSchedulerConfiguration& c) {
  if (c.profiles.empty()) c.profiles.emplace_back();
  if (c.profiles.size() == 1 && !c.profiles.front().schedulerName)
    c.profiles.front().schedulerName = "default-scheduler";
  if (!c.parallelism) c.parallelism = 16;
  if (!c.percentageOfNodesToScore) c.percentageOfNodesToScore = 0;
  if (!c.podInitialBackoffSeconds) c.podInitialBackoffSeconds = 1;
  if (!c.podMaxBackoffSeconds) c.podMaxBackoffSeconds = 10;
  auto& election = c.leaderElection;
  if (!election.leaderElect) election.leaderElect = true;
  if (election.leaseDuration.nanos == 0) election.leaseDuration = api::GoDuration(15s);
  if (election.renewDeadline.nanos == 0) election.renewDeadline = api::GoDuration(10s);
  if (election.retryPeriod.nanos == 0) election.retryPeriod = api::GoDuration(2s);
  if (election.resourceLock.empty()) election.resourceLock = "leases";
  if (election.resourceNamespace.empty()) election.resourceNamespace = "kube-system";
  if (election.resourceName.empty()) election.resourceName = "kube-scheduler";
}

Result<ProfileOptions> readProfile(const config::v1::KubeSchedulerProfile& from, size_t index,
                                   api::FieldErrors& errors) {
  ProfileOptions profile;
  profile.schedulerName = from.schedulerName.value_or("");
  profile.percentageOfNodesToScore = from.percentageOfNodesToScore;
  const api::FieldPath profiles("profiles");
  const auto list = profiles.index(index).child("pluginConfig");
  for (size_t i = 0; i < from.pluginConfig.size(); ++i) {
    const Status read = config::readPluginArgs(from.pluginConfig[i], list.index(i).child("args"),
                                               profile.args, errors);
    if (read.ok()) continue;
    // Of values, by the plugin: said as it is. Of the text: where it stands.
    if (read.message().starts_with("initializing")) return read;
    const auto where = fmt::format("decoding .profiles[{}].pluginConfig[{}]", index, i);
    const auto said = read.withContext(where).message();
    return badRequest(read.message().starts_with("strict") ? "strict decoding error: " + said
                                                           : said);
  }
  return profile;
}

/// What upstream can and this scheduler cannot.
Status refuse(const KubeSchedulerConfiguration& c) {
  if (c.enableProfiling.value_or(false) || c.enableContentionProfiling.value_or(false))
    return badRequest("enableProfiling, enableContentionProfiling: there is no profiling here");
  return {};
}

}  // namespace

Result<SchedulerConfiguration> readConfiguration(std::string_view text,
                                                 std::vector<Registration> registrations) {
  SchedulerConfiguration out;
  TRY(out.file, decode(text));
  auto& file = out.file;
  setDefaults(file);
  auto& options = out.options;
  options.registrations = registrations.empty() ? plugins::registry() : std::move(registrations);
  options.profiles.clear();
  api::FieldErrors errors;
  config::validate(file, errors);
  for (size_t i = 0; i < file.profiles.size(); ++i) {
    TRY(auto profile, readProfile(file.profiles[i], i, errors));
    options.profiles.push_back(std::move(profile));
  }
  if (!errors.empty()) return badRequest(errors.str());
  TRY_STATUS(refuse(file));
  for (size_t i = 0; i < file.profiles.size(); ++i) {
    auto& profile = options.profiles[i];
    auto wiring = config::wiringOf(file.profiles[i].plugins.get(), profile.schedulerName,
                                   options.registrations);
    if (!wiring.ok())
      return badRequest(
          fmt::format("initializing profiles: creating profile for scheduler name {}: {}",
                      profile.schedulerName, wiring.status().message()));
    profile.wiring = std::move(*wiring);
  }
  options.extenders = file.extenders;
  for (const auto& extender : file.extenders)
    for (const auto& resource : extender.managedResources)
      if (resource.ignoredByScheduler)
        for (auto& profile : options.profiles)
          profile.args.nodeResourcesFit.ignoredResources.push_back(resource.name);
  constexpr int64_t kForEver = 3'153'600'000;  // seconds that fit into nanoseconds
  options.percentageOfNodesToScore = *file.percentageOfNodesToScore;
  options.queue.initialBackoff =
      std::chrono::seconds(std::min(*file.podInitialBackoffSeconds, kForEver));
  options.queue.maxBackoff = std::chrono::seconds(std::min(*file.podMaxBackoffSeconds, kForEver));
  return out;
}

}  // namespace coxswain::scheduler
