#include "controllers/endpointslice/trigger_times.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/endpoints/controller.h"
#include "controllers/endpointslice/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::endpointslice {
namespace {

using api::Time;
using api::core::v1::Endpoints;
using api::core::v1::Pod;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;
using testing::Harness;
using testing::makeReady;

Pod makePod(const std::string& name, int second, bool ready = true) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "default";
  pod.metadata.labels["app"] = "s";
  pod.status.podIP = "10.0.0." + std::to_string(second % 250);
  pod.status.podIPs.resize(1);
  pod.status.podIPs[0].ip = pod.status.podIP;
  makeReady(pod, WallTime(std::chrono::seconds(second)), ready);
  return pod;
}

std::vector<std::shared_ptr<const Pod>> shared(std::vector<Pod> pods) {
  std::vector<std::shared_ptr<const Pod>> all;
  for (auto& pod : pods) all.push_back(std::make_shared<const Pod>(std::move(pod)));
  return all;
}

TEST(TriggerTimesTest, EarliestOfWhatIsNew) {
  TriggerTimes times;
  Service service;
  service.metadata.creationTimestamp = Time::fromUnix(50);
  EXPECT_EQ(times.changed("s", service, shared({makePod("a", 40), makePod("b", 60)})),
            Time::fromUnix(40));
  // Told once.
  EXPECT_TRUE(times.changed("s", service, shared({makePod("a", 40), makePod("b", 60)})).isZero());
  EXPECT_EQ(
      times.changed("s", service, shared({makePod("a", 70), makePod("b", 80), makePod("c", 90)})),
      Time::fromUnix(70));
  // A pod that goes has no moment.
  EXPECT_TRUE(times.changed("s", service, shared({makePod("a", 70)})).isZero());
  EXPECT_EQ(times.changed("s", service, shared({makePod("a", 70), makePod("b", 80)})),
            Time::fromUnix(80));
  EXPECT_EQ(times.changed("other", service, {}), Time::fromUnix(50));
  times.forget("s");
  EXPECT_EQ(times.changed("s", service, {}), Time::fromUnix(50));
}

TEST(TriggerTimesTest, AnnotateSlicesAndEndpoints) {
  Harness h(1);
  h.add<EndpointSliceController>();
  h.add<endpoints::EndpointsController>();
  h.start();
  Service service;
  service.metadata.name = "s";
  service.metadata.namespace_ = "default";
  service.spec.selector["app"] = "s";
  service.spec.clusterIP = "10.96.0.9";
  service.spec.ipFamilies = {"IPv4"};
  service.spec.ports.resize(1);
  service.spec.ports[0].port = 80;
  service.spec.ports[0].targetPort = 80;
  h.client.put(makePod("a", 100));
  h.client.put(service);
  auto told = [](const api::meta::v1::ObjectMeta& meta) -> std::string {
    const auto* value = meta.annotations.get(kTriggerTime);
    return value == nullptr ? "" : *value;
  };
  auto both = [&](const std::string& value, size_t count) {
    return h.until([&] {
      auto slices = h.client.peekAll<EndpointSlice>("default");
      auto endpoints = h.client.peek<Endpoints>("default", "s");
      if (slices.size() != 1 || !endpoints || slices[0]->endpoints.size() != count) return false;
      const auto& subsets = endpoints->subsets;
      if ((subsets.empty() ? 0 : subsets[0].addresses.size()) != count) return false;
      return told(slices[0]->metadata) == value && told(endpoints->metadata) == value;
    });
  };
  ASSERT_TRUE(both("1970-01-01T00:01:40Z", 1));
  h.client.put(makePod("b", 130));
  ASSERT_TRUE(both("1970-01-01T00:02:10Z", 2));
  (void)h.client.erase<Pod>("default", "b");
  ASSERT_TRUE(both("", 1)) << "nothing says when";
}

/// Changes of pods that come together are written together.
TEST(TriggerTimesTest, Batches) {
  Harness h(1);
  EndpointSliceController::Options options;
  options.batchPeriod = 5s;
  h.add<EndpointSliceController>(options);
  h.start();
  Service service;
  service.metadata.name = "s";
  service.metadata.namespace_ = "default";
  service.spec.selector["app"] = "s";
  service.spec.clusterIP = "10.96.0.9";
  service.spec.ports.resize(1);
  service.spec.ports[0].port = 80;
  service.spec.ports[0].targetPort = 80;
  h.client.put(service);
  ASSERT_TRUE(h.until([&] { return h.client.peekAll<EndpointSlice>().size() == 1; }));
  h.run(1s);
  int writes = 0;
  h.client.observer = [&writes](const client::ResourceType& type, const api::ConstObject&,
                                const api::ConstObject&) {
    if (type.plural == "endpointslices") ++writes;
  };
  for (int i = 1; i <= 8; ++i) {
    h.client.put(makePod("p" + std::to_string(i), i));
    h.run(500ms);
  }
  EXPECT_EQ(writes, 0);
  ASSERT_TRUE(
      h.until([&] { return h.client.peekAll<EndpointSlice>().at(0)->endpoints.size() == 8; }));
  EXPECT_EQ(writes, 2) << "one slice made, the placeholder gone";
}

}  // namespace
}  // namespace coxswain::controllers::endpointslice
