// Who may do what, by requests through the whole pipeline: stored roles, aggregated ones,
// escalation, nodes, and the identities of our own parts.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "api/gen/apps_v1.h"
#include "api/gen/authorization_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "client/resources.h"
#include "in_process_cluster.h"

namespace coxswain::testing {
namespace {

using namespace api::core::v1;  // NOLINT
using namespace api::rbac::v1;  // NOLINT
using api::apps::v1::Deployment;
using api::authorization::v1::SelfSubjectRulesReview;
using api::authorization::v1::SubjectAccessReview;
using client::resourceOf;
using client::ResourceType;

constexpr const char* kRbac = "rbac.authorization.k8s.io";

PolicyRule rule(std::vector<std::string> verbs, std::string group,
                std::vector<std::string> resources, std::vector<std::string> names = {}) {
  PolicyRule made;
  made.verbs = std::move(verbs);
  made.apiGroups = {std::move(group)};
  made.resources = std::move(resources);
  made.resourceNames = std::move(names);
  return made;
}

template <typename B>
B bound(std::string ns, std::string name, std::string kind, std::string role, std::string user) {
  B made;
  made.metadata.namespace_ = std::move(ns);
  made.metadata.name = std::move(name);
  made.roleRef.apiGroup = kRbac;
  made.roleRef.kind = std::move(kind);
  made.roleRef.name = std::move(role);
  auto& subject = made.subjects.emplace_back();
  subject.kind = "User";
  subject.apiGroup = kRbac;
  subject.name = std::move(user);
  return made;
}

class Cluster : public ::testing::Test {
 protected:
  void begin(InProcessCluster::Options options) {
    cluster_ = std::make_unique<InProcessCluster>(options);
  }
  template <typename T>
  void make(T object) {
    auto made = cluster_->run(client::create(cluster_->admin(), std::move(object)));
    ASSERT_TRUE(made.ok()) << made.status().toString();
  }
  template <typename T>
  Result<std::shared_ptr<const T>> get(std::string ns, std::string name) {
    return cluster_->run(client::get<T>(cluster_->admin(), std::move(ns), std::move(name)));
  }
  void makeNamespace(std::string name) {
    Namespace made;
    made.metadata.name = std::move(name);
    make(std::move(made));
  }
  template <typename T>
  int createCode(client::Client& client, T object) {
    return cluster_->run(client::create(client, std::move(object))).status().code();
  }
  /// The status code of a request that changes nothing: what it is about does not exist.
  int code(client::Client& client, std::string_view verb, const ResourceType& type,
           std::string ns) {
    auto& c = *cluster_;
    if (verb == "get") return c.run(client.get(type, ns, "none", {})).status().code();
    if (verb == "list") return c.run(client.list(type, ns, {}, {})).status().code();
    if (verb == "watch") return c.run(client.watch(type, ns, {}, {})).status().code();
    if (verb == "delete") return c.run(client.remove(type, ns, "none", {}, {})).code();
    if (verb == "patch") {
      auto patched = client.patch(type, ns, "none", "", client::PatchType::Merge, "{}", {});
      return c.run(std::move(patched)).status().code();
    }
    api::Object object(*type.kind);
    auto& meta = *api::objectMeta(object);
    meta.namespace_ = ns;
    if (verb == "update") {
      meta.name = "none";
      return c.run(client.update(type, "", std::move(object), {})).status().code();
    }
    // Without a name: Invalid for who may.
    return c.run(client.create(type, ns, "", "", std::move(object), {})).status().code();
  }
  std::unique_ptr<InProcessCluster> cluster_;
};

// --- users x verbs x resources x namespaces

enum class Kind { View, Secret, Edit, EditRead, Admin, ClusterWide };

struct Thing {
  const ResourceType& type;
  Kind kind;
};

/// What the published descriptions of view, edit and admin say of it.
bool roleAllows(std::string_view role, Kind kind, std::string_view verb) {
  const bool reads = verb == "get" || verb == "list" || verb == "watch";
  const bool view = role == "view" || role == "edit" || role == "admin";
  const bool edit = role == "edit" || role == "admin";
  switch (kind) {
    case Kind::View:  // status-like things that nobody edits: quotas, limits
      return view && reads;
    case Kind::EditRead:
      return reads ? view : edit;
    case Kind::Secret:
    case Kind::Edit:
      return edit;
    case Kind::Admin:
      return role == "admin";
    case Kind::ClusterWide:
      return false;
  }
  return false;
}

TEST_F(Cluster, AMatrixOfRequests) {
  begin({});
  makeNamespace("team");
  makeNamespace("other");
  // Aggregated by the controller.
  ASSERT_TRUE(cluster_->eventually([this] {
    auto admin = get<ClusterRole>("", "admin");
    return admin.ok() && (*admin)->rules.size() > 20;
  }));
  ClusterRole extra;
  extra.metadata.name = "view-devices";
  extra.metadata.labels["rbac.authorization.k8s.io/aggregate-to-view"] = "true";
  extra.rules = {rule({"get", "list"}, "", {"nodes"})};
  make(extra);
  for (const char* role : {"view", "edit", "admin"}) {
    make(bound<RoleBinding>("team", role, "ClusterRole", role, std::string("team-") + role));
    make(bound<ClusterRoleBinding>("", role, "ClusterRole", role, std::string("all-") + role));
  }
  // ... as is what is added to it.
  ASSERT_TRUE(cluster_->eventually([this] {
    auto admin = get<ClusterRole>("", "admin");
    return admin.ok() && std::any_of((*admin)->rules.begin(), (*admin)->rules.end(),
                                     [](const auto& one) { return one.resources[0] == "nodes"; });
  }));
  ASSERT_TRUE(cluster_->eventually([this] {
    return get<ServiceAccount>("team", "default").ok() &&
           get<ServiceAccount>("other", "default").ok();
  }));

  const Thing things[] = {
      {resourceOf<Pod>(), Kind::EditRead},
      {resourceOf<ConfigMap>(), Kind::EditRead},
      {resourceOf<Service>(), Kind::EditRead},
      {resourceOf<ServiceAccount>(), Kind::EditRead},
      {resourceOf<PersistentVolumeClaim>(), Kind::EditRead},
      {resourceOf<Deployment>(), Kind::EditRead},
      {resourceOf<Secret>(), Kind::Secret},
      {resourceOf<ResourceQuota>(), Kind::View},
      {resourceOf<LimitRange>(), Kind::View},
      {resourceOf<Role>(), Kind::Admin},
      {resourceOf<RoleBinding>(), Kind::Admin},
      {resourceOf<PersistentVolume>(), Kind::ClusterWide},
      {resourceOf<ClusterRole>(), Kind::ClusterWide},
      {resourceOf<Node>(), Kind::ClusterWide},
  };
  int requests = 0;
  for (const char* role : {"none", "view", "edit", "admin"}) {
    for (const bool everywhere : {false, true}) {
      const auto user = (everywhere ? "all-" : "team-") + std::string(role);
      auto& client = cluster_->as(user);
      for (const auto& thing : things) {
        std::vector<std::string> spaces{"team", "other", ""};
        if (!thing.type.namespaced) spaces = {""};
        for (const auto& ns : spaces) {
          for (const char* verb : {"get", "list", "watch", "create", "update", "patch", "delete"}) {
            const std::string_view v = verb;
            const bool many = v == "list" || v == "watch";
            if (thing.type.namespaced && ns.empty() && !many) continue;
            bool expected = roleAllows(role, thing.kind, v) && (everywhere || ns == "team");
            if (&thing.type == &resourceOf<Node>()) {
              // Cluster-scoped: a binding of a namespace gives nothing there.
              expected =
                  everywhere && std::string_view(role) != "none" && (v == "get" || v == "list");
            }
            const int answer = code(client, v, thing.type, ns);
            EXPECT_EQ(answer != 403, expected) << user << " " << verb << " " << thing.type.plural
                                               << " in \"" << ns << "\": " << answer;
            ++requests;
          }
        }
      }
    }
  }
  EXPECT_GT(requests, 1500);
}

// --- rights come from what is stored

class Stored : public Cluster {
 protected:
  void SetUp() override { begin({.controllers = false}); }
  int mayReview(client::Client& client) {
    SelfSubjectRulesReview review;
    review.spec.namespace_ = "default";
    auto body = api::ConstObject(api::Object(std::move(review)));
    auto answer = cluster_->run(
        client.create(resourceOf<SelfSubjectRulesReview>(), "", "", "", std::move(body), {}));
    return answer.status().code();
  }
};

TEST_F(Stored, ARoleThatIsGoneGivesNothingUntilTheNextStart) {
  EXPECT_EQ(mayReview(cluster_->as("bob")), 200);
  ASSERT_TRUE(cluster_
                  ->run(cluster_->admin().remove(resourceOf<ClusterRole>(), "", "system:basic-user",
                                                 {}, {}))
                  .ok());
  EXPECT_EQ(mayReview(cluster_->as("bob")), 403);
  EXPECT_EQ(cluster_->refusals.back().what,
            "selfsubjectrulesreviews.authorization.k8s.io is forbidden: User \"bob\" cannot create "
            "resource \"selfsubjectrulesreviews\" in API group \"authorization.k8s.io\" at the "
            "cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io \"system:basic-user\" not "
            "found");
  // Administrators get in whatever became of the roles.
  EXPECT_EQ(code(cluster_->admin(), "list", resourceOf<Secret>(), ""), 200);
  cluster_->stop();
  cluster_->start();
  EXPECT_EQ(mayReview(cluster_->as("bob")), 200);
}

TEST_F(Stored, BootstrapRolesAreTheServersOwn) {
  auto role = *get<ClusterRole>("", "system:discovery");
  ASSERT_EQ(role->metadata.managedFields.size(), 1U);
  EXPECT_EQ(role->metadata.managedFields[0].manager, "kube-apiserver");
}

TEST_F(Stored, ASecondStartWritesNothing) {
  // What follows a start, such as what APIServices tell of themselves, is written within seconds.
  cluster_->executor.runFor(1min);
  const auto before = cluster_->store->revision();
  cluster_->stop();
  cluster_->start();
  cluster_->executor.runFor(1min);
  EXPECT_EQ(cluster_->store->revision(), before);
}

TEST_F(Stored, AStartMendsWhatLacksSomething) {
  auto discovery = *get<ClusterRole>("", "system:discovery");
  ClusterRole less = *discovery;
  less.rules[0].nonResourceURLs = {"/api", "/mine"};
  ASSERT_TRUE(cluster_->run(client::update(cluster_->admin(), less)).ok());
  auto monitoring = *get<ClusterRole>("", "system:monitoring");
  ClusterRole kept = *monitoring;
  kept.rules.clear();
  kept.metadata.annotations["rbac.authorization.kubernetes.io/autoupdate"] = "false";
  ASSERT_TRUE(cluster_->run(client::update(cluster_->admin(), kept)).ok());
  auto binding = *get<ClusterRoleBinding>("", "system:discovery");
  ClusterRoleBinding nobody = *binding;
  nobody.subjects.clear();
  ASSERT_TRUE(cluster_->run(client::update(cluster_->admin(), nobody)).ok());
  cluster_->stop();
  cluster_->start();
  auto mended = *get<ClusterRole>("", "system:discovery");
  EXPECT_EQ(mended->rules[0].nonResourceURLs.back(), "/mine");
  std::set<std::string> paths;
  for (const auto& one : mended->rules) {
    paths.insert(one.nonResourceURLs.begin(), one.nonResourceURLs.end());
  }
  EXPECT_TRUE(paths.contains("/openapi/*"));
  EXPECT_TRUE((*get<ClusterRole>("", "system:monitoring"))->rules.empty());
  EXPECT_EQ((*get<ClusterRoleBinding>("", "system:discovery"))->subjects.size(), 1U);
}

TEST_F(Stored, ABindingCountsAtOnceAndEndsAtOnce) {
  auto& bob = cluster_->as("bob");
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(code(bob, "list", resourceOf<ConfigMap>(), "default"), 403);
    make(bound<RoleBinding>("default", "b", "ClusterRole", "system:aggregate-to-view", "bob"));
    EXPECT_EQ(code(bob, "list", resourceOf<ConfigMap>(), "default"), 200);
    ASSERT_TRUE(
        cluster_->run(cluster_->admin().remove(resourceOf<RoleBinding>(), "default", "b", {}, {}))
            .ok());
  }
}

TEST_F(Stored, ARoleOfANamespaceSpeaksOfTheNamespaceItself) {
  makeNamespace("team");
  make(bound<RoleBinding>("team", "b", "ClusterRole", "system:aggregate-to-view", "bob"));
  auto& bob = cluster_->as("bob");
  auto getNamespace = [&](std::string name) {
    return cluster_->run(bob.get(resourceOf<Namespace>(), "", std::move(name), {})).status();
  };
  EXPECT_TRUE(getNamespace("team").ok());
  EXPECT_EQ(getNamespace("default").message(),
            "namespaces \"default\" is forbidden: User \"bob\" cannot get resource \"namespaces\" "
            "in API group \"\" in the namespace \"default\"");
  EXPECT_EQ(code(bob, "list", resourceOf<Namespace>(), ""), 403);
}

TEST_F(Stored, NobodyGivesAwayWhatHeHasNot) {
  makeNamespace("team");
  Role keeper;
  keeper.metadata.namespace_ = "team";
  keeper.metadata.name = "keeper";
  keeper.rules = {rule({"create", "update", "patch", "get"}, kRbac, {"roles", "rolebindings"}),
                  rule({"get", "list"}, "", {"configmaps"})};
  make(keeper);
  make(bound<RoleBinding>("team", "keeper", "Role", "keeper", "bob"));
  auto& bob = cluster_->as("bob");
  auto role = [](std::string name, std::vector<PolicyRule> rules) {
    Role made;
    made.metadata.namespace_ = "team";
    made.metadata.name = std::move(name);
    made.rules = std::move(rules);
    return made;
  };
  // What he has himself.
  EXPECT_EQ(createCode(bob, role("fine", {rule({"get"}, "", {"configmaps"})})), 200);
  EXPECT_EQ(createCode(bob, bound<RoleBinding>("team", "fine", "Role", "fine", "eve")), 200);
  // More verbs, more resources, any name, everything.
  EXPECT_EQ(createCode(bob, role("a", {rule({"get", "list", "delete"}, "", {"configmaps"})})), 403);
  EXPECT_EQ(cluster_->refusals.back().what,
            "roles.rbac.authorization.k8s.io \"a\" is forbidden: user \"bob\" "
            "(groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not "
            "currently held:\n{APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"delete\"]}");
  EXPECT_EQ(createCode(bob, role("b", {rule({"get", "list"}, "", {"secrets", "pods"})})), 403);
  EXPECT_EQ(cluster_->refusals.back().what.substr(cluster_->refusals.back().what.find("held:")),
            "held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}\n"
            "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}");
  EXPECT_EQ(createCode(bob, role("c", {rule({"*"}, "*", {"*"})})), 403);
  EXPECT_EQ(createCode(bob, bound<RoleBinding>("team", "d", "ClusterRole", "cluster-admin", "bob")),
            403);
  EXPECT_EQ(createCode(bob, bound<RoleBinding>("team", "e", "Role", "absent", "bob")), 404);
  // By update and patch.
  auto fine = *get<Role>("team", "fine");
  Role wider = *fine;
  wider.rules = {rule({"get"}, "", {"secrets"})};
  EXPECT_EQ(cluster_->run(client::update(bob, wider)).status().code(), 403);
  auto patch = bob.patch(resourceOf<Role>(), "team", "fine", "", client::PatchType::Merge,
                         R"({"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]})", {});
  EXPECT_EQ(cluster_->run(std::move(patch)).status().code(), 403);
  // Owners and finalizers are for the garbage collector, and change no rights.
  auto strange = *get<Role>("team", "keeper");
  make(role("strange", {rule({"get"}, "", {"secrets"})}));
  auto collect = bob.patch(resourceOf<Role>(), "team", "strange", "", client::PatchType::Merge,
                           R"({"metadata":{"finalizers":["example.com/x"]}})", {});
  EXPECT_TRUE(cluster_->run(std::move(collect)).ok());
  // Not his own role either.
  Role own = *strange;
  own.rules.push_back(rule({"*"}, "*", {"*"}));
  EXPECT_EQ(cluster_->run(client::update(bob, own)).status().code(), 403);
  // Aggregation may give anything: only who has everything may write it.
  make([] {
    ClusterRole made;
    made.metadata.name = "cluster-keeper";
    made.rules = {rule({"create", "update"}, kRbac, {"clusterroles", "clusterrolebindings"})};
    return made;
  }());
  make(bound<ClusterRoleBinding>("", "cluster-keeper", "ClusterRole", "cluster-keeper", "bob"));
  ClusterRole sum;
  sum.metadata.name = "sum";
  sum.aggregationRule.emplace().clusterRoleSelectors.emplace_back().matchLabels["a"] = "b";
  EXPECT_EQ(createCode(bob, sum), 403);
}

