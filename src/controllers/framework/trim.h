#pragma once

#include <vector>

namespace coxswain::api::batch::v1 {
struct Job;
}
namespace coxswain::api::core::v1 {
struct ConfigMap;
struct Node;
struct Pod;
struct Toleration;
}  // namespace coxswain::api::core::v1
namespace coxswain::client {
class Informers;
}

namespace coxswain::controllers {

/// What controllers read of objects is a small part of them, and the garbage collector has every
/// object of the cluster in its caches. So these are made to keep what is read here and no more: a
/// pod takes half the memory, a ConfigMap or a Secret only that of its metadata. Before the first
/// kind is asked for; not for caches that others (the scheduler) use too.
///
/// A controller that comes to read another field of a kind below keeps it in trim.cc. None of these
/// kinds may be written whole as a cache has it: what was taken away would be lost. Patch it, or
/// read it again first. (Of a Job, whose template is what goes, the status may be written.)
void trimCaches(client::Informers& informers);

/// Keeps what decides of replicas, endpoints, volumes, quotas, evictions and scaling: of containers
/// their names, named ports and resources, of volumes those with a claim or a secret (of pods that
/// wipe a volume: all), of conditions Ready and DisruptionTarget (of a pod that failed: all), of
/// annotations those of controllers, of container statuses those that say more than that all runs.
void trimPod(api::core::v1::Pod& pod);
/// Its tolerations that count for NoExecute taints. Of the two that nearly every pod has trimPod
/// keeps a sign only, so pod.spec.tolerations is not to be read here.
const std::vector<api::core::v1::Toleration>& tolerationsOf(const api::core::v1::Pod& pod);
/// Takes the images and what the kubelet tells of itself.
void trimNode(api::core::v1::Node& node);
/// Takes the template of a job that has ended.
void trimJob(api::batch::v1::Job& job);
/// Keeps the data of kube-root-ca.crt alone.
void trimConfigMap(api::core::v1::ConfigMap& map);

}  // namespace coxswain::controllers
