// The server over real HTTP on 127.0.0.1: what clients may send wrongly, and how answers look.

#include <zlib.h>

#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/server/compression.h"
#include "apiserver/server/testing/server_test_base.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

class ServerTest : public ServerTestBase {
 protected:
  void SetUp() override {
    ServerTestBase::SetUp();
    start();
  }
  Answer post(std::string body, std::string contentType = "application/json") {
    return send("POST", std::string(kMaps), std::move(body), {{"Content-Type", contentType}});
  }
  Answer patch(std::string name, std::string type, std::string body) {
    return send("PATCH", std::string(kMaps) + "/" + name, std::move(body),
                {{"Content-Type", "application/" + type}});
  }
  static std::string configMap(std::string name, std::string rest = "") {
    return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" + name + "\"}" + rest +
           "}";
  }
};

TEST_F(ServerTest, MalformedBodiesAreRefusedAndNothingIsStored) {
  struct Case {
    const char* name;
    std::string body;
    std::string contentType;
    int code;
    const char* reason;
  };
  const std::string json = "application/json";
  const std::string yaml = "application/yaml";
  const std::string protobuf(kProtobuf);
  std::string deep(3000, '[');
  const Case cases[] = {
      {"no JSON", "{", json, 400, "BadRequest"},
      {"empty", "", json, 400, "BadRequest"},
      {"list", "[]", json, 400, "BadRequest"},
      {"text", "\"x\"", json, 400, "BadRequest"},
      {"trailing", configMap("x") + " more", json, 400, "BadRequest"},
      {"too deep", "{\"a\":" + deep, json, 400, "BadRequest"},
      {"wrong type", configMap("x", R"(,"data":{"a":1})"), json, 400, "BadRequest"},
      {"map as list", configMap("x", R"(,"data":[1])"), json, 400, "BadRequest"},
      {"bad base64", configMap("x", R"(,"binaryData":{"a":"?"})"), json, 400, "BadRequest"},
      {"other kind", R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}})", json, 400,
       "BadRequest"},
      {"other version", R"({"apiVersion":"v2","kind":"ConfigMap"})", json, 400, "BadRequest"},
      {"bad name", configMap("A_b"), json, 422, "Invalid"},
      {"other namespace",
       R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"other"}})",
       json, 400, "BadRequest"},
      {"bad YAML", "a: [", yaml, 400, "BadRequest"},
      {"YAML anchors", "a: *nothing", yaml, 400, "BadRequest"},
      {"JSON as protobuf", configMap("x"), protobuf, 400, "BadRequest"},
      {"magic alone", std::string("k8s\0", 4), protobuf, 400, "BadRequest"},
      {"cut envelope", std::string("k8s\0\x0a\x05v1", 8), protobuf, 400, "BadRequest"},
      {"long varint", std::string("k8s\0", 4) + std::string(20, '\xff'), protobuf, 400,
       "BadRequest"},
      {"form", "a=b", "application/x-www-form-urlencoded", 415, "UnsupportedMediaType"},
      {"patch type", "{}", "application/merge-patch+json", 415, "UnsupportedMediaType"},
  };
  for (const auto& each : cases) {
    auto answer = post(each.body, each.contentType);
    EXPECT_EQ(answer.code, each.code) << each.name << ": " << answer.body;
    EXPECT_EQ(answer.text("/reason"), each.reason) << each.name;
    EXPECT_EQ(answer.text("/kind"), "Status") << each.name;
  }
  auto list = send("GET", std::string(kMaps)).json();
  EXPECT_TRUE(list.at("items").as_array().empty());
}

TEST_F(ServerTest, OversizeIs413) {
  auto answer = post(configMap("big", R"(,"data":{"a":")" + std::string(3200000, 'x') + "\"}"));
  EXPECT_EQ(answer.code, 413);
  EXPECT_EQ(answer.text("/message"), "Request entity too large: limit is 3145728");
  // The server goes on.
  EXPECT_EQ(post(configMap("small")).code, 201);
}

