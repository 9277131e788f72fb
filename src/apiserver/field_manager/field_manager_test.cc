#include "apiserver/field_manager/field_manager.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace coxswain::apiserver {
namespace {

using api::apps::v1::Deployment;
using api::core::v1::ConfigMap;

const api::Time kThen = api::Time::fromUnix(1000);
const api::Time kNow = api::Time::fromUnix(2000);

api::Object configMap(std::initializer_list<std::pair<std::string, std::string>> data) {
  ConfigMap map;
  map.metadata.name = "c";
  for (const auto& [key, value] : data) map.data[key] = value;
  return api::Object(std::move(map));
}

const std::vector<api::meta::v1::ManagedFieldsEntry>& entriesOf(const api::Object& object) {
  return api::objectMeta(object)->managedFields;
}

/// "maker=f:data..." of each entry, applies marked.
std::vector<std::string> shown(const api::Object& object) {
  std::vector<std::string> out;
  for (const auto& entry : entriesOf(object)) {
    out.push_back(entry.manager + (entry.operation == "Apply" ? "!" : "=") + entry.fieldsV1->raw);
  }
  return out;
}
using Shown = std::vector<std::string>;

class FieldManagerTest : public ::testing::Test {
 protected:
  void update(std::string who, const api::Object* live, api::Object& next, api::Time at = kNow) {
    maps_.update({std::move(who), ""}, live, next, FieldTree(), at);
  }
  Result<FieldManager::Applied> apply(std::string who, const api::Object* live, std::string data,
                                      bool force = false) {
    return maps_.apply(
        {std::move(who), ""}, live,
        R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":)" + data + "}",
        force, {}, kNow);
  }
  FieldManager maps_{ConfigMap::info(), "v1", "ConfigMap"};
};

TEST_F(FieldManagerTest, UpdatesTakeWhatTheyChange) {
  auto first = configMap({{"a", "1"}, {"b", "1"}});
  update("maker", nullptr, first, kThen);
  EXPECT_EQ(shown(first), Shown({R"(maker={"f:data":{".":{},"f:a":{},"f:b":{}}})"}));

  auto second = configMap({{"a", "2"}, {"b", "1"}, {"c", "1"}});
  api::objectMeta(second)->managedFields = entriesOf(first);
  update("other", &first, second);
  EXPECT_EQ(shown(second), Shown({R"(maker={"f:data":{".":{},"f:b":{}}})",
                                  R"(other={"f:data":{"f:a":{},"f:c":{}}})"}));
  EXPECT_EQ(entriesOf(second)[0].time, kThen);
  EXPECT_EQ(entriesOf(second)[1].time, kNow);

  // What is removed is nobody's; a manager of nothing is forgotten.
  auto third = configMap({{"b", "1"}});
  update("maker", &second, third);
  EXPECT_EQ(shown(third), Shown({R"(maker={"f:data":{".":{},"f:b":{}}})"}));

  auto same = third.clone();
  update("other", &third, same);
  EXPECT_EQ(entriesOf(same), entriesOf(third));
}

TEST_F(FieldManagerTest, ClientsMayResetButNotForge) {
  auto live = configMap({{"a", "1"}});
  update("maker", nullptr, live);
  auto next = live.clone();
  api::objectMeta(next)->managedFields.resize(1);
  api::objectMeta(next)->managedFields[0] = {};
  update("x", &live, next);
  EXPECT_TRUE(entriesOf(next).empty());

  auto bad = live.clone();
  api::objectMeta(bad)->managedFields[0].operation = "Bogus";
  update("x", &live, bad);
  EXPECT_EQ(entriesOf(bad), entriesOf(live));
}

TEST_F(FieldManagerTest, ApplyConflictsAndForces) {
  auto one = apply("one", nullptr, R"({"a":"1","b":"1"})");
  ASSERT_TRUE(one.ok()) << one.status().toString();
  EXPECT_EQ(shown(one->object), Shown({R"(one!{"f:data":{"f:a":{},"f:b":{}}})"}));

  auto refused = apply("two", &one->object, R"({"a":"2"})");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), 409);
  EXPECT_EQ(refused.status().message(),
            "Apply failed with 1 conflict: conflict with \"one\": .data.a");
  EXPECT_EQ(refused.status().details()->causes[0].type, "FieldManagerConflict");

  auto forced = apply("two", &one->object, R"({"a":"2"})", true);
  ASSERT_TRUE(forced.ok());
  EXPECT_EQ(shown(forced->object),
            Shown({R"(one!{"f:data":{"f:b":{}}})", R"(two!{"f:data":{"f:a":{}}})"}));

  // The same value is shared, without a time of its own.
  auto shared = apply("three", &forced->object, R"({"a":"2"})");
  ASSERT_TRUE(shared.ok());
  EXPECT_EQ(entriesOf(shared->object).size(), 3u);
}

