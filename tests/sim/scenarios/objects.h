#pragma once

// Objects as the API server stores them, defaults filled in: the simulated one fills in nothing.

#include <string>

#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "world.h"

namespace coxswain::simulation {

/// In namespace "default", or in none where kinds have none.
template <typename T>
T named(const std::string& name, const std::string& ns = "default") {
  T object;
  object.metadata.name = name;
  object.metadata.namespace_ = client::resourceOf<T>().namespaced ? ns : "";
  return object;
}

/// Pods with label app=`app` and one container, asking for `cpu` where it is not empty.
void fillTemplate(api::core::v1::PodTemplateSpec& into, const std::string& app,
                  const std::string& cpu = "");

api::core::v1::Pod makePod(const std::string& name, const std::string& app,
                           const std::string& cpu = "");
api::apps::v1::Deployment makeDeployment(const std::string& name, int32_t replicas);
api::apps::v1::ReplicaSet makeReplicaSet(const std::string& name, int32_t replicas);
api::core::v1::ReplicationController makeReplicationController(const std::string& name,
                                                               int32_t replicas);
api::apps::v1::StatefulSet makeStatefulSet(const std::string& name, int32_t replicas);
api::apps::v1::DaemonSet makeDaemonSet(const std::string& name);
api::batch::v1::Job makeJob(const std::string& name, int32_t completions, int32_t parallelism);
api::core::v1::Service makeService(const std::string& name);

/// For a scenario to begin with: a node that gets all pods, and each soon ends well.
void oneNodeWherePodsSucceed(World& world);

/// Pods with the label that are ready and not about to go, and have this image (empty: any).
size_t readyPods(const World& world, const std::string& app, const std::string& image = "");
size_t podCount(const World& world, const std::string& app);

template <typename T>
void remove(World& world, const std::string& name, const std::string& policy = "Background",
            const std::string& ns = "default") {
  client::DeleteOptions options;
  options.propagationPolicy = policy;
  const Status removed =
      world.server.erase<T>(client::resourceOf<T>().namespaced ? ns : "", name, options);
  if (!removed.ok()) world.fail("cannot delete " + name + ": " + removed.message());
}

}  // namespace coxswain::simulation