TEST_F(ServerTest, UnknownFieldsByFieldValidation) {
  const auto body = configMap("u", R"(,"bogus":1,"data":{"a":"1","a":"2"})");
  auto target = std::string(kMaps) + "?dryRun=All&fieldValidation=";
  auto strict = send("POST", target + "Strict", body);
  EXPECT_EQ(strict.code, 400);
  EXPECT_EQ(strict.text("/message"),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
            "unknown field \"bogus\", duplicate field \"data.a\"");
  auto warn = send("POST", target + "Warn", body);
  EXPECT_EQ(warn.code, 201);
  EXPECT_EQ(warn.headers.all("Warning").size(), 2u);
  EXPECT_EQ(warn.headers.get("Warning"), "299 - \"unknown field \\\"bogus\\\"\"");
  auto ignore = send("POST", target + "Ignore", body);
  EXPECT_EQ(ignore.code, 201);
  EXPECT_FALSE(ignore.headers.has("Warning"));
  EXPECT_EQ(send("POST", target + "Maybe", body).code, 422);
}

TEST_F(ServerTest, PathsMethodsAndUsers) {
  struct Case {
    const char* method;
    const char* target;
    int code;
  };
  const Case cases[] = {
      {"GET", "/api/v1/nothing", 404},
      {"GET", "/api/v9", 404},
      {"GET", "/apis/apps/v9", 404},
      {"GET", "/apis/apps/v9/things", 404},
      {"GET", "/version/x", 404},
      {"GET", "/api/v1/configmaps/x", 404},
      {"GET", "/api/v1/namespaces/default/pods/x/log/more", 404},
      {"OPTIONS", "/api/v1/configmaps", 405},
      {"POST", "/api/v1", 405},
      {"GET", "/api/v1/namespaces/default/configmaps/%2e%2e", 400},
      {"GET", "/api/v1/namespaces/default/configmaps/%zz", 400},
      {"GET", "/api/v1/configmaps?limit=x", 400},
      {"GET", "/api/v1/configmaps?labelSelector=a%20b", 400},
      {"GET", "/api/v1/configmaps?continue=garbage", 400},
      {"GET", "/api/v1/configmaps?resourceVersion=x", 400},
      {"GET", "/api/v1/configmaps?resourceVersionMatch=Exact", 422},
      {"GET", "/api/v1/namespaces/default/configmaps/a?resourceVersion=x", 500},
      {"POST", "/api/v1/watch/namespaces/default/configmaps", 405},
      {"POST", "/api/v1/configmaps", 405},
      {"POST", "/api/v1/namespaces/default/configmaps/x", 405},
      {"DELETE", "/api/v1/configmaps", 405},
      {"DELETE", "/version", 405},
      {"PUT", "/api/v1/namespaces/default/configmaps", 405},
      {"GET", "/api/v1/namespaces/default/pods/x/nothing", 404},
      {"GET", "/api/v1/namespaces/default/pods/x/status", 404},
  };
  for (const auto& each : cases) {
    auto answer = send(each.method, each.target);
    EXPECT_EQ(answer.code, each.code) << each.method << " " << each.target << ": " << answer.body;
    EXPECT_EQ(answer.text("/kind"), "Status") << each.target;
  }
  // Nobody's: no Status.
  for (const auto* path : {"/nothing", "//api/v1", "/apis/nothing", "/apis/nothing/v1",
                           "/apis/nothing/v1/x", "/healthz/", "/openapi", "/metrics/x"}) {
    auto answer = send("GET", path);
    EXPECT_EQ(answer.code, 404) << path;
    EXPECT_EQ(answer.body, "404 page not found\n") << path;
  }
  EXPECT_EQ(send("POST", "/healthz").body, "ok");
  EXPECT_EQ(send("GET", "/index.html").body, send("GET", "/").body);
  EXPECT_EQ(send("HEAD", std::string(kMaps)).code, 405);
  EXPECT_EQ(send("HEAD", "/healthz").code, 200);
  EXPECT_EQ(send("GET", "/api", "", {{"Authorization", "Bearer nonsense"}}).code, 401);
  EXPECT_EQ(send("GET", std::string(kMaps), "", {{"Authorization", "Bearer bob-token"}}).code, 403);
}