TEST_F(FieldManagerTest, ApplyRemovesWhatNobodyElseOwns) {
  auto one = apply("one", nullptr, R"({"a":"1","b":"1"})");
  auto two = apply("two", &one->object, R"({"a":"1"})");
  ASSERT_TRUE(two.ok());
  auto less = apply("one", &two->object, R"({})");
  ASSERT_TRUE(less.ok());
  const auto& data = less->object.as<ConfigMap>()->data;
  EXPECT_TRUE(data.contains("a"));
  EXPECT_FALSE(data.contains("b"));
}

TEST_F(FieldManagerTest, FirstApplyKeepsWhatWasThere) {
  auto live = configMap({{"a", "1"}});
  auto applied = apply("one", &live, R"({"b":"1"})");
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(shown(applied->object), Shown({R"(one!{"f:data":{"f:b":{}}})",
                                           R"(before-first-apply={"f:data":{".":{},"f:a":{}}})"}));
}

TEST_F(FieldManagerTest, ConfigurationsAreChecked) {
  struct Case {
    const char* data;
    const char* message;
  };
  const Case cases[] = {
      {R"({"a":1})", ".data.a: expected string, got &value.valueUnstructured{Value:1}"},
      {R"([1])", ".data: expected map, got &value.valueUnstructured{Value:[1]}"},
      {R"({},"more":1)", ".more: field not declared in schema"},
  };
  for (const auto& each : cases) {
    auto applied = apply("one", nullptr, each.data);
    ASSERT_FALSE(applied.ok()) << each.data;
    EXPECT_EQ(applied.status().code(), 500);
    EXPECT_EQ(applied.status().message(),
              "failed to create typed patch object (/c; /v1, Kind=ConfigMap): " +
                  std::string(each.message));
  }
}

TEST(FieldManagerLists, ItemsAreMergedByTheirKeys) {
  FieldManager manager(Deployment::info(), "apps/v1", "Deployment");
  auto apply = [&](std::string who, const api::Object* live, std::string containers) {
    return manager.apply({std::move(who), ""}, live,
                         R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},)"
                         R"("spec":{"template":{"spec":{"containers":)" +
                             containers + "}}}}",
                         false, {}, kNow);
  };
  auto one = apply("one", nullptr, R"([{"name":"a","image":"x"},{"name":"b","image":"y"}])");
  ASSERT_TRUE(one.ok()) << one.status().toString();
  auto two = apply("two", &one->object,
                   R"([{"name":"b","ports":[{"containerPort":80}]},{"name":"c","image":"z"}])");
  ASSERT_TRUE(two.ok()) << two.status().toString();
  const auto& containers = two->object.as<Deployment>()->spec.template_.spec.containers;
  ASSERT_EQ(containers.size(), 3u);
  EXPECT_EQ(containers[1].image, "y");
  EXPECT_EQ(containers[1].ports[0].containerPort, 80);
  EXPECT_EQ(
      shown(two->object)[1],
      R"(two!{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"b\"}":{".":{},)"
      R"("f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},)"
      R"("f:containerPort":{}}}},"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{}}}}}}})");
  auto gone = apply("two", &two->object, "[]");
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(gone->object.as<Deployment>()->spec.template_.spec.containers.size(), 2u);
  auto twice = apply("one", nullptr, R"([{"name":"a"},{"name":"a"}])");
  EXPECT_NE(twice.status().message().find("duplicate entries for key [name=\"a\"]"),
            std::string::npos);
}

TEST(FieldTree, SetsAndTheirText) {
  auto parse = [](std::string_view json) { return *FieldTree::parse(json); };
  const auto text =
      R"({"f:a":{".":{},"f:b":{}},"f:l":{"k:{\"p\":80}":{},"k:{\"p\":443}":{},"v:\"x\"":{},"i:0":{}}})";
  EXPECT_EQ(parse(text).json(), text);
  EXPECT_EQ(parse(text).paths(), (std::vector<std::string>{".a", ".a.b", ".l[p=80]", ".l[p=443]",
                                                           ".l[=\"x\"]", ".l[0]"}));
  auto left = parse(R"({"f:a":{"f:b":{},"f:c":{}}})");
  left.subtract(parse(R"({"f:a":{"f:b":{}}})"));
  EXPECT_EQ(left.json(), R"({"f:a":{"f:c":{}}})");
  left.subtractBelow(parse(R"({"f:a":{}})"));
  EXPECT_TRUE(left.empty());
  EXPECT_FALSE(FieldTree::parse("[]").ok());
  EXPECT_FALSE(FieldTree::parse(R"({"x:a":{}})").ok());
  EXPECT_FALSE(FieldTree::parse(R"({"f:a":1})").ok());
}

