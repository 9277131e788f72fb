// What every client::Client must do, on the fake and on the API server of the same process.

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/assembly/testing/assembly_test_base.h"
#include "client/informers.h"
#include "client/testing/fake_client.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::ConfigMap;
using client::resourceOf;

enum class Kind { Fake, Local };

class ClientSuite : public AssemblyTestBase, public ::testing::WithParamInterface<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::Fake) {
      client_ = &fake_;
      return;
    }
    ASSERT_NO_FATAL_FAILURE(begin());
    client_ = &as("tester", {"system:masters"});
  }
  static ConfigMap named(std::string name) {
    ConfigMap map;
    map.metadata.name = std::move(name);
    map.metadata.namespace_ = "default";
    return map;
  }
  Result<std::shared_ptr<const ConfigMap>> create(ConfigMap map) {
    return run(client::create(*client_, std::move(map)));
  }
  std::unique_ptr<client::Watch> watch(client::WatchOptions options) {
    auto made = run(client_->watch(resourceOf<ConfigMap>(), "default", std::move(options), {}));
    EXPECT_TRUE(made.ok()) << made.status().toString();
    return std::move(*made);
  }
  std::string next(client::Watch& watch) {
    auto event = run(watch.next({}));
    if (!event.ok()) return event.status().toString();
    constexpr const char* kTypes[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
    return std::string(kTypes[static_cast<int>(event->type)]) + " " +
           api::objectMeta(event->object)->name;
  }

  client::testing::FakeClient fake_{executor_};
  client::Client* client_ = nullptr;
};

TEST_P(ClientSuite, CreatesOnce) {
  auto made = create(named("a"));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  EXPECT_FALSE((*made)->metadata.uid.empty());
  EXPECT_FALSE((*made)->metadata.resourceVersion.empty());
  EXPECT_TRUE(isAlreadyExists(create(named("a")).status()));
  auto read = run(client::get<ConfigMap>(*client_, "default", "a"));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)->metadata.uid, (*made)->metadata.uid);
  EXPECT_TRUE(isNotFound(run(client::get<ConfigMap>(*client_, "default", "b")).status()));
}

TEST_P(ClientSuite, GeneratedNames) {
  ConfigMap map;
  map.metadata.namespace_ = "default";
  map.metadata.generateName = "x-";
  auto made = create(map);
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE((*made)->metadata.name.starts_with("x-"));
  EXPECT_GT((*made)->metadata.name.size(), 3U);
}

TEST_P(ClientSuite, UpdatesWithVersions) {
  auto made = create(named("a"));
  ASSERT_TRUE(made.ok());
  ConfigMap map = **made;
  map.data["k"] = "v";
  ASSERT_TRUE(run(client::update(*client_, map)).ok());
  map.data["k"] = "w";
  EXPECT_TRUE(isConflict(run(client::update(*client_, map)).status()));
  map.metadata.resourceVersion.clear();
  auto updated = run(client::update(*client_, map));
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ((*updated)->data.at("k"), "w");
  EXPECT_TRUE(isNotFound(run(client::update(*client_, named("none"))).status()));
}

TEST_P(ClientSuite, Patches) {
  auto map = named("a");
  map.data["k"] = "v";
  ASSERT_TRUE(create(map).ok());
  struct Case {
    client::PatchType type;
    std::string body;
    api::Map<std::string> data;
  };
  const Case cases[] = {
      {client::PatchType::Merge, R"({"data":{"m":"1"}})", {{"k", "v"}, {"m", "1"}}},
      {client::PatchType::StrategicMerge, R"({"data":{"k":null}})", {{"m", "1"}}},
      {client::PatchType::Json,
       R"([{"op":"add","path":"/data/j","value":"2"}])",
       {{"j", "2"}, {"m", "1"}}},
  };
  for (const auto& c : cases) {
    auto patched =
        run(client_->patch(resourceOf<ConfigMap>(), "default", "a", "", c.type, c.body, {}));
    ASSERT_TRUE(patched.ok()) << patched.status().toString();
    EXPECT_EQ(patched->as<ConfigMap>()->data, c.data) << c.body;
  }
}