TEST_F(ServerTest, MediaTypesOfAnswers) {
  ASSERT_EQ(post(configMap("a", R"(,"data":{"k":"v"})")).code, 201);
  const auto one = std::string(kMaps) + "/a";
  auto get = [&](std::string target, std::string accept) {
    return send("GET", std::move(target), "", {{"Accept", std::move(accept)}});
  };
  auto protobuf = get(one, std::string(kProtobuf));
  EXPECT_EQ(protobuf.headers.get("Content-Type"), kProtobuf);
  auto object = api::decodeEnvelope(protobuf.body);
  ASSERT_TRUE(object.ok()) << object.status().toString();
  const auto* map = object->as<api::core::v1::ConfigMap>();
  ASSERT_TRUE(map);
  EXPECT_EQ(*map->data.get("k"), "v");
  EXPECT_EQ(map->metadata.resourceVersion, get(one, "").text("/metadata/resourceVersion"));

  auto list = get(std::string(kMaps), std::string(kProtobuf));
  auto items = api::decodeEnvelope(list.body);
  ASSERT_TRUE(items.ok());
  EXPECT_EQ(items->as<api::core::v1::ConfigMapList>()->items.size(), 1u);

  EXPECT_TRUE(get(one, "application/yaml").body.starts_with("apiVersion: v1"));
  EXPECT_EQ(get(one, "application/json;as=Table;v=v1;g=meta.k8s.io").text("/kind"), "Table");
  auto partial = get(one, "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
  EXPECT_EQ(partial.text("/kind"), "PartialObjectMetadata");
  EXPECT_EQ(partial.text("/data"), "");
  EXPECT_EQ(get(one, "text/html").code, 406);
  EXPECT_EQ(get(one, "application/json;as=Table;v=v9;g=meta.k8s.io").code, 406);
  // Errors too.
  auto missing = get(std::string(kMaps) + "/none", std::string(kProtobuf));
  auto status = api::decodeEnvelope(missing.body);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->as<api::meta::v1::Status>()->reason, "NotFound");
  auto pretty = send("GET", one + "?pretty=true");
  EXPECT_NE(pretty.body.find("{\n  \"kind\": \"ConfigMap\","), std::string::npos) << pretty.body;
}

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(32U << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_F(ServerTest, LargeListsAreTheSameInGzip) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(post(configMap("m" + std::to_string(i),
                             R"(,"data":{"k":")" + std::string(4000, 'a' + i % 26) + "\"}"))
                  .code,
              201);
  }
  auto plain = send("GET", std::string(kMaps));
  EXPECT_FALSE(plain.headers.has("Content-Encoding"));
  for (int round = 0; round < 2; ++round) {
    auto packed = send("GET", std::string(kMaps), "", {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
    EXPECT_LT(packed.body.size(), plain.body.size() / 4);
    EXPECT_EQ(gunzip(packed.body), plain.body);
  }
  auto small = send("GET", std::string(kMaps) + "?limit=1", "", {{"Accept-Encoding", "gzip"}});
  EXPECT_FALSE(small.headers.has("Content-Encoding"));
}

TEST_F(ServerTest, PagesShowOneRevision) {
  for (auto name : {"a", "b", "c", "d", "e"}) ASSERT_EQ(post(configMap(name)).code, 201);
  auto first = send("GET", std::string(kMaps) + "?limit=2");
  EXPECT_EQ(first.text("/metadata/remainingItemCount"), "3");
  ASSERT_EQ(send("DELETE", std::string(kMaps) + "/e").code, 200);
  auto rest = send("GET", std::string(kMaps) + "?continue=" + first.text("/metadata/continue"));
  EXPECT_EQ(rest.json().at("items").as_array().size(), 3u);
  EXPECT_EQ(rest.text("/metadata/resourceVersion"), first.text("/metadata/resourceVersion"));

  // Once the revision is forgotten the client is told how to go on.
  ASSERT_EQ(post(configMap("f")).code, 201);
  std::atomic<bool> compacted = false;
  store_->compact(store_->revision(), [&](const Status&) { compacted = true; });
  ASSERT_TRUE(compacted);
  auto expired = send("GET", std::string(kMaps) + "?continue=" + first.text("/metadata/continue"));
  EXPECT_EQ(expired.code, 410);
  EXPECT_EQ(expired.text("/reason"), "Expired");
  auto on = send("GET", std::string(kMaps) + "?continue=" + expired.text("/metadata/continue"));
  EXPECT_EQ(on.code, 200);
  EXPECT_EQ(on.json().at("items").as_array().size(), 3u);  // c, d, f
}

TEST_F(ServerTest, FutureRevisionsTimeOut) {
  auto answer = send("GET", std::string(kMaps) + "?resourceVersion=1000000");
  EXPECT_EQ(answer.code, 504);
  EXPECT_EQ(answer.text("/details/causes/0/reason"), "ResourceVersionTooLarge");
}

TEST_F(ServerTest, FieldsThatDoNotSelect) {
  struct Case {
    const char* target;
    const char* message;
  };
  const Case cases[] = {
      {"/api/v1/pods?fieldSelector=spec.x=1", "field label not supported: spec.x"},
      {"/api/v1/nodes?fieldSelector=metadata.namespace=a",
       "field label not supported: metadata.namespace"},
      {"/apis/batch/v1/jobs?fieldSelector=a=b", "field label \"a\" not supported for batchv1.Job"},
      {"/apis/apps/v1/statefulsets?fieldSelector=a=b",
       "field label not supported for appsv1.StatefulSet: a"},
      {"/apis/resource.k8s.io/v1/resourceslices?fieldSelector=a=b",
       "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: a"},
      {"/api/v1/configmaps?fieldSelector=a=b",
       "\"a\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""},
      {"/api/v1/watch/namespaces/default/configmaps/x?fieldSelector=metadata.name!=y",
       "fieldSelector metadata.name doesn't match requested name"},
  };
  for (const auto& each : cases) {
    auto answer = send("GET", each.target);
    EXPECT_EQ(answer.code, 400) << each.target;
    EXPECT_EQ(answer.text("/message"), each.message) << each.target;
  }
  EXPECT_EQ(send("GET", "/api/v1/pods?fieldSelector=spec.host=n,status.podIPs=").code, 200);
  auto both =
      send("GET", std::string(kMaps) + "?watch=true&resourceVersion=1&resourceVersionMatch=Exact");
  EXPECT_EQ(both.code, 422);
  EXPECT_NE(both.text("/message").find("supported values: \"NotOlderThan\""), std::string::npos);
}

TEST_F(ServerTest, TheOldWordForCascadesIsAcceptedWhereThingsWait) {
  constexpr std::string_view kWaits =
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"w","finalizers":["a.b/c"]}})";
  ASSERT_EQ(send("POST", std::string(kMaps), std::string(kWaits)).code, 201);
  const auto one = std::string(kMaps) + "/w";
  EXPECT_EQ(send("DELETE", one + "?orphanDependents=false&propagationPolicy=X").code, 422);
  EXPECT_EQ(send("DELETE", one + "?propagationPolicy=Background").code, 200);
  EXPECT_EQ(send("DELETE", one + "?orphanDependents=false").code, 202);
  ASSERT_EQ(patch("w", "merge-patch+json", R"({"metadata":{"finalizers":null}})").code, 200);
  ASSERT_EQ(post(configMap("w")).code, 201);
  EXPECT_EQ(send("DELETE", one + "?orphanDependents=false").code, 200);
}

