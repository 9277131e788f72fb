#include "client/informers.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

std::vector<std::unique_ptr<Plugin>> defaultPlugins(client::Client* client,
                                                    client::Informers* informers) {
  std::vector<std::unique_ptr<Plugin>> out;
  out.push_back(schedulingGates());
  out.push_back(prioritySort());
  out.push_back(nodeUnschedulable());
  out.push_back(nodeName());
  out.push_back(taintToleration());
  out.push_back(nodeAffinity());
  out.push_back(nodePorts());
  out.push_back(nodeResourcesFit());
  if (informers) {
    out.push_back(volumeBinding(informers->of<api::core::v1::PersistentVolumeClaim>(),
                                informers->of<api::core::v1::PersistentVolume>()));
  }
  out.push_back(podTopologySpread());
  out.push_back(interPodAffinity());
  out.push_back(nodeResourcesBalancedAllocation());
  out.push_back(imageLocality());
  if (client) out.push_back(defaultBinder(*client));
  return out;
}

}  // namespace coxswain::scheduler::plugins
