#include "apiserver/generic/generic_registry.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "apiserver/generic/continue_token.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::ConfigMap;

class ConfigMapRules final : public TypedStrategy<ConfigMap> {
 public:
  ConfigMapRules() : TypedStrategy<ConfigMap>(StrategyTraits{}) {}

 protected:
  void beforeCreate(ConfigMap& object) const override {
    if (object.data.contains("tell")) object.data["tell"] = object.metadata.name;
  }
  void check(const ConfigMap& object, api::FieldErrors& errors) const override {
    if (object.data.contains("bad")) {
      errors.invalid(api::FieldPath("data"), std::string("bad"), "not here");
    }
  }
};

class GenericRegistryTest : public ::testing::Test {
 protected:
  GenericRegistryTest() : store_(storage::makeMemoryStore({})) {
    Collection collection{"configmaps", "ConfigMap", "ConfigMap", "v1", true};
    auto cache = ObjectCache::create(
        *store_, budget_, {"/registry/configmaps/", "v1", "ConfigMap", true, &rules_, {}});
    EXPECT_TRUE(cache.ok());
    cache_ = std::move(*cache);
    registry_ = std::make_unique<GenericRegistry>(*store_, *cache_, collection, rules_, random_);
  }

  template <typename T>
  T run(Task<T> task) {
    std::optional<T> result;
    spawn(executor_, keep(std::move(task), result));
    EXPECT_TRUE(executor_.runUntilIdle());
    return std::move(*result);
  }
  template <typename T>
  static Task<void> keep(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }

  static api::Object named(std::string name) {
    ConfigMap map;
    map.metadata.name = std::move(name);
    map.data["k"] = "v";
    return api::Object(std::move(map));
  }
  Result<api::ConstObject> create(api::Object object) {
    return run(registry_->create("default", std::move(object), false));
  }
  static GenericRegistry::Transform set(std::string key, std::string value,
                                        std::string resourceVersion = "") {
    return [=](const api::Object* current) -> Result<api::Object> {
      auto next = current->clone();
      auto* map = next.as<ConfigMap>();
      map->data[key] = value;
      map->metadata.resourceVersion = resourceVersion;
      return next;
    };
  }
  Result<GenericRegistry::Updated> update(std::string name,
                                          const GenericRegistry::Transform& transform) {
    GenericRegistry::UpdateRequest request;
    request.ns = "default";
    request.name = std::move(name);
    return run(registry_->update(std::move(request), transform));
  }

  sim::SimExecutor executor_;
  SeededRandom random_{1};
  ConfigMapRules rules_;
  std::unique_ptr<storage::Store> store_;
  FormBudget budget_{1 << 20};
  std::unique_ptr<ObjectCache> cache_;
  std::unique_ptr<GenericRegistry> registry_;
};

TEST_F(GenericRegistryTest, CreateGivesIdentity) {
  auto made = create(named("a"));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  const auto& meta = *api::objectMeta(*made);
  EXPECT_EQ(meta.namespace_, "default");
  EXPECT_EQ(meta.uid.size(), 36u);
  EXPECT_FALSE(meta.resourceVersion.empty());
  auto read = registry_->get("default", "a");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read->as<ConfigMap>(), *made->as<ConfigMap>());
}

TEST_F(GenericRegistryTest, CreateRefuses) {
  ASSERT_TRUE(create(named("a")).ok());
  EXPECT_EQ(create(named("a")).status().message(), "configmaps \"a\" already exists");
  EXPECT_EQ(create(named("A_")).status().code(), 422);
  auto bad = named("b");
  bad.as<ConfigMap>()->data["bad"] = "x";
  EXPECT_EQ(create(std::move(bad)).status().details()->causes[0].field, "data");
  EXPECT_TRUE(isNotFound(registry_->get("default", "b").status()));
}

TEST_F(GenericRegistryTest, DryRunStoresNothing) {
  ASSERT_TRUE(run(registry_->create("default", named("a"), true)).ok());
  EXPECT_TRUE(isNotFound(registry_->get("default", "a").status()));
}

TEST_F(GenericRegistryTest, GenerateNameMakesDifferentNames) {
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) {
    auto object = named("");
    object.as<ConfigMap>()->data["tell"] = "";
    api::objectMeta(object)->generateName = "web-";
    auto made = create(std::move(object));
    ASSERT_TRUE(made.ok());
    const auto& name = api::objectMeta(*made)->name;
    EXPECT_EQ(*made->as<ConfigMap>()->data.get("tell"), name)
        << "the kind's own rules saw the name";
    EXPECT_EQ(name.size(), 9u);
    EXPECT_TRUE(name.starts_with("web-"));
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 20u);
}

