#pragma once

#include <memory>
#include <vector>

#include "scheduler/framework/plugin.h"
#include "scheduler/plugins/args.h"

namespace coxswain::client {
class Client;
}  // namespace coxswain::client

namespace coxswain::scheduler {
class OwnerSelectors;
class VolumeState;
}  // namespace coxswain::scheduler

namespace coxswain::scheduler::plugins {

std::unique_ptr<Plugin> schedulingGates();
std::unique_ptr<Plugin> prioritySort();
std::unique_ptr<Plugin> nodeUnschedulable();
std::unique_ptr<Plugin> nodeName();
std::unique_ptr<Plugin> taintToleration();
std::unique_ptr<Plugin> nodeAffinity(const NodeAffinityArgs& args);
std::unique_ptr<Plugin> nodePorts();
std::unique_ptr<Plugin> nodeResourcesFit(const NodeResourcesFitArgs& args);
/// `owners` outlives the plugin. Null: no default constraints.
std::unique_ptr<Plugin> podTopologySpread(const PodTopologySpreadArgs& args,
                                          const OwnerSelectors* owners);
std::unique_ptr<Plugin> interPodAffinity(const InterPodAffinityArgs& args);
std::unique_ptr<Plugin> nodeResourcesBalancedAllocation(
    const NodeResourcesBalancedAllocationArgs& args);
std::unique_ptr<Plugin> imageLocality();
/// Its options; what it does is scheduler/preemption.
std::unique_ptr<Plugin> defaultPreemption(const PreemptionOptions& options);
/// `client` outlives the plugin.
std::unique_ptr<Plugin> defaultBinder(client::Client& client);

// `state` outlives them.
std::unique_ptr<Plugin> volumeRestrictions(const VolumeState& state);
std::unique_ptr<Plugin> nodeVolumeLimits(const VolumeState& state);
/// `client` null: decides, but binds no volumes.
std::unique_ptr<Plugin> volumeBinding(const VolumeBindingArgs& args, VolumeState& state,
                                      client::Client* client);
std::unique_ptr<Plugin> volumeZone(const VolumeState& state);

/// The default profile, in upstream's order. `client` null: no DefaultBinder (decisions only).
/// `volumes` null: no plugins of volumes. `owners` null: no default spread.
std::vector<std::unique_ptr<Plugin>> defaultPlugins(client::Client* client,
                                                    VolumeState* volumes = nullptr,
                                                    const OwnerSelectors* owners = nullptr);

}  // namespace coxswain::scheduler::plugins