TEST_P(ClientSuite, ListsWithSelectors) {
  for (const char* name : {"a", "b", "c"}) {
    auto map = named(name);
    map.metadata.labels["app"] = name[0] == 'b' ? "x" : "y";
    ASSERT_TRUE(create(map).ok());
  }
  client::ListOptions options;
  options.labelSelector = "app=y";
  auto list = run(client_->list(resourceOf<ConfigMap>(), "default", options, {}));
  ASSERT_TRUE(list.ok()) << list.status().toString();
  EXPECT_EQ(list->items.size(), 2U);
  EXPECT_FALSE(list->resourceVersion.empty());
  options.labelSelector.clear();
  options.fieldSelector = "metadata.name=b";
  list = run(client_->list(resourceOf<ConfigMap>(), "", options, {}));
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->items.size(), 1U);
  EXPECT_EQ(api::objectMeta(list->items[0])->name, "b");
}

TEST_P(ClientSuite, WatchesFromAVersion) {
  ASSERT_TRUE(create(named("before")).ok());
  auto list = run(client_->list(resourceOf<ConfigMap>(), "default", {}, {}));
  ASSERT_TRUE(list.ok());
  client::WatchOptions options;
  options.resourceVersion = list->resourceVersion;
  options.labelSelector = "on";
  auto watching = watch(options);
  ASSERT_TRUE(create(named("plain")).ok());
  auto map = named("a");
  map.metadata.labels["on"] = "";
  auto made = create(map);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(next(*watching), "ADDED a");
  ConfigMap changed = **made;
  changed.data["k"] = "v";
  auto updated = run(client::update(*client_, changed));
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(next(*watching), "MODIFIED a");
  changed = **updated;
  changed.metadata.labels.clear();
  ASSERT_TRUE(run(client::update(*client_, changed)).ok());
  EXPECT_EQ(next(*watching), "DELETED a");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(isCanceled(run(watching->next(stop.get_token())).status()));
}

TEST_P(ClientSuite, WatchWithoutAVersionShowsWhatIsThere) {
  ASSERT_TRUE(create(named("a")).ok());
  client::WatchOptions options;
  options.fieldSelector = "metadata.name=a";
  auto watching = watch(options);
  EXPECT_EQ(next(*watching), "ADDED a");
  ASSERT_TRUE(run(client_->remove(resourceOf<ConfigMap>(), "default", "a", {}, {})).ok());
  EXPECT_EQ(next(*watching), "DELETED a");
}

TEST_P(ClientSuite, DeletesWithPreconditionsAndFinalizers) {
  auto map = named("a");
  map.metadata.finalizers = {"example.com/hold"};
  auto made = create(map);
  ASSERT_TRUE(made.ok());
  client::DeleteOptions other;
  other.uid = "another";
  EXPECT_TRUE(isConflict(run(client_->remove(resourceOf<ConfigMap>(), "default", "a", other, {}))));
  ASSERT_TRUE(run(client_->remove(resourceOf<ConfigMap>(), "default", "a", {}, {})).ok());
  auto held = run(client::get<ConfigMap>(*client_, "default", "a"));
  ASSERT_TRUE(held.ok());
  EXPECT_TRUE((*held)->metadata.deletionTimestamp.has_value());
  ConfigMap freed = **held;
  freed.metadata.finalizers.clear();
  ASSERT_TRUE(run(client::update(*client_, freed)).ok());
  EXPECT_TRUE(isNotFound(run(client::get<ConfigMap>(*client_, "default", "a")).status()));
  EXPECT_TRUE(isNotFound(run(client_->remove(resourceOf<ConfigMap>(), "default", "a", {}, {}))));
}

