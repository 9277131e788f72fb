#include "scheduler/config/configuration.h"

#include <gtest/gtest.h>

#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"

namespace coxswain::scheduler {
namespace {

const std::string kHead =
    "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

std::string errorOf(const std::string& yaml) {
  const auto read = readConfiguration(kHead + yaml);
  return read.ok() ? "" : read.status().message();
}

std::vector<std::string> namesAt(const Wiring& wiring, Point point) {
  std::vector<std::string> out;
  for (const auto& enabled : wiring.at(point)) out.push_back(enabled.name);
  return out;
}

int64_t weightOf(const Wiring& wiring, const std::string& name) {
  for (const auto& enabled : wiring.at(Point::Score))
    if (enabled.name == name) return enabled.weight;
  return 0;
}

Wiring wiringFrom(const std::string& plugins) {
  auto read = readConfiguration(kHead + "profiles:\n- plugins:\n" + plugins);
  EXPECT_TRUE(read.ok()) << read.status().message();
  return read.ok() ? *read->options.profiles.front().wiring : Wiring();
}

TEST(Configuration, Defaults) {
  const auto read = readConfiguration(kHead);
  ASSERT_TRUE(read.ok()) << read.status().message();
  const auto& options = read->options;
  ASSERT_EQ(options.profiles.size(), 1u);
  EXPECT_EQ(options.profiles[0].schedulerName, "default-scheduler");
  EXPECT_EQ(options.profiles[0].wiring, plugins::defaultWiring(plugins::registry()));
  EXPECT_EQ(options.percentageOfNodesToScore, 0);
  EXPECT_EQ(options.queue.initialBackoff, Duration(1s));
  EXPECT_EQ(options.queue.maxBackoff, Duration(10s));
  EXPECT_TRUE(*read->file.leaderElection.leaderElect);
  EXPECT_EQ(read->file.leaderElection.leaseDuration.duration(), Duration(15s));
  const auto& wiring = *options.profiles[0].wiring;
  EXPECT_EQ(weightOf(wiring, "TaintToleration"), 3);
  EXPECT_EQ(weightOf(wiring, "PodTopologySpread"), 2);
  EXPECT_EQ(weightOf(wiring, "ImageLocality"), 1);
}

TEST(Configuration, ReadsAll) {
  const auto read = readConfiguration(kHead + R"(
parallelism: 4
percentageOfNodesToScore: 30
podInitialBackoffSeconds: 2
podMaxBackoffSeconds: 20
leaderElection:
  leaderElect: false
clientConnection:
  kubeconfig: /etc/kubernetes/scheduler.conf
profiles:
- schedulerName: packed
  percentageOfNodesToScore: 100
  pluginConfig:
  - name: NodeResourcesFit
    args:
      apiVersion: kubescheduler.config.k8s.io/v1
      kind: NodeResourcesFitArgs
      ignoredResourceGroups: [example.com]
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources:
        - name: cpu
          weight: 3
        requestedToCapacityRatio:
          shape:
          - {utilization: 0, score: 0}
          - {utilization: 100, score: 10}
  - name: NodeAffinity
    args:
      addedAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
          - matchExpressions:
            - {key: pool, operator: In, values: [batch]}
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 7, ignorePreferredTermsOfExistingPods: true}
  - name: DefaultPreemption
    args: {minCandidateNodesPercentage: 20, minCandidateNodesAbsolute: 5}
  - name: VolumeBinding
    args: {bindTimeoutSeconds: 42}
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints:
      - {maxSkew: 2, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}
  - name: NodeResourcesBalancedAllocation
    args:
      resources:
      - name: nvidia.com/gpu
- schedulerName: other
)");
  ASSERT_TRUE(read.ok()) << read.status().message();
  const auto& options = read->options;
  ASSERT_EQ(options.profiles.size(), 2u);
  EXPECT_EQ(options.percentageOfNodesToScore, 30);
  EXPECT_EQ(options.queue.initialBackoff, Duration(2s));
  EXPECT_EQ(options.queue.maxBackoff, Duration(20s));
  EXPECT_FALSE(*read->file.leaderElection.leaderElect);
  EXPECT_EQ(read->file.clientConnection.kubeconfig, "/etc/kubernetes/scheduler.conf");
  EXPECT_EQ(options.profiles[0].percentageOfNodesToScore, 100);
  EXPECT_EQ(options.profiles[1].percentageOfNodesToScore, std::nullopt);
  const auto& args = options.profiles[0].args;
  EXPECT_EQ(args.nodeResourcesFit.strategy, "RequestedToCapacityRatio");
  EXPECT_EQ(args.nodeResourcesFit.resources, (std::vector<ResourceWeight>{{"cpu", 3}}));
  EXPECT_EQ(args.nodeResourcesFit.shape, (std::vector<ShapePoint>{{0, 0}, {100, 10}}));
  EXPECT_EQ(args.nodeResourcesFit.ignoredResourceGroups, std::vector<std::string>{"example.com"});
  ASSERT_TRUE(args.nodeAffinity.addedAffinity.has_value());
  EXPECT_EQ(args.interPodAffinity.hardPodAffinityWeight, 7);
  EXPECT_TRUE(args.interPodAffinity.ignorePreferredTermsOfExistingPods);
  EXPECT_EQ(args.defaultPreemption.minCandidateNodesPercentage, 20);
  EXPECT_EQ(args.defaultPreemption.minCandidateNodesAbsolute, 5);
  EXPECT_EQ(args.volumeBinding.bindTimeoutSeconds, 42);
  EXPECT_EQ(args.podTopologySpread.defaultingType, "List");
  ASSERT_EQ(args.podTopologySpread.defaultConstraints.size(), 1u);
  EXPECT_EQ(args.podTopologySpread.defaultConstraints[0].maxSkew, 2);
  EXPECT_EQ(args.balancedAllocation.resources,
            (std::vector<ResourceWeight>{{"nvidia.com/gpu", 1}}));
  // Another profile, its own defaults.
  EXPECT_EQ(options.profiles[1].args.nodeResourcesFit.strategy, "LeastAllocated");
}

TEST(Configuration, Refuses) {
  struct Case {
    std::string yaml;
    std::string error;
  };
  const std::string args = "profiles:\n- pluginConfig:\n  - name: ";
  const std::vector<Case> cases = {
      {"foo: 1", "strict decoding error: unknown field \"foo\""},
      {"profiles:\n- plugin: {}", "strict decoding error: unknown field \"profiles[0].plugin\""},
      {args + "NodeResourcesFit\n    args: {foo: 1}",
       "strict decoding error: decoding .profiles[0].pluginConfig[0]: strict decoding error: "
       "decoding args for plugin NodeResourcesFit: strict decoding error: unknown field \"foo\""},
      {args + "VolumeBinding\n    args: {kind: InterPodAffinityArgs}",
       "decoding .profiles[0].pluginConfig[0]: args for plugin VolumeBinding were not of type "
       "VolumeBindingArgs.kubescheduler.config.k8s.io, got "
       "InterPodAffinityArgs.kubescheduler.config.k8s.io"},
      {"parallelism: 0",
       "parallelism: Invalid value: 0: should be an integer value greater than zero"},
      {"percentageOfNodesToScore: 101",
       "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"},
      {"podInitialBackoffSeconds: 0",
       "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0"},
      {"podInitialBackoffSeconds: 5\npodMaxBackoffSeconds: 4",
       "podMaxBackoffSeconds: Invalid value: 4: must be greater than or equal to "
       "PodInitialBackoffSeconds"},
      {"profiles:\n- schedulerName: ''", "profiles[0].schedulerName: Required value"},
      {"profiles:\n- schedulerName: a\n- {}", "profiles[1].schedulerName: Required value"},
      {"profiles:\n- schedulerName: a\n- schedulerName: a",
       "profiles[1].schedulerName: Duplicate value: profiles[0].schedulerName"},
      {"profiles:\n- percentageOfNodesToScore: -1",
       "profiles[0].percentageOfNodesToScore: Invalid value: -1: not in valid range [0-100]"},
      {"leaderElection: {leaseDuration: 5s}",
       "leaderElection.leaseDuration: Invalid value: \"10s\": LeaseDuration must be greater than "
       "RenewDeadline"},
      {"leaderElection: {resourceLock: endpoints}",
       "leaderElection.resourceLock: Invalid value: \"endpoints\": resourceLock value must be "
       "\"leases\""},
      {"clientConnection: {burst: -1}",
       "clientConnection.burst: Invalid value: -1: must be non-negative"},
      {args + "InterPodAffinity\n    args: {hardPodAffinityWeight: 101}",
       "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: not in valid "
       "range [0, 100]"},
      {args + "DefaultPreemption\n    args: {minCandidateNodesPercentage: 101}",
       "profiles[0].pluginConfig[0].args.minCandidateNodesPercentage: Invalid value: 101: not in "
       "valid range [0, 100]"},
      {args + "NodeResourcesFit\n    args: {scoringStrategy: {type: Best}}",
       "initializing plugin \"NodeResourcesFit\": scoringStrategy.type: Unsupported value: "
       "\"Best\": supported values: \"LeastAllocated\", \"MostAllocated\", "
       "\"RequestedToCapacityRatio\""},
      {args + "NodeResourcesFit\n    args: {scoringStrategy: {type: RequestedToCapacityRatio}}",
       "initializing plugin \"NodeResourcesFit\": scoringStrategy.requestedToCapacityRatio: "
       "Required value: must be specified when type is RequestedToCapacityRatio"},
      {args + "PodTopologySpread\n    args: {defaultConstraints: [{maxSkew: 1, topologyKey: a, "
              "whenUnsatisfiable: DoNotSchedule}]}",
       "profiles[0].pluginConfig[0].args.defaultingType: Invalid value: \"System\": when "
       ".defaultConstraints are not empty"},
      {args + "NodeAffinity\n    args: {addedAffinity: "
              "{requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
              "[{matchExpressions: [{key: a, operator: Is}]}]}}}",
       "profiles[0].pluginConfig[0].args.addedAffinity."
       "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]."
       "operator: Unsupported value: \"Is\": supported values: \"DoesNotExist\", \"Exists\", "
       "\"Gt\", \"In\", \"Lt\", \"NotIn\""},
      {args + "VolumeBinding\n  - name: VolumeBinding",
       "profiles[0].pluginConfig[1]: Duplicate value: \"VolumeBinding\""},
      {args + "DynamicResources\n    args: {}",
       "decoding .profiles[0].pluginConfig[0]: plugin DynamicResources is not part of this "
       "scheduler: it takes no args"},
      {"profiles:\n- plugins: {filter: {enabled: [{name: EBSLimits}]}}",
       "profiles[0].plugins.filter.enabled[0]: Invalid value: \"EBSLimits\": was invalid in "
       "version \"v1\" (KubeSchedulerConfiguration is version \"kubescheduler.config.k8s.io/v1\")"},
      {"profiles:\n- plugins: {filter: {enabled: [{name: Nope}]}}",
       "initializing profiles: creating profile for scheduler name default-scheduler: "
       "FilterPlugin \"Nope\" does not exist"},
      {"profiles:\n- plugins: {filter: {enabled: [{name: ImageLocality}]}}",
       "initializing profiles: creating profile for scheduler name default-scheduler: plugin "
       "\"ImageLocality\" does not extend FilterPlugin plugin"},
      {"profiles:\n- plugins: {filter: {enabled: [{name: NodeName}, {name: NodeName}]}}",
       "initializing profiles: creating profile for scheduler name default-scheduler: plugin "
       "\"NodeName\" already registered as \"FilterPlugin\""},
      {"profiles:\n- plugins: {multiPoint: {disabled: [{name: PrioritySort}]}}",
       "initializing profiles: creating profile for scheduler name default-scheduler: at least "
       "one queue sort plugin is needed for profile with scheduler name \"default-scheduler\""},
      {"profiles:\n- plugins: {bind: {disabled: [{name: '*'}]}}",
       "initializing profiles: creating profile for scheduler name default-scheduler: at least "
       "one bind plugin is needed for profile with scheduler name \"default-scheduler\""},
      {"profiles:\n- plugins: {preFilter: {disabled: [{name: NodePorts}]}}",
       "initializing profiles: creating profile for scheduler name default-scheduler: plugin "
       "\"NodePorts\" is enabled at filter but not at preFilter, which it needs"},
      {"profiles:\n- plugins: {preScore: {disabled: [{name: '*'}]}}",
       "initializing profiles: creating profile for scheduler name default-scheduler: plugin "
       "\"TaintToleration\" is enabled at score but not at preScore, which it needs"},
      {"extenders:\n- bindVerb: a\n- bindVerb: b",
       "extenders: Invalid value: \"found 2 extenders implementing bind\": only one extender can "
       "implement bind"},
      {"extenders:\n- prioritizeVerb: p",
       "extenders[0].weight: Invalid value: 0: must have a positive weight applied to it"},
      {"enableProfiling: true",
       "enableProfiling, enableContentionProfiling: there is no profiling here"},
  };
  for (const auto& c : cases) EXPECT_EQ(errorOf(c.yaml), c.error) << c.yaml;
  EXPECT_EQ(readConfiguration("kind: Pod\napiVersion: v1").status().message(),
            "no kind \"Pod\" is registered for version \"v1\"");
  EXPECT_FALSE(readConfiguration("").ok());
  EXPECT_FALSE(readConfiguration("- a").ok());
}

TEST(Configuration, QueueSortMustBeTheSame) {
  const auto error = errorOf(
      "profiles:\n- schedulerName: a\n- schedulerName: b\n  plugins: {queueSort: {disabled: "
      "[{name: "
      "'*'}]}}");
  EXPECT_NE(error.find("profiles[1].plugins.queueSort: Invalid value"), std::string::npos) << error;
  EXPECT_NE(error.find("must be the same for all profiles"), std::string::npos) << error;
}

TEST(Wiring, PointsWinOverMultiPoint) {
  // A point's own weight counts, and its plugin comes first there.
  auto wiring = wiringFrom("    score: {enabled: [{name: ImageLocality, weight: 9}]}\n");
  EXPECT_EQ(namesAt(wiring, Point::Score).front(), "ImageLocality");
  EXPECT_EQ(weightOf(wiring, "ImageLocality"), 9);
  EXPECT_EQ(weightOf(wiring, "TaintToleration"), 3);
  // Without a weight it is 1, whatever the default.
  wiring = wiringFrom("    score: {enabled: [{name: TaintToleration}]}\n");
  EXPECT_EQ(weightOf(wiring, "TaintToleration"), 1);
  // Disabled at one point only.
  wiring = wiringFrom("    score: {disabled: [{name: NodeAffinity}]}\n");
  EXPECT_EQ(weightOf(wiring, "NodeAffinity"), 0);
  const auto filters = namesAt(wiring, Point::Filter);
  EXPECT_NE(std::find(filters.begin(), filters.end(), "NodeAffinity"), filters.end());
  // All but one.
  wiring =
      wiringFrom("    score: {disabled: [{name: '*'}], enabled: [{name: NodeResourcesFit}]}\n");
  EXPECT_EQ(namesAt(wiring, Point::Score), std::vector<std::string>{"NodeResourcesFit"});
}

TEST(Wiring, MultiPointReplacesInPlace) {
  const auto before = plugins::defaultWiring(plugins::registry());
  auto wiring = wiringFrom("    multiPoint: {enabled: [{name: NodeAffinity, weight: 50}]}\n");
  EXPECT_EQ(namesAt(wiring, Point::Score), namesAt(before, Point::Score));
  EXPECT_EQ(weightOf(wiring, "NodeAffinity"), 50);
  // From nothing, in the order given.
  wiring = wiringFrom(
      "    multiPoint:\n      disabled: [{name: '*'}]\n      enabled: [{name: NodeName}, {name: "
      "DefaultBinder}, {name: PrioritySort}, {name: NodePorts}]\n");
  EXPECT_EQ(namesAt(wiring, Point::Filter), (std::vector<std::string>{"NodeName", "NodePorts"}));
  EXPECT_TRUE(namesAt(wiring, Point::Score).empty());
  EXPECT_TRUE(namesAt(wiring, Point::PostFilter).empty());
}

PointBits pointsOf(Plugin& plugin) {
  PointBits bits = 0;
  const auto add = [&bits](Point point, bool has) {
    if (has) bits = static_cast<PointBits>(bits | bitOf(point));
  };
  add(Point::PreEnqueue, dynamic_cast<PreEnqueuePlugin*>(&plugin));
  add(Point::QueueSort, dynamic_cast<QueueSortPlugin*>(&plugin));
  add(Point::PreFilter, dynamic_cast<PreFilterPlugin*>(&plugin));
  add(Point::Filter, dynamic_cast<FilterPlugin*>(&plugin));
  add(Point::PostFilter, dynamic_cast<PostFilterPlugin*>(&plugin));
  add(Point::PreScore, dynamic_cast<PreScorePlugin*>(&plugin));
  add(Point::Score, dynamic_cast<ScorePlugin*>(&plugin));
  add(Point::Reserve, dynamic_cast<ReservePlugin*>(&plugin));
  add(Point::Permit, dynamic_cast<PermitPlugin*>(&plugin));
  add(Point::PreBind, dynamic_cast<PreBindPlugin*>(&plugin));
  add(Point::Bind, dynamic_cast<BindPlugin*>(&plugin));
  add(Point::PostBind, dynamic_cast<PostBindPlugin*>(&plugin));
  return bits;
}

TEST(Registry, SaysWhatPluginsAre) {
  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  client::Informers informers{cluster, executor};
  VolumeState volumes{informers};
  const OwnerSelectors owners{informers};
  const PluginArgs args;
  const PluginContext context{args, &cluster, &volumes, &owners};
  for (const auto& registration : plugins::registry()) {
    const auto plugin = registration.make(context);
    ASSERT_NE(plugin, nullptr) << registration.name;
    EXPECT_EQ(plugin->name(), registration.name);
    EXPECT_EQ(pointsOf(*plugin), registration.points) << registration.name;
    const auto* scores = dynamic_cast<ScorePlugin*>(plugin.get());
    EXPECT_EQ(scores ? scores->weight() : 0, registration.weight) << registration.name;
  }
  EXPECT_LE(plugins::registry().size(), kPluginsMax);
}

}  // namespace
}  // namespace coxswain::scheduler
