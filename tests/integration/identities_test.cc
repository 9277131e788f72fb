// Each part has the rights it needs, and no more than upstream's roles give: the whole control
// plane works through what controllers do, and nobody is refused anything.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "api/gen/apps_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/storage_v1.h"
#include "client/resources.h"
#include "controllers/accounts.h"
#include "controllers/localpath/provisioner.h"
#include "in_process_cluster.h"
#include "runtime/sim/memory_files.h"

namespace coxswain::testing {
namespace {

using namespace api::apps::v1;   // NOLINT
using namespace api::batch::v1;  // NOLINT
using namespace api::core::v1;   // NOLINT
using client::resourceOf;

template <typename T>
std::vector<std::shared_ptr<const T>> listed(InProcessCluster& cluster, std::string ns) {
  auto list = cluster.run(cluster.admin().list(resourceOf<T>(), std::move(ns), {}, {}));
  std::vector<std::shared_ptr<const T>> out;
  if (!list.ok()) return out;
  for (const auto& item : list->items)
    out.push_back(std::make_shared<const T>(*item.template as<T>()));
  return out;
}

class Identities : public ::testing::Test {
 protected:
  template <typename T>
  void make(T object) {
    object.metadata.namespace_ = "team";
    auto made = cluster_.run(client::create(cluster_.admin(), std::move(object)));
    ASSERT_TRUE(made.ok()) << made.status().toString();
  }
  template <typename T>
  std::vector<std::shared_ptr<const T>> all(std::string ns = "team") {
    return listed<T>(cluster_, std::move(ns));
  }
  template <typename T>
  void remove(std::string name, std::string policy = "") {
    client::DeleteOptions options;
    options.propagationPolicy = std::move(policy);
    Status removed = cluster_.run(
        cluster_.admin().remove(resourceOf<T>(), "team", std::move(name), options, {}));
    EXPECT_TRUE(removed.ok()) << removed.toString();
  }
  template <typename Spec>
  static void fill(Spec& spec, const std::string& app) {
    spec.selector.emplace().matchLabels["app"] = app;
    fillTemplate(spec.template_, app);
  }
  static void fillTemplate(PodTemplateSpec& pod, const std::string& app) {
    pod.metadata.labels["app"] = app;
    auto& container = pod.spec.containers.emplace_back();
    container.name = "c";
    container.image = "i";
  }
  size_t running(const std::string& app) {
    size_t count = 0;
    for (const auto& pod : all<Pod>()) {
      const auto* label = pod->metadata.labels.get("app");
      if (label && *label == app && pod->status.phase == "Running") ++count;
    }
    return count;
  }
  void expectNoRefusals() {
    std::set<std::string> seen;
    for (const auto& refusal : cluster_.refusals) {
      // What admission refuses is no lack of rights.
      if (refusal.what.find("cannot ") == std::string::npos) continue;
      if (seen.insert(refusal.user + ": " + refusal.what).second) {
        ADD_FAILURE() << refusal.user << ": " << refusal.what;
      }
    }
    cluster_.refusals.clear();
  }

