#include "client/http/http_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/http/testing/fake_api.h"
#include "client/informer.h"
#include "client/resources.h"
#include "net/http_server.h"
#include "net/testing/pki.h"
#include "runtime/spawn.h"

namespace coxswain::client {
namespace {

using api::core::v1::ConfigMap;
using testing::Answer;
using testing::FakeApi;

ConfigMap configMap(std::string name, std::string version = "1") {
  ConfigMap map;
  map.metadata.name = std::move(name);
  map.metadata.namespace_ = "default";
  map.metadata.resourceVersion = std::move(version);
  map.data["key"] = "value";
  return map;
}

Answer protobufAnswer(std::string body) {
  Answer answer(std::move(body));
  answer.contentType = "application/vnd.kubernetes.protobuf";
  return answer;
}

/// A server over TLS and a client of it on one reactor.
class OverHttp : public ::testing::Test {
 protected:
  void start(bool protobuf = true) {
    auto pki = net::testing::makePki();
    net::TlsServerOptions tls;
    tls.certificatePem = pki.server.certificatePem;
    tls.keyPem = pki.server.keyPem;
    tls.clientCaPem = pki.ca.certificatePem;
    net::HttpServerOptions options;
    options.tls = *net::TlsContext::server(tls);
    auto server = net::HttpServer::start(reactor_, options, api_);
    ASSERT_TRUE(server.ok()) << server.status().toString();
    server_ = std::move(*server);
    ClientConfig config;
    config.server = "https://" + server_->address() + "/prefix/";
    config.caPem = pki.ca.certificatePem;
    config.certificatePem = pki.client.certificatePem;
    config.keyPem = pki.client.keyPem;
    config.token = "t0ken";
    config.userAgent = "tester/1 (linux)";
    config.protobuf = protobuf;
    config.onWarning = [this](std::string_view text) { warnings_.emplace_back(text); };
    auto rest = RestClient::create(reactor_, config);
    ASSERT_TRUE(rest.ok()) << rest.status().toString();
    rest_ = std::move(*rest);
    client_ = std::make_unique<HttpClient>(*rest_);
  }

  Task<void> finish() {
    co_await rest_->close();
    co_await server_->stop(5s);
  }

  Task<bool> finished() {
    co_await finish();
    co_return true;
  }

  template <typename T>
  Task<T> thenFinish(Task<T> task) {
    auto result = co_await std::move(task);
    co_await finish();
    co_return std::move(result);
  }
  template <typename T>
  T run(Task<T> task) {
    return blockOn(reactor_, thenFinish(std::move(task)));
  }

  Reactor reactor_;
  FakeApi api_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<RestClient> rest_;
  std::unique_ptr<HttpClient> client_;
  std::vector<std::string> warnings_;
};

constexpr const char* kPath = "/prefix/api/v1/namespaces/default/configmaps";

TEST_F(OverHttp, GetSpeaksProtobufAndSaysWhoWeAre) {
  start();
  api_.answers["GET " + std::string(kPath) + "/a"] = {
      protobufAnswer(api::encodeEnvelope(configMap("a")))};
  auto got = run(get<ConfigMap>(*client_, "default", "a"));
  ASSERT_TRUE(got.ok()) << got.status().toString();
  EXPECT_EQ((*got)->data.begin()->second, "value");
  const auto& headers = api_.seen.at(0).headers;
  EXPECT_EQ(headers.get("authorization"), "Bearer t0ken");
  EXPECT_EQ(headers.get("user-agent"), "tester/1 (linux)");
  EXPECT_EQ(headers.get("accept"), "application/vnd.kubernetes.protobuf,application/json");
}

TEST_F(OverHttp, FailuresCarryTheServersStatus) {
  start();
  Answer refused(
      403,
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"configmaps \"a\" is forbidden: no","reason":"Forbidden","details":{"name":"a","kind":"configmaps"},"code":403})");
  refused.headers.add("Warning", "299 - \"old \\\"thing\\\"\"");
  api_.answers["GET " + std::string(kPath) + "/a"] = {refused};
  auto got = run(get<ConfigMap>(*client_, "default", "a"));
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.status().message(), "configmaps \"a\" is forbidden: no");
  EXPECT_TRUE(isForbidden(got.status()));
  ASSERT_NE(got.status().details(), nullptr);
  EXPECT_EQ(got.status().details()->kind, "configmaps");
  EXPECT_EQ(warnings_, std::vector<std::string>{"old \"thing\""});
}

