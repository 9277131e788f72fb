#include <set>

#include "behaviour/fixture.h"

namespace coxswain::behaviour {
namespace {

using api::apps::v1::DaemonSet;
using api::apps::v1::StatefulSet;
using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::Service;

TEST_P(Behaviour, StatefulSetKeepsNamesAndClaims) {
  for (const char* name : {"stateful-0", "stateful-1"}) {
    auto volume = named<PersistentVolume>(name);
    volume.spec.capacity["storage"] = *api::Quantity::parse("1Gi");
    volume.spec.accessModes = {"ReadWriteOnce"};
    volume.spec.storageClassName = "stateful";
    volume.spec.persistentVolumeSource.hostPath.emplace().path = std::string("/none/") + name;
    create(volume);
  }
  auto service = named<Service>("db");
  service.spec.clusterIP = "None";
  service.spec.selector["app"] = "db";
  service.spec.ports.emplace_back().port = 80;
  create(service);
  auto set = named<StatefulSet>("db");
  set.spec.replicas = 2;
  set.spec.serviceName = "db";
  set.spec.selector.emplace().matchLabels["app"] = "db";
  fillTemplate(set.spec.template_, "db");
  auto& claim = set.spec.volumeClaimTemplates.emplace_back();
  claim.metadata.name = "data";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.storageClassName = "stateful";
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  create(set);
  BEHAVIOUR_EVENTUALLY(ready("db") == 2 && peek<StatefulSet>("db")->status.availableReplicas == 2);
  auto before = peek<Pod>("db-1");
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(before->spec.hostname, "db-1");
  BEHAVIOUR_EVENTUALLY(peek<PersistentVolumeClaim>("data-db-1") &&
                       !peek<PersistentVolumeClaim>("data-db-1")->spec.volumeName.empty());
  const auto volume = peek<PersistentVolumeClaim>("data-db-1")->spec.volumeName;
  remove<Pod>("db-1");
  BEHAVIOUR_EVENTUALLY(peek<Pod>("db-1") &&
                       peek<Pod>("db-1")->metadata.uid != before->metadata.uid && ready("db") == 2);
  EXPECT_EQ(peek<PersistentVolumeClaim>("data-db-1")->spec.volumeName, volume);
  change<StatefulSet>("db",
                      [](StatefulSet& s) { s.spec.template_.spec.containers[0].image = "x:2"; });
  BEHAVIOUR_EVENTUALLY(ready("db", "x:2") == 2 &&
                       peek<StatefulSet>("db")->status.currentRevision ==
                           peek<StatefulSet>("db")->status.updateRevision);
  change<StatefulSet>("db", [](StatefulSet& s) { s.spec.replicas = 1; });
  BEHAVIOUR_EVENTUALLY(!peek<Pod>("db-1") && ready("db") == 1);
  EXPECT_NE(peek<PersistentVolumeClaim>("data-db-1"), nullptr) << "claims stay";
  remove<StatefulSet>("db");
  BEHAVIOUR_EVENTUALLY(pods("db") == 0);
  for (const char* name : {"stateful-0", "stateful-1"}) remove<PersistentVolume>(name);
}

TEST_P(Behaviour, DaemonSetFollowsNodes) {
  auto set = named<DaemonSet>("agent");
  set.spec.selector.emplace().matchLabels["app"] = "agent";
  fillTemplate(set.spec.template_, "agent");
  set.spec.template_.spec.nodeSelector["daemon"] = "yes";
  create(set);
  auto label = [this](const char* node, bool yes) {
    change<Node>(node, [yes](Node& n) {
      n.metadata.labels.erase("daemon");
      if (yes) n.metadata.labels["daemon"] = "yes";
    });
  };
  auto nodes = [this] {
    std::set<std::string> names;
    for (const auto& pod : all<Pod>()) {
      if (!pod->metadata.deletionTimestamp) names.insert(pod->spec.nodeName);
    }
    return names;
  };
  using Names = std::set<std::string>;
  label("hollow-0", true);
  label("hollow-1", true);
  BEHAVIOUR_EVENTUALLY(ready("agent") == 2 && nodes() == Names{"hollow-0", "hollow-1"} &&
                       peek<DaemonSet>("agent")->status.numberAvailable == 2);
  label("hollow-2", true);
  label("hollow-0", false);
  BEHAVIOUR_EVENTUALLY(nodes() == Names{"hollow-1", "hollow-2"} && ready("agent") == 2);
  change<DaemonSet>("agent",
                    [](DaemonSet& d) { d.spec.template_.spec.containers[0].image = "x:2"; });
  BEHAVIOUR_EVENTUALLY(ready("agent", "x:2") == 2 &&
                       peek<DaemonSet>("agent")->status.updatedNumberScheduled == 2);
  label("hollow-1", false);
  label("hollow-2", false);
  BEHAVIOUR_EVENTUALLY(pods("agent") == 0);
}

}  // namespace
}  // namespace coxswain::behaviour