  InProcessCluster cluster_{{.nodes = 2}};
};

TEST_F(Identities, WorkloadsComeAndGo) {
  Namespace team;
  team.metadata.name = "team";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), team)).ok());
  ASSERT_TRUE(cluster_.eventually([&] { return !all<ServiceAccount>().empty(); }));

  Deployment deployment;
  deployment.metadata.name = "d";
  deployment.spec.replicas = 2;
  fill(deployment.spec, "d");
  make(deployment);
  StatefulSet set;
  set.metadata.name = "s";
  set.spec.replicas = 1;
  set.spec.serviceName = "svc";
  fill(set.spec, "s");
  make(set);
  DaemonSet daemons;
  daemons.metadata.name = "ds";
  fill(daemons.spec, "ds");
  make(daemons);
  ReplicationController rc;
  rc.metadata.name = "rc";
  rc.spec.replicas = 1;
  rc.spec.selector["app"] = "rc";
  fillTemplate(rc.spec.template_.emplace(), "rc");
  make(rc);
  Job job;
  job.metadata.name = "j";
  job.spec.ttlSecondsAfterFinished = 1;
  fillTemplate(job.spec.template_, "j");
  job.spec.template_.spec.restartPolicy = "Never";
  make(job);
  CronJob cron;
  cron.metadata.name = "cron";
  cron.spec.schedule = "* * * * *";
  cron.spec.successfulJobsHistoryLimit = 1;
  fillTemplate(cron.spec.jobTemplate.spec.template_, "cron");
  cron.spec.jobTemplate.spec.template_.spec.restartPolicy = "Never";
  make(cron);
  Service service;
  service.metadata.name = "svc";
  service.spec.selector["app"] = "d";
  service.spec.ports.emplace_back().port = 80;
  make(service);
  Service bare;
  bare.metadata.name = "bare";
  bare.spec.ports.emplace_back().port = 80;
  make(bare);
  Endpoints endpoints;
  endpoints.metadata.name = "bare";
  auto& subset = endpoints.subsets.emplace_back();
  subset.addresses.emplace_back().ip = "192.0.2.77";
  subset.ports.emplace_back().port = 80;
  make(endpoints);
  api::policy::v1::PodDisruptionBudget budget;
  budget.metadata.name = "b";
  budget.spec.selector.emplace().matchLabels["app"] = "d";
  budget.spec.minAvailable = api::IntOrString(1);
  make(budget);
  ResourceQuota quota;
  quota.metadata.name = "q";
  quota.spec.hard["pods"] = *api::Quantity::parse("100");
  make(quota);

  api::autoscaling::v2::HorizontalPodAutoscaler scaler;
  scaler.metadata.name = "h";
  scaler.spec.scaleTargetRef.apiVersion = "v1";
  scaler.spec.scaleTargetRef.kind = "ReplicationController";
  scaler.spec.scaleTargetRef.name = "rc";
  scaler.spec.minReplicas = 2;
  scaler.spec.maxReplicas = 3;
  make(scaler);
  Secret token;
  token.metadata.name = "t";
  token.metadata.annotations["kubernetes.io/service-account.name"] = "default";
  token.type = "kubernetes.io/service-account-token";
  make(token);

  EXPECT_TRUE(cluster_.eventually([&] {
    return running("d") == 2 && running("s") == 1 && running("ds") == 2 && running("rc") == 2 &&
           running("j") == 1;
  })) << running("d")
      << running("s") << running("ds") << running("rc") << running("j");
  EXPECT_TRUE(cluster_.eventually([&] { return running("cron") > 0; }));
  EXPECT_TRUE(
      cluster_.eventually([&] { return all<api::discovery::v1::EndpointSlice>().size() >= 2; }));
  EXPECT_TRUE(cluster_.eventually([&] {
    auto quotas = all<ResourceQuota>();
    return !quotas.empty() && quotas[0]->status.used.contains("pods");
  }));
  EXPECT_TRUE(cluster_.eventually([&] {
    auto budgets = all<api::policy::v1::PodDisruptionBudget>();
    return !budgets.empty() && budgets[0]->status.currentHealthy == 2;
  }));
  expectNoRefusals();

  // The job's pod succeeds; then the job goes by itself.
  for (const auto& pod : all<Pod>()) {
    const auto* label = pod->metadata.labels.get("app");
    if (!label || *label != "j") continue;
    Pod done = *pod;
    done.status.phase = "Succeeded";
    ASSERT_TRUE(cluster_.run(client::update(cluster_.admin(), done, "status")).ok());
  }
  EXPECT_TRUE(cluster_.eventually([&] {
    auto jobs = all<Job>();
    return std::none_of(jobs.begin(), jobs.end(),
                        [](const auto& one) { return one->metadata.name == "j"; });
  }));
  // Another image: a rollout in every kind that has them.
  auto patch = [&](const client::ResourceType& type, const std::string& name) {
    auto patched = cluster_.admin().patch(
        type, "team", name, "", client::PatchType::StrategicMerge,
        R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"j"}]}}}})", {});
    EXPECT_TRUE(cluster_.run(std::move(patched)).ok());
  };
  patch(resourceOf<Deployment>(), "d");
  patch(resourceOf<StatefulSet>(), "s");
  patch(resourceOf<DaemonSet>(), "ds");
  EXPECT_TRUE(cluster_.eventually([&] {
    auto pods = all<Pod>();
    return std::count_if(pods.begin(), pods.end(), [](const auto& pod) {
             return pod->spec.containers[0].image == "j" && pod->status.phase == "Running";
           }) >= 5;
  }));
  expectNoRefusals();

  remove<Deployment>("d", "Foreground");
  remove<DaemonSet>("ds", "Background");
  remove<StatefulSet>("s", "Orphan");
  remove<Service>("svc");
  EXPECT_TRUE(cluster_.eventually([&] { return all<Deployment>().empty(); }));
  EXPECT_TRUE(cluster_.eventually([&] { return running("ds") == 0 && running("d") == 0; }));
  EXPECT_EQ(running("s"), 1U);
  expectNoRefusals();

  Status removed =
      cluster_.run(cluster_.admin().remove(resourceOf<Namespace>(), "", "team", {}, {}));
  EXPECT_TRUE(removed.ok());
  EXPECT_TRUE(cluster_.eventually([&] {
    return !cluster_.run(cluster_.admin().get(resourceOf<Namespace>(), "", "team", {})).ok();
  }));
  expectNoRefusals();
}