TEST_F(OverHttp, AnswersWithoutStatusGetOne) {
  start();
  Answer gateway(502, "<html>");
  gateway.contentType = "text/html";
  api_.answers["GET " + std::string(kPath) + "/a"] = {gateway};
  auto got = run(get<ConfigMap>(*client_, "default", "a"));
  EXPECT_EQ(got.status().code(), 502);
  EXPECT_EQ(got.status().message(),
            "an error on the server (\"<html>\") has prevented the request from succeeding");
}

TEST_F(OverHttp, TooManyRequestsAreAskedAgain) {
  start();
  Answer busy(429, "");
  busy.headers.add("Retry-After", "0");
  api_.answers["POST " + std::string(kPath)] = {
      busy, busy, protobufAnswer(api::encodeEnvelope(configMap("a", "7")))};
  auto made = run(create(*client_, configMap("a", "")));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  EXPECT_EQ((*made)->metadata.resourceVersion, "7");
  ASSERT_EQ(api_.seen.size(), 3U);
  auto sent = api::decodeEnvelope(api_.seen[2].body);
  ASSERT_TRUE(sent.ok());
  EXPECT_EQ(sent->as<ConfigMap>()->metadata.name, "a");
}

TEST_F(OverHttp, JsonBodiesWhereAsked) {
  start(false);
  api_.answers["PUT " + std::string(kPath) + "/a"] = {Answer(api::encodeJson(configMap("a", "8")))};
  auto made = run(update(*client_, configMap("a")));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  EXPECT_EQ(api_.seen.at(0).headers.get("content-type"), "application/json");
  EXPECT_TRUE(api_.seen.at(0).body.starts_with(R"({"kind":"ConfigMap","apiVersion":"v1",)"));
}

std::string page(std::string name, std::string next) {
  return R"({"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":")" +
         next + R"("},"items":[{"metadata":{"name":")" + name + R"("}}]})";
}

TEST_F(OverHttp, ListsJoinTheirPages) {
  start();
  api_.answers["GET " + std::string(kPath)] = {page("a", "tok/en"), page("b", "")};
  auto got = run(client_->list(resourceOf<ConfigMap>(), "default", {}, {}));
  ASSERT_TRUE(got.ok()) << got.status().toString();
  ASSERT_EQ(got->items.size(), 2U);
  EXPECT_EQ(api::objectMeta(got->items[1])->name, "b");
  EXPECT_EQ(got->resourceVersion, "9");
  EXPECT_EQ(api_.seen[0].query, "limit=500");
  EXPECT_EQ(api_.seen[1].query, "limit=500&continue=tok%2Fen");
}

TEST_F(OverHttp, AnExpiredPageStartsAgain) {
  start();
  Answer gone(
      410,
      R"({"kind":"Status","status":"Failure","reason":"Expired","message":"too old","code":410})");
  api_.answers["GET " + std::string(kPath)] = {page("a", "x"), gone, page("c", "")};
  auto got = run(client_->list(resourceOf<ConfigMap>(), "default", {}, {}));
  ASSERT_TRUE(got.ok()) << got.status().toString();
  ASSERT_EQ(got->items.size(), 1U);
  EXPECT_EQ(api_.seen[2].query, "");
}

std::string jsonEvent(std::string type, const ConfigMap& map) {
  return R"({"type":")" + type + R"(","object":)" + api::encodeJson(map) + "}\n";
}

/// What comes until the watch ends, or `stopAfter` events have come and it is stopped.
Task<std::vector<std::string>> drain(Client& client, size_t stopAfter) {
  std::vector<std::string> out;
  std::stop_source source;
  auto stop = source.get_token();
  WatchOptions options;
  options.resourceVersion = "5";
  auto watch = co_await client.watch(resourceOf<ConfigMap>(), "default", options, stop);
  if (!watch.ok()) {
    out.push_back(watch.status().toString());
    co_return out;
  }
  while (true) {
    auto event = co_await (*watch)->next(stop);
    if (!event.ok()) {
      out.push_back(event.status().toString());
      co_return out;
    }
    out.push_back(std::to_string(static_cast<int>(event->type)) + " " +
                  api::objectMeta(event->object)->name);
    if (out.size() == stopAfter) source.request_stop();
  }
}

TEST_F(OverHttp, WatchGivesEventsUntilTheEnd) {
  start();
  api_.answers["GET " + std::string(kPath)] = {
      Answer(jsonEvent("ADDED", configMap("a")) + jsonEvent("MODIFIED", configMap("a{\"")) +
             jsonEvent("BOOKMARK", ConfigMap()) + jsonEvent("DELETED", configMap("b")))};
  auto got = run(drain(*client_, 0));
  EXPECT_EQ(got,
            (std::vector<std::string>{"0 a", "1 a{\"", "3 ", "2 b", endOfStream().toString()}));
  EXPECT_TRUE(api_.seen[0].query.starts_with(
      "watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds="));
}

