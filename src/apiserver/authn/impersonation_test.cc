#include "apiserver/authn/impersonation.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

/// Allows what a set names: "verb group/resource/sub ns/name".
class Allowed final : public Authorizer {
 public:
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override {
    const auto& info = attributes.info;
    auto text = info.verb + " " + info.group + "/" + info.resource +
                (info.subresource.empty() ? "" : "/" + info.subresource) + " " + info.ns + "/" +
                info.name;
    asked.push_back(text);
    return {rules.contains(text) ? Decision::Allow : Decision::NoOpinion};
  }
  std::set<std::string> rules;
  mutable std::vector<std::string> asked;
};

class Impersonate : public testing::Test {
 protected:
  void SetUp() override {
    caller_.name = "caller";
    info_.isResource = true;
    info_.verb = "list";
    info_.version = "v1";
    info_.resource = "pods";
    info_.ns = "ns";
  }
  Result<Impersonation::Outcome> act(net::Headers headers) {
    headers_ = std::move(headers);
    allowed_.asked.clear();
    std::optional<Result<Impersonation::Outcome>> out;
    spawn(executor_, run(*this, out));
    executor_.runUntil([&out] { return out.has_value(); }, 2h);
    return std::move(*out);
  }
  static Task<void> run(Impersonate& self, std::optional<Result<Impersonation::Outcome>>& out) {
    const Attributes attributes{self.caller_, self.info_};
    out = co_await self.impersonation_.impersonate(self.headers_, attributes, {});
  }
  static std::vector<std::string> groupsOf(const Result<Impersonation::Outcome>& outcome) {
    return outcome.ok() ? outcome->user.groups
                        : std::vector<std::string>{outcome.status().message()};
  }

  sim::SimExecutor executor_{1};
  Allowed allowed_;
  Impersonation impersonation_{allowed_};
  UserInfo caller_;
  RequestInfo info_;
  net::Headers headers_;
};

using Groups = std::vector<std::string>;

TEST_F(Impersonate, Wanted) {
  EXPECT_FALSE(Impersonation::wanted({{"Accept", "x"}}));
  EXPECT_TRUE(Impersonation::wanted({{"impersonate-group", "x"}}));
}

TEST_F(Impersonate, EveryPartIsAskedAboutInTheLegacyWay) {
  allowed_.rules = {"impersonate /users /jane", "impersonate authentication.k8s.io/uids /u",
                    "impersonate /groups /g",
                    "impersonate authentication.k8s.io/userextras/acme.com/project /p"};
  const net::Headers headers = {{"Impersonate-User", "jane"},
                                {"Impersonate-Uid", "u"},
                                {"Impersonate-Group", "g"},
                                {"Impersonate-Extra-Acme.com%2fproject", "p"},
                                {"Accept", "x"}};
  auto jane = act(headers);
  ASSERT_TRUE(jane.ok()) << jane.status().toString();
  EXPECT_TRUE(jane->impersonated);
  EXPECT_EQ(jane->constraint, "");
  EXPECT_EQ(jane->user.name, "jane");
  EXPECT_EQ(jane->user.uid, "u");
  EXPECT_EQ(jane->user.groups, (Groups{"g", "system:authenticated"}));
  EXPECT_EQ(jane->user.extra["acme.com/project"], Groups{"p"});
  EXPECT_EQ(headers_.size(), 1U) << "nobody further on sees who was wanted";
  const auto all = allowed_.rules;
  for (const auto& rule : all) {
    allowed_.rules = all;
    allowed_.rules.erase(rule);
    EXPECT_EQ(act(headers).status().code(), 403) << rule;
  }
}

TEST_F(Impersonate, TheFirstRefusalIsToldAndThatOfTheWayThatWorkedBefore) {
  EXPECT_EQ(act({{"Impersonate-User", "jane"}}).status().message(),
            "pods is forbidden: User \"caller\" cannot impersonate-on:user-info:list resource "
            "\"pods\" in API group \"\" in the namespace \"ns\"");
  allowed_.rules = {"impersonate /users /jane"};
  EXPECT_TRUE(act({{"Impersonate-User", "jane"}}).ok());
  EXPECT_EQ(act({{"Impersonate-User", "other"}}).status().message(),
            "users \"other\" is forbidden: User \"caller\" cannot impersonate resource \"users\" "
            "in API group \"\" at the cluster scope");
}