TEST_F(Identities, VolumesAndNodes) {
  Namespace team;
  team.metadata.name = "team";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), team)).ok());
  PersistentVolume volume;
  volume.metadata.name = "pv";
  volume.spec.accessModes = {"ReadWriteOnce"};
  volume.spec.capacity["storage"] = *api::Quantity::parse("1Gi");
  volume.spec.persistentVolumeSource.hostPath.emplace().path = "/x";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), volume)).ok());
  PersistentVolumeClaim claim;
  claim.metadata.name = "c";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.storageClassName = "";
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  make(claim);
  EXPECT_TRUE(cluster_.eventually([&] {
    auto claims = all<PersistentVolumeClaim>();
    return !claims.empty() && claims[0]->status.phase == "Bound";
  }));
  remove<PersistentVolumeClaim>("c");
  EXPECT_TRUE(cluster_.eventually([&] { return all<PersistentVolumeClaim>().empty(); }));
  EXPECT_TRUE(cluster_.eventually([&] {
    auto now = cluster_.run(client::get<PersistentVolume>(cluster_.admin(), "", "pv"));
    return now.ok() && (*now)->status.phase == "Released";
  }));
  expectNoRefusals();
  Status removed =
      cluster_.run(cluster_.admin().remove(resourceOf<PersistentVolume>(), "", "pv", {}, {}));
  EXPECT_TRUE(removed.ok());

  // A node falls silent: it is tainted, and its pods are moved off it.
  EXPECT_TRUE(cluster_.eventually([&] { return !all<ServiceAccount>().empty(); }));
  ReplicationController rc;
  rc.metadata.name = "rc";
  rc.spec.replicas = 4;
  rc.spec.selector["app"] = "rc";
  fillTemplate(rc.spec.template_.emplace(), "rc");
  make(rc);
  EXPECT_TRUE(cluster_.eventually([&] { return running("rc") == 4; }));
  cluster_.hollow(0).setDead(true);
  EXPECT_TRUE(cluster_.eventually([&] {
    auto pods = all<Pod>();
    return std::count_if(pods.begin(), pods.end(), [](const auto& pod) {
             return pod->spec.nodeName == "n2" && pod->status.phase == "Running";
           }) == 4;
  }));
  removed = cluster_.run(cluster_.admin().remove(resourceOf<Node>(), "", "n1", {}, {}));
  EXPECT_TRUE(removed.ok());
  EXPECT_TRUE(cluster_.eventually([&] { return all<Pod>().size() == 4; }));
  expectNoRefusals();
}

Task<Status> removeNow(Files& files, std::string path) {
  co_return files.removeAll(path);
}

/// What makes volumes of folders of node n1.
class LocalPath {
 public:
  explicit LocalPath(InProcessCluster& cluster)
      : cluster_(cluster),
        client_(cluster.account("local-path-provisioner")),
        informers_(client_, cluster.executor),
        provisioner_({client_, informers_, cluster.executor, cluster.random}, options(), files,
                     [this](std::string path) { return removeNow(files, std::move(path)); }) {
    informers_.start();
    provisioner_.start();
  }
  ~LocalPath() { sim::runTask(cluster_.executor, stop(*this)); }

  sim::MemoryFiles files;

 private:
  static controllers::localpath::LocalPathOptions options() {
    controllers::localpath::LocalPathOptions out;
    out.nodeName = "n1";
    out.root = "/volumes";
    return out;
  }
  static Task<void> stop(LocalPath& self) {
    co_await self.provisioner_.stop();
    co_await self.informers_.stop();
  }
  InProcessCluster& cluster_;
  client::Client& client_;
  client::Informers informers_;
  controllers::localpath::LocalPathProvisioner provisioner_;
};