TEST_F(Stored, EscalateAndBindAreRightsOfTheirOwn) {
  ClusterRole lord;
  lord.metadata.name = "lord";
  lord.rules = {rule({"create", "update", "bind"}, kRbac, {"rolebindings", "clusterrolebindings"}),
                rule({"bind"}, kRbac, {"clusterroles"}, {"view"}),
                rule({"create", "escalate"}, kRbac, {"roles"})};
  make(lord);
  make(bound<ClusterRoleBinding>("", "lord", "ClusterRole", "lord", "bob"));
  auto& bob = cluster_->as("bob");
  EXPECT_EQ(createCode(bob, bound<RoleBinding>("default", "v", "ClusterRole", "view", "eve")), 200);
  EXPECT_EQ(createCode(bob, bound<ClusterRoleBinding>("", "v", "ClusterRole", "view", "eve")), 200);
  EXPECT_EQ(
      createCode(bob, bound<RoleBinding>("default", "c", "ClusterRole", "cluster-admin", "e")),
      403);
  Role any;
  any.metadata.namespace_ = "default";
  any.metadata.name = "any";
  any.rules = {rule({"*"}, "*", {"*"})};
  EXPECT_EQ(createCode(bob, any), 200);
  ClusterRole anywhere;
  anywhere.metadata.name = "any";
  anywhere.rules = any.rules;
  EXPECT_EQ(createCode(bob, anywhere), 403);
}