TEST_F(ServerTest, KeysThatAreInYamlTwice) {
  const std::string yaml =
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yy\nx: 1\ndata:\n"
      "  a: b\n  a: c\n";
  constexpr std::string_view kLine = "line 8: key \"a\" already set in map";
  const auto post = [&](std::string_view mode) {
    return send("POST", std::string(kMaps) + "?fieldValidation=" + std::string(mode), yaml,
                {{"Content-Type", "application/yaml"}});
  };
  EXPECT_EQ(post("Strict").text("/message"),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
            "yaml: unmarshal errors:\n  " +
                std::string(kLine) + ", unknown field \"x\"");
  const auto answered = post("Warn");
  const auto warned = answered.headers.all("Warning");
  ASSERT_EQ(warned.size(), 2u);
  EXPECT_EQ(warned[0], "299 - \"line 8: key \\\"a\\\" already set in map\"");
  const auto apply = [&](std::string_view mode) {
    return send(
        "PATCH",
        std::string(kMaps) + "/yy?fieldManager=m&force=true&fieldValidation=" + std::string(mode),
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n  a: c\n",
        {{"Content-Type", "application/apply-patch+yaml"}});
  };
  EXPECT_EQ(apply("Strict").text("/message"),
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  "
            "line 5: key \"a\" already set in map");
  EXPECT_EQ(apply("Warn").headers.get("Warning"),
            "299 - \"line 5: key \\\"a\\\" already set in map\"");
  EXPECT_FALSE(apply("Ignore").headers.has("Warning"));
}