TEST_F(Identities, EphemeralVolumesOfFolders) {
  Namespace team;
  team.metadata.name = "team";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), team)).ok());
  ASSERT_TRUE(cluster_.eventually([&] { return !all<ServiceAccount>().empty(); }));
  LocalPath localPath(cluster_);
  ASSERT_TRUE(
      cluster_.eventually([&] { return !all<api::storage::v1::StorageClass>("").empty(); }));
  Pod pod;
  pod.metadata.name = "p";
  pod.spec.nodeSelector["kubernetes.io/hostname"] = "n1";
  auto& container = pod.spec.containers.emplace_back();
  container.name = "c";
  container.image = "i";
  auto& volume = pod.spec.volumes.emplace_back();
  volume.name = "data";
  auto& claim = volume.volumeSource.ephemeral.emplace().volumeClaimTemplate.emplace();
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  make(pod);
  EXPECT_TRUE(cluster_.eventually([&] {
    auto pods = all<Pod>();
    return pods.size() == 1 && pods[0]->status.phase == "Running";
  }));
  EXPECT_EQ(localPath.files.list("/volumes")->size(), 1U);
  remove<Pod>("p");
  EXPECT_TRUE(cluster_.eventually(
      [&] { return all<PersistentVolumeClaim>().empty() && all<PersistentVolume>("").empty(); }));
  EXPECT_TRUE(localPath.files.list("/volumes")->empty());
  expectNoRefusals();
}

TEST_F(Identities, AttachedVolumes) {
  Namespace team;
  team.metadata.name = "team";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), team)).ok());
  ASSERT_TRUE(cluster_.eventually([&] { return !all<ServiceAccount>().empty(); }));
  api::storage::v1::StorageClass made;
  made.metadata.name = "csi";
  made.provisioner = "d.example";
  made.allowVolumeExpansion = true;
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), made)).ok());
  PersistentVolume volume;
  volume.metadata.name = "pv";
  volume.spec.storageClassName = "csi";
  volume.spec.accessModes = {"ReadWriteOnce"};
  volume.spec.capacity["storage"] = *api::Quantity::parse("1Gi");
  auto& csi = volume.spec.persistentVolumeSource.csi.emplace();
  csi.driver = "d.example";
  csi.volumeHandle = "h";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), volume)).ok());
  PersistentVolumeClaim claim;
  claim.metadata.name = "c";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.storageClassName = "csi";
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  make(claim);
  Pod pod;
  pod.metadata.name = "p";
  auto& container = pod.spec.containers.emplace_back();
  container.name = "c";
  container.image = "i";
  auto& use = pod.spec.volumes.emplace_back();
  use.name = "v";
  use.volumeSource.persistentVolumeClaim.emplace().claimName = "c";
  for (const char* name : {"n1", "n2"}) {
    auto marked = cluster_.admin().patch(
        resourceOf<Node>(), "", name, "", client::PatchType::Merge,
        R"({"metadata":{"annotations":{"volumes.kubernetes.io/controller-managed-attach-detach":"true"}}})",
        {});
    EXPECT_TRUE(cluster_.run(std::move(marked)).ok());
  }
  make(pod);
  using api::storage::v1::VolumeAttachment;
  ASSERT_TRUE(cluster_.eventually([&] { return all<VolumeAttachment>("").size() == 1; }));
  VolumeAttachment attachment = *all<VolumeAttachment>("")[0];
  attachment.status.attached = true;
  ASSERT_TRUE(cluster_.run(client::update(cluster_.admin(), attachment, "status")).ok());
  EXPECT_TRUE(cluster_.eventually([&] {
    auto node = cluster_.run(client::get<Node>(cluster_.admin(), "", attachment.spec.nodeName));
    return node.ok() && (*node)->status.volumesAttached.size() == 1;
  }));
  // Events of one object and one moment share a name: here time stands while all is well.
  cluster_.executor.runFor(1s);
  PersistentVolumeClaim larger = *all<PersistentVolumeClaim>()[0];
  larger.spec.resources.requests["storage"] = *api::Quantity::parse("2Gi");
  ASSERT_TRUE(cluster_.run(client::update(cluster_.admin(), larger)).ok());
  EXPECT_TRUE(cluster_.eventually([&] {
    auto events = all<api::core::v1::Event>();
    return std::any_of(events.begin(), events.end(),
                       [](const auto& event) { return event->reason == "ExternalExpanding"; });
  }));
  remove<Pod>("p");
  EXPECT_TRUE(cluster_.eventually([&] { return all<VolumeAttachment>("").empty(); }));

  api::storage::v1::VolumeAttributesClass gold;
  gold.metadata.name = "gold";
  gold.driverName = "d.example";
  gold.parameters["a"] = "b";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), gold)).ok());
  Status removed = cluster_.run(cluster_.admin().remove(
      resourceOf<api::storage::v1::VolumeAttributesClass>(), "", "gold", {}, {}));
  EXPECT_TRUE(removed.ok());
  EXPECT_TRUE(cluster_.eventually(
      [&] { return all<api::storage::v1::VolumeAttributesClass>("").empty(); }));
  expectNoRefusals();
}

