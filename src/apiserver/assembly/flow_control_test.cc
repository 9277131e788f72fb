// Flow schemas of a whole server tell whether their level exists, and its figures tell of them.

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/assembly/testing/assembly_test_base.h"
#include "apiserver/flow_control/config_consumer.h"

namespace coxswain::apiserver {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT

class FlowObjects : public AssemblyTestBase {
 protected:
  void SetUp() override { begin(); }
  std::shared_ptr<const FlowSchema> schema(const std::string& name) {
    auto got = get<FlowSchema>("", name);
    return got.ok() ? *got : nullptr;
  }
  /// Waits for the condition Dangling of that status.
  bool tells(const std::string& name, const std::string& status) {
    for (int i = 0; i < 100; ++i) {
      auto stored = schema(name);
      if (stored && stored->status.conditions.size() == 1 &&
          stored->status.conditions[0].status == status) {
        return true;
      }
      executor_.runFor(100ms);
    }
    return false;
  }
};

TEST_F(FlowObjects, SchemasTellWhetherTheirLevelExists) {
  EXPECT_TRUE(tells("global-default", "False"));
  EXPECT_TRUE(tells("exempt", "False"));
  FlowSchema lost;
  lost.metadata.name = "lost";
  lost.spec.priorityLevelConfiguration.name = "nowhere";
  lost.spec.matchingPrecedence = 500;
  ASSERT_TRUE(create(lost).ok());
  ASSERT_TRUE(tells("lost", "True"));
  auto stored = schema("lost");
  const auto& condition = stored->status.conditions[0];
  EXPECT_EQ(condition.type, "Dangling");
  EXPECT_EQ(condition.reason, "NotFound");
  EXPECT_EQ(condition.message,
            "This FlowSchema references the PriorityLevelConfiguration object named \"nowhere\" "
            "but there is no such object");
  bool owned = false;
  for (const auto& entry : stored->metadata.managedFields) {
    owned = owned || (entry.manager == flow::kFieldManager && entry.operation == "Apply" &&
                      entry.subresource == "status");
  }
  EXPECT_TRUE(owned);

  PriorityLevelConfiguration level;
  level.metadata.name = "nowhere";
  level.spec.type = "Limited";
  auto& limited = level.spec.limited.emplace();
  limited.nominalConcurrencyShares = 10;
  limited.limitResponse.type = "Reject";
  auto made = create(level);
  ASSERT_TRUE(made.ok()) << made.status().toString();
  EXPECT_TRUE(tells("lost", "False"));
  Status removed =
      run(admin_->remove(client::resourceOf<PriorityLevelConfiguration>(), "", "nowhere", {}, {}));
  ASSERT_TRUE(removed.ok()) << removed.toString();
  EXPECT_TRUE(tells("lost", "True"));
}

}  // namespace
}  // namespace coxswain::apiserver