TEST_F(ServerTest, ANamespaceMeansNothingToTheClustersOwn) {
  const std::string path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  const std::string role = R"({"metadata":{"name":"r","namespace":"x"},"rules":[]})";
  EXPECT_EQ(send("POST", path, role).code, 201);
  auto put = send("PUT", path + "/r", role);
  EXPECT_EQ(put.code, 200) << put.body;
  EXPECT_EQ(put.text("/metadata/namespace"), "");
  const auto own = [&](std::string_view ns) {
    return send("PUT", "/api/v1/namespaces/default",
                R"({"metadata":{"name":"default","namespace":")" + std::string(ns) + "\"}}");
  };
  EXPECT_EQ(own("default").code, 200);
  EXPECT_EQ(
      own("x").text("/message"),
      "the namespace of the object (x) does not match the namespace on the request (default)");
}

TEST_F(ServerTest, VersionsAreComparedAsNumbers) {
  const auto made = post(configMap("v", ""));
  const auto version = made.text("/metadata/resourceVersion");
  const auto put = [&](const std::string& of) {
    return send("PUT", std::string(kMaps) + "/v",
                R"({"metadata":{"name":"v","resourceVersion":")" + of + "\"}}");
  };
  EXPECT_EQ(put("00" + version).text("/metadata/resourceVersion"), version);
  EXPECT_EQ(put("1" + version).code, 409);
  EXPECT_EQ(put("00").code, 200);
  EXPECT_EQ(put("-1").code, 500);
}

TEST_F(ServerTest, OwnersAreKeptOnce) {
  const auto map = [](std::string_view owners) {
    return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"o","ownerReferences":)" +
           std::string(owners) + "}}";
  };
  constexpr std::string_view kOne = R"({"apiVersion":"v1","kind":"K","name":"n","uid":"1"})";
  const auto two = "[" + std::string(kOne) + "," + std::string(kOne) + "]";
  constexpr std::string_view kEnd =
      "; API server dedups owner references in 1.20+, and may reject such requests as early as "
      "1.24; please fix your requests; duplicate UID(s) observed: 1";
  const auto told = [&](const Answer& answer, std::string_view when) {
    EXPECT_EQ(answer.text("/metadata/ownerReferences/1/uid"), "");
    EXPECT_EQ(answer.text("/metadata/ownerReferences/0/uid"), "1");
    EXPECT_EQ(answer.headers.get("Warning"),
              "299 - \".metadata.ownerReferences contains duplicate entries" + std::string(when) +
                  std::string(kEnd) + "\"");
  };
  told(send("POST", std::string(kMaps), map(two)), "");
  told(send("PUT", std::string(kMaps) + "/o", map(two)), "");
  told(patch("o", "merge-patch+json", map(two)), " after mutating admission happens");
  EXPECT_FALSE(send("PUT", std::string(kMaps) + "/o", map("[]")).headers.has("Warning"));
}

