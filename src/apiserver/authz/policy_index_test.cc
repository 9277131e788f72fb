#include "apiserver/authz/policy_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/policy.h"

namespace coxswain::apiserver {
namespace {

using api::rbac::v1::RoleRef;
using Wire = api::rbac::v1::Subject;

RequestInfo of(std::string verb, std::string resource, std::string ns) {
  RequestInfo info;
  info.isResource = true;
  info.verb = std::move(verb);
  info.resource = std::move(resource);
  info.ns = std::move(ns);
  info.name = "x";
  return info;
}

RoleRef reference(std::string kind, std::string name) {
  RoleRef made;
  made.kind = std::move(kind);
  made.name = std::move(name);
  return made;
}

Wire subject(std::string kind, std::string name, std::string ns = "") {
  Wire made;
  made.kind = std::move(kind);
  made.name = std::move(name);
  made.namespace_ = std::move(ns);
  return made;
}

Rules allow(std::string_view verbs, std::string_view resources) {
  return {wireRule({"", "\"\"", resources, verbs})};
}

UserInfo user(std::string name, std::vector<std::string> groups = {}) {
  return {std::move(name), "", std::move(groups), {}};
}

bool may(const PolicyIndex& index, const UserInfo& who, const RequestInfo& what) {
  return index.find({who, what}).binding != nullptr;
}

TEST(PolicyIndex, RolesAndBindingsComeInAnyOrder) {
  PolicyIndex index;
  index.setBinding("a", "b", reference("Role", "r"), {subject("User", "u")});
  EXPECT_TRUE(index.dangling());
  EXPECT_FALSE(may(index, user("u"), of("get", "pods", "a")));
  index.setRole("a", "r", allow("get", "pods"));
  EXPECT_FALSE(index.dangling());
  EXPECT_TRUE(may(index, user("u"), of("get", "pods", "a")));
  EXPECT_FALSE(may(index, user("u"), of("get", "pods", "b")));
  EXPECT_FALSE(may(index, user("u"), of("get", "pods", "")));
  index.removeRole("a", "r");
  EXPECT_TRUE(index.dangling());
  EXPECT_FALSE(may(index, user("u"), of("get", "pods", "a")));
  index.setRole("a", "r", allow("list", "pods"));
  EXPECT_FALSE(may(index, user("u"), of("get", "pods", "a")));
  EXPECT_TRUE(may(index, user("u"), of("list", "pods", "a")));
  index.removeBinding("a", "b");
  EXPECT_FALSE(may(index, user("u"), of("list", "pods", "a")));
  EXPECT_EQ(index.subjectCount(), 0U);
}

TEST(PolicyIndex, WhoABindingIsFor) {
  PolicyIndex index;
  index.setRole("", "r", allow("get", "pods"));
  index.setBinding("a", "b", reference("ClusterRole", "r"),
                   {subject("ServiceAccount", "local"), subject("ServiceAccount", "far", "z"),
                    subject("Group", "g"), subject("User", "u"), subject("User", "u")});
  const auto what = of("get", "pods", "a");
  EXPECT_TRUE(may(index, user("system:serviceaccount:a:local"), what));
  EXPECT_TRUE(may(index, user("system:serviceaccount:z:far"), what));
  EXPECT_FALSE(may(index, user("system:serviceaccount:z:local"), what));
  EXPECT_TRUE(may(index, user("someone", {"other", "g"}), what));
  EXPECT_FALSE(may(index, user("g", {"u"}), what));
  EXPECT_TRUE(may(index, user("u"), what));
  index.setBinding("a", "b", reference("ClusterRole", "r"), {subject("User", "v")});
  EXPECT_FALSE(may(index, user("u"), what));
  EXPECT_FALSE(may(index, user("someone", {"g"}), what));
  EXPECT_TRUE(may(index, user("v"), what));
  EXPECT_EQ(index.subjectCount(), 1U);
  // Without a namespace there is no such account.
  index.setBinding("", "c", reference("ClusterRole", "r"), {subject("ServiceAccount", "local")});
  EXPECT_FALSE(may(index, user("system:serviceaccount::local"), what));
}

TEST(PolicyIndex, SaysWhy) {
  PolicyIndex index;
  index.setRole("", "r", allow("get", "pods"));
  index.setRole("a", "r", allow("get", "nodes"));
  index.setBinding("", "all", reference("ClusterRole", "r"), {subject("User", "u")});
  index.setBinding("a", "some", reference("Role", "r"),
                   {subject("ServiceAccount", "s", "z"), subject("Group", "g")});
  auto why = [&](const UserInfo& who, const RequestInfo& what) {
    return PolicyIndex::describe(index.find({who, what}));
  };
  EXPECT_EQ(why(user("u"), of("get", "pods", "")),
            R"(RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "r" to User "u")");
  EXPECT_EQ(why(user("system:serviceaccount:z:s"), of("get", "nodes", "a")),
            R"(RBAC: allowed by RoleBinding "some/a" of Role "r" to ServiceAccount "s/z")");
  EXPECT_EQ(why(user("x", {"g"}), of("get", "nodes", "a")),
            R"(RBAC: allowed by RoleBinding "some/a" of Role "r" to Group "g")");
}

/// The same by looking at everything.
struct Model {
  struct Bound {
    RoleRef role;
    std::vector<Wire> subjects;
  };
  std::map<std::pair<std::string, std::string>, Rules> roles;
  std::map<std::pair<std::string, std::string>, Bound> bindings;