TEST_F(GenericRegistryTest, UpdateChecksTheVersion) {
  auto made = create(named("a"));
  auto old = api::objectMeta(*made)->resourceVersion;
  auto first = update("a", set("k", "w", old));
  ASSERT_TRUE(first.ok()) << first.status().toString();
  EXPECT_NE(api::objectMeta(first->object)->resourceVersion, old);
  auto stale = update("a", set("k", "x", old));
  EXPECT_TRUE(isConflict(stale.status()));
  EXPECT_EQ(stale.status().message(),
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
            "please apply your changes to the latest version and try again");
  EXPECT_TRUE(update("a", set("k", "y")).ok());
  EXPECT_EQ(registry_->get("default", "a")->as<ConfigMap>()->data.at("k"), "y");
}

TEST_F(GenericRegistryTest, UpdateThatChangesNothingKeepsTheVersion) {
  auto made = create(named("a"));
  auto same = update("a", set("k", "v"));
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(api::objectMeta(same->object)->resourceVersion,
            api::objectMeta(*made)->resourceVersion);
}

TEST_F(GenericRegistryTest, FinalizersKeepTheObject) {
  auto object = named("a");
  api::objectMeta(object)->finalizers = {"example.com/hold"};
  ASSERT_TRUE(create(std::move(object)).ok());
  auto marked = run(registry_->remove("default", "a", {}));
  ASSERT_TRUE(marked.ok()) << marked.status().toString();
  EXPECT_FALSE(marked->gone);
  EXPECT_TRUE(api::objectMeta(marked->object)->deletionTimestamp.has_value());
  auto released = update("a", [](const api::Object* current) -> Result<api::Object> {
    auto next = current->clone();
    api::objectMeta(next)->finalizers.clear();
    return next;
  });
  ASSERT_TRUE(released.ok()) << released.status().toString();
  EXPECT_TRUE(isNotFound(registry_->get("default", "a").status()));
}

TEST_F(GenericRegistryTest, DeletePreconditions) {
  ASSERT_TRUE(create(named("a")).ok());
  DeleteRequest request;
  request.preconditions.uid = "other";
  EXPECT_TRUE(isConflict(run(registry_->remove("default", "a", request)).status()));
  auto gone = run(registry_->remove("default", "a", {}));
  ASSERT_TRUE(gone.ok());
  EXPECT_TRUE(gone->gone);
  EXPECT_TRUE(isNotFound(run(registry_->remove("default", "a", {})).status()));
}

TEST_F(GenericRegistryTest, PagesShowOneRevision) {
  for (char c = 'a'; c < 'h'; ++c) ASSERT_TRUE(create(named(std::string(1, c))).ok());
  ListRequest request;
  request.ns = "default";
  request.limit = 3;
  auto page = registry_->list(request);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->items.size(), 3u);
  EXPECT_EQ(page->remainingItems, 4);
  ASSERT_TRUE(create(named("ab")).ok());
  ASSERT_TRUE(run(registry_->remove("default", "g", {})).ok());
  std::string names;
  while (true) {
    for (const auto& item : page->items) names += api::objectMeta(*item.object())->name;
    if (page->continueToken.empty()) break;
    request.continueToken = page->continueToken;
    page = registry_->list(request);
    ASSERT_TRUE(page.ok()) << page.status().toString();
  }
  EXPECT_EQ(names, "abcdefg");
}

TEST_F(GenericRegistryTest, SelectorsFilterAndFillPages) {
  for (int i = 0; i < 10; ++i) {
    auto object = named("m" + std::to_string(i));
    api::objectMeta(object)->labels["even"] = i % 2 ? "no" : "yes";
    ASSERT_TRUE(create(std::move(object)).ok());
  }
  ListRequest request;
  request.labels = *api::LabelSelector::parse("even=yes");
  request.limit = 4;
  auto page = registry_->list(request);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->items.size(), 4u);
  EXPECT_FALSE(page->remainingItems.has_value());
  request.labels = {};
  request.limit = 0;
  request.fields = *api::FieldSelector::parse("metadata.name=m3");
  EXPECT_EQ(registry_->list(request)->items.size(), 1u);
}

TEST(ContinueToken, RoundTripAndForgeries) {
  auto text = encodeContinueToken({7, std::string("default/a\0", 10)});
  auto token = decodeContinueToken(text);
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->revision, 7);
  EXPECT_EQ(token->start, std::string("default/a\0", 10));
  for (std::string_view forged : {"", "!!", "e30", "eyJ2IjoieCJ9"}) {
    EXPECT_EQ(decodeContinueToken(forged).status().code(), 400) << forged;
  }
  EXPECT_FALSE(decodeContinueToken(encodeContinueToken({7, "../x"})).ok());
}

}  // namespace
}  // namespace coxswain::apiserver