TEST_F(Impersonate, Constrained) {
  allowed_.rules = {"impersonate-on:user-info:list /pods ns/",
                    "impersonate:user-info authentication.k8s.io/users /jane"};
  auto jane = act({{"Impersonate-User", "jane"}});
  ASSERT_TRUE(jane.ok()) << jane.status().toString();
  EXPECT_EQ(jane->constraint, "impersonate:user-info");
  info_.verb = "delete";
  EXPECT_EQ(act({{"Impersonate-User", "jane"}}).status().code(), 403);
}

TEST_F(Impersonate, MastersAreOutOfReachInTheConstrainedWay) {
  allowed_.rules = {"impersonate-on:user-info:list /pods ns/",
                    "impersonate:user-info authentication.k8s.io/users /jane",
                    "impersonate:user-info authentication.k8s.io/groups /system:masters",
                    "impersonate:user-info authentication.k8s.io/groups /*"};
  EXPECT_EQ(act({{"Impersonate-User", "jane"}, {"Impersonate-Group", "system:masters"}})
                .status()
                .message(),
            "groups.authentication.k8s.io \"system:masters\" is forbidden: User \"caller\" cannot "
            "impersonate:user-info resource \"groups\" in API group \"authentication.k8s.io\" at "
            "the cluster scope: impersonating the system:masters group is not allowed");
  net::Headers many = {{"Impersonate-User", "jane"}};
  for (const char* group : {"a", "b", "c", "d"}) many.add("Impersonate-Group", group);
  EXPECT_TRUE(act(many).ok()) << "all at once";
}

TEST_F(Impersonate, ServiceAccounts) {
  const net::Headers wanted = {{"Impersonate-User", "system:serviceaccount:a:b"}};
  const Groups groups{"system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"};
  allowed_.rules = {"impersonate /serviceaccounts a/b"};
  EXPECT_EQ(groupsOf(act(wanted)), groups);
  allowed_.rules = {"impersonate-on:serviceaccount:list /pods ns/",
                    "impersonate:serviceaccount authentication.k8s.io/serviceaccounts a/b"};
  auto constrained = act(wanted);
  EXPECT_EQ(groupsOf(constrained), groups);
  EXPECT_EQ(constrained->constraint, "impersonate:serviceaccount");
}

TEST_F(Impersonate, Nodes) {
  const net::Headers wanted = {{"Impersonate-User", "system:node:n1"}};
  allowed_.rules = {"impersonate-on:arbitrary-node:list /pods ns/",
                    "impersonate:arbitrary-node authentication.k8s.io/nodes /n1"};
  EXPECT_EQ(groupsOf(act(wanted)), (Groups{"system:nodes", "system:authenticated"}));
  EXPECT_FALSE(act({{"Impersonate-User", "system:node:n2"}}).ok());

  allowed_.rules = {"impersonate-on:associated-node:list /pods ns/",
                    "impersonate:associated-node authentication.k8s.io/nodes /*"};
  EXPECT_FALSE(act(wanted).ok()) << "the caller is no pod of that node";
  caller_.name = "system:serviceaccount:kube-system:agent";
  caller_.extra["authentication.kubernetes.io/node-name"] = {"n1"};
  auto own = act(wanted);
  ASSERT_TRUE(own.ok()) << own.status().toString();
  EXPECT_EQ(own->constraint, "impersonate:associated-node");
  EXPECT_FALSE(act({{"Impersonate-User", "system:node:n2"}}).ok());
}

TEST_F(Impersonate, PartsWithoutAName) {
  EXPECT_EQ(act({{"Impersonate-Group", "a"}}).status().message(),
            "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"a\"}, "
            "Extra:map[string][]string(nil)} without impersonating a user name");
  EXPECT_EQ(act({{"Impersonate-Extra-K", "v"}}).status().message(),
            "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string(nil), "
            "Extra:map[string][]string{\"k\":[]string{\"v\"}}} without impersonating a user name");
  auto nobody = act({{"Impersonate-User", ""}});
  EXPECT_TRUE(nobody.ok());
  EXPECT_FALSE(nobody->impersonated);
}

TEST_F(Impersonate, Anonymous) {
  allowed_.rules = {"impersonate /users /system:anonymous"};
  EXPECT_EQ(groupsOf(act({{"Impersonate-User", "system:anonymous"}})),
            Groups{"system:unauthenticated"});
}

}  // namespace
}  // namespace coxswain::apiserver
