#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "api/codec/value.h"
#include "api/gen/apps_v1.h"
#include "api/patch/go_format.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"

namespace coxswain::api {
namespace {

namespace json = boost::json;

std::string readFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

json::value parse(std::string_view text) {
  auto value = parseJsonValue(text);
  EXPECT_TRUE(value.ok()) << value.status().message() << "\n" << text;
  return value.ok() ? *value : json::value();
}

const MessageInfo& deployment() {
  return apps::v1::Deployment::info();
}

/// The object as it reads when decoded, so that members written as empty do not count.
std::string normal(const json::value& value) {
  apps::v1::Deployment object;
  const Status status = decodeValue(deployment(), value, &object);
  return status.ok() ? encodeJson(object) : "undecodable: " + status.message();
}

// testdata/kubectl_patch.json: what kubectl 1.32's `patch --local` answers to many patches.
TEST(Patch, AsKubectl) {
  const char* source = std::getenv("COXSWAIN_SOURCE");
  const std::string root = source != nullptr ? source : ".";
  const json::value data = parse(readFile(root + "/src/api/patch/testdata/kubectl_patch.json"));
  const json::value& base = data.at("base");
  ASSERT_GT(data.at("cases").get_array().size(), 80u);
  for (const auto& row : data.at("cases").get_array()) {
    const auto& type = row.at("type").get_string();
    const json::value& patch = row.at("patch");
    const std::string shown = std::string(type) + " " + writeJsonValue(patch);
    Result<json::value> result = base;
    if (type == "strategic")
      result = applyStrategicMergePatch(base, patch, deployment());
    else if (type == "merge")
      result = applyMergePatch(base, patch);
    else
      result = applyJsonPatch(base, patch);
    if (const json::value* wanted = row.get_object().if_contains("result")) {
      ASSERT_TRUE(result.ok()) << shown << ": " << result.status().message();
      EXPECT_EQ(normal(*result), normal(*wanted)) << shown;
      continue;
    }
    const std::string error = std::string(row.at("error").get_string()).substr(7);
    // These two kubectl finds after, or words itself.
    if (error.starts_with("Object 'Kind'")) continue;
    ASSERT_FALSE(result.ok()) << shown << "\n" << writeJsonValue(*result);
    if (error.starts_with("Object to be patched")) continue;
    std::string message = result.status().message();
    while (message.ends_with('\n')) message.pop_back();
    EXPECT_EQ(message, error) << shown;
  }
}

TEST(JsonPatch, Limits) {
  json::array many(kJsonPatchOperationsMax + 1, parse(R"({"op":"test","path":"/a","value":1})"));
  const auto tooMany = applyJsonPatch(parse(R"({"a":1})"), many);
  EXPECT_EQ(tooMany.status().code(), 413);
  EXPECT_EQ(
      tooMany.status().message(),
      "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got "
      "10001");
  // Doubling by copies.
  std::string text = R"([{"op":"add","path":"/a","value":")" + std::string(1000, 'x') + R"("})";
  for (int i = 0; i < 40; ++i)
    text += R"(,{"op":"add","path":"/b","value":[]},{"op":"copy","from":"","path":"/b/-"},)"
            R"({"op":"copy","from":"/a","path":"/c"},{"op":"copy","from":"/d","path":"/d/x"})";
  EXPECT_FALSE(applyJsonPatch(parse("{}"), parse(text + "]")).ok());
  text = R"([{"op":"add","path":"/a","value":["x"]})";
  for (int i = 0; i < 40; ++i) text += R"(,{"op":"copy","from":"/a","path":"/a/-"})";
  const auto bomb = applyJsonPatch(parse("{}"), parse(text + "]"));
  EXPECT_EQ(bomb.status().code(), 422);
  EXPECT_TRUE(bomb.status().message().starts_with("Unable to copy, the accumulated size"));
  EXPECT_EQ(refusedPatch().code(), 422);
}

TEST(MergePatch, DiffAndThreeWay) {
  const json::value original = parse(R"({"a":1,"b":{"c":2,"d":3},"l":[1]})");
  const json::value modified = parse(R"({"a":1,"b":{"c":5},"l":[2],"n":{}})");
  const json::value patch = createMergePatch(original, modified);
  EXPECT_EQ(writeJsonValue(patch), R"({"b":{"c":5,"d":null},"l":[2],"n":{}})");
  EXPECT_EQ(applyMergePatch(original, patch), modified);
  // Someone added e; a was removed by the user; c is already as wanted.
  const json::value current = parse(R"({"a":1,"b":{"c":5,"d":3,"e":4},"l":[1]})");
  const json::value next = parse(R"({"b":{"c":5},"l":[2]})");
  const json::value three = createThreeWayMergePatch(original, next, current);
  EXPECT_EQ(writeJsonValue(three), R"({"a":null,"b":{"d":null},"l":[2]})");
  EXPECT_EQ(writeJsonValue(applyMergePatch(current, three)), R"({"b":{"c":5,"e":4},"l":[2]})");
}

const char* kSmall = R"({"metadata":{"name":"d","finalizers":["f/a","f/b"]},"spec":{
  "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}},
  "template":{"spec":{"containers":[{"name":"a","image":"1","env":[{"name":"X","value":"1"}]},
  {"name":"b","image":"2"}]}}}})";