TEST_P(ClientSuite, AnInformerFollows) {
  client::Informers informers(*client_, executor_);
  auto& maps = informers.of<ConfigMap>();
  informers.start();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(create(named("m" + std::to_string(i))).ok());
  auto seen = [&maps] {
    size_t count = 0;
    for (const auto& map : maps.list()) {
      count += api::objectMeta(map)->name.starts_with("m") ? 1 : 0;
    }
    return count;
  };
  EXPECT_TRUE(executor_.runUntil([&] { return seen() == 20; }, 1h));
  ASSERT_TRUE(run(client_->remove(resourceOf<ConfigMap>(), "default", "m7", {}, {})).ok());
  EXPECT_TRUE(executor_.runUntil([&] { return seen() == 19; }, 1h));
  run(informers.stop());
}

INSTANTIATE_TEST_SUITE_P(Clients, ClientSuite, testing::Values(Kind::Fake, Kind::Local),
                         [](const auto& info) {
                           return info.param == Kind::Fake ? "Fake" : "Local";
                         });

/// As the garbage collector reads kinds that this program has no schema of.
TEST_F(AssemblyTestBase, MetadataOnly) {
  using api::meta::v1::PartialObjectMetadata;
  const client::ResourceType maps{"", "v1", "configmaps", true, &PartialObjectMetadata::kInfo};
  ASSERT_NO_FATAL_FAILURE(begin());
  auto& client = as("tester", {"system:masters"});
  ConfigMap map;
  map.metadata.namespace_ = "default";
  map.metadata.name = "a";
  map.data["k"] = "v";
  ASSERT_TRUE(run(client::create(client, map)).ok());

  auto got = run(client.get(maps, "default", "a", {}));
  ASSERT_TRUE(got.ok()) << got.status().toString();
  ASSERT_TRUE(got->is<PartialObjectMetadata>());
  EXPECT_EQ(api::objectMeta(*got)->name, "a");
  client::ListOptions options;
  options.fieldSelector = "metadata.name=a";
  auto list = run(client.list(maps, "", options, {}));
  ASSERT_TRUE(list.ok()) << list.status().toString();
  ASSERT_EQ(list->items.size(), 1U);
  EXPECT_EQ(api::objectMeta(list->items[0])->uid, api::objectMeta(*got)->uid);

  client::WatchOptions from;
  from.resourceVersion = list->resourceVersion;
  from.fieldSelector = options.fieldSelector;
  auto watch = run(client.watch(maps, "default", from, {}));
  ASSERT_TRUE(watch.ok()) << watch.status().toString();
  auto patched = run(client.patch(maps, "default", "a", "", client::PatchType::Merge,
                                  R"({"metadata":{"labels":{"l":"1"}}})", {}));
  ASSERT_TRUE(patched.ok()) << patched.status().toString();
  EXPECT_EQ(api::objectMeta(*patched)->labels.at("l"), "1");
  auto event = run((*watch)->next({}));
  ASSERT_TRUE(event.ok()) << event.status().toString();
  EXPECT_EQ(event->type, client::WatchEventType::Modified);
  EXPECT_EQ(api::objectMeta(event->object)->labels.at("l"), "1");

  client::DeleteOptions other;
  other.uid = "another";
  EXPECT_TRUE(isConflict(run(client.remove(maps, "default", "a", other, {}))));
  ASSERT_TRUE(run(client.remove(maps, "default", "a", {}, {})).ok());
  event = run((*watch)->next({}));
  ASSERT_TRUE(event.ok()) << event.status().toString();
  EXPECT_EQ(event->type, client::WatchEventType::Deleted);
  EXPECT_TRUE(isNotFound(run(client.get(maps, "default", "a", {})).status()));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(isCanceled(run((*watch)->next(stop.get_token())).status()));

  // What says no before it begins.
  const client::ResourceType absent{"", "v1", "nothings", true, &PartialObjectMetadata::kInfo};
  auto none = run(client.watch(absent, "default", {}, {}));
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(isNotFound(run((*none)->next({})).status()));
  EXPECT_TRUE(isNotFound(run(client.list(absent, "default", {}, {})).status()));
}

}  // namespace
}  // namespace coxswain::apiserver
