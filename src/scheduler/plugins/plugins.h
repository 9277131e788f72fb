#pragma once

#include <memory>
#include <vector>

#include "scheduler/framework/plugin.h"

namespace coxswain::client {
class Client;
}

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

/// The default profile, in upstream's order. `client` null: no DefaultBinder (decisions only).
std::vector<std::unique_ptr<Plugin>> defaultPlugins(client::Client* client);

}  // namespace coxswain::scheduler::plugins
