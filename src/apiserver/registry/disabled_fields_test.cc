#include "apiserver/registry/disabled_fields.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/resource_v1.h"
#include "api/reflect/equal.h"
#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

template <typename T>
void drop(T& next, const T* current = nullptr) {
  dropDisabledFields(T::info(), &next, current);
}

TEST(DisabledFields, GoWhereverTheyStand) {
  api::apps::v1::Deployment object;
  auto& spec = object.spec.template_.spec;
  spec.schedulingGroup.emplace();
  auto& container = spec.containers.emplace_back();
  container.lifecycle.emplace().stopSignal = "SIGTERM";
  container.lifecycle->postStart.emplace();
  auto& source =
      spec.volumes.emplace_back().volumeSource.projected.emplace().sources.emplace_back();
  source.podCertificate.emplace();
  source.configMap.emplace();
  drop(object);
  EXPECT_FALSE(spec.schedulingGroup);
  EXPECT_FALSE(container.lifecycle->stopSignal);
  EXPECT_TRUE(container.lifecycle->postStart);
  EXPECT_FALSE(source.podCertificate);
  EXPECT_TRUE(source.configMap);
}

TEST(DisabledFields, StayWhereTheyAreInUse) {
  api::coordination::v1::Lease current;
  current.spec.strategy = "OldestEmulationVersion";
  auto next = current;
  next.spec.preferredHolder = "x";
  drop(next, &current);
  EXPECT_TRUE(next.spec.strategy);
  EXPECT_FALSE(next.spec.preferredHolder);
}

TEST(DisabledFields, OthersAreLeftAlone) {
  api::core::v1::ConfigMap map;
  map.data["a"] = "b";
  const auto before = map;
  drop(map);
  EXPECT_TRUE(api::semanticEqual(map, before));
}

TEST(DisabledFields, WritesDropThem) {
  const testing::Requests sets("apps", "statefulsets");
  std::string stored;
  EXPECT_EQ(
      sets.create(R"({"spec":{"selector":{"matchLabels":{"a":"b"}},)"
                  R"("updateStrategy":{"type":"RollingUpdate",)"
                  R"("rollingUpdate":{"maxUnavailable":2}},"template":{"metadata":)"
                  R"({"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})",
                  &stored),
      "");
  EXPECT_EQ(stored.find("maxUnavailable"), std::string::npos) << stored;
}

}  // namespace
}  // namespace coxswain::apiserver