TEST_F(ServerTest, BadPatches) {
  ASSERT_EQ(post(configMap("p", R"(,"data":{"k":"v"})")).code, 201);
  struct Case {
    const char* type;
    const char* body;
    int code;
  };
  const Case cases[] = {
      {"json-patch+json", "{}", 400},
      {"json-patch+json", "[", 400},
      {"json-patch+json", R"([{"op":"remove","path":"/nope"}])", 422},
      {"json-patch+json", R"([{"op":"replace","path":"/data/k","value":7}])", 422},
      {"json-patch+json", R"([{"op":"replace","path":"/metadata/name","value":"q"}])", 400},
      {"merge-patch+json", "[]", 400},
      {"merge-patch+json", R"({"metadata":{"uid":"other"}})", 422},
      {"merge-patch+json", R"({"metadata":{"resourceVersion":"1"}})", 409},
      {"strategic-merge-patch+json", "nonsense", 400},
      {"strategic-merge-patch+json", R"({"data":7})", 422},
      {"merge-patch+json", R"({"metadata":{"resourceVersion":"x"}})", 500},
      {"merge-patch+json", R"({"metadata":{"resourceVersion":"0"}})", 200},
      {"apply-patch+yaml", "a: [", 422},  // no manager
      {"json", "{}", 415},
  };
  for (const auto& each : cases) {
    auto answer = patch("p", each.type, each.body);
    EXPECT_EQ(answer.code, each.code) << each.type << " " << each.body << ": " << answer.body;
  }
  EXPECT_EQ(send("GET", std::string(kMaps) + "/p").text("/data/k"), "v");
  const auto strict = [&](std::string body) {
    auto answer = send("PATCH", std::string(kMaps) + "/p?fieldValidation=Strict", std::move(body),
                       {{"Content-Type", "application/json-patch+json"}});
    EXPECT_EQ(answer.code, 422);
    const auto message = answer.text("/message");
    const auto at = message.find("strict decoding error");
    return at == std::string::npos ? message : message.substr(at);
  };
  EXPECT_EQ(strict(R"([{"op":"add","path":"/bogus","value":1,"x":1}])"),
            "strict decoding error: json patch unknown field \"[0].x\", unknown field \"bogus\"");
  EXPECT_EQ(strict(R"([{"op":"add","path":"/data/a","path":"/data/b","value":"1"}])"),
            "strict decoding error: json patch duplicate field \"[0].path\"");
  auto list = send("PATCH", std::string(kMaps) + "/p?fieldManager=m", "[]",
                   {{"Content-Type", "application/apply-patch+yaml"}});
  EXPECT_EQ(list.text("/message"),
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot "
            "unmarshal array into Go value of type map[string]interface {}");
  EXPECT_EQ(patch("none", "merge-patch+json", "{}").code, 404);
}

TEST_F(ServerTest, ApplyOwnsFieldsAndConflicts) {
  auto apply = [&](std::string manager, std::string body, std::string more = "") {
    return send("PATCH", std::string(kMaps) + "/s?fieldManager=" + manager + more,
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata: " + body,
                {{"Content-Type", "application/apply-patch+yaml"}});
  };
  EXPECT_EQ(apply("one", "{a: '1', b: '1'}").code, 201);
  auto conflict = apply("two", "{a: '2'}");
  EXPECT_EQ(conflict.code, 409);
  EXPECT_EQ(conflict.text("/details/causes/0/field"), ".data.a");
  EXPECT_EQ(apply("two", "{a: '2'}", "&force=true").text("/data/a"), "2");
  // What nobody wants any more goes.
  auto last = apply("one", "{}");
  EXPECT_EQ(last.text("/data/b"), "");
  EXPECT_EQ(last.text("/data/a"), "2");
  EXPECT_EQ(apply("one", "{a: 1}").code, 500);
  EXPECT_EQ(send("GET", std::string(kMaps) + "/s").text("/data/a"), "2");
}