TEST_F(Stored, ReviewsSayWhy) {
  make(bound<RoleBinding>("default", "b", "ClusterRole", "system:aggregate-to-view", "bob"));
  auto ask = [&](std::string user, std::string verb, std::string ns, std::string fields = "") {
    SubjectAccessReview review;
    review.spec.user = std::move(user);
    auto& about = review.spec.resourceAttributes.emplace();
    about.verb = std::move(verb);
    about.resource = "configmaps";
    about.namespace_ = std::move(ns);
    if (!fields.empty()) about.fieldSelector.emplace().rawSelector = fields;
    auto body = api::ConstObject(api::Object(std::move(review)));
    auto answer = cluster_->run(cluster_->admin().create(resourceOf<SubjectAccessReview>(), "", "",
                                                         "", std::move(body), {}));
    return answer.ok() ? answer->as<SubjectAccessReview>()->status
                       : api::authorization::v1::SubjectAccessReviewStatus();
  };
  auto allowed = ask("bob", "list", "default");
  EXPECT_TRUE(allowed.allowed);
  EXPECT_EQ(allowed.reason,
            "RBAC: allowed by RoleBinding \"b/default\" of ClusterRole "
            "\"system:aggregate-to-view\" to User \"bob\"");
  auto refused = ask("bob", "list", "kube-system");
  EXPECT_FALSE(refused.allowed || refused.denied);
  EXPECT_EQ(refused.reason, "");
  make([] {
    Role made;
    made.metadata.namespace_ = "default";
    made.metadata.name = "one";
    made.rules = {rule({"watch"}, "", {"configmaps"}, {"x"})};
    return made;
  }());
  make(bound<RoleBinding>("default", "one", "Role", "one", "carol"));
  EXPECT_TRUE(ask("carol", "watch", "default", "metadata.name=x").allowed);
  EXPECT_FALSE(ask("carol", "watch", "default", "metadata.name=y").allowed);
  EXPECT_FALSE(ask("carol", "watch", "default").allowed);
}

