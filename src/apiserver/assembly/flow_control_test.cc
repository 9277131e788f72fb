// Flow schemas of a whole server tell whether their level exists, and its figures tell of them.

#include <gtest/gtest.h>

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/assembly/assembly.h"
#include "apiserver/flow_control/config_consumer.h"
#include "client/resources.h"
#include "net/certs.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT

template <typename T>
Task<void> into(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}
Task<void> markDone(Task<void> task, bool& done) {
  co_await std::move(task);
  done = true;
}

class FlowObjects : public testing::Test {
 protected:
  void SetUp() override {
    AssemblyOptions options;
    options.tokens.issuer = "https://kubernetes.default.svc";
    options.tokens.signingKeyPem = *net::createKeyPem();
    auto made = Assembly::create(executor_, *store_, random_, std::move(options));
    ASSERT_TRUE(made.ok()) << made.status().toString();
    assembly_ = std::move(*made);
    Status started = run(assembly_->start());
    ASSERT_TRUE(started.ok()) << started.toString();
    admin_ = assembly_->client("admin", {"system:masters"});
  }
  void TearDown() override {
    bool done = false;
    spawn(executor_, markDone(assembly_->stop(), done));
    EXPECT_TRUE(executor_.runUntil([&done] { return done; }, 1h));
    executor_.runUntilIdle();
    admin_.reset();
    assembly_.reset();
  }
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> out;
    spawn(executor_, into(std::move(task), out));
    EXPECT_TRUE(executor_.runUntil([&out] { return out.has_value(); }, 1h));
    return std::move(*out);
  }
  std::shared_ptr<const FlowSchema> schema(const std::string& name) {
    auto got = run(client::get<FlowSchema>(*admin_, "", name));
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

  sim::SimExecutor executor_{1};
  SeededRandom random_{1};
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::unique_ptr<Assembly> assembly_;
  std::unique_ptr<client::Client> admin_;
};

TEST_F(FlowObjects, SchemasTellWhetherTheirLevelExists) {
  EXPECT_TRUE(tells("global-default", "False"));
  EXPECT_TRUE(tells("exempt", "False"));
  FlowSchema lost;
  lost.metadata.name = "lost";
  lost.spec.priorityLevelConfiguration.name = "nowhere";
  lost.spec.matchingPrecedence = 500;
  ASSERT_TRUE(run(client::create(*admin_, lost)).ok());
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
  auto made = run(client::create(*admin_, level));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  EXPECT_TRUE(tells("lost", "False"));
  Status removed =
      run(admin_->remove(client::resourceOf<PriorityLevelConfiguration>(), "", "nowhere", {}, {}));
  ASSERT_TRUE(removed.ok()) << removed.toString();
  EXPECT_TRUE(tells("lost", "True"));
}

}  // namespace
}  // namespace coxswain::apiserver
