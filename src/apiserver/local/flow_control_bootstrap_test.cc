#include "apiserver/local/flow_control_bootstrap.h"

#include <gtest/gtest.h>

#include "api/gen/flowcontrol_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/registry/flowcontrol/builtin_objects.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::flowcontrol::v1::FlowSchema;
using api::flowcontrol::v1::PriorityLevelConfiguration;

constexpr const char* kAutoUpdate = "apf.kubernetes.io/autoupdate-spec";

class FlowControlBootstrapTest : public ::testing::Test {
 protected:
  void round() {
    Status done = badRequest("never ran");
    spawn(sim_, ensured(bootstrap_, done));
    sim_.runFor(1s);
    EXPECT_TRUE(done.ok()) << done.message();
  }
  static Task<void> ensured(FlowControlBootstrap& bootstrap, Status& done) {
    done = co_await bootstrap.ensure({});
  }
  static Task<void> stopped(FlowControlBootstrap& bootstrap, bool& done) {
    co_await bootstrap.stop();
    done = true;
  }
  std::shared_ptr<const FlowSchema> schema(const char* name) {
    return client_.peek<FlowSchema>("", name);
  }
  std::shared_ptr<const PriorityLevelConfiguration> level(const char* name) {
    return client_.peek<PriorityLevelConfiguration>("", name);
  }

  sim::SimExecutor sim_;
  client::testing::FakeClient client_{sim_};
  FlowControlBootstrap bootstrap_{client_};
};

TEST_F(FlowControlBootstrapTest, MakesWhatIsMissingOnce) {
  round();
  EXPECT_EQ(client_.peekAll<FlowSchema>().size(), builtinFlowSchemas().size());
  EXPECT_EQ(client_.peekAll<PriorityLevelConfiguration>().size(), builtinPriorityLevels().size());
  ASSERT_TRUE(schema("probes"));
  EXPECT_EQ(schema("probes")->metadata.annotations.at(kAutoUpdate), "true");
  const auto writes = client_.writes();
  round();
  EXPECT_EQ(client_.writes(), writes);
  EXPECT_TRUE(client_.erase<FlowSchema>("", "global-default").ok());
  round();
  EXPECT_TRUE(schema("global-default"));
}

TEST_F(FlowControlBootstrapTest, SuggestionsAreTheirUsersOnceTheySaySo) {
  round();
  client_.change<FlowSchema>("", "service-accounts", [](FlowSchema& object) {
    object.spec.matchingPrecedence = 8000;
    object.metadata.annotations.insert_or_assign(kAutoUpdate, "false");
  });
  // Follows ours again: what was changed comes back.
  client_.change<FlowSchema>("", "kube-scheduler",
                             [](FlowSchema& object) { object.spec.matchingPrecedence = 7; });
  round();
  EXPECT_EQ(schema("service-accounts")->spec.matchingPrecedence, 8000);
  EXPECT_EQ(schema("kube-scheduler")->spec.matchingPrecedence, 800);
}

TEST_F(FlowControlBootstrapTest, WithoutAnAnnotationTheGenerationTells) {
  FlowSchema untouched = builtinFlowSchemas().back().object;
  untouched.spec.matchingPrecedence = 77;
  const auto name = untouched.metadata.name;
  client_.put(untouched);
  PriorityLevelConfiguration touched;
  touched.metadata.name = "system";
  touched.spec.type = "Limited";
  client_.put(touched);
  client_.change<PriorityLevelConfiguration>(
      "", "system", [](PriorityLevelConfiguration& object) { object.spec.type = "Other"; });
  round();
  EXPECT_EQ(schema(name.c_str())->spec.matchingPrecedence, 9900);
  EXPECT_EQ(schema(name.c_str())->metadata.annotations.at(kAutoUpdate), "true");
  EXPECT_FALSE(level("system")->spec.limited);
  EXPECT_EQ(level("system")->metadata.annotations.at(kAutoUpdate), "false");
}

TEST_F(FlowControlBootstrapTest, MandatoryOnesAreFixed) {
  round();
  client_.change<FlowSchema>("", "catch-all", [](FlowSchema& object) {
    object.spec.rules.clear();
    object.metadata.annotations.insert_or_assign(kAutoUpdate, "false");
  });
  client_.change<PriorityLevelConfiguration>("", "exempt", [](PriorityLevelConfiguration& object) {
    object.spec.exempt->nominalConcurrencyShares = 9;
    object.metadata.annotations.erase(kAutoUpdate);
  });
  round();
  EXPECT_EQ(schema("catch-all")->spec.rules.size(), 1U);
  EXPECT_EQ(schema("catch-all")->metadata.annotations.at(kAutoUpdate), "true");
  EXPECT_EQ(level("exempt")->spec.exempt->nominalConcurrencyShares, 9);
  EXPECT_EQ(level("exempt")->metadata.annotations.at(kAutoUpdate), "true");
}

TEST_F(FlowControlBootstrapTest, FormerBuiltinsGo) {
  FlowSchema former;
  former.metadata.name = "endpoint-controller";
  former.metadata.annotations.insert_or_assign(kAutoUpdate, "true");
  client_.put(former);
  FlowSchema users;
  users.metadata.name = "mine";
  client_.put(users);
  round();
  EXPECT_FALSE(schema("endpoint-controller"));
  EXPECT_TRUE(schema("mine"));
}

TEST_F(FlowControlBootstrapTest, KeepsByTheMinute) {
  round();
  bootstrap_.keep(sim_);
  EXPECT_TRUE(client_.erase<PriorityLevelConfiguration>("", "node-high").ok());
  sim_.runFor(61s);
  EXPECT_TRUE(level("node-high"));
  bool done = false;
  spawn(sim_, stopped(bootstrap_, done));
  EXPECT_TRUE(sim_.runUntil([&] { return done; }, 1s));
}

}  // namespace
}  // namespace coxswain::apiserver
