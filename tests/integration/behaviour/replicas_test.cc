#include "behaviour/fixture.h"

namespace coxswain::behaviour {
namespace {

using api::apps::v1::Deployment;
using api::apps::v1::ReplicaSet;
using api::core::v1::Pod;
using api::core::v1::ReplicationController;

TEST_P(Behaviour, DeploymentRollsOutScalesAndRollsBack) {
  create(makeDeployment("web", 3));
  auto complete = [this](int32_t replicas, const char* image) {
    auto stored = peek<Deployment>("web");
    return stored && stored->status.observedGeneration == stored->metadata.generation &&
           stored->status.updatedReplicas == replicas && stored->status.replicas == replicas &&
           stored->status.availableReplicas == replicas &&
           ready("web", image) == static_cast<size_t>(replicas);
  };
  BEHAVIOUR_EVENTUALLY(complete(3, "x:1"));
  change<Deployment>("web", [](Deployment& d) { d.spec.replicas = 5; });
  BEHAVIOUR_EVENTUALLY(complete(5, "x:1"));
  for (const char* image : {"x:2", "x:1"}) {
    change<Deployment>(
        "web", [image](Deployment& d) { d.spec.template_.spec.containers[0].image = image; });
    BEHAVIOUR_EVENTUALLY(complete(5, image));
  }
  EXPECT_EQ(stored<ReplicaSet>(""), 2u) << "the first set is used again";
  auto revision = [this] {
    const auto* text =
        peek<Deployment>("web")->metadata.annotations.get("deployment.kubernetes.io/revision");
    return text == nullptr ? "" : *text;
  };
  BEHAVIOUR_EVENTUALLY(revision() == "3");
  change<Deployment>("web", [](Deployment& d) { d.spec.replicas = 0; });
  BEHAVIOUR_EVENTUALLY(complete(0, ""));
}

TEST_P(Behaviour, RecreateEndsTheOldFirst) {
  auto made = makeDeployment("web", 2);
  made.spec.strategy.type = "Recreate";
  create(made);
  BEHAVIOUR_EVENTUALLY(ready("web", "x:1") == 2);
  change<Deployment>("web",
                     [](Deployment& d) { d.spec.template_.spec.containers[0].image = "x:2"; });
  bool both = false;
  BEHAVIOUR_EVENTUALLY((both = both || (ready("web", "x:1") > 0 && ready("web", "x:2") > 0),
                        ready("web", "x:2") == 2 && pods("web") == 2));
  EXPECT_FALSE(both);
}

TEST_P(Behaviour, ReplicaSetAdoptsReleasesAndReplaces) {
  auto stray = named<Pod>("stray");
  api::core::v1::PodTemplateSpec shape;
  fillTemplate(shape, "rs");
  stray.metadata.labels = shape.metadata.labels;
  stray.spec = shape.spec;
  create(stray);
  auto set = named<ReplicaSet>("rs");
  set.spec.replicas = 2;
  set.spec.selector.emplace().matchLabels["app"] = "rs";
  set.spec.template_ = shape;
  create(set);
  BEHAVIOUR_EVENTUALLY(ready("rs") == 2 && pods("rs") == 2 &&
                       !peek<Pod>("stray")->metadata.ownerReferences.empty());
  change<Pod>("stray", [](Pod& pod) { pod.metadata.labels["app"] = "other"; });
  BEHAVIOUR_EVENTUALLY(ready("rs") == 2 && peek<Pod>("stray")->metadata.ownerReferences.empty() &&
                       peek<ReplicaSet>("rs")->status.replicas == 2);
}

TEST_P(Behaviour, ReplicationControllerKeepsItsNumber) {
  auto made = named<ReplicationController>("rc");
  made.spec.replicas = 2;
  made.spec.selector["app"] = "rc";
  fillTemplate(made.spec.template_.emplace(), "rc");
  create(made);
  BEHAVIOUR_EVENTUALLY(ready("rc") == 2);
  const auto lost = all<Pod>()[0]->metadata.name;
  remove<Pod>(lost);
  BEHAVIOUR_EVENTUALLY(ready("rc") == 2 && !peek<Pod>(lost));
  change<ReplicationController>("rc", [](ReplicationController& rc) { rc.spec.replicas = 0; });
  BEHAVIOUR_EVENTUALLY(pods("rc") == 0);
}

}  // namespace
}  // namespace coxswain::behaviour