TEST_F(OverHttp, WatchErrorsBecomeTheirStatus) {
  start();
  api_.answers["GET " + std::string(kPath)] = {Answer(
      jsonEvent("ADDED", configMap("a")) +
      R"x({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version: 5 (9)","reason":"Expired","code":410}})x")};
  auto got = run(drain(*client_, 0));
  EXPECT_EQ(got, (std::vector<std::string>{"0 a",
                                           expired("too old resource version: 5 (9)").toString()}));
}

TEST_F(OverHttp, WatchStopsWithItsToken) {
  start();
  Answer open(jsonEvent("ADDED", configMap("a")));
  open.hang = true;
  api_.answers["GET " + std::string(kPath)] = {open};
  auto got = run(drain(*client_, 1));
  EXPECT_EQ(got, (std::vector<std::string>{"0 a", canceled().toString()}));
}

Task<std::vector<std::string>> informed(Client& client) {
  Informer::Options options;
  options.ns = "default";
  Informer informer(client, resourceOf<ConfigMap>(), options);
  std::vector<std::string> out;
  std::stop_source stop;
  informer.addHandler([&](const Change& change) {
    const auto& map = *change.after.as<ConfigMap>();
    out.push_back(map.metadata.name + " " + map.data.at("key") + " " +
                  std::to_string(map.metadata.managedFields.size()));
    if (out.size() == 2) stop.request_stop();
  });
  co_await informer.run(stop.get_token());
  co_return out;
}

TEST_F(OverHttp, InformersKeepNoManagers) {
  start();
  auto listed = configMap("a", "5");
  listed.metadata.managedFields.emplace_back().manager = "kubectl";
  auto added = configMap("b", "6");
  added.metadata.managedFields = listed.metadata.managedFields;
  Answer events(jsonEvent("ADDED", added));
  events.hang = true;
  api_.answers["GET " + std::string(kPath)] = {
      Answer(R"({"metadata":{"resourceVersion":"5"},"items":[)" + api::encodeJson(listed) + "]}"),
      events};
  auto got = run(informed(*client_));
  EXPECT_EQ(got, (std::vector<std::string>{"a value 0", "b value 0"}));
}

TEST_F(OverHttp, DeletesWithPreconditions) {
  start();
  api_.answers["DELETE " + std::string(kPath) + "/a"] = {
      Answer(R"({"kind":"Status","apiVersion":"v1","status":"Success"})")};
  DeleteOptions options;
  options.gracePeriodSeconds = 3;
  options.uid = "u";
  options.propagationPolicy = "Orphan";
  auto gone = run(client_->remove(resourceOf<ConfigMap>(), "default", "a", options, {}));
  EXPECT_TRUE(gone.ok()) << gone.toString();
  auto sent = api::decodeEnvelope(api_.seen.at(0).body);
  ASSERT_TRUE(sent.ok()) << sent.status().toString();
  EXPECT_EQ(api::encodeJson(*sent),
            R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":3,)"
            R"("preconditions":{"uid":"u"},"propagationPolicy":"Orphan"})");
}

const ResourceType kMetadataOfMaps{"", "v1", "configmaps", true,
                                   &api::meta::v1::PartialObjectMetadata::kInfo};

/// Uids of what a get and a list give; then it is deleted.
Task<std::string> readAndRemove(Client& client) {
  auto got = co_await client.get(kMetadataOfMaps, "default", "a", {});
  if (!got.ok()) co_return got.status().toString();
  auto list = co_await client.list(kMetadataOfMaps, "default", {}, {});
  if (!list.ok()) co_return list.status().toString();
  std::string uids = api::objectMeta(*got)->uid;
  for (const auto& item : list->items) uids += " " + api::objectMeta(item)->uid;
  DeleteOptions options;
  options.uid = "u";
  Status removed = co_await client.remove(kMetadataOfMaps, "default", "a", options, {});
  co_return uids + " " + removed.toString();
}

/// Names of what a cache has after its first list.
Task<std::string> trimmedOnce(Client& client) {
  Informer::Options options;
  options.ns = "default";
  options.trim = [](void* map) { static_cast<ConfigMap*>(map)->data.clear(); };
  Informer informer(client, resourceOf<ConfigMap>(), options);
  std::string out;
  std::stop_source stop;
  informer.addHandler([&](const Change& change) {
    const auto& map = *change.after.as<ConfigMap>();
    out += map.metadata.name + std::to_string(map.data.size()) + " ";
    if (map.metadata.name == "d") stop.request_stop();
  });
  co_await informer.run(stop.get_token());
  co_return out;
}

