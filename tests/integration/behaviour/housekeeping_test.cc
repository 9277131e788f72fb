#include "api/gen/autoscaling_v2.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/policy_v1.h"
#include "behaviour/fixture.h"

namespace coxswain::behaviour {
namespace {

using api::apps::v1::Deployment;
using api::apps::v1::ReplicaSet;
using api::autoscaling::v2::HorizontalPodAutoscaler;
using api::core::v1::ConfigMap;
using api::core::v1::Endpoints;
using api::core::v1::Namespace;
using api::core::v1::Pod;
using api::core::v1::ResourceQuota;
using api::core::v1::Service;
using api::core::v1::ServiceAccount;
using api::discovery::v1::EndpointSlice;
using api::policy::v1::PodDisruptionBudget;

TEST_P(Behaviour, DeletionCascades) {
  create(makeDeployment("back", 1));
  create(makeDeployment("fore", 1));
  create(makeDeployment("orphan", 1));
  BEHAVIOUR_EVENTUALLY(ready("back") == 1 && ready("fore") == 1 && ready("orphan") == 1);
  remove<Deployment>("back", "Background");
  remove<Deployment>("fore", "Foreground");
  BEHAVIOUR_EVENTUALLY(!peek<Deployment>("fore"));
  EXPECT_EQ(stored<Pod>("app=fore") + stored<ReplicaSet>("app=fore"), 0u) << "they go before";
  BEHAVIOUR_EVENTUALLY(pods("back") == 0 && pods("fore") == 0);
  remove<Deployment>("orphan", "Orphan");
  BEHAVIOUR_EVENTUALLY(!peek<Deployment>("orphan") && all<ReplicaSet>().size() == 1 &&
                       all<ReplicaSet>()[0]->metadata.ownerReferences.empty());
  EXPECT_EQ(ready("orphan"), 1u);
}

TEST_P(Behaviour, NamespaceGoesWithWhatIsInIt) {
  create(makeDeployment("web", 2));
  auto map = named<ConfigMap>("held");
  map.metadata.finalizers = {"example.com/hold"};
  create(map);
  BEHAVIOUR_EVENTUALLY(ready("web") == 2);
  remove<Namespace>(ns());
  BEHAVIOUR_EVENTUALLY(all<Pod>().empty() && all<ReplicaSet>().empty() &&
                       !peek<ServiceAccount>("default"));
  auto blocked = [this] {
    auto space = peek<Namespace>(ns());
    for (const auto& condition : space->status.conditions) {
      if (condition.type == "NamespaceFinalizersRemaining" && condition.status == "True") {
        return true;
      }
    }
    return false;
  };
  BEHAVIOUR_EVENTUALLY(blocked());
  change<ConfigMap>("held", [](ConfigMap& m) { m.metadata.finalizers.clear(); });
  BEHAVIOUR_EVENTUALLY(!peek<Namespace>(ns()));
}

TEST_P(Behaviour, ServicesShowTheirPods) {
  auto service = named<Service>("web");
  service.spec.selector["app"] = "web";
  service.spec.ports.emplace_back().port = 80;
  create(service);
  create(makeDeployment("web", 3));
  auto shown = [this] {
    size_t count = 0;
    for (const auto& slice : all<EndpointSlice>()) {
      for (const auto& endpoint : slice->endpoints) {
        count += endpoint.conditions.ready.value_or(false) ? 1 : 0;
      }
    }
    return count;
  };
  auto old = [this] {
    auto stored = peek<Endpoints>("web");
    return stored && !stored->subsets.empty() ? stored->subsets[0].addresses.size() : 0;
  };
  BEHAVIOUR_EVENTUALLY(shown() == 3 && old() == 3);
  change<Deployment>("web", [](Deployment& d) { d.spec.replicas = 1; });
  BEHAVIOUR_EVENTUALLY(shown() == 1 && old() == 1);
  remove<Service>("web");
  BEHAVIOUR_EVENTUALLY(all<EndpointSlice>().empty() && !peek<Endpoints>("web"));
}

TEST_P(Behaviour, QuotaHoldsBackAndCounts) {
  auto quota = named<ResourceQuota>("q");
  quota.spec.hard["pods"] = *api::Quantity::parse("2");
  create(quota);
  auto used = [this] {
    auto stored = peek<ResourceQuota>("q");
    const auto* amount = stored ? stored->status.used.get("pods") : nullptr;
    return amount ? amount->str() : "";
  };
  BEHAVIOUR_EVENTUALLY(used() == "0");
  create(makeDeployment("web", 3));
  BEHAVIOUR_EVENTUALLY(ready("web") == 2 && used() == "2");
  auto failure = [this] {
    auto stored = peek<Deployment>("web");
    for (const auto& condition : stored->status.conditions) {
      if (condition.type == "ReplicaFailure" && condition.status == "True") return true;
    }
    return false;
  };
  BEHAVIOUR_EVENTUALLY(failure());
  EXPECT_EQ(pods("web"), 2u);
  change<Deployment>("web", [](Deployment& d) { d.spec.replicas = 1; });
  BEHAVIOUR_EVENTUALLY(used() == "1");
}

TEST_P(Behaviour, BudgetsSayWhatMayGo) {
  auto budget = named<PodDisruptionBudget>("pdb");
  budget.spec.selector.emplace().matchLabels["app"] = "web";
  budget.spec.minAvailable = api::IntOrString(2);
  create(budget);
  create(makeDeployment("web", 3));
  auto allowed = [this](int32_t count) {
    auto stored = peek<PodDisruptionBudget>("pdb");
    return stored && stored->status.disruptionsAllowed == count &&
           stored->status.observedGeneration == stored->metadata.generation;
  };
  BEHAVIOUR_EVENTUALLY(allowed(1) && ready("web") == 3);
  auto evict = [this](const std::string& pod) {
    api::policy::v1::Eviction eviction;
    eviction.metadata.name = pod;
    eviction.metadata.namespace_ = ns();
    auto made = cluster().get(cluster().client().create(
        client::resourceOf<Pod>(), ns(), pod, "eviction",
        api::ConstObject(api::Object(std::move(eviction))), std::stop_token()));
    return made.status();
  };
  const auto evicted = all<Pod>()[0]->metadata.name;
  EXPECT_TRUE(evict(evicted).ok());
  BEHAVIOUR_EVENTUALLY(!peek<Pod>(evicted) && allowed(1) && ready("web") == 3 && pods("web") == 3);
  change<Deployment>("web", [](Deployment& d) { d.spec.replicas = 2; });
  BEHAVIOUR_EVENTUALLY(allowed(0) && pods("web") == 2);
  EXPECT_TRUE(isTooManyRequests(evict(all<Pod>()[0]->metadata.name)));
}

TEST_P(Behaviour, AutoscalerHoldsTheRange) {
  create(makeDeployment("web", 1));
  auto scaler = named<HorizontalPodAutoscaler>("web");
  scaler.spec.scaleTargetRef.apiVersion = "apps/v1";
  scaler.spec.scaleTargetRef.kind = "Deployment";
  scaler.spec.scaleTargetRef.name = "web";
  scaler.spec.minReplicas = 2;
  scaler.spec.maxReplicas = 3;
  create(scaler);
  BEHAVIOUR_EVENTUALLY(ready("web") == 2);
  change<Deployment>("web", [](Deployment& d) { d.spec.replicas = 5; });
  BEHAVIOUR_EVENTUALLY(*peek<Deployment>("web")->spec.replicas == 3 && ready("web") == 3);
}

TEST_P(Behaviour, AccountsAndRootsComeBack) {
  BEHAVIOUR_EVENTUALLY(peek<ConfigMap>("kube-root-ca.crt") != nullptr);
  const auto uid = peek<ServiceAccount>("default")->metadata.uid;
  remove<ServiceAccount>("default");
  remove<ConfigMap>("kube-root-ca.crt");
  BEHAVIOUR_EVENTUALLY(peek<ServiceAccount>("default") &&
                       peek<ServiceAccount>("default")->metadata.uid != uid &&
                       peek<ConfigMap>("kube-root-ca.crt"));
}

}  // namespace
}  // namespace coxswain::behaviour
