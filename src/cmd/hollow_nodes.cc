#include <chrono>
#include <sstream>

#include "api/gen/core_v1.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "cmd/duration_flag.h"
#include "hollow/fleet.h"
#include "kubelet/config/configuration.h"

namespace coxswain::cmd {

namespace {

const Logger kLog("hollow");

struct HollowFlags {
  uint32_t count = 0;
  uint32_t startIndex = 0;
  std::string namePrefix = "hollow-";
  std::string labels;
  std::string zones;
  std::string taints;
  std::string cpu = "8";
  std::string memory = "32Gi";
  std::string pods = "110";
  std::string storage = "100Gi";
  std::string podRange = "10.128.0.0/9";
  std::string nodeRange = "100.64.0.0/10";
  std::string leasePeriod = "10s";
  int32_t leaseSeconds = 40;
  std::string statusPeriod = "5m";
  std::string podStart = "1s";
  std::string podReady = "0s";
  std::string podEnd = "500ms";
  std::string podRun = "5s";
  double failShare = 0;
  double crashShare = 0;
  std::string crashAfter = "30s";
  uint64_t seed = 1;
};

void addFlags(CLI::App& app, HollowFlags& flags) {
  app.add_option("N", flags.count, "how many nodes")->required();
  const auto add = [&app](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->capture_default_str();
  };
  add("--name-prefix", flags.namePrefix, "names of nodes are this and a number");
  add("--start-index", flags.startIndex, "the first number");
  add("--node-labels", flags.labels, "labels of all of them: key=value,...");
  add("--zones", flags.zones, "zones that nodes are in, in turns: a,b,c");
  add("--register-with-taints", flags.taints, "taints of all of them: key=value:Effect,...");
  add("--cpu", flags.cpu, "CPUs of a node");
  add("--memory", flags.memory, "memory of a node");
  add("--pods", flags.pods, "pods a node takes");
  add("--ephemeral-storage", flags.storage, "local storage of a node");
  add("--pod-cidr", flags.podRange, "range of the pods' addresses; of its own for each process");
  add("--node-cidr", flags.nodeRange, "range of the nodes' addresses");
  add("--node-lease-renew-period", flags.leasePeriod, "time between renewals of a node's lease");
  add("--node-lease-duration-seconds", flags.leaseSeconds, "how long a lease holds");
  add("--node-status-report-frequency", flags.statusPeriod, "time between reports of a node");
  add("--pod-start-delay", flags.podStart, "from being bound to running");
  add("--pod-ready-delay", flags.podReady, "from running to ready");
  add("--pod-end-delay", flags.podEnd, "from being deleted to ended, at most the grace period");
  add("--pod-run-time", flags.podRun,
      "how long pods run whose restartPolicy is not Always; annotation "
      "hollow.coxswain.dev/run-for says it for one pod");
  add("--pod-fail-share", flags.failShare,
      "share of such pods that fail, 0 to 1; annotation hollow.coxswain.dev/exit-code says it for "
      "one pod")
      ->check(CLI::Range(0.0, 1.0));
  add("--pod-crash-share", flags.crashShare, "share of other pods that crash again and again")
      ->check(CLI::Range(0.0, 1.0));
  add("--pod-crash-after", flags.crashAfter, "how long those run before");
  add("--seed", flags.seed, "which pods these shares pick");
}

Result<hollow::FleetOptions> optionsOf(const HollowFlags& flags) {
  hollow::FleetOptions options;
  options.count = flags.count;
  options.firstNumber = flags.startIndex;
  if (flags.count == 0 || flags.count > 1'000'000 || flags.startIndex > UINT32_MAX - flags.count) {
    return badRequest("from 1 to 1000000 nodes are possible");
  }
  auto& shape = options.shape;
  shape.namePrefix = flags.namePrefix;
  shape.kubeletVersion = "v1.36.0-hollow";
  TRY(auto labels, kubelet::parsePairs(flags.labels));
  for (auto& [key, value] : labels) shape.labels[key] = value;
  std::istringstream zones(flags.zones);
  for (std::string zone; std::getline(zones, zone, ',');) shape.zones.push_back(zone);
  TRY(shape.taints, kubelet::parseTaints(flags.taints));
  for (auto [name, amount] :
       {std::pair("cpu", &flags.cpu), std::pair("memory", &flags.memory),
        std::pair("pods", &flags.pods), std::pair("ephemeral-storage", &flags.storage)}) {
    TRY_STATUS(shape.setCapacity(name, *amount).withContext(std::string("--") + name));
  }
  auto& pods = options.pods.behaviour;
  TRY(pods.start, timeOf("--pod-start-delay", flags.podStart));
  TRY(pods.ready, timeOf("--pod-ready-delay", flags.podReady));
  TRY(pods.end, timeOf("--pod-end-delay", flags.podEnd));
  TRY(pods.run, timeOf("--pod-run-time", flags.podRun));
  TRY(pods.crashAfter, timeOf("--pod-crash-after", flags.crashAfter));
  pods.failShare = flags.failShare;
  pods.crashShare = flags.crashShare;
  pods.seed = flags.seed;
  options.podRange = flags.podRange;
  options.nodeRange = flags.nodeRange;
  TRY(options.leasePeriod, positiveTimeOf("--node-lease-renew-period", flags.leasePeriod));
  TRY(options.statusPeriod, positiveTimeOf("--node-status-report-frequency", flags.statusPeriod));
  options.leaseSeconds = flags.leaseSeconds;
  return options;
}

Task<Status> play(hollow::FleetOptions options, Component component, std::stop_token stop) {
  const auto count = options.count;
  const auto begin = component.reactor.now();
  CO_TRY(auto fleet,
         hollow::Fleet::create(component.client, component.reactor, std::move(options)));
  fleet->start();
  Status status = co_await fleet->waitRegistered(stop);
  if (status.ok()) {
    const auto took = component.reactor.now() - begin;
    kLog.info(
        "all nodes are registered",
        {{"nodes", count},
         {"milliseconds", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
    Event never;
    status = co_await never.wait(stop);
  }
  co_await fleet->stop();
  co_return status;
}

}  // namespace

int hollowNodes(int argc, char** argv) {
  ComponentFlags flags;
  flags.component = "hollow-nodes";
  HollowFlags own;
  hollow::FleetOptions options;
  CLI::App app(
      "Nodes that only pretend: they join a cluster by kubeconfig, renew their leases, and lead "
      "the "
      "pods that the scheduler gives them through their lives, without starting anything",
      "hollow-nodes");
  addFlags(app, own);
  addClientFlags(app, flags);
  flags.leaderElect = false;
  const auto check = [&] {
    auto made = optionsOf(own);
    if (made.ok()) options = *std::move(made);
    return made.status();
  };
  return runComponent(app, flags, argc, argv, check,
                      [&options](Component component, std::stop_token stop) {
                        return play(options, component, std::move(stop));
                      });
}

}  // namespace coxswain::cmd