/// A kind in two versions: "v1" with its text in data, "v2" with it in stringData.
class TwoVersions : public ::testing::Test {
 protected:
  using Secret = api::core::v1::Secret;
  static void toSecond(const void* first, void* second) {
    const auto& from = *static_cast<const ConfigMap*>(first);
    auto& to = *static_cast<Secret*>(second);
    to.metadata = from.metadata;
    to.stringData = from.data;
  }
  static void toFirst(const void* second, void* first) {
    const auto& from = *static_cast<const Secret*>(second);
    auto& to = *static_cast<ConfigMap*>(first);
    to.metadata = from.metadata;
    to.data = from.stringData;
  }
  static api::Object second(const api::Object& first) {
    Secret secret;
    toSecond(first.data(), &secret);
    return api::Object(std::move(secret));
  }
  static api::Object first(const api::Object& second) {
    ConfigMap map;
    toFirst(second.data(), &map);
    return api::Object(std::move(map));
  }
  Result<FieldManager::Applied> applyFirst(std::string who, const api::Object& live,
                                           const std::string& data) {
    return first_.apply(
        {std::move(who), ""}, &live,
        R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":)" + data + "}",
        false, {}, kNow);
  }
  Result<FieldManager::Applied> applySecond(std::string who, const api::Object& live,
                                            const std::string& data) {
    return second_.apply(
        {std::move(who), ""}, &live,
        R"({"apiVersion":"v2","kind":"Secret","metadata":{"name":"c"},"stringData":)" + data + "}",
        false, {}, kNow);
  }
  /// Created through v2.
  static api::Object made(const FieldManager& manager) {
    auto object = second(configMap({{"a", "1"}, {"b", "1"}}));
    manager.update({"maker", ""}, nullptr, object, {}, kThen);
    return object;
  }

  FieldManager first_{
      ConfigMap::info(), "v1", "ConfigMap", {{"v2", "Secret", &Secret::info(), toSecond, toFirst}}};
  FieldManager second_{
      Secret::info(), "v2", "Secret", {{"v1", "ConfigMap", &ConfigMap::info(), toFirst, toSecond}}};
};

TEST_F(TwoVersions, EachManagerIsComparedInItsOwn) {
  const auto live = first(made(second_));
  auto next = live.clone();
  next.as<ConfigMap>()->data["a"] = "2";
  first_.update({"other", ""}, &live, next, {}, kNow);
  EXPECT_EQ(shown(next), Shown({R"(maker={"f:stringData":{".":{},"f:b":{}}})",
                                R"(other={"f:data":{"f:a":{}}})"}));
  EXPECT_EQ(entriesOf(next)[0].apiVersion, "v2");
  EXPECT_EQ(entriesOf(next)[1].apiVersion, "v1");

  const auto refused = applyFirst("applier", next, R"({"b":"2"})");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(),
            R"(Apply failed with 1 conflict: conflict with "maker" using v2: .stringData.b)");
}

TEST_F(TwoVersions, WhatWasAppliedInOneGoesByTheOther) {
  const auto live = made(second_);
  auto applied = applySecond("applier", live, R"({"x":"1","z":"1"})");
  ASSERT_TRUE(applied.ok()) << applied.status().toString();
  // Somebody else comes to want one of them.
  applied = applyFirst("else", first(applied->object), R"({"z":"1"})");
  ASSERT_TRUE(applied.ok()) << applied.status().toString();
  applied = applyFirst("applier", applied->object, R"({"y":"1"})");
  ASSERT_TRUE(applied.ok()) << applied.status().toString();
  const auto& data = applied->object.as<ConfigMap>()->data;
  EXPECT_FALSE(data.contains("x"));
  EXPECT_TRUE(data.contains("y"));
  EXPECT_TRUE(data.contains("z"));
  // An apply that changed nothing but who owns it is at no time, and comes first.
  EXPECT_EQ(shown(applied->object),
            Shown({R"(else!{"f:data":{"f:z":{}}})", R"(applier!{"f:data":{"f:y":{}}})",
                   R"(maker={"f:stringData":{".":{},"f:a":{},"f:b":{}}})"}));
  // And gives it up through the other version, in which the first wants it again.
  applied = applySecond("third", second(applied->object), R"({"z":"1"})");
  ASSERT_TRUE(applied.ok()) << applied.status().toString();
  applied = applyFirst("else", first(applied->object), "{}");
  ASSERT_TRUE(applied.ok()) << applied.status().toString();
  EXPECT_TRUE(applied->object.as<ConfigMap>()->data.contains("z"));
}

