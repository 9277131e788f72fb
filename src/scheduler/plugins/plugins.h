#pragma once

#include <memory>
#include <vector>

#include "scheduler/framework/plugin.h"

namespace coxswain::client {
class Client;
class Informer;
class Informers;
}  // namespace coxswain::client

namespace coxswain::scheduler::plugins {

std::unique_ptr<Plugin> schedulingGates();
std::unique_ptr<Plugin> prioritySort();
std::unique_ptr<Plugin> nodeUnschedulable();
std::unique_ptr<Plugin> nodeName();
std::unique_ptr<Plugin> taintToleration();
std::unique_ptr<Plugin> nodeAffinity();
std::unique_ptr<Plugin> nodePorts();
std::unique_ptr<Plugin> nodeResourcesFit();
/// Constraints of the pod only: the default ones (of a pod's service) are not made up.
std::unique_ptr<Plugin> podTopologySpread();
std::unique_ptr<Plugin> interPodAffinity();
std::unique_ptr<Plugin> nodeResourcesBalancedAllocation();
std::unique_ptr<Plugin> imageLocality();
/// `client` outlives the plugin.
std::unique_ptr<Plugin> defaultBinder(client::Client& client);

/// Claims and volumes as these caches show them, which outlive the plugin.
std::unique_ptr<Plugin> volumeBinding(const client::Informer& claims,
                                      const client::Informer& volumes);

/// The default profile, in upstream's order. `client` null: no DefaultBinder (decisions only).
/// `informers` null: no VolumeBinding.
std::vector<std::unique_ptr<Plugin>> defaultPlugins(client::Client* client,
                                                    client::Informers* informers = nullptr);

}  // namespace coxswain::scheduler::plugins