TEST_F(Identities, ClaimsOfDevices) {
  using api::resource::v1::ResourceClaim;
  Namespace team;
  team.metadata.name = "team";
  ASSERT_TRUE(cluster_.run(client::create(cluster_.admin(), team)).ok());
  ASSERT_TRUE(cluster_.eventually([&] { return !all<ServiceAccount>().empty(); }));
  api::resource::v1::ResourceClaimTemplate made;
  made.metadata.name = "t";
  auto& request = made.spec.spec.devices.requests.emplace_back();
  request.name = "r";
  request.exactly.emplace().deviceClassName = "gpu.example";
  make(made);
  Pod pod;
  pod.metadata.name = "p";
  pod.spec.schedulingGates.emplace_back().name = "example.com/wait";
  auto& container = pod.spec.containers.emplace_back();
  container.name = "c";
  container.image = "i";
  auto& use = pod.spec.resourceClaims.emplace_back();
  use.name = "gpu";
  use.resourceClaimTemplateName = "t";
  make(pod);
  ASSERT_TRUE(cluster_.eventually([&] {
    auto claims = all<ResourceClaim>();
    const auto statuses = all<Pod>().at(0)->status.resourceClaimStatuses;
    return claims.size() == 1 && statuses.size() == 1 &&
           statuses[0].resourceClaimName == claims[0]->metadata.name;
  }));
  // As the scheduler does it.
  ResourceClaim claim = *all<ResourceClaim>()[0];
  claim.metadata.finalizers = {"resource.kubernetes.io/delete-protection"};
  auto held = cluster_.run(client::update(cluster_.admin(), claim));
  ASSERT_TRUE(held.ok()) << held.status().toString();
  claim = **held;
  auto& result = claim.status.allocation.emplace().devices.results.emplace_back();
  result.request = "r";
  result.driver = "d.example";
  result.pool = "pool";
  result.device = "dev";
  auto& who = claim.status.reservedFor.emplace_back();
  who.resource = "pods";
  who.name = "p";
  who.uid = all<Pod>()[0]->metadata.uid;
  auto taken = cluster_.run(client::update(cluster_.admin(), claim, "status"));
  ASSERT_TRUE(taken.ok()) << taken.status().toString();
  remove<Pod>("p");
  EXPECT_TRUE(cluster_.eventually([&] { return all<ResourceClaim>().empty(); }));
  EXPECT_TRUE(cluster_.eventually([&] {
    auto nodes = all<Node>("");
    return !nodes.empty() && std::all_of(nodes.begin(), nodes.end(), [](const auto& node) {
      const auto* ttl = node->metadata.annotations.get("node.alpha.kubernetes.io/ttl");
      return ttl != nullptr && *ttl == "0";
    });
  }));
  expectNoRefusals();
}

TEST(Accounts, AreNamedByABootstrapRoleEach) {
  InProcessCluster cluster({.controllers = false});
  std::set<std::string> bound;
  auto note = [&](const std::vector<api::rbac::v1::Subject>& subjects) {
    for (const auto& subject : subjects) {
      if (subject.kind == "ServiceAccount") bound.insert(subject.name);
    }
  };
  for (const auto& binding : listed<api::rbac::v1::ClusterRoleBinding>(cluster, "")) {
    note(binding->subjects);
  }
  for (const auto& binding : listed<api::rbac::v1::RoleBinding>(cluster, "")) {
    note(binding->subjects);
  }
  for (auto name : controllers::ControllerManager::knownNames()) {
    // The token controller acts as kube-controller-manager itself.
    if (name == "serviceaccount-token-controller") continue;
    EXPECT_TRUE(bound.contains(std::string(controllers::accountOf(name))))
        << name << " acts as " << controllers::accountOf(name) << ", which has no role";
  }
}

}  // namespace
}  // namespace coxswain::testing
