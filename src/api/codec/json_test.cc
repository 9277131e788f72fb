#include "api/codec/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/codec/json_text.h"
#include "api/codec/json_writer.h"
#include "api/codec/value.h"
#include "api/gen/admissionregistration_v1.h"
#include "api/gen/apiextensions_v1.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/rbac_v1.h"

namespace coxswain::api {
namespace {

using ::testing::ElementsAre;

template <typename T>
std::string failure(std::string_view text) {
  auto result = decodeJson<T>(text);
  return result.ok() ? "ok" : result.status().message();
}

template <typename T>
std::vector<std::string> strict(std::string_view text) {
  JsonReport report;
  EXPECT_TRUE(decodeJson<T>(text, &report).ok());
  return report.strict;
}

TEST(JsonDecode, TypeErrorsReadAsGo) {
  struct Row {
    const char* name;
    std::string got;
    const char* want;
  };
  const Row rows[] = {
      {"map value", failure<core::v1::ConfigMap>(R"({"data":{"a":1}})"),
       "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"},
      {"nested", failure<apps::v1::Deployment>(R"({"spec":{"replicas":"x"}})"),
       "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type "
       "int32"},
      {"list", failure<core::v1::Pod>(R"({"spec":{"containers":"x"}})"),
       "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type "
       "[]v1.Container"},
      {"in a list", failure<core::v1::Pod>(R"({"spec":{"containers":[{"name":[]}]}})"),
       "json: cannot unmarshal array into Go struct field Container.spec.containers.name of type "
       "string"},
      {"map", failure<core::v1::Pod>(R"({"metadata":{"labels":5}})"),
       "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type "
       "map[string]string"},
      {"fraction", failure<apps::v1::Deployment>(R"({"spec":{"replicas":1.5}})"),
       "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of "
       "type int32"},
      {"range", failure<apps::v1::Deployment>(R"({"spec":{"replicas":3000000000}})"),
       "json: cannot unmarshal number 3000000000 into Go struct field "
       "DeploymentSpec.spec.replicas of type int32"},
      {"top", failure<core::v1::Pod>("[]"),
       "json: cannot unmarshal array into Go value of type v1.Pod"},
      {"time", failure<core::v1::Pod>(R"({"metadata":{"creationTimestamp":5}})"),
       "json: cannot unmarshal number into Go value of type string"},
      {"base64", failure<core::v1::ConfigMap>(R"({"binaryData":{"a":"*"}})"),
       "illegal base64 data at input byte 0"},
      {"message", failure<core::v1::Pod>(R"({"spec":7})"),
       "json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec"},
      {"kind", failure<core::v1::Pod>(R"({"kind":7})"),
       "json: cannot unmarshal number into Go struct field Pod.kind of type string"},
      {"syntax behind it", failure<core::v1::Pod>(R"({"spec":7)"), "unexpected end of JSON input"},
  };
  for (const Row& row : rows) EXPECT_EQ(row.got, row.want) << row.name;
}

TEST(JsonDecode, SyntaxErrorsReadAsGo) {
  struct Row {
    const char* text;
    const char* want;
  };
  const Row rows[] = {
      {"", "unexpected end of JSON input"},
      {"{", "unexpected end of JSON input"},
      {"{} x", "invalid character 'x' after top-level value"},
      {"{\"a\":nope}", "invalid character 'o' in literal null (expecting 'u')"},
      {"{\"a\":tru", "unexpected end of JSON input"},
      {"{a:1}", "invalid character 'a' looking for beginning of object key string"},
      {"{\"a\" 1}", "invalid character '1' after object key"},
      {"{\"a\":1 \"b\":2}", "invalid character '\"' after object key:value pair"},
      {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"[1 2]", "invalid character '2' after array element"},
      {"[01]", "invalid character '1' after array element"},
      {"[-]", "invalid character ']' in numeric literal"},
      {"[1.]", "invalid character ']' after decimal point in numeric literal"},
      {"[1e]", "invalid character ']' in exponent of numeric literal"},
      {"[\"\\x\"]", "invalid character 'x' in string escape code"},
      {"[\"\\u12g4\"]", "invalid character 'g' in \\u hexadecimal character escape"},
      {"[\"a\nb\"]", "invalid character '\\n' in string literal"},
      {"[\x81]", "invalid character '\\u0081' looking for beginning of value"},
      {"'a'", "invalid character '\\'' looking for beginning of value"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(validateJson(row.text).message(), row.want) << row.text;
    auto value = parseJsonValue(row.text);
    EXPECT_EQ(value.status().message(), row.want) << row.text;
  }
}

TEST(JsonDecode, ReportsUnknownAndDuplicateFields) {
  EXPECT_THAT(strict<apps::v1::Deployment>(
                  R"({"spec":{"bogus":1,"template":{"spec":{"alsoBogus":{"x":[1]}}}},"kind":"D"})"),
              ElementsAre("unknown field \"spec.bogus\"",
                          "unknown field \"spec.template.spec.alsoBogus\""));
  EXPECT_THAT(strict<core::v1::Pod>(
                  R"({"kind":"Pod","metadata":{"labels":{"a":"1","a":"2"}},"kind":"Pod",
                      "spec":{"containers":[{},{"image":"a","image":"b","Image":"c"}]}})"),
              ElementsAre("duplicate field \"metadata.labels.a\"", "duplicate field \"kind\"",
                          "duplicate field \"spec.containers[1].image\"",
                          "unknown field \"spec.containers[1].Image\""));
  // Each once.
  EXPECT_THAT(strict<core::v1::Pod>(R"({"x":1,"x":2})"), ElementsAre("unknown field \"x\""));
  JsonReport report;
  report.strict = {"unknown field \"a\"", "duplicate field \"b\""};
  EXPECT_EQ(strictStatus(report).message(),
            "strict decoding error: unknown field \"a\", duplicate field \"b\"");
}

TEST(JsonDecode, LastDuplicateWinsAndNullLeavesZero) {
  auto pod = decodeJson<core::v1::Pod>(
      R"({"metadata":{"name":"a","name":"b","labels":null},"spec":{"nodeName":null,"priority":null,
          "securityContext":null,"containers":[null,{"name":"c"}],"hostNetwork":null}})");
  ASSERT_TRUE(pod.ok());
  EXPECT_EQ(pod->metadata.name, "b");
  EXPECT_EQ(pod->spec.containers.size(), 2U);
  EXPECT_FALSE(pod->spec.securityContext);
  EXPECT_FALSE(pod->spec.priority);
}