TEST_F(ServerTest, WatchTellsEventsAndEndsInTime) {
  ASSERT_EQ(post(configMap("w")).code, 201);
  auto watched = send("GET", std::string(kMaps) +
                                 "?watch=true&timeoutSeconds=1&sendInitialEvents=true&"
                                 "resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  EXPECT_EQ(watched.code, 200);
  EXPECT_TRUE(watched.body.starts_with("{\"type\":\"ADDED\",\"object\":{\"kind\":\"ConfigMap\""))
      << watched.body;
  EXPECT_NE(watched.body.find("\"k8s.io/initial-events-end\":\"true\""), std::string::npos);
  // A revision that is forgotten, as an event.
  store_->compact(store_->revision(), [](const Status&) {});
  EXPECT_EQ(send("GET", std::string(kMaps) + "?watch=true&sendInitialEvents=true").code, 422);
}

TEST_F(ServerTest, HealthVersionMetricsAndDocuments) {
  EXPECT_EQ(send("GET", "/readyz").body, "ok");
  EXPECT_NE(send("GET", "/readyz?verbose").body.find("[+]etcd ok\n"), std::string::npos);
  EXPECT_EQ(send("GET", "/livez/ping").body, "ok");
  EXPECT_EQ(send("GET", "/livez/nope").code, 404);
  EXPECT_EQ(send("GET", "/version").text("/minor"), "36");
  ASSERT_EQ(post(configMap("m")).code, 201);
  auto metrics = send("GET", "/metrics").body;
  EXPECT_NE(metrics.find("apiserver_request_total{"), std::string::npos);
  EXPECT_NE(metrics.find("apiserver_storage_objects{resource=\"configmaps\"} 1"),
            std::string::npos);
  auto discovery = send("GET", "/apis", "",
                        {{"Accept",
                          "application/json;g=apidiscovery.k8s.io;v=v2;as="
                          "APIGroupDiscoveryList"}});
  EXPECT_EQ(discovery.text("/kind"), "APIGroupDiscoveryList");
  const auto etag = std::string(discovery.headers.get("ETag"));
  auto again = send("GET", "/apis", "",
                    {{"Accept",
                      "application/json;g=apidiscovery.k8s.io;v=v2;as="
                      "APIGroupDiscoveryList"},
                     {"If-None-Match", etag}});
  EXPECT_EQ(again.code, 304);
  EXPECT_EQ(send("GET", "/openapi/v3").code, 200);
  EXPECT_EQ(send("GET", "/openapi/v3/apis/apps/v1").text("/openapi"), "3.0.0");
  EXPECT_EQ(send("GET", "/openapi/v3/apis/none/v1").code, 404);
  // The index leads to texts that stay; old hashes lead to the new ones.
  const auto index = send("GET", "/openapi/v3");
  const std::string url = index.text("/paths/apis~1apps~1v1/serverRelativeURL");
  ASSERT_TRUE(url.starts_with("/openapi/v3/apis/apps/v1?hash=")) << url;
  const auto hashed = send("GET", url);
  EXPECT_EQ(hashed.code, 200);
  EXPECT_EQ(hashed.headers.get("Cache-Control"), "public, immutable");
  EXPECT_FALSE(hashed.headers.get("Expires").empty());
  const auto tag = std::string(hashed.headers.get("ETag"));
  EXPECT_EQ("/openapi/v3/apis/apps/v1?hash=" + tag.substr(1, tag.size() - 2), url);
  EXPECT_EQ(send("GET", "/openapi/v3/apis/apps/v1", "", {{"If-None-Match", tag}}).code, 304);
  const auto packed = send("GET", url, "", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size() * 5, hashed.body.size());
  const auto unpacked = apiserver::gunzip(packed.body, hashed.body.size());
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(*unpacked, hashed.body);
  EXPECT_FALSE(apiserver::gunzip(packed.body, hashed.body.size() - 1).ok());
  EXPECT_FALSE(apiserver::gunzip("nonsense", 10).ok());
  const auto moved = send("GET", "/openapi/v3/apis/apps/v1?hash=OLD");
  EXPECT_EQ(moved.code, 301);
  EXPECT_EQ(moved.headers.get("Location"), url);
  EXPECT_EQ(send("GET", "/openapi/v2", "",
                 {{"Accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}})
                .headers.get("Content-Type"),
            "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
}

}  // namespace
}  // namespace coxswain::apiserver