TEST_F(Stored, SelectorsOfReviewsAreReadAsFarAsTheyGo) {
  auto ask = [&](std::function<void(api::authorization::v1::ResourceAttributes&)> fill) {
    SubjectAccessReview review;
    review.spec.user = "bob";
    auto& about = review.spec.resourceAttributes.emplace();
    about.verb = "list";
    about.resource = "pods";
    fill(about);
    auto body = api::ConstObject(api::Object(std::move(review)));
    return cluster_->run(cluster_->admin().create(resourceOf<SubjectAccessReview>(), "", "", "",
                                                  std::move(body), {}));
  };
  auto field = [](auto& about, std::string op, std::vector<std::string> values) {
    auto& one = about.fieldSelector.emplace().requirements.emplace_back();
    one.key = "spec.nodeName";
    one.operator_ = std::move(op);
    one.values = std::move(values);
  };
  auto fine = ask([&](auto& about) { field(about, "In", {"n1"}); });
  EXPECT_EQ(fine->template as<SubjectAccessReview>()->status.evaluationError, "");
  auto many = ask([&](auto& about) { field(about, "In", {"n1", "n2"}); });
  EXPECT_EQ(many->template as<SubjectAccessReview>()->status.evaluationError,
            "spec.resourceAttributes.fieldSelector ignored due to parse error");
  auto raw = ask([](auto& about) { about.labelSelector.emplace().rawSelector = "a in"; });
  EXPECT_EQ(raw->template as<SubjectAccessReview>()->status.evaluationError,
            "spec.resourceAttributes.labelSelector ignored due to parse error");
  auto none = ask([&](auto& about) { field(about, "In", {}); });
  EXPECT_EQ(none.status().message(),
            ".authorization.k8s.io \"\" is invalid: "
            "spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be "
            "specified when `operator` is 'In' or 'NotIn'");
  auto some = ask([&](auto& about) { field(about, "Exists", {"x"}); });
  EXPECT_EQ(some.status().code(), 422);
}