/// So that they never have all objects whole at the same time.
TEST_F(OverHttp, InformersThatTrimReadPages) {
  start();
  Answer gone(
      410,
      R"({"kind":"Status","status":"Failure","reason":"Expired","message":"too old","code":410})");
  Answer events(jsonEvent("ADDED", configMap("d", "10")));
  events.hang = true;
  // A page comes too late: from the beginning.
  api_.answers["GET " + std::string(kPath)] = {page("a", "x"), gone, page("b", "y"), page("c", ""),
                                               events};
  EXPECT_EQ(run(trimmedOnce(*client_)), "b0 c0 d0 ");
  EXPECT_EQ(api_.seen[0].query, "limit=500");
  EXPECT_EQ(api_.seen[1].query, "limit=500&continue=x");
  EXPECT_EQ(api_.seen[2].query, "limit=500");
}

/// Of kinds that have no schema here: servers answer with the metadata, or with all there is.
TEST_F(OverHttp, MetadataOnly) {
  start();
  api_.answers["GET " + std::string(kPath) + "/a"] = {
      Answer(R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",)"
             R"("metadata":{"name":"a","uid":"1"}})")};
  api_.answers["GET " + std::string(kPath)] = {
      Answer(R"({"kind":"WidgetList","apiVersion":"example.com/v1","metadata":{},)"
             R"("items":[{"metadata":{"name":"b","uid":"2"},"spec":{"size":3}}]})")};
  api_.answers["DELETE " + std::string(kPath) + "/a"] = {
      Answer(R"({"kind":"Status","apiVersion":"v1","status":"Success"})")};
  EXPECT_EQ(run(readAndRemove(*client_)), "1 2 " + Status().toString());
  const std::string form = ";g=meta.k8s.io;v=v1,application/json";
  EXPECT_EQ(api_.seen.at(0).headers.get("accept"),
            "application/json;as=PartialObjectMetadata" + form);
  EXPECT_EQ(api_.seen.at(1).headers.get("accept"),
            "application/json;as=PartialObjectMetadataList" + form);
  EXPECT_EQ(api_.seen.at(2).headers.get("content-type"), "application/json");
  EXPECT_EQ(api_.seen.at(2).body,
            R"({"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u"}})");
}

TEST_F(OverHttp, PatchNamesTypeAndManager) {
  start();
  api_.answers["PATCH " + std::string(kPath) + "/a/status"] = {
      protobufAnswer(api::encodeEnvelope(configMap("a")))};
  auto got = run(client_->patch(resourceOf<ConfigMap>(), "default", "a", "status", PatchType::Apply,
                                "{}", {}));
  ASSERT_TRUE(got.ok()) << got.status().toString();
  EXPECT_EQ(api_.seen[0].query, "force=true&fieldManager=tester");
  EXPECT_EQ(api_.seen[0].headers.get("content-type"), "application/apply-patch+yaml");
}

TEST_F(OverHttp, WorksFromAnotherExecutor) {
  start();
  Answer open(jsonEvent("ADDED", configMap("a")));
  open.hang = true;
  api_.answers["GET " + std::string(kPath)] = {open};
  std::thread server([this] { reactor_.run(); });
  {
    Reactor other;
    auto got = blockOn(other, drain(*client_, 1));
    EXPECT_EQ(got, (std::vector<std::string>{"0 a", canceled().toString()}));
    EXPECT_TRUE(blockOn(*std::make_unique<Reactor>(), runOn(reactor_, finished())));
  }
  reactor_.stop();
  server.join();
}

TEST(RestClient, RefusesServersThatAreNone) {
  Reactor reactor;
  for (const char* server : {"", "host:1", "ftp://x", "https://", "https:///x", "https://a/?b"}) {
    ClientConfig config;
    config.server = server;
    EXPECT_FALSE(RestClient::create(reactor, config).ok()) << server;
  }
}

TEST(RestClient, NobodyThereIsUnreachable) {
  Reactor reactor;
  ClientConfig config;
  config.server = "http://127.0.0.1:1";
  auto rest = RestClient::create(reactor, config);
  ASSERT_TRUE(rest.ok());
  auto got = blockOn(reactor, (*rest)->call(RestRequest(), {}));
  EXPECT_TRUE(isUnreachable(got.status())) << got.status().toString();
}

}  // namespace
}  // namespace coxswain::client
