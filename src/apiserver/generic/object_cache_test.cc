#include "apiserver/generic/object_cache.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::ConfigMap;

class Rules final : public TypedStrategy<ConfigMap> {
 public:
  Rules() : TypedStrategy<ConfigMap>(StrategyTraits{}) {}
};

std::string stored(const std::string& name, const std::string& value) {
  ConfigMap map;
  map.metadata.name = name;
  map.metadata.namespace_ = "ns";
  map.metadata.labels["app"] = name;
  map.data["k"] = value;
  std::string bytes;
  api::encodeEnvelope(ConfigMap::info(), &map, bytes, "v1");
  return bytes;
}

TEST(SpliceResourceVersion, IsWhatEncodingTheObjectGives) {
  for (const char* version : {"", "1", "1234567890"}) {
    ConfigMap map;
    map.metadata.name = "a";
    map.metadata.uid = "u";
    map.metadata.resourceVersion = version;
    map.metadata.labels["x"] = std::string(300, 'y');
    map.data["k"] = "v";
    const auto before = api::encodeProtobuf(map);
    map.metadata.resourceVersion = "42";
    std::string out;
    ASSERT_TRUE(spliceResourceVersion(before, "42", out));
    EXPECT_EQ(out, api::encodeProtobuf(map)) << version;
  }
}

TEST(SpliceResourceVersion, RefusesOtherBytes) {
  std::string out;
  for (std::string_view bytes :
       {std::string_view(), std::string_view("\x12\x01x", 3), std::string_view("\x0a\x7f", 2),
        std::string_view("\xff\xff", 2)}) {
    out.clear();
    EXPECT_FALSE(spliceResourceVersion(bytes, "1", out));
  }
}

class ObjectCacheTest : public ::testing::Test {
 protected:
  void open(size_t budget) {
    budget_ = std::make_unique<FormBudget>(budget);
    auto cache = ObjectCache::create(
        *store_, *budget_, {"/registry/configmaps/", "v1", "ConfigMap", true, &rules_, {}});
    ASSERT_TRUE(cache.ok());
    cache_ = std::move(*cache);
  }
  void put(const std::string& name, const std::string& value) {
    storage::WriteRequest write;
    write.operations.push_back(
        storage::Operation::put("/registry/configmaps/ns/" + name, stored(name, value)));
    store_->write(std::move(write), [](const auto& result) { ASSERT_TRUE(result.ok()); });
  }
  storage::EntryPtr get(const std::string& name) {
    return cache_->watches().get("/registry/configmaps/ns/" + name);
  }
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  Rules rules_;
  std::unique_ptr<FormBudget> budget_;
  std::unique_ptr<ObjectCache> cache_;
};

TEST_F(ObjectCacheTest, FormsAreSharedAndTrue) {
  open(1 << 20);
  put("a", "1");
  auto entry = get("a");
  const auto& header = *static_cast<const ObjectHeader*>(entry->header());
  EXPECT_EQ(header.ns, "ns");
  EXPECT_EQ(header.name, "a");
  EXPECT_TRUE(header.labels.contains("app"));
  auto text = cache_->json(entry);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->get(), cache_->json(entry)->get());
  auto object = cache_->object(entry);
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(api::objectMeta(*object)->resourceVersion, std::to_string(entry->modRevision()));
  EXPECT_EQ(**text, api::encodeJson(*object, {.apiVersion = "v1", .kind = "ConfigMap"}));
  EXPECT_EQ(object->data(), cache_->object(entry)->data());
  // The older text stays beside it.
  EXPECT_EQ(text->get(), cache_->json(entry)->get());
}

TEST_F(ObjectCacheTest, BudgetDropsFormsButNotObjects) {
  open(4096);
  for (int i = 0; i < 50; ++i) put("m" + std::to_string(i), std::string(200, 'x'));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 50; ++i) {
      auto text = cache_->json(get("m" + std::to_string(i)));
      ASSERT_TRUE(text.ok());
      EXPECT_NE((*text)->find("\"m" + std::to_string(i) + "\""), std::string::npos);
    }
    EXPECT_LE(budget_->bytes(), 4096u);
  }
}

}  // namespace
}  // namespace coxswain::apiserver