// --- nodes

class Nodes : public Stored {
 protected:
  Pod pod(std::string name, std::string node) {
    Pod made;
    made.metadata.namespace_ = "default";
    made.metadata.name = std::move(name);
    made.spec.nodeName = std::move(node);
    auto& container = made.spec.containers.emplace_back();
    container.name = "c";
    container.image = "i";
    return made;
  }
  int listByName(client::Client& client, const ResourceType& type, const std::string& name) {
    client::ListOptions options;
    options.fieldSelector = "metadata.name=" + name;
    return cluster_->run(client.list(type, "default", options, {})).status().code();
  }
  int watchByName(client::Client& client, const ResourceType& type, const std::string& name) {
    client::WatchOptions options;
    options.fieldSelector = "metadata.name=" + name;
    return cluster_->run(client.watch(type, "default", options, {})).status().code();
  }
  int getCode(client::Client& client, const ResourceType& type, std::string ns, std::string name) {
    return cluster_->run(client.get(type, std::move(ns), std::move(name), {})).status().code();
  }
};

TEST_F(Nodes, ReadWhatTheirPodsUseWhileTheyUseIt) {
  make([] {
    ServiceAccount made;
    made.metadata.namespace_ = "default";
    made.metadata.name = "default";
    return made;
  }());
  for (const char* name : {"used", "other"}) {
    Secret secret;
    secret.metadata.namespace_ = "default";
    secret.metadata.name = name;
    make(secret);
    ConfigMap map;
    map.metadata.namespace_ = "default";
    map.metadata.name = name;
    make(map);
  }
  auto& n1 = cluster_->node("n1");
  auto& n2 = cluster_->node("n2");
  const auto& secrets = resourceOf<Secret>();
  const auto& maps = resourceOf<ConfigMap>();
  EXPECT_EQ(getCode(n1, secrets, "default", "used"), 403);
  auto user = pod("p", "n1");
  auto& volume = user.spec.volumes.emplace_back();
  volume.name = "v";
  volume.volumeSource.secret.emplace().secretName = "used";
  auto& from = user.spec.containers[0].envFrom.emplace_back();
  from.configMapRef.emplace().localObjectReference.name = "used";
  make(user);
  for (const auto* type : {&secrets, &maps}) {
    EXPECT_EQ(getCode(n1, *type, "default", "used"), 200);
    EXPECT_EQ(listByName(n1, *type, "used"), 200);
    EXPECT_EQ(watchByName(n1, *type, "used"), 200);
    EXPECT_EQ(getCode(n1, *type, "default", "other"), 403);
    EXPECT_EQ(listByName(n1, *type, "other"), 403);
    EXPECT_EQ(watchByName(n1, *type, "other"), 403);
    EXPECT_EQ(code(n1, "list", *type, "default"), 403);
    EXPECT_EQ(code(n1, "list", *type, ""), 403);
    EXPECT_EQ(getCode(n1, *type, "kube-system", "used"), 403);
    EXPECT_EQ(getCode(n2, *type, "default", "used"), 403);
    EXPECT_EQ(code(n1, "update", *type, "default"), 403);
  }
  // A pod that is bound later counts from then on.
  auto later = pod("later", "");
  later.spec.imagePullSecrets.emplace_back().name = "other";
  make(later);
  EXPECT_EQ(getCode(n2, secrets, "default", "other"), 403);
  Binding binding;
  binding.metadata.name = "later";
  binding.metadata.namespace_ = "default";
  binding.target.kind = "Node";
  binding.target.name = "n2";
  auto body = api::ConstObject(api::Object(std::move(binding)));
  auto bound = cluster_->admin().create(resourceOf<Pod>(), "default", "later", "binding",
                                        std::move(body), {});
  ASSERT_TRUE(cluster_->run(std::move(bound)).ok());
  EXPECT_EQ(getCode(n2, secrets, "default", "other"), 200);
  EXPECT_EQ(getCode(n1, secrets, "default", "other"), 403);
  // And nothing once it is gone.
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  ASSERT_TRUE(
      cluster_->run(cluster_->admin().remove(resourceOf<Pod>(), "default", "p", now, {})).ok());
  EXPECT_EQ(getCode(n1, secrets, "default", "used"), 403);
  EXPECT_EQ(getCode(n1, maps, "default", "used"), 403);
}