TEST(Strategic, TwoWay) {
  const json::value original = parse(kSmall);
  json::value modified = original;
  EXPECT_EQ(writeJsonValue(*createTwoWayStrategicPatch(original, modified, deployment())), "{}");
  modified = parse(R"({"metadata":{"name":"d","finalizers":["f/b","f/c"]},"spec":{
    "strategy":{"type":"Recreate"},
    "template":{"spec":{"containers":[{"name":"c","image":"3"},{"name":"a","image":"9"}]}}}})");
  const auto patch = createTwoWayStrategicPatch(original, modified, deployment());
  ASSERT_TRUE(patch.ok());
  EXPECT_EQ(
      writeJsonValue(*patch),
      R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["f/a"],"$setElementOrder/finalizers":["f/b","f/c"],"finalizers":["f/c"]},)"
      R"("spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":null,"type":"Recreate"},)"
      R"("template":{"spec":{"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],"containers":[{"image":"3","name":"c"},{"env":null,"image":"9","name":"a"},{"$patch":"delete","name":"b"}]}}}})");
  const auto applied = applyStrategicMergePatch(original, *patch, deployment());
  ASSERT_TRUE(applied.ok()) << applied.status().message();
  EXPECT_EQ(normal(*applied), normal(modified));
}

TEST(Strategic, ThreeWay) {
  const json::value original = parse(kSmall);
  // The server defaulted a field and someone added a sidecar.
  const json::value current =
      parse(R"({"metadata":{"name":"d","finalizers":["f/a","f/b","f/z"]},"spec":{
    "replicas":1,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}},
    "template":{"spec":{"containers":[{"name":"a","image":"1","env":[{"name":"X","value":"1"}]},
    {"name":"b","image":"2"},{"name":"sidecar","image":"s"}]}}}})");
  const json::value modified = parse(R"({"metadata":{"name":"d","finalizers":["f/b"]},"spec":{
    "strategy":{"type":"Recreate"},
    "template":{"spec":{"containers":[{"name":"n","image":"4"},{"name":"a","image":"5"}]}}}})");
  const auto patch = createThreeWayStrategicPatch(original, modified, current, deployment());
  ASSERT_TRUE(patch.ok()) << patch.status().message();
  const auto applied = applyStrategicMergePatch(current, *patch, deployment());
  ASSERT_TRUE(applied.ok()) << applied.status().message() << writeJsonValue(*patch);
  EXPECT_EQ(normal(*applied),
            normal(parse(R"({"metadata":{"name":"d","finalizers":["f/b","f/z"]},"spec":{
    "replicas":1,"strategy":{"type":"Recreate"},
    "template":{"spec":{"containers":[{"name":"sidecar","image":"s"},{"name":"n","image":"4"},
    {"name":"a","image":"5"}]}}}})")))
      << writeJsonValue(*patch);
  // Nobody else touched what this changes.
  EXPECT_TRUE(createThreeWayStrategicPatch(original, modified, original, deployment(), false).ok());
  json::value clash = original;
  clash.at("spec").at("template").at("spec").at("containers").get_array()[0].at("image") = "other";
  EXPECT_EQ(
      createThreeWayStrategicPatch(original, modified, clash, deployment(), false).status().code(),
      409);
}