TEST(JsonDecode, InlinedMembersAndStrings) {
  auto pod = decodeJson<core::v1::Pod>(
      "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]},"
      "\"status\":{\"message\":\"\\ud83d\\ude80 \\ud800 \\u00e4 \xff\"}}");
  ASSERT_TRUE(pod.ok());
  EXPECT_TRUE(pod->spec.volumes[0].volumeSource.emptyDir);
  EXPECT_EQ(pod->status.message, "\xf0\x9f\x9a\x80 \xef\xbf\xbd \xc3\xa4 \xef\xbf\xbd");
}

TEST(JsonDecode, Limits) {
  std::string deep = "{\"spec\":{\"validation\":{\"openAPIV3Schema\":";
  std::string schema;
  for (int i = 0; i < 600; ++i) schema += "{\"not\":";
  EXPECT_EQ(failure<apiextensions::v1::JSONSchemaProps>(schema), "exceeded max depth");
  std::string nested(20000, '[');
  EXPECT_EQ(failure<core::v1::Pod>("{\"unknown\":" + nested), "exceeded max depth");
  EXPECT_EQ(parseJsonValue(nested).status().message(), "exceeded max depth");
  // Small text, many big structs.
  std::string many = "{\"spec\":{\"containers\":[";
  for (int i = 0; i < 200000; ++i) many += "{},";
  many += "{}]}}";
  EXPECT_EQ(failure<core::v1::Pod>(many), "json: too large when decoded");
}

TEST(JsonDecode, PeekType) {
  auto type = peekJsonType(R"({"metadata":{"kind":"x"},"kind":"Pod","apiVersion":"v1"})");
  ASSERT_TRUE(type.ok());
  EXPECT_EQ(type->kind, "Pod");
  EXPECT_EQ(type->apiVersion, "v1");
  EXPECT_EQ(peekJsonType("{").status().message(), "unexpected end of JSON input");
  EXPECT_EQ(peekJsonType("[]").status().message(),
            "json: cannot unmarshal array into Go value of type struct { APIVersion string "
            "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }");
  EXPECT_TRUE(peekJsonType("null").ok());
}