TEST_F(Nodes, ReachVolumesThroughClaims) {
  make([] {
    ServiceAccount made;
    made.metadata.namespace_ = "default";
    made.metadata.name = "default";
    return made;
  }());
  PersistentVolume volume;
  volume.metadata.name = "pv";
  volume.spec.accessModes = {"ReadWriteOnce"};
  volume.spec.capacity["storage"] = *api::Quantity::parse("1Gi");
  auto& csi = volume.spec.persistentVolumeSource.csi.emplace();
  csi.driver = "example.com";
  csi.volumeHandle = "h";
  auto& secret = csi.nodePublishSecretRef.emplace();
  secret.name = "key";
  secret.namespace_ = "kube-system";
  auto& controllers = csi.controllerPublishSecretRef.emplace();
  controllers.name = "controllers-key";
  controllers.namespace_ = "kube-system";
  auto& reference = volume.spec.claimRef.emplace();
  reference.namespace_ = "default";
  reference.name = "claim";
  make(volume);
  for (const char* name : {"key", "controllers-key"}) {
    Secret made;
    made.metadata.namespace_ = "kube-system";
    made.metadata.name = name;
    make(made);
  }
  PersistentVolumeClaim claim;
  claim.metadata.namespace_ = "default";
  claim.metadata.name = "claim";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.volumeName = "pv";
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  make(claim);
  auto& n1 = cluster_->node("n1");
  const auto& volumes = resourceOf<PersistentVolume>();
  EXPECT_EQ(getCode(n1, volumes, "", "pv"), 403);
  auto user = pod("p", "n1");
  auto& source = user.spec.volumes.emplace_back();
  source.name = "v";
  source.volumeSource.persistentVolumeClaim.emplace().claimName = "claim";
  make(user);
  EXPECT_EQ(getCode(n1, volumes, "", "pv"), 200);
  EXPECT_EQ(getCode(n1, resourceOf<PersistentVolumeClaim>(), "default", "claim"), 200);
  EXPECT_EQ(getCode(n1, resourceOf<Secret>(), "kube-system", "key"), 200);
  EXPECT_EQ(getCode(n1, resourceOf<Secret>(), "kube-system", "controllers-key"), 403);
  EXPECT_EQ(getCode(cluster_->node("n2"), volumes, "", "pv"), 403);
  EXPECT_EQ(code(n1, "list", volumes, ""), 403);
}

}  // namespace
}  // namespace coxswain::testing
