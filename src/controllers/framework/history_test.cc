#include "controllers/framework/history.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "api/codec/json.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/testing/harness.h"
#include "runtime/spawn.h"

namespace coxswain::controllers {
namespace {

using api::apps::v1::ControllerRevision;
using api::apps::v1::StatefulSet;
using testing::Harness;

StatefulSet makeSet() {
  StatefulSet set;
  set.metadata.name = "w";
  set.metadata.namespace_ = "default";
  set.metadata.uid = "u";
  set.metadata.generation = 1;
  set.spec.selector.getOrCreate().matchLabels["app"] = "a";
  set.spec.template_.metadata.labels["app"] = "a";
  set.spec.template_.spec.terminationGracePeriodSeconds = 30;
  set.spec.template_.spec.containers.resize(1);
  set.spec.template_.spec.containers[0].name = "c";
  set.spec.template_.spec.containers[0].image = "x<1>";
  return set;
}

TEST(RevisionData, IsSortedAndEscapedAsUpstreamWritesIt) {
  EXPECT_EQ(revisionData(makeSet().spec.template_),
            R"({"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"a"}},)"
            R"("spec":{"containers":[{"image":"x\u003c1\u003e","name":"c","resources":{}}],)"
            R"("terminationGracePeriodSeconds":30}}}})");
}

TEST(RevisionData, HashesAsGoDoes) {
  std::ifstream in("src/api/helpers/testdata/go_dump/everything.json");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  api::core::v1::PodTemplateSpec pods;
  api::JsonReport report;
  ASSERT_TRUE(api::decodeJson(pods.info(), text, &pods, &report).ok());
  // FNV-1 by a Go program over what encoding/json makes of it, then the collision count.
  EXPECT_EQ(api::fnv32(revisionData(pods) + "0"), 1959830343u);
}

class Histories : public ::testing::Test {
 protected:
  Histories() : h(1), revisions(h.informers.of(client::resourceOf<ControllerRevision>())) {
    addControllerIndex(revisions);
    h.start();
    h.run(1s);
  }
  static Task<void> run(Histories& self, const client::Informer& cache, const StatefulSet& set,
                        std::optional<Result<History>>& out, std::shared_ptr<HistoryMemo> memo) {
    HistoryOwner owner{client::resourceOf<StatefulSet>(),
                       set.metadata,
                       set.spec.selector.get(),
                       set.spec.template_,
                       set.status.collisionCount,
                       HistoryOwner::Hash::Data,
                       std::move(memo)};
    out = co_await syncHistory(self.h.client, cache, owner, {});
  }
  History sync(const StatefulSet& set, std::shared_ptr<HistoryMemo> memo = nullptr,
               const client::Informer* cache = nullptr) {
    std::optional<Result<History>> out;
    spawn(h.executor, run(*this, cache == nullptr ? revisions : *cache, set, out, std::move(memo)));
    EXPECT_TRUE(h.until([&] { return out.has_value(); }));
    EXPECT_TRUE(out->ok()) << out->status().message();
    h.run(1s);
    return std::move(**out);
  }
  Harness h;
  client::Informer& revisions;
};

TEST_F(Histories, RollingBackUsesTheRevisionOfBefore) {
  auto set = makeSet();
  const auto first = sync(set).current;
  EXPECT_EQ(first->revision, 1);
  EXPECT_EQ(first->metadata.name, "w-" + first->metadata.labels.at(kRevisionLabel));
  EXPECT_EQ(sync(set).current->metadata.name, first->metadata.name);
  set.spec.template_.spec.containers[0].image = "y";
  EXPECT_EQ(sync(set).current->revision, 2);
  set = makeSet();
  const auto again = sync(set).current;
  EXPECT_EQ(again->metadata.name, first->metadata.name);
  EXPECT_EQ(again->revision, 3);
  EXPECT_EQ(h.client.peekAll<ControllerRevision>().size(), 2u);
}

TEST_F(Histories, NumbersAreNotGivenTwiceByACacheThatIsBehind) {
  auto set = makeSet();
  EXPECT_EQ(sync(set).current->revision, 1);
  client::Informers stale(h.client, h.executor);
  auto& knowsNothing = stale.of(client::resourceOf<ControllerRevision>());
  addControllerIndex(knowsNothing);
  set.metadata.generation = 2;
  set.spec.template_.spec.containers[0].image = "y";
  EXPECT_EQ(sync(set, nullptr, &knowsNothing).current->revision, 2);
  set = makeSet();
  set.metadata.generation = 3;
  EXPECT_EQ(sync(set, nullptr, &knowsNothing).current->revision, 3);
  EXPECT_EQ(h.client.peekAll<ControllerRevision>().size(), 2u);
}

TEST_F(Histories, OthersWordsForTheSameTemplate) {
  auto set = makeSet();
  ControllerRevision other;
  other.metadata.namespace_ = "default";
  other.metadata.name = "w-of-another-cluster";
  other.metadata.labels["app"] = "a";
  auto& owner = other.metadata.ownerReferences.emplace_back();
  owner.uid = "u";
  owner.controller = true;
  other.revision = 7;
  other.data.raw = R"({"spec":{"template":{"$patch":"replace","spec":{"containers":[{"name":"c",)"
                   R"("image":"x<1>","resources":{}}],"terminationGracePeriodSeconds":30},)"
                   R"("metadata":{"creationTimestamp":null,"labels":{"app":"a"}}}}})";
  h.client.put(other);
  h.run(1s);
  const auto history = sync(set);
  EXPECT_EQ(history.current->metadata.name, "w-of-another-cluster");
  EXPECT_EQ(history.current->revision, 7);
  EXPECT_EQ(h.client.peekAll<ControllerRevision>().size(), 1u);
}

TEST_F(Histories, NamesThatAreTakenCountAsCollisions) {
  auto set = makeSet();
  const auto name = sync(set).current->metadata.name;
  ASSERT_TRUE(h.client.erase<ControllerRevision>("default", name).ok());
  ControllerRevision other;
  other.metadata.namespace_ = "default";
  other.metadata.name = name;
  other.data.raw = "{}";
  h.client.put(other);
  h.run(1s);
  const auto history = sync(set);
  EXPECT_EQ(history.collisions, 1);
  EXPECT_NE(history.current->metadata.name, name);
}

TEST_F(Histories, WhatIsKnownIsNotLookedForAgain) {
  auto memo = std::make_shared<HistoryMemo>();
  auto set = makeSet();
  const auto first = sync(set, memo).current;
  EXPECT_EQ(memo->generation, 1);
  // Not seen: the template cannot change without the generation.
  set.spec.template_.spec.containers[0].image = "y";
  EXPECT_EQ(sync(set, memo).current->metadata.name, first->metadata.name);
  set.metadata.generation = 2;
  EXPECT_NE(sync(set, memo).current->metadata.name, first->metadata.name);
  EXPECT_EQ(memo->generation, 2);
}

}  // namespace
}  // namespace coxswain::controllers