TEST(JsonEncode, OmitsAndNullsAsGo) {
  EXPECT_EQ(
      encodeJson(core::v1::Pod()),
      R"({"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":null},"status":{}})");
  EXPECT_EQ(encodeJson(core::v1::PodList()),
            R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]})");
  EXPECT_EQ(
      encodeJson(rbac::v1::ClusterRole()),
      R"({"kind":"ClusterRole","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{},"rules":null})");
  core::v1::PodCondition condition;
  EXPECT_EQ(encodeJson(condition),
            R"({"type":"","status":"","lastProbeTime":null,"lastTransitionTime":null})");
  core::v1::ConfigMap map;
  map.data["k"] = "<a & b>\xe2\x80\xa8\x01\n\"";
  map.binaryData["b"];
  EXPECT_EQ(
      encodeJson(map, {.typeMeta = false}),
      R"({"metadata":{},"data":{"k":"\u003ca \u0026 b\u003e\u2028\u0001\n\""},"binaryData":{"b":""}})");
  EXPECT_EQ(encodeJson(core::v1::ConfigMap(), {.apiVersion = "v9", .kind = "X", .newline = true}),
            "{\"kind\":\"X\",\"apiVersion\":\"v9\",\"metadata\":{}}\n");
}

TEST(JsonEncode, Pretty) {
  core::v1::ConfigMap map;
  map.data["a"] = "{,}";
  map.metadata.finalizers = {"x", "y"};
  EXPECT_EQ(encodeJson(map, {.typeMeta = false, .pretty = true}),
            "{\n  \"metadata\": {\n    \"finalizers\": [\n      \"x\",\n      \"y\"\n    ]\n  },\n"
            "  \"data\": {\n    \"a\": \"{,}\"\n  }\n}");
  EXPECT_EQ(indentJson("{\"a\":{},\"b\":[]}"), "{\n  \"a\": {},\n  \"b\": []\n}");
}

TEST(JsonEncode, RawIsCompactOrNull) {
  apps::v1::ControllerRevision revision;
  revision.data.raw = "{ \"a\" : \"<\\\" >\" }";
  EXPECT_EQ(encodeJson(revision, {.typeMeta = false}),
            R"({"metadata":{},"data":{"a":"\u003c\" \u003e"},"revision":0})");
  revision.data.raw = "k8s";
  EXPECT_EQ(encodeJson(revision, {.typeMeta = false}),
            R"({"metadata":{},"data":null,"revision":0})");
}

TEST(JsonEncode, Reals) {
  auto text = [](double v) {
    std::string out;
    JsonTextWriter(out).real(v);
    return out;
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(1), "1");
  EXPECT_EQ(text(-2.5), "-2.5");
  EXPECT_EQ(text(1e20), "100000000000000000000");
  EXPECT_EQ(text(1e21), "1e+21");
  EXPECT_EQ(text(1e-6), "0.000001");
  EXPECT_EQ(text(1e-7), "1e-7");
  EXPECT_EQ(text(1.5e-10), "1.5e-10");
}

TEST(JsonForms, SchemaOrSomething) {
  const std::string text =
      R"({"properties":{"a":{"type":"array","items":{"type":"string"},"default":[1]},)"
      R"("b":{"additionalProperties":true}},"additionalProperties":false,)"
      R"("dependencies":{"c":["x"],"d":{}},"items":[{},{"type":"x"}]})";
  auto schema = decodeJson<apiextensions::v1::JSONSchemaProps>(text);
  ASSERT_TRUE(schema.ok()) << schema.status().toString();
  EXPECT_FALSE(schema->additionalProperties->allows);
  EXPECT_TRUE(schema->properties.at("a").items->schema);
  EXPECT_EQ(schema->items->jSONSchemas.size(), 2U);
  auto again = parseJsonValue(encodeJson(*schema));
  auto wanted = parseJsonValue(text);
  EXPECT_EQ(writeJsonValue(*again), writeJsonValue(*wanted));
}

TEST(JsonValue, ParsesAndWritesSorted) {
  JsonReport report;
  auto value = parseJsonValue(
      R"({"kind":"K","b":{"x":1,"x":2.50,"l":[{"y":1,"y":2}]},"a":9223372036854775808})", &report);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(writeJsonValue(*value),
            R"({"a":9223372036854775808,"b":{"l":[{"y":2}],"x":2.5},"kind":"K"})");
  EXPECT_THAT(report.strict,
              ElementsAre("duplicate field \"b.x\"", "duplicate field \"b.l[0].y\""));
  EXPECT_EQ(report.kind, "K");
}

TEST(JsonObject, UnknownKind) {
  EXPECT_EQ(decodeJsonObject(R"({"kind":"Foo","apiVersion":"x/v1"})").status().message(),
            "no kind \"Foo\" is registered for version \"x/v1\"");
}

}  // namespace
}  // namespace coxswain::api
