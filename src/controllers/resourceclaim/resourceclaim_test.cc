#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/resourceclaim/controller.h"

namespace coxswain::controllers::resourceclaim {
namespace {

using api::core::v1::Pod;
using api::resource::v1::ResourceClaim;
using api::resource::v1::ResourceClaimTemplate;
using testing::Harness;

Pod makePod(const std::string& name = "p") {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "default";
  auto& made = pod.spec.resourceClaims.emplace_back();
  made.name = "gpu";
  made.resourceClaimTemplateName = "t";
  auto& shared = pod.spec.resourceClaims.emplace_back();
  shared.name = "shared";
  shared.resourceClaimName = "ours";
  return pod;
}

ResourceClaimTemplate makeTemplate() {
  ResourceClaimTemplate made;
  made.metadata.name = "t";
  made.metadata.namespace_ = "default";
  made.spec.metadata.labels["a"] = "b";
  made.spec.metadata.annotations["c"] = "d";
  made.spec.spec.devices.requests.resize(1);
  made.spec.spec.devices.requests[0].name = "r";
  return made;
}

ResourceClaim allocated(const std::string& name) {
  ResourceClaim claim;
  claim.metadata.name = name;
  claim.metadata.namespace_ = "default";
  claim.metadata.finalizers = {std::string(kFinalizer)};
  claim.status.allocation.getOrCreate();
  return claim;
}

void reserveFor(ResourceClaim& claim, const Pod& pod) {
  auto& who = claim.status.reservedFor.emplace_back();
  who.resource = "pods";
  who.name = pod.metadata.name;
  who.uid = pod.metadata.uid;
}

TEST(ClaimNames, AreCutInProportion) {
  auto pod = makePod(std::string(60, 'p'));
  pod.spec.resourceClaims[0].name = std::string(40, 'c');
  const auto claim = claimFrom(makeTemplate(), pod, pod.spec.resourceClaims[0]);
  // 60 and 40 of 102 characters, for 57.
  EXPECT_EQ(claim.metadata.generateName, std::string(33, 'p') + "-" + std::string(22, 'c'));
  const auto plain = makePod();
  EXPECT_EQ(claimFrom(makeTemplate(), plain, plain.spec.resourceClaims[0]).metadata.generateName,
            "p-gpu-");
}

class ResourceClaims : public ::testing::TestWithParam<uint64_t> {
 protected:
  ResourceClaims() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.client.faults.conflict = 0.1;
    h.add<ResourceClaimController>();
    h.start();
  }
  std::shared_ptr<const ResourceClaim> claim(const std::string& name) {
    return h.client.peek<ResourceClaim>("default", name);
  }
  /// The name in the pod's status; empty: there is none.
  std::string named() {
    auto pod = h.client.peek<Pod>("default", "p");
    for (const auto& status : pod->status.resourceClaimStatuses) {
      if (status.name == "gpu") return status.resourceClaimName.value_or("");
    }
    return "";
  }
  Harness h;
};

TEST_P(ResourceClaims, MadeOfTemplates) {
  const auto pod = h.client.put(makePod());
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "FailedResourceClaimCreation: PodResourceClaim gpu: resource claim template \"t\": "
        "resourceclaimtemplate.resource.k8s.io \"t\" not found");
  }));
  h.client.put(makeTemplate());
  ASSERT_TRUE(h.until([&] { return !named().empty(); }, 1h));
  h.run(1min);
  ASSERT_EQ(h.client.peekAll<ResourceClaim>().size(), 1u) << "once, whatever answers were lost";
  const auto made = claim(named());
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->metadata.name.starts_with("p-gpu-"));
  EXPECT_EQ(made->metadata.annotations.at(kPodClaimAnnotation), "gpu");
  EXPECT_EQ(made->metadata.annotations.at("c"), "d");
  EXPECT_EQ(made->metadata.labels.at("a"), "b");
  EXPECT_TRUE(api::isControlledBy(made->metadata, pod->metadata));
  EXPECT_EQ(made->spec.devices.requests.at(0).name, "r");
  // Made again when somebody deletes it.
  const auto first = named();
  (void)h.client.erase<ResourceClaim>("default", first);
  ASSERT_TRUE(h.until([&] { return named() != first && claim(named()); }, 1h));
  // A pod that has ended needs it no more.
  h.client.change<Pod>("default", "p", [](Pod& p) { p.status.phase = "Succeeded"; });
  ASSERT_TRUE(h.until([&] { return h.client.peekAll<ResourceClaim>().empty(); }, 1h));
  int again = 0;
  (void)h.until([&] { return !h.client.peekAll<ResourceClaim>().empty() && ++again > 0; }, 1min);
  EXPECT_EQ(again, 0);
}

TEST_P(ResourceClaims, ReservedForAsLongAsPodsRun) {
  auto a = makePod("a");
  auto b = makePod("b");
  for (auto* pod : {&a, &b}) {
    pod->spec.resourceClaims.erase(pod->spec.resourceClaims.begin());
    pod->spec.nodeName = "n";
  }
  const auto pa = h.client.put(a);
  const auto pb = h.client.put(b);
  auto ours = allocated("ours");
  reserveFor(ours, *pa);
  h.client.put(ours);
  // Past the scheduler.
  ASSERT_TRUE(h.until([&] { return claim("ours")->status.reservedFor.size() == 2; }, 1h));
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  (void)h.client.erase<Pod>("default", "a", now);
  ASSERT_TRUE(h.until([&] { return claim("ours")->status.reservedFor.size() == 1; }, 1h));
  EXPECT_EQ(claim("ours")->status.reservedFor[0].uid, pb->metadata.uid);
  EXPECT_TRUE(claim("ours")->status.allocation);
  h.client.change<Pod>("default", "b", [](Pod& p) { p.status.phase = "Failed"; });
  ASSERT_TRUE(h.until([&] { return !claim("ours")->status.allocation; }, 1h));
  EXPECT_TRUE(claim("ours")->status.reservedFor.empty());
}

TEST_P(ResourceClaims, DeletedOnceNobodyUsesThem) {
  // Allocated, and used by nobody yet: stays so until it is deleted.
  h.client.put(allocated("idle"));
  h.run(1min);
  EXPECT_TRUE(claim("idle")->status.allocation);
  EXPECT_EQ(claim("idle")->metadata.finalizers.size(), 1u);
  (void)h.client.erase<ResourceClaim>("default", "idle");
  ASSERT_TRUE(h.until([&] { return !claim("idle"); }, 1h));
  // Of a pod that has another uid now.
  auto old = makePod("old");
  old.metadata.uid = "earlier";
  auto left = allocated("left");
  reserveFor(left, old);
  h.client.put(left);
  ASSERT_TRUE(h.until([&] { return !claim("left")->status.allocation; }, 1h));
  // Of something that is no pod: not ours to judge.
  auto other = allocated("other");
  reserveFor(other, old);
  other.status.reservedFor[0].resource = "widgets";
  h.client.put(other);
  h.run(1min);
  EXPECT_EQ(claim("other")->status.reservedFor.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ResourceClaims, ::testing::Range<uint64_t>(1, 31));

}  // namespace
}  // namespace coxswain::controllers::resourceclaim