/// A random Deployment of few names, so that lists overlap.
json::value randomDeployment(std::mt19937& random) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const auto list = [&](const char* key, auto makeRest) {
    json::array out;
    std::vector<int> names = {0, 1, 2, 3};
    std::shuffle(names.begin(), names.end(), random);
    names.resize(static_cast<size_t>(pick(4)));
    for (const int name : names) {
      json::object element;
      element[key] = std::string(1, static_cast<char>('a' + name));
      makeRest(element);
      out.push_back(std::move(element));
    }
    return out;
  };
  json::object pod;
  pod["containers"] = list("name", [&](json::object& c) {
    c["image"] = std::to_string(pick(3));
    if (pick(2) != 0)
      c["env"] = list("name", [&](json::object& e) { e["value"] = std::to_string(pick(3)); });
    if (pick(2) != 0) c["args"] = json::array{std::to_string(pick(3)), "x"};
  });
  if (pick(2) != 0)
    pod["volumes"] = list("name", [&](json::object& v) {
      if (pick(2) != 0)
        v["emptyDir"] = json::object{{"medium", pick(2) != 0 ? "Memory" : "x"}};
      else
        v["hostPath"] = json::object{{"path", std::to_string(pick(2))}};
    });
  if (pick(2) != 0) pod["nodeSelector"] = json::object{{"k" + std::to_string(pick(3)), "v"}};
  json::object metadata{{"name", "d"}};
  json::array finalizers;
  for (int i = 0; i < 3; ++i)
    if (pick(2) != 0) finalizers.push_back(json::value("f/" + std::to_string(i)));
  if (!finalizers.empty()) metadata["finalizers"] = finalizers;
  return json::object{
      {"metadata", metadata},
      {"spec", json::object{{"replicas", pick(3)}, {"template", json::object{{"spec", pod}}}}}};
}

TEST(Strategic, DiffsApply) {
  std::mt19937 random(20240607);
  for (int i = 0; i < 3000; ++i) {
    const json::value from = randomDeployment(random);
    const json::value to = randomDeployment(random);
    const auto patch = createTwoWayStrategicPatch(from, to, deployment());
    ASSERT_TRUE(patch.ok());
    const auto applied = applyStrategicMergePatch(from, *patch, deployment());
    ASSERT_TRUE(applied.ok()) << applied.status().message() << "\n" << writeJsonValue(*patch);
    ASSERT_EQ(normal(*applied), normal(to)) << writeJsonValue(from) << "\n"
                                            << writeJsonValue(*patch);
    // With the live object as last applied it is the same patch in effect.
    const auto three = createThreeWayStrategicPatch(from, to, from, deployment());
    ASSERT_TRUE(three.ok()) << three.status().message();
    const auto again = applyStrategicMergePatch(from, *three, deployment());
    ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << writeJsonValue(*three);
    ASSERT_EQ(normal(*again), normal(to)) << writeJsonValue(from) << "\n" << writeJsonValue(*three);
  }
}

TEST(GoFormat, Values) {
  EXPECT_EQ(goFormat(parse(R"({"b":[1,"x",null,true],"a":{"c":1.5}})")),
            "map[a:map[c:1.5] b:[1 x <nil> true]]");
  EXPECT_EQ(jsonLength(parse(R"({"b":[1,"x",null,true],"a":{"c":1.5}})")),
            std::string(R"({"b":[1,"x",null,true],"a":{"c":1.5}})").size());
}

}  // namespace
}  // namespace coxswain::api
