#include "behaviour/fixture.h"

#include <algorithm>

#include "api/gen/autoscaling_v2.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/policy_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::behaviour {

using api::apps::v1::Deployment;
using api::batch::v1::Job;
using api::core::v1::ConfigMap;
using api::core::v1::Namespace;
using api::core::v1::Pod;
using api::core::v1::PodTemplateSpec;
using api::core::v1::ServiceAccount;

std::unique_ptr<Cluster> makeCluster(Kind kind) {
  return kind == Kind::InProcess ? makeInProcess() : makeProcesses();
}

namespace {

/// Lives as long as the program's tests do.
class Clusters final : public ::testing::Environment {
 public:
  static std::unique_ptr<Cluster>& of(Kind kind) { return made_[kind == Kind::InProcess ? 0 : 1]; }
  void TearDown() override {
    for (auto& each : made_) each.reset();
  }

 private:
  static std::unique_ptr<Cluster> made_[2];
};
std::unique_ptr<Cluster> Clusters::made_[2];

const auto* const kClusters = ::testing::AddGlobalTestEnvironment(new Clusters);

}  // namespace

void Behaviour::SetUp() {
  auto& cluster = Clusters::of(GetParam());
  if (!cluster) cluster = makeCluster(GetParam());
  ASSERT_NE(cluster, nullptr);
  cluster_ = cluster.get();
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  ns_ = std::string(info->test_suite_name()) + "-" + info->name();
  ns_ = ns_.substr(ns_.find('/') + 1);
  ns_ = ns_.substr(0, ns_.find('/'));
  std::transform(ns_.begin(), ns_.end(), ns_.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  ns_ = ns_.substr(0, 60);
  ASSERT_NO_FATAL_FAILURE(follow());
  Namespace space;
  space.metadata.name = ns_;
  ASSERT_NE(create(std::move(space)), nullptr);
  ASSERT_TRUE(until([&] { return peek<ServiceAccount>("default") != nullptr; }));
}

void Behaviour::follow() {
  using namespace api::apps::v1;
  using namespace api::core::v1;
  auto& informers = cluster().informers();
  const auto kinds = [&informers]<typename... T>() {
    return std::vector<client::Informer*>{&informers.of<T>()...};
  };
  const auto all =
      kinds.operator()<Pod, Node, Namespace, ServiceAccount, ConfigMap, Deployment, ReplicaSet,
                       ReplicationController, StatefulSet, DaemonSet, Job, api::batch::v1::CronJob,
                       PersistentVolumeClaim, PersistentVolume, Service, Endpoints, ResourceQuota,
                       api::discovery::v1::EndpointSlice, api::policy::v1::PodDisruptionBudget,
                       api::autoscaling::v2::HorizontalPodAutoscaler>();
  informers.start();
  ASSERT_TRUE(until([&all] {
    return std::all_of(all.begin(), all.end(), [](const auto* each) { return each->synced(); });
  }));
}

void Behaviour::TearDown() {
  if (cluster_ == nullptr) return;
  if (HasFailure()) {
    for (const auto& pod : all<Pod>()) {
      std::cerr << "pod " << pod->metadata.name << " on '" << pod->spec.nodeName << "' is "
                << pod->status.phase << "\n";
    }
    cluster_->printLogs();
  }
  if (peek<Namespace>(ns_)) remove<Namespace>(ns_);
}

size_t Behaviour::ready(const std::string& app, const std::string& image) {
  size_t count = 0;
  for (const auto& pod : all<Pod>()) {
    const auto* label = pod->metadata.labels.get("app");
    if (label == nullptr || *label != app || pod->metadata.deletionTimestamp) continue;
    if (!image.empty() && pod->spec.containers[0].image != image) continue;
    if (api::isPodReady(*pod)) ++count;
  }
  return count;
}

size_t Behaviour::pods(const std::string& app) {
  size_t count = 0;
  for (const auto& pod : all<Pod>()) {
    const auto* label = pod->metadata.labels.get("app");
    if (label != nullptr && *label == app) ++count;
  }
  return count;
}

void Behaviour::fillTemplate(PodTemplateSpec& into, const std::string& app) {
  into.metadata.labels["app"] = app;
  auto& container = into.spec.containers.emplace_back();
  container.name = "main";
  container.image = "x:1";
}

Deployment Behaviour::makeDeployment(const std::string& name, int32_t replicas) {
  auto made = named<Deployment>(name);
  made.spec.replicas = replicas;
  made.spec.selector.emplace().matchLabels["app"] = name;
  fillTemplate(made.spec.template_, name);
  return made;
}

Job Behaviour::makeJob(const std::string& name, int32_t completions, int32_t parallelism) {
  auto made = named<Job>(name);
  made.spec.completions = completions;
  made.spec.parallelism = parallelism;
  fillTemplate(made.spec.template_, name);
  made.spec.template_.spec.restartPolicy = "Never";
  return made;
}

INSTANTIATE_TEST_SUITE_P(Cluster, Behaviour, ::testing::Values(Kind::InProcess, Kind::Processes),
                         [](const auto& info) {
                           return info.param == Kind::InProcess ? "InProcess" : "Processes";
                         });

}  // namespace coxswain::behaviour
