// What a pod costs the whole of kube-controller-manager, over a connection.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "client/testing/forwarding_client.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/framework/trim.h"
#include "controllers/manager.h"
#include "runtime/spawn.h"

namespace coxswain::controllers {
namespace {

using api::core::v1::Pod;

/// As a server of today shows a pod that runs: 1,200 bytes on the wire.
constexpr const char* kPod = R"({
"metadata":{"name":"web-5ddf7d8749-9xt2l","generateName":"web-5ddf7d8749-","namespace":"default",
 "uid":"9911c655-19df-48ec-9a74-713ca85ec729","resourceVersion":"254","generation":1,
 "creationTimestamp":"2026-11-26T08:11:02Z","labels":{"app":"web","pod-template-hash":"5ddf7d8749"},
 "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5ddf7d8749",
  "uid":"","controller":true,"blockOwnerDeletion":true}]},
"spec":{"volumes":[{"name":"kube-api-access-cx4rp","projected":{"sources":[
  {"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},
  {"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},
  {"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1",
   "fieldPath":"metadata.namespace"}}]}}],"defaultMode":420}}],
 "containers":[{"name":"main","image":"app:1","resources":{"requests":{"cpu":"10m","memory":"16Mi"}},
  "volumeMounts":[{"name":"kube-api-access-cx4rp","readOnly":true,
   "mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],
  "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File",
  "imagePullPolicy":"IfNotPresent"}],
 "restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst",
 "serviceAccountName":"default","serviceAccount":"default","nodeName":"hollow-1",
 "securityContext":{},"schedulerName":"default-scheduler",
 "tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",
   "tolerationSeconds":300},
  {"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute",
   "tolerationSeconds":300}],
 "priority":0,"enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"},
"status":{"observedGeneration":1,"phase":"Running","conditions":[
  {"type":"PodScheduled","status":"True","lastTransitionTime":"2026-11-26T08:11:02Z"},
  {"type":"PodReadyToStartContainers","observedGeneration":1,"status":"True",
   "lastTransitionTime":"2026-11-26T08:11:02Z"},
  {"type":"Initialized","observedGeneration":1,"status":"True",
   "lastTransitionTime":"2026-11-26T08:11:02Z"},
  {"type":"ContainersReady","observedGeneration":1,"status":"True",
   "lastTransitionTime":"2026-11-26T08:11:02Z"},
  {"type":"Ready","observedGeneration":1,"status":"True",
   "lastTransitionTime":"2026-11-26T08:11:02Z"}],
 "hostIP":"100.64.0.2","hostIPs":[{"ip":"100.64.0.2"}],"podIP":"10.128.0.3",
 "podIPs":[{"ip":"10.128.0.3"}],"startTime":"2026-11-26T08:11:02Z",
 "containerStatuses":[{"name":"main","state":{"running":{"startedAt":"2026-11-26T08:11:02Z"}},
  "lastState":{},"ready":true,"restartCount":0,"image":"app:1","imageID":"hollow://app:1",
  "containerID":"hollow://9911c655-19df-48ec-9a74-713ca85ec729/main/0","started":true}],
 "qosClass":"Burstable"}})";

/// A fake cluster, and pods that come over the wire: no copy of them stays but the caches'.
class WirePods final : public client::testing::ForwardingClient {
 public:
  WirePods(client::Client& cluster, size_t count, std::string ownerUid)
      : ForwardingClient(cluster), count_(count), pattern_(*api::decodeJson<Pod>(kPod)) {
    pattern_.metadata.ownerReferences[0].uid = std::move(ownerUid);
  }

  Task<Result<client::ObjectList>> list(const client::ResourceType& type, std::string ns,
                                        client::ListOptions options,
                                        std::stop_token stop) override {
    CO_TRY(auto all,
           co_await ForwardingClient::list(type, std::move(ns), std::move(options), stop));
    if (&type != &client::resourceOf<Pod>()) co_return std::move(all);
    for (size_t i = 0; i < count_; ++i) {
      pattern_.metadata.name = fmt::format("web-5ddf7d8749-{:05}", i);
      pattern_.metadata.uid = fmt::format("{:08x}-19df-48ec-9a74-713ca85ec729", i);
      std::string wire;
      api::encodeProtobuf(Pod::kInfo, &pattern_, wire);
      api::Object pod(Pod::kInfo);
      CO_TRY_STATUS(api::decodeProtobuf(Pod::kInfo, wire, pod.data()));
      all.items.emplace_back(std::move(pod));
    }
    co_return std::move(all);
  }

 private:
  size_t count_;
  Pod pattern_;
};

struct Manager {
  Manager(testing::Harness& h, client::Client& client)
      : informers(client, h.executor), context{client, informers, h.executor, h.random} {
    trimCaches(informers);
    manager = std::move(*ControllerManager::create(context, ManagerOptions()));
    manager->start();
  }
  static Task<void> stop(Manager& self, bool& done) {
    co_await self.manager->stop();
    co_await self.informers.stop();
    done = true;
  }

  client::Informers informers;
  Context context;
  std::unique_ptr<ControllerManager> manager;
};

size_t heap() {
  return mallinfo2().uordblks;
}

/// Bytes of the heap that a manager takes for a cluster with so many pods of one Deployment.
size_t heapFor(size_t pods) {
  testing::Harness h(1);
  api::core::v1::Node node;
  node.metadata.name = "hollow-1";
  h.client.put(node);
  api::apps::v1::ReplicaSet set;
  set.metadata.name = "web-5ddf7d8749";
  set.metadata.namespace_ = "default";
  set.metadata.labels["app"] = "web";
  set.spec.replicas = static_cast<int32_t>(pods);
  set.spec.selector.emplace();
  set.spec.selector->matchLabels["app"] = "web";
  set.spec.template_.metadata.labels["app"] = "web";
  int podWrites = 0;
  h.client.reaction = [&podWrites](std::string_view, const client::ResourceType& type,
                                   std::string_view, const api::ConstObject*) {
    podWrites += type.plural == "pods" ? 1 : 0;
    return Status();
  };
  WirePods cluster(h.client, pods, h.client.put(set)->metadata.uid);
  const size_t before = heap();
  Manager manager(h, cluster);
  EXPECT_TRUE(h.until([&] {
    return h.client.peek<api::apps::v1::ReplicaSet>("default", "web-5ddf7d8749")
               ->status.readyReplicas == static_cast<int32_t>(pods);
  }));
  h.run(1min);
  const size_t after = heap();
  EXPECT_EQ(podWrites, 0) << "nothing is wrong with them";
  EXPECT_EQ(manager.informers.of<Pod>().size(), pods);
  bool done = false;
  spawn(h.executor, Manager::stop(manager, done));
  EXPECT_TRUE(h.until([&done] { return done; }));
  return after - before;
}

TEST(Memory, OfAPod) {
  if (heap() == 0) GTEST_SKIP() << "this allocator does not count";
  constexpr size_t kPods = 4000;
  const size_t none = heapFor(0);
  const size_t many = heapFor(kPods);
  const size_t each = (many - none) / kPods;
  RecordProperty("bytes", static_cast<int>(each));
  // Of them 1,720 are the structs of a pod without anything in them. Whole pods take 7,600.
  EXPECT_LT(each, 3584u);
}

}  // namespace
}  // namespace coxswain::controllers