  static bool isFor(const Wire& wire, const UserInfo& who, const std::string& ns) {
    if (wire.kind == "User") return who.name == wire.name;
    if (wire.kind == "Group") return who.inGroup(wire.name);
    const auto& own = wire.namespace_.empty() ? ns : wire.namespace_;
    return !own.empty() && who.name == "system:serviceaccount:" + own + ":" + wire.name;
  }
  [[nodiscard]] bool allows(const UserInfo& who, const RequestInfo& what) const {
    for (const auto& [key, bound] : bindings) {
      if (!key.first.empty() && key.first != what.ns) continue;
      bool concerned = false;
      for (const auto& wire : bound.subjects) concerned |= isFor(wire, who, key.first);
      auto role = roles.find({bound.role.kind == "Role" ? key.first : "", bound.role.name});
      if (!concerned || role == roles.end()) continue;
      Rules wanted(1);
      wanted[0].verbs = {what.verb};
      wanted[0].apiGroups = {""};
      wanted[0].resources = {what.resource};
      wanted[0].resourceNames = {what.name};
      if (uncovered(role->second, wanted).empty()) return true;
    }
    return false;
  }
};

TEST(PolicyIndex, AgreesWithAModel) {
  std::mt19937 random(7);
  auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  const std::vector<std::string> spaces{"", "a", "b"};
  const std::vector<std::string> names{"r1", "r2", "r3"};
  const std::vector<std::string> people{"u", "v", "system:serviceaccount:a:s"};
  const std::vector<std::string> verbs{"get", "list", "frob"};
  const std::vector<std::string> things{"pods", "nodes"};
  PolicyIndex index;
  Model model;
  int allowed = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto ns = pick(spaces);
    const auto name = pick(names);
    switch (random() % 6) {
      case 0: {
        auto rules = allow(pick({"get", "list,frob", "*"}), pick({"pods", "nodes,pods", "*"}));
        if (random() % 4 == 0) rules[0].resourceNames = {pick({"x", "y"})};
        index.setRole(ns, name, rules);
        model.roles[{ns, name}] = rules;
        break;
      }
      case 1:
        index.removeRole(ns, name);
        model.roles.erase({ns, name});
        break;
      case 2: {
        auto role =
            reference(ns.empty() ? "ClusterRole" : pick({"Role", "ClusterRole"}), pick(names));
        std::vector<Wire> subjects;
        for (auto left = random() % 3; left > 0; --left) {
          subjects.push_back(
              std::vector<Wire>{subject("User", pick(people)), subject("Group", pick({"g", "h"})),
                                subject("ServiceAccount", "s", pick({"", "a"}))}[random() % 3]);
        }
        index.setBinding(ns, name, role, subjects);
        model.bindings[{ns, name}] = {role, subjects};
        break;
      }
      case 3:
        index.removeBinding(ns, name);
        model.bindings.erase({ns, name});
        break;
      default:
        break;
    }
    const auto who = user(pick(people), {pick({"g", "h", "i"})});
    const auto what = of(pick(verbs), pick(things), pick(spaces));
    const bool expected = model.allows(who, what);
    ASSERT_EQ(may(index, who, what), expected) << "step " << step;
    allowed += expected ? 1 : 0;
  }
  EXPECT_GT(allowed, 1000);
  index.clear();
  EXPECT_EQ(index.bindingCount() + index.subjectCount(), 0U);
}

}  // namespace
}  // namespace coxswain::apiserver
