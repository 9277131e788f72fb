#include "scheduler/trim.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "client/informers.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "scheduler/cache/gen/pod_record.h"
#include "scheduler/cache/pod_record.h"
#include "scheduler/testing/builders.h"
#include "scheduler/testing/decoding_client.h"

namespace coxswain::scheduler {
namespace {

using api::apps::v1::ReplicaSet;
using api::core::v1::Node;
using api::core::v1::Pod;
using testing::DecodingClient;
using testing::NodeBuilder;
using testing::PodBuilder;

api::ConstObject recordOf(const PodBuilder& pod) {
  return DecodingClient::decoded(podRecords(), api::ConstObject(api::Object(Pod(pod.pod))));
}

PodBuilder fullPod() {
  PodBuilder pod("p");
  pod.cpu("1").memory("1Gi").label("app", "web").hostPort(80).priority(7).tolerate("t");
  auto& meta = pod.pod.metadata;
  meta.annotations["note"] = "long";
  meta.finalizers = {"example.com/f"};
  meta.ownerReferences.resize(1);
  meta.ownerReferences[0].name = "rs";
  auto& volumes = pod.pod.spec.volumes;
  volumes.resize(3);
  volumes[0].volumeSource.emptyDir.getOrCreate();
  volumes[1].volumeSource.persistentVolumeClaim.getOrCreate().claimName = "c";
  volumes[2].name = "scratch";
  volumes[2]
      .volumeSource.ephemeral.getOrCreate()
      .volumeClaimTemplate.getOrCreate()
      .spec.storageClassName = "slow";
  pod.pod.status.conditions.resize(2);
  pod.pod.status.conditions[0].type = "Ready";
  pod.pod.status.conditions[1].type = "DisruptionTarget";
  pod.pod.status.conditions[1].status = "True";
  pod.pod.status.conditions[1].reason = "PreemptionByScheduler";
  return pod;
}

TEST(PodRecord, OfAPodOnANodeLittleStays) {
  PodBuilder pod = fullPod();
  pod.on("n");
  const auto object = recordOf(pod);
  const auto seen = readPod(object);
  EXPECT_EQ(seen.nodeName, "n");
  ASSERT_TRUE(seen.info);
  const PodInfo& info = *seen.info;
  EXPECT_EQ(info.pod, nullptr);
  EXPECT_EQ(info.key, "default/p");
  EXPECT_EQ(info.meta->uid, "uid-p");
  EXPECT_EQ(info.meta->labels.at("app"), "web");
  EXPECT_EQ(info.priority, 7);
  EXPECT_EQ(info.requests.milliCpu, 1000);
  EXPECT_EQ(info.hostPorts.size(), 1U);
  EXPECT_TRUE(info.preempted);
  ASSERT_EQ(info.volumes.size(), 2U);
  EXPECT_EQ(info.volumes[0].volumeSource.persistentVolumeClaim->claimName, "c");
  EXPECT_EQ(info.volumes[1].name, "scratch");
  EXPECT_FALSE(info.volumes[1].volumeSource.ephemeral->volumeClaimTemplate);
  const auto& record = *object.as<record::Pod>();
  EXPECT_FALSE(record.spec);
  EXPECT_FALSE(record.status);
  EXPECT_TRUE(record.metadata.annotations.empty());
  EXPECT_TRUE(record.metadata.finalizers.empty());
  EXPECT_TRUE(record.metadata.ownerReferences.empty());
  // No copy of it: both see the same metadata.
  EXPECT_EQ(info.meta.get(), &record.metadata);
}

TEST(PodRecord, OfAPodThatWaitsAllStays) {
  const PodBuilder pod = fullPod();
  const auto object = recordOf(pod);
  const auto seen = readPod(object);
  EXPECT_EQ(seen.nodeName, "");
  ASSERT_TRUE(seen.info);
  ASSERT_TRUE(seen.info->pod);
  EXPECT_EQ(seen.info->pod->spec, pod.pod.spec);
  EXPECT_EQ(seen.info->pod->status, pod.pod.status);
  EXPECT_EQ(seen.info->meta->ownerReferences, pod.pod.metadata.ownerReferences);
  EXPECT_FALSE(object.as<record::Pod>()->spec);
}

TEST(PodRecord, OfATerminalPodNothingIsAsked) {
  PodBuilder pod = fullPod();
  pod.on("n");
  pod.pod.status.phase = "Succeeded";
  const auto object = recordOf(pod);
  EXPECT_FALSE(readPod(object).info);
  EXPECT_FALSE(object.as<record::Pod>()->spec);
  EXPECT_TRUE(object.as<record::Pod>()->metadata.ownerReferences.empty());
}

TEST(PodRecord, WholePodsAreReadAlike) {
  PodBuilder pod = fullPod();
  pod.on("n");
  const api::ConstObject object{api::Object(Pod(pod.pod))};
  const auto seen = readPod(object);
  EXPECT_EQ(seen.nodeName, "n");
  ASSERT_TRUE(seen.info);
  EXPECT_EQ(seen.info->pod, nullptr);
  EXPECT_EQ(seen.info->meta.get(), &object.as<Pod>()->metadata);
  EXPECT_EQ(*object.as<Pod>(), pod.pod);
}

Task<void> stopAll(client::Informers& informers, bool& done) {
  co_await informers.stop();
  done = true;
}

TEST(Trim, KeepsWhatIsRead) {
  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  client::Informers informers{cluster, executor};
  trimForScheduler(informers);
  NodeBuilder node("n");
  node.zone("z").taint("t", "NoSchedule").cordon().image("app:1", 5);
  node.node.metadata.annotations["note"] = "long";
  node.node.status.conditions.resize(1);
  node.node.status.capacity["cpu"] = *api::Quantity::parse("4");
  cluster.put(node.node);
  ReplicaSet set;
  set.metadata.name = "rs";
  set.metadata.namespace_ = "default";
  set.spec.selector.getOrCreate().matchLabels["app"] = "web";
  set.spec.template_.spec.containers.resize(1);
  cluster.put(set);
  auto& nodes = informers.of<Node>();
  auto& sets = informers.of<ReplicaSet>();
  informers.start();
  ASSERT_TRUE(executor.runUntil([&] { return nodes.size() == 1 && sets.size() == 1; }, 1min));
  const auto kept = nodes.get<Node>("n");
  EXPECT_EQ(kept->metadata.labels, node.node.metadata.labels);
  EXPECT_EQ(kept->spec.taints, node.node.spec.taints);
  EXPECT_TRUE(kept->spec.unschedulable);
  EXPECT_EQ(kept->status.allocatable, node.node.status.allocatable);
  EXPECT_EQ(kept->status.images, node.node.status.images);
  EXPECT_TRUE(kept->metadata.annotations.empty());
  EXPECT_TRUE(kept->status.conditions.empty());
  EXPECT_TRUE(kept->status.capacity.empty());
  const auto owner = sets.get<ReplicaSet>("default/rs");
  EXPECT_EQ(owner->spec.selector, set.spec.selector);
  EXPECT_TRUE(owner->spec.template_.spec.containers.empty());
  // What is stored is whole.
  EXPECT_EQ(cluster.peek<ReplicaSet>("default", "rs")->spec.template_.spec.containers.size(), 1U);
  bool done = false;
  spawn(executor, stopAll(informers, done));
  EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
}

}  // namespace
}  // namespace coxswain::scheduler
