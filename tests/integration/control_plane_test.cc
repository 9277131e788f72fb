// The control plane as its users run it: three processes, HTTPS, authorization. What is tested is
// that the parts fit together; each part's own behaviour is tested beside it.

#include "control_plane.h"

#include <gtest/gtest.h>

#include <set>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "client/resources.h"

namespace coxswain::integration {
namespace {

using api::apps::v1::Deployment;
using api::apps::v1::ReplicaSet;
using api::core::v1::ConfigMap;
using api::core::v1::Namespace;
using api::core::v1::Pod;
using api::core::v1::Service;
using api::core::v1::ServiceAccount;
using api::discovery::v1::EndpointSlice;

Deployment makeDeployment(const std::string& ns, const std::string& name, int replicas) {
  Deployment made;
  made.metadata.name = name;
  made.metadata.namespace_ = ns;
  made.spec.replicas = replicas;
  made.spec.selector.getOrCreate().matchLabels["app"] = name;
  made.spec.template_.metadata.labels["app"] = name;
  made.spec.template_.spec.containers.resize(1);
  made.spec.template_.spec.containers[0].name = "c";
  made.spec.template_.spec.containers[0].image = "x:1";
  return made;
}

/// What the tests see of the cluster, by informers.
struct View {
  explicit View(ControlPlane& plane) : plane_(plane) {
    plane.informers().of<Deployment>();
    plane.informers().of<ReplicaSet>();
    plane.informers().of<Namespace>();
    plane.informers().of<EndpointSlice>();
    plane.informers().of<ConfigMap>();
    plane.informers().of<ServiceAccount>();
    plane.informers().start();
  }
  template <typename T>
  std::shared_ptr<const T> get(const std::string& key) {
    return plane_.informers().of<T>().template get<T>(key);
  }
  template <typename T>
  std::vector<std::shared_ptr<const T>> all(const std::string& ns) {
    std::vector<std::shared_ptr<const T>> found;
    plane_.informers().of<T>().forEach([&](const api::ConstObject& object) {
      if (api::objectMeta(object)->namespace_ == ns) {
        found.push_back(object.template sharedAs<T>());
      }
    });
    return found;
  }
  /// Pods of this image that are ready on a node.
  size_t ready(const std::string& ns, const std::string& image) {
    size_t count = 0;
    for (const auto& pod : all<Pod>(ns)) {
      count += pod->spec.containers[0].image == image && pod->status.phase == "Running" &&
                       !pod->spec.nodeName.empty() && !pod->metadata.deletionTimestamp
                   ? 1
                   : 0;
    }
    return count;
  }
  ControlPlane& plane_;
};

Task<Status> makeNamespace(ControlPlane& plane, View& view, std::string name) {
  Namespace space;
  space.metadata.name = name;
  auto made = co_await client::create(plane.client(), std::move(space));
  if (!made.ok()) co_return made.status();
  // Pods need their account.
  const bool whole = co_await plane.until([&] {
    return view.get<ServiceAccount>(name + "/default") != nullptr &&
           view.get<ConfigMap>(name + "/kube-root-ca.crt") != nullptr;
  });
  if (!whole) co_return timeoutError("namespace " + name + " has no account or CA");
  co_return Status();
}

/// What the server has now: watches of several kinds do not tell in which order things went.
Task<Result<size_t>> stored(ControlPlane& plane, const client::ResourceType& resource,
                            std::string ns) {
  auto list = co_await plane.client().list(resource, std::move(ns), client::ListOptions(),
                                           std::stop_token());
  if (!list.ok()) co_return list.status();
  co_return list->items.size();
}

/// Changes what is there, again after conflicts.
Task<Status> change(ControlPlane& plane, std::string ns, std::string name,
                    std::function<void(Deployment&)> edit) {
  while (true) {
    auto now = co_await client::get<Deployment>(plane.client(), ns, name);
    if (!now.ok()) co_return now.status();
    Deployment next = **now;
    edit(next);
    auto written = co_await client::update(plane.client(), std::move(next));
    if (!isConflict(written.status())) co_return written.status();
  }
}

Task<Status> remove(ControlPlane& plane, std::string ns, std::string name, std::string policy) {
  client::DeleteOptions options;
  options.propagationPolicy = std::move(policy);
  co_return co_await plane.client().remove(client::resourceOf<Deployment>(), std::move(ns),
                                           std::move(name), std::move(options), std::stop_token());
}

#define CO_EXPECT(what, ...)                                            \
  do {                                                                  \
    const bool held_ = co_await plane.until(__VA_ARGS__);               \
    if (!held_) co_return internalError(std::string("never: ") + what); \
  } while (false)

Task<Status> rollout(ControlPlane& plane, View& view) {
  CO_TRY_STATUS(co_await makeNamespace(plane, view, "roll"));
  CO_TRY_STATUS(co_await plane.addNode("n1"));
  CO_TRY_STATUS(co_await plane.addNode("n2"));
  Service service;
  service.metadata.name = "web";
  service.metadata.namespace_ = "roll";
  service.spec.selector["app"] = "web";
  service.spec.ports.resize(1);
  service.spec.ports[0].port = 80;
  auto served = co_await client::create(plane.client(), std::move(service));
  if (!served.ok()) co_return served.status();
  auto made = co_await client::create(plane.client(), makeDeployment("roll", "web", 3));
  if (!made.ok()) co_return made.status();
  auto deployment = [&view] { return view.get<Deployment>("roll/web"); };
  CO_EXPECT("three available", [&] {
    return deployment() && deployment()->status.availableReplicas == 3 &&
           view.ready("roll", "x:1") == 3;
  });
  std::set<std::string> nodes;
  for (const auto& pod : view.all<Pod>("roll")) nodes.insert(pod->spec.nodeName);
  EXPECT_EQ(nodes.size(), 2u) << "the scheduler spreads";
  CO_EXPECT("three endpoints", [&] {
    auto slices = view.all<EndpointSlice>("roll");
    return slices.size() == 1 && slices[0]->endpoints.size() == 3;
  });
  CO_TRY_STATUS(co_await change(plane, "roll", "web", [](Deployment& d) { d.spec.replicas = 5; }));
  CO_EXPECT("five available", [&] { return deployment()->status.availableReplicas == 5; });

  CO_TRY_STATUS(co_await change(plane, "roll", "web", [](Deployment& d) {
    d.spec.template_.spec.containers[0].image = "x:2";
  }));
  CO_EXPECT("rolled out", [&] {
    return view.ready("roll", "x:2") == 5 && view.all<Pod>("roll").size() == 5 &&
           deployment()->status.updatedReplicas == 5 && deployment()->status.replicas == 5;
  });
  EXPECT_EQ(view.all<ReplicaSet>("roll").size(), 2u);
  CO_TRY_STATUS(co_await change(plane, "roll", "web", [](Deployment& d) {
    d.spec.template_.spec.containers[0].image = "x:1";
  }));
  CO_EXPECT("rolled back",
            [&] { return view.ready("roll", "x:1") == 5 && view.all<Pod>("roll").size() == 5; });
  EXPECT_EQ(view.all<ReplicaSet>("roll").size(), 2u) << "the first set is used again";
  CO_EXPECT("revision 3", [&] {
    const auto* revision =
        deployment()->metadata.annotations.get("deployment.kubernetes.io/revision");
    return revision != nullptr && *revision == "3";
  });
  CO_TRY_STATUS(co_await remove(plane, "roll", "web", "Background"));
  CO_EXPECT("all gone",
            [&] { return view.all<ReplicaSet>("roll").empty() && view.all<Pod>("roll").empty(); });
  CO_EXPECT("no endpoints", [&] {
    auto slices = view.all<EndpointSlice>("roll");
    return slices.size() == 1 && slices[0]->endpoints.empty();
  });
  co_return Status();
}

Task<Status> cascades(ControlPlane& plane, View& view) {
  CO_TRY_STATUS(co_await makeNamespace(plane, view, "casc"));
  CO_TRY_STATUS(co_await plane.addNode("m1"));
  for (const char* name : {"front", "orphan"}) {
    auto made = co_await client::create(plane.client(), makeDeployment("casc", name, 2));
    if (!made.ok()) co_return made.status();
  }
  CO_EXPECT("four ready", [&] { return view.ready("casc", "x:1") == 4; });
  std::string kept;
  for (const auto& set : view.all<ReplicaSet>("casc")) {
    if (set->metadata.name.starts_with("orphan-")) kept = set->metadata.name;
  }
  CO_TRY_STATUS(co_await remove(plane, "casc", "front", "Foreground"));
  CO_EXPECT("foreground ends", [&] { return view.get<Deployment>("casc/front") == nullptr; });
  CO_TRY(auto sets, co_await stored(plane, client::resourceOf<ReplicaSet>(), "casc"));
  EXPECT_EQ(sets, 1u) << "dependents went before";
  CO_TRY_STATUS(co_await remove(plane, "casc", "orphan", "Orphan"));
  CO_EXPECT("orphaning ends", [&] { return view.get<Deployment>("casc/orphan") == nullptr; });
  CO_EXPECT("the set is nobody's", [&] {
    auto set = view.get<ReplicaSet>("casc/" + kept);
    return set && set->metadata.ownerReferences.empty();
  });
  CO_EXPECT("its pods are left", [&] { return view.ready("casc", "x:1") == 2; });

  client::DeleteOptions options;
  CO_TRY_STATUS(co_await plane.client().remove(client::resourceOf<Namespace>(), "", "casc", options,
                                               std::stop_token()));
  CO_EXPECT("the namespace ends", [&] { return view.get<Namespace>("casc") == nullptr; });
  CO_TRY(auto pods, co_await stored(plane, client::resourceOf<Pod>(), "casc"));
  EXPECT_EQ(pods, 0u);
  CO_TRY(sets, co_await stored(plane, client::resourceOf<ReplicaSet>(), "casc"));
  EXPECT_EQ(sets, 0u);
  co_return Status();
}

using Scenario = Task<Status> (*)(ControlPlane&, View&);

Task<Status> play(Reactor& reactor, Scenario scenario) {
  CO_TRY(auto plane, co_await ControlPlane::start(reactor));
  View view(*plane);
  Status outcome = co_await scenario(*plane, view);
  co_await plane->stop();
  co_return outcome;
}

Status run(Scenario scenario) {
  Reactor reactor;
  return blockOn(reactor, play(reactor, scenario));
}

TEST(ControlPlane, DeploymentRollsOutAndBack) {
  const Status outcome = run(rollout);
  EXPECT_TRUE(outcome.ok()) << outcome.message();
}

TEST(ControlPlane, DeletionsCascade) {
  const Status outcome = run(cascades);
  EXPECT_TRUE(outcome.ok()) << outcome.message();
}

}  // namespace
}  // namespace coxswain::integration