TEST_F(TwoVersions, VersionsThatAreNotServedAreForgotten) {
  auto live = first(made(second_));
  api::objectMeta(live)->managedFields[0].apiVersion = "v3";
  auto next = live.clone();
  next.as<ConfigMap>()->data["a"] = "2";
  first_.update({"other", ""}, &live, next, {}, kNow);
  EXPECT_EQ(shown(next), Shown({R"(other={"f:data":{"f:a":{}}})"}));
}

TEST_F(FieldManagerTest, WhatAnEndpointResetsIsNobodys) {
  auto live = configMap({{"a", "1"}});
  update("maker", nullptr, live, kThen);
  const auto applied = maps_.apply(
      {"applier", "part"}, &live,
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"b":"1"},"immutable":true})",
      false, FieldTree::ofPaths({".data"}), kNow);
  ASSERT_TRUE(applied.ok()) << applied.status().toString();
  EXPECT_EQ(shown(applied->object),
            Shown({R"(applier!{"f:immutable":{}})", R"(maker={"f:data":{".":{},"f:a":{}}})"}));
}

/// As `kubectl apply` left it, with `data` changed since where it differs from {"a":"1","b":"1"}.
api::Object appliedByClient(std::initializer_list<std::pair<std::string, std::string>> data) {
  auto object = configMap(data);
  api::objectMeta(object)
      ->annotations[std::string("kubectl.kubernetes.io/last-applied-configuration")] =
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1","b":"1"}})";
  return object;
}

TEST_F(FieldManagerTest, KubectlTakesOverWhatItAppliedBefore) {
  auto live = appliedByClient({{"a", "1"}, {"b", "changed"}});
  update("kubectl-client-side-apply", nullptr, live, kThen);
  EXPECT_FALSE(apply("else", &live, R"({"a":"2"})").ok());
  auto applied = apply("kubectl", &live, R"({"a":"2"})");
  ASSERT_TRUE(applied.ok()) << applied.status().toString();
  EXPECT_EQ(applied->object.as<ConfigMap>()->data["a"], "2");
  EXPECT_EQ(api::objectMeta(applied->object)
                ->annotations["kubectl.kubernetes.io/last-applied-configuration"],
            R"({"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"c"}})"
            "\n");
  EXPECT_EQ(shown(applied->object)[0], R"(kubectl!{"f:data":{"f:a":{}}})");

  // What is no longer as it was applied belongs to whoever changed it.
  const auto refused = apply("kubectl", &live, R"({"a":"2","b":"2"})");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(),
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: "
            ".data.b");
}

TEST_F(FieldManagerTest, LastAppliedOfAnotherVersionOrNonsenseIsNotTakenOver) {
  for (const char* text : {"", "{", "[]", R"({"apiVersion":"v2","data":{"a":"1"}})",
                           R"({"apiVersion":"v1","data":1})"}) {
    auto live = appliedByClient({{"a", "1"}});
    api::objectMeta(live)->annotations["kubectl.kubernetes.io/last-applied-configuration"] = text;
    update("maker", nullptr, live, kThen);
    EXPECT_FALSE(apply("kubectl", &live, R"({"a":"2"})").ok()) << text;
  }
}

TEST_F(FieldManagerTest, TimesStayWhereNothingElseChanges) {
  auto live = configMap({{"a", "1"}});
  update("maker", nullptr, live, kThen);
  auto same = live.clone();
  api::objectMeta(same)->managedFields[0].time = kNow;
  auto other = same.clone();
  other.as<ConfigMap>()->data["a"] = "2";
  FieldManager::keepTimes(live, same);
  FieldManager::keepTimes(live, other);
  EXPECT_EQ(entriesOf(same)[0].time, kThen);
  EXPECT_EQ(entriesOf(other)[0].time, kNow);
}

}  // namespace
}  // namespace coxswain::apiserver
