// An aggregated API server of ours on loopback, behind the API server: by TLS, with headers.

#include "apiserver/aggregator/aggregator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/aggregator/forwarding.h"
#include "apiserver/aggregator/local_services.h"
#include "apiserver/aggregator/remote_documents.h"
#include "apiserver/aggregator/service_endpoints.h"
#include "apiserver/assembly/assembly.h"
#include "apiserver/kubelet_proxy/reverse_proxy.h"
#include "client/resources.h"
#include "net/certs.h"
#include "net/http_server.h"
#include "net/testing/pki.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::APIService;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

constexpr const char* kThings = "/apis/g.example/v1/namespaces/default/things";
constexpr const char* kAdded = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n";
constexpr const char* kDeleted =
    "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n";

/// Serves g.example/v1: things, which anybody may list and watch who came through the proxy.
class Remote final : public net::Handler {
 public:
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    caller = request.tls && request.tls->peerVerified ? "verified" : "unknown";
    if (down) {
      Status sent = co_await response.respond(500, {}, "no");
      co_return;
    }
    if (asksForUpgrade(request)) {
      headers = request.headers;
      net::Headers accepted{{"Connection", "Upgrade"}, {"Upgrade", "echo"}};
      auto stream = co_await response.upgrade(std::move(accepted));
      if (stream.ok()) co_await echo(**stream, request.stop);
    } else if (request.path == "/apis/g.example/v1") {
      Status sent = co_await response.respond(
          200, {{"Content-Type", "application/json"}},
          R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"g.example/v1",)"
          R"("resources":[{"name":"things","singularName":"thing","namespaced":true,)"
          R"("kind":"Thing","verbs":["get","list","watch"],"shortNames":["th"]},)"
          R"({"name":"things/status","singularName":"","namespaced":true,"kind":"Thing",)"
          R"("verbs":["get"]}]})");
    } else if (request.path == "/openapi/v3") {
      Status sent =
          co_await response.respond(200, {},
                                    R"({"paths":{"apis/g.example/v1":{"serverRelativeURL":)"
                                    R"("/openapi/v3/apis/g.example/v1?hash=AB12"}}})");
    } else if (request.query.find("watch=") != std::string::npos) {
      headers = request.headers;
      Status started = co_await response.start(200, {{"Content-Type", "application/json"}});
      Status one = co_await response.write(kAdded);
      // Until the client has seen the first.
      Status waited = co_await seen.wait(request.stop);
      Status two = co_await response.write(kDeleted);
      Status ended = co_await response.end();
    } else {
      headers = request.headers;
      target = request.path + (request.query.empty() ? "" : "?" + request.query);
      Status sent = co_await response.respond(200, {{"Content-Type", "application/json"}},
                                              R"({"kind":"ThingList","items":[]})");
    }
  }
  /// One piece.
  Task<void> echo(net::Stream& stream, std::stop_token stop) {
    char buffer[64];
    auto count = co_await stream.read(buffer, stop);
    if (!count.ok()) co_return;
    const std::string text = "echo of " + std::string(buffer, *count);
    Status sent = co_await stream.write(text, stop);
    Status ended = co_await stream.shutdownWrite(stop);
  }
  bool down = false;
  Event seen;
  std::string caller;
  std::string target;
  net::Headers headers;
};

struct Answer {
  int code = 0;
  std::string type;
  std::string body;
};

class Aggregation : public testing::Test {
 protected:
  Aggregation() : pki_(net::testing::makePki()) {
    net::HttpServerOptions remote;
    net::TlsServerOptions tls;
    net::CertificateRequest serving;
    serving.commonName = "things";
    serving.dnsNames = {"things.default.svc"};
    serving.server = true;
    serving.notBefore = reactor_.wallNow() - 1h;
    serving.notAfter = reactor_.wallNow() + 24h;
    auto pair = net::testing::must(net::issueCertificate(pki_.ca, serving));
    tls.certificatePem = pair.certificatePem;
    tls.keyPem = pair.keyPem;
    tls.clientCaPem = pki_.ca.certificatePem;
    remote.tls = *net::TlsContext::server(tls);
    remoteServer_ = *net::HttpServer::start(reactor_, remote, remote_);
    remotes_ = *RemoteServers::create(reactor_, pki_.client.certificatePem, pki_.client.keyPem);

    AssemblyOptions options;
    options.tokens.issuer = "https://kubernetes.default.svc";
    options.tokens.signingKeyPem = *net::createKeyPem();
    options.staticTokens = *StaticTokens::parse("admin,admin,1,system:masters\nbob,bob,2\n");
    options.remoteServers = remotes_.get();
    assembly_ = *Assembly::create(reactor_, *store_, random_, std::move(options));
    server_ = *net::HttpServer::start(reactor_, {}, assembly_->server());
    net::HttpClientOptions client;
    client.server = "http://" + server_->address();
    client_ = std::make_unique<net::HttpClient>(reactor_, client);
  }

  /// The service leads out of the cluster by name: to this machine.
  Task<Status> prepare() {
    CO_TRY_STATUS(co_await assembly_->start());
    admin_ = assembly_->client("admin", {"system:masters"});
    Service service;
    service.metadata.name = "things";
    service.metadata.namespace_ = "default";
    service.spec.type = "ExternalName";
    service.spec.externalName = "localhost";
    CO_TRY(auto made, co_await client::create(*admin_, service));
    co_return Status();
  }
  APIService wanted() {
    APIService object;
    object.metadata.name = "v1.g.example";
    object.spec.group = "g.example";
    object.spec.version = "v1";
    object.spec.groupPriorityMinimum = 17850;  // before apps
    object.spec.versionPriority = 10;
    object.spec.caBundle = pki_.ca.certificatePem;
    object.spec.service.emplace();
    object.spec.service->namespace_ = "default";
    object.spec.service->name = "things";
    object.spec.service->port = remoteServer_->port();
    return object;
  }
  Task<Status> addRemote() {
    CO_TRY(auto made, co_await client::create(*admin_, wanted()));
    co_return Status();
  }

  /// The reason of condition Available, once it is another one than `unlike`.
  Task<std::string> awaitReason(std::string name, std::string unlike) {
    client::WatchOptions one;
    one.fieldSelector = "metadata.name=" + name;
    Deadline deadline(240s, {});
    auto watch = co_await admin_->watch(client::resourceOf<APIService>(), "", std::move(one),
                                        deadline.token());
    if (!watch.ok()) co_return watch.status().toString();
    while (true) {
      auto event = co_await (*watch)->next(deadline.token());
      if (!event.ok()) co_return event.status().toString();
      if (event->type == client::WatchEventType::Bookmark) continue;
      const auto object = event->object.sharedAs<APIService>();
      for (const auto& each : object->status.conditions) {
        if (each.reason != unlike) {
          message_ = each.message;
          co_return each.reason;
        }
      }
    }
  }
  Task<Result<Answer>> get(std::string target, std::string token, net::Headers more) {
    net::ClientRequest request;
    request.target = std::move(target);
    request.headers = std::move(more);
    request.headers.add("Authorization", "Bearer " + token);
    CO_TRY(auto response, co_await client_->send(std::move(request), {}));
    Answer answer;
    answer.code = response->status;
    answer.type = response->headers.get("Content-Type");
    CO_TRY(answer.body, co_await response->body().readAll(1 << 20, {}));
    co_return answer;
  }
  Task<void> tearDown() {
    co_await client_->close();
    co_await server_->stop(1s);
    co_await assembly_->stop();
    co_await remotes_->close();
    co_await remoteServer_->stop(1s);
  }

  struct Outcome {
    Status prepared;
    std::string reason;
    std::vector<Result<Answer>> answers;
  };
  Task<Outcome> ask(std::vector<std::string> targets, std::string token, net::Headers more) {
    Outcome out;
    out.prepared = co_await prepare();
    if (out.prepared.ok()) out.prepared = co_await addRemote();
    out.reason = co_await awaitReason("v1.g.example", "");
    for (auto& target : targets) {
      auto answer = co_await get(std::move(target), token, more);
      out.answers.push_back(std::move(answer));
    }
    co_await tearDown();
    co_return std::move(out);
  }
  Task<Outcome> ask(std::vector<std::string> targets) {
    return ask(std::move(targets), "admin", {});
  }

  Reactor reactor_;
  net::testing::Pki pki_;
  SystemRandom random_;
  Remote remote_;
  std::string message_;
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::unique_ptr<net::HttpServer> remoteServer_;
  std::unique_ptr<RemoteServers> remotes_;
  std::unique_ptr<Assembly> assembly_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<client::Client> admin_;
};

TEST_F(Aggregation, RequestsGoOnWithTheirUser) {
  net::Headers forged{{"X-Remote-User", "root"},
                      {"X-Remote-Group", "system:everything"},
                      {"X-Remote-Extra-Scopes", "all"},
                      {"X-Other", "kept"}};
  auto out = blockOn(reactor_, ask({std::string(kThings) + "?limit=5&labelSelector=a%3Db"}, "admin",
                                   std::move(forged)));
  ASSERT_TRUE(out.prepared.ok()) << out.prepared.toString();
  ASSERT_EQ(out.reason, "Passed") << message_;
  ASSERT_TRUE(out.answers[0].ok()) << out.answers[0].status().toString();
  EXPECT_EQ(out.answers[0]->code, 200);
  EXPECT_EQ(out.answers[0]->body, R"({"kind":"ThingList","items":[]})");
  EXPECT_EQ(remote_.target, std::string(kThings) + "?limit=5&labelSelector=a%3Db");
  EXPECT_EQ(remote_.caller, "verified");
  const auto& headers = remote_.headers;
  EXPECT_EQ(headers.all("X-Remote-User"), std::vector<std::string_view>{"admin"});
  EXPECT_EQ(headers.get("X-Remote-Uid"), "1");
  const std::vector<std::string_view> groups = {"system:masters", "system:authenticated"};
  EXPECT_EQ(headers.all("X-Remote-Group"), groups);
  EXPECT_FALSE(headers.has("X-Remote-Extra-Scopes"));
  EXPECT_FALSE(headers.has("Authorization"));
  EXPECT_EQ(headers.get("X-Other"), "kept");
}

TEST_F(Aggregation, StrangersDoNotGetThere) {
  auto out = blockOn(reactor_, ask({kThings}, "bob", {}));
  ASSERT_EQ(out.reason, "Passed") << message_;
  EXPECT_EQ(out.answers[0]->code, 403);
  EXPECT_NE(out.answers[0]->body.find("things.g.example is forbidden"), std::string::npos);
  EXPECT_EQ(remote_.target, "");
}

TEST_F(Aggregation, PathsOfTwoMeaningsAreRefused) {
  auto out = blockOn(reactor_, ask({std::string(kThings) + "%2Fa", std::string(kThings) + "/..",
                                    "/apis/g.example/v1/%2e%2E/things"}));
  ASSERT_EQ(out.reason, "Passed") << message_;
  for (const auto& answer : out.answers) EXPECT_EQ(answer->code, 400);
  EXPECT_EQ(remote_.target, "");
}

TEST_F(Aggregation, DiscoveryTellsOfThem) {
  auto out = blockOn(reactor_, ask({"/apis", "/apis/g.example", "/apis/g.example/v1", "/openapi/v3",
                                    "/openapi/v3/apis/g.example/v1?hash=AB12"}));
  ASSERT_EQ(out.reason, "Passed") << message_;
  const auto& groups = out.answers[0]->body;
  EXPECT_LT(groups.find("\"apiregistration.k8s.io\""), groups.find("\"g.example\""));
  EXPECT_LT(groups.find("\"g.example\""), groups.find("\"apps\""));
  EXPECT_NE(out.answers[1]->body.find(R"("preferredVersion":{"groupVersion":"g.example/v1")"),
            std::string::npos)
      << out.answers[1]->body;
  EXPECT_NE(out.answers[2]->body.find("\"things/status\""), std::string::npos);
  EXPECT_NE(out.answers[3]->body.find("/openapi/v3/apis/g.example/v1?hash=AB12"),
            std::string::npos);
  EXPECT_EQ(out.answers[4]->code, 200);
  EXPECT_EQ(remote_.target, "/openapi/v3/apis/g.example/v1?hash=AB12");
}

TEST_F(Aggregation, AggregatedDiscoveryTellsOfThem) {
  net::Headers accept{
      {"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}};
  auto out = blockOn(reactor_, ask({"/apis"}, "admin", std::move(accept)));
  ASSERT_EQ(out.reason, "Passed") << message_;
  const auto& body = out.answers[0]->body;
  const auto at = body.find(R"("name":"g.example")");
  ASSERT_NE(at, std::string::npos);
  const auto item = body.substr(at, body.find("\"metadata\"", at) - at);
  EXPECT_NE(item.find(R"("resource":"things")"), std::string::npos) << item;
  EXPECT_NE(item.find(R"("shortNames":["th"])"), std::string::npos) << item;
  EXPECT_NE(item.find(R"("subresource":"status")"), std::string::npos) << item;
  EXPECT_NE(item.find(R"("freshness":"Current")"), std::string::npos) << item;
}

class Watching : public Aggregation {
 protected:
  /// What came before the remote server went on, and after.
  Task<std::string> watch() {
    Status prepared = co_await prepare();
    if (prepared.ok()) prepared = co_await addRemote();
    auto reason = co_await awaitReason("v1.g.example", "");
    std::string text = reason + ":";
    net::ClientRequest request;
    request.target = std::string(kThings) + "?watch=true";
    request.headers.add("Authorization", "Bearer admin");
    auto response = co_await client_->send(std::move(request), {});
    while (response.ok()) {
      auto piece = co_await (*response)->body().read({});
      if (!piece.ok() || piece->empty()) break;
      text += *piece;
      remote_.seen.set();
    }
    if (response.ok()) response->reset();
    co_await tearDown();
    co_return text;
  }
};

TEST_F(Watching, EventsPassAsTheyCome) {
  EXPECT_EQ(blockOn(reactor_, watch()), std::string("Passed:") + kAdded + kDeleted);
}

/// The garbage collector and its like, in the server's process: they have no schema of things.
class InProcess : public Aggregation {
 protected:
  Task<std::string> use() {
    const client::ResourceType things{"g.example", "v1", "things", true,
                                      &api::meta::v1::PartialObjectMetadata::kInfo};
    Status prepared = co_await prepare();
    if (prepared.ok()) prepared = co_await addRemote();
    std::string text = co_await awaitReason("v1.g.example", "");
    auto list = co_await admin_->list(things, "default", {}, {});
    text += list.ok() ? fmt::format(", {} listed", list->items.size()) : list.status().toString();
    accept_ = remote_.headers.get("Accept");
    auto watch = co_await admin_->watch(things, "default", {}, {});
    while (watch.ok()) {
      auto event = co_await (*watch)->next({});
      if (!event.ok()) {
        text += ", " + event.status().toString();
        break;
      }
      const bool added = event->type == client::WatchEventType::Added;
      text += (added ? ", added " : ", deleted ") + api::objectMeta(event->object)->name;
      remote_.seen.set();
    }
    Status removed = co_await admin_->remove(things, "default", "a", {}, {});
    text += removed.ok() ? ", removed " + remote_.target : removed.toString();
    // Its server goes: that says nothing of what it has.
    remote_.down = true;
    auto gone = co_await admin_->get(things, "default", "a", {});
    text += gone.ok() || isNotFound(gone.status()) ? ", not told" : ", failed";
    watch = badRequest("done");
    co_await tearDown();
    co_return text;
  }
  std::string accept_;
};

TEST_F(InProcess, ClientsReadThemByTheirMetadata) {
  EXPECT_EQ(blockOn(reactor_, use()), "Passed, 0 listed, added a, deleted a, " +
                                          endOfStream().toString() + ", removed " + kThings +
                                          "/a, failed");
  EXPECT_EQ(accept_,
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json");
}

class Upgrading : public Aggregation {
 protected:
  Task<std::string> talk() {
    Status prepared = co_await prepare();
    if (prepared.ok()) prepared = co_await addRemote();
    auto text = co_await awaitReason("v1.g.example", "") + ":";
    net::ClientRequest request;
    request.target = std::string(kThings) + "/a/shell";
    request.headers = {{"Authorization", "Bearer admin"},
                       {"X-Remote-Group", "forged"},
                       {"Connection", "Upgrade"},
                       {"Upgrade", "echo"}};
    auto answer = co_await client_->sendForUpgrade(std::move(request), {});
    if (answer.ok()) text += std::to_string((*answer)->status) + ":";
    if (answer.ok() && (*answer)->status == 101) text += co_await say(**answer);
    if (answer.ok()) answer->reset();
    co_await tearDown();
    co_return text;
  }
  Task<std::string> say(net::ClientResponse& answer) {
    auto stream = answer.takeStream();
    Status sent = co_await stream->write("hello", {});
    std::string text;
    char buffer[64];
    while (sent.ok()) {
      auto count = co_await stream->read(buffer, {});
      if (!count.ok() || *count == 0) break;
      text.append(buffer, *count);
    }
    stream->close();
    co_return text;
  }
};

TEST_F(Upgrading, ConnectionsPass) {
  EXPECT_EQ(blockOn(reactor_, talk()), "Passed:101:echo of hello");
  EXPECT_EQ(remote_.headers.get("X-Remote-User"), "admin");
  EXPECT_FALSE(remote_.headers.hasToken("X-Remote-Group", "forged"));
  EXPECT_FALSE(remote_.headers.has("Authorization"));
}

class Failing : public Aggregation {
 protected:
  Task<std::vector<std::string>> reasons() {
    std::vector<std::string> out;
    Status prepared = co_await prepare();
    remote_.down = true;
    if (prepared.ok()) prepared = co_await addRemote();
    auto reason = co_await awaitReason("v1.g.example", "");
    out.push_back(reason);
    out.push_back(message_);
    auto answer = co_await get(kThings, "admin", {});
    if (answer.ok()) out.push_back(std::to_string(answer->code) + " " + answer->body);
    net::Headers accept{
        {"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}};
    answer = co_await get("/apis", "admin", std::move(accept));
    const bool stale =
        answer.ok() &&
        answer->body.find(R"({"version":"v1","freshness":"Stale"})") != std::string::npos;
    out.emplace_back(stale ? "stale" : "not stale");
    remote_.down = false;
    reason = co_await awaitReason("v1.g.example", reason);
    out.push_back(reason);
    // Another port of nothing.
    auto present = co_await client::get<APIService>(*admin_, "", "v1.g.example");
    if (present.ok()) {
      APIService next = **present;
      next.spec.service->name = "none";
      auto updated = co_await client::update(*admin_, std::move(next));
    }
    reason = co_await awaitReason("v1.g.example", reason);
    out.push_back(reason);
    out.push_back(message_);
    co_await tearDown();
    co_return out;
  }
};

TEST_F(Failing, ConditionsSayWhy) {
  auto out = blockOn(reactor_, reasons());
  ASSERT_EQ(out.size(), 7U);
  const auto url = "https://localhost:" + std::to_string(wanted().spec.service->port.value()) +
                   "/apis/g.example/v1";
  EXPECT_EQ(out[0], "FailedDiscoveryCheck");
  EXPECT_EQ(out[1],
            "failing or missing response from " + url + ": bad status from " + url + ": 500");
  EXPECT_EQ(out[2], "503 service unavailable\n");
  EXPECT_EQ(out[3], "stale");
  EXPECT_EQ(out[4], "Passed");
  EXPECT_EQ(out[5], "ServiceNotFound");
  EXPECT_EQ(out[6], "service/none in \"default\" is not present");
}

class Endpoints : public Aggregation {
 protected:
  /// Reasons as service and slices appear; then the object made local, and one over a local group.
  Task<std::vector<std::string>> steps() {
    std::vector<std::string> out;
    Status prepared = co_await prepare();
    auto object = wanted();
    object.spec.service->name = "real";
    auto made = co_await client::create(*admin_, object);
    out.push_back(co_await awaitReason("v1.g.example", ""));
    Service service;
    service.metadata.name = "real";
    service.metadata.namespace_ = "default";
    auto& port = service.spec.ports.emplace_back();
    port.name = "https";
    port.port = 1;
    auto service1 = co_await client::create(*admin_, service);
    out.push_back(co_await awaitReason("v1.g.example", out.back()));
    if (service1.ok()) {
      Service next = **service1;
      next.spec.ports[0].port = *object.spec.service->port;
      auto service2 = co_await client::update(*admin_, std::move(next));
    }
    out.push_back(co_await awaitReason("v1.g.example", out.back()));
    EndpointSlice slice;
    slice.metadata.name = "real-1";
    slice.metadata.namespace_ = "default";
    slice.metadata.labels["kubernetes.io/service-name"] = "real";
    slice.addressType = "IPv4";
    auto sliceMade = co_await client::create(*admin_, std::move(slice));
    out.push_back(co_await awaitReason("v1.g.example", out.back()));
    out.push_back(message_);
    auto present = co_await client::get<APIService>(*admin_, "", "v1.g.example");
    if (present.ok()) {
      APIService next = **present;
      next.spec.service.reset();
      next.spec.caBundle = {};
      auto updated = co_await client::update(*admin_, std::move(next));
    }
    out.push_back(co_await awaitReason("v1.g.example", "MissingEndpoints"));
    present = co_await client::get<APIService>(*admin_, "", "v1.apps");
    if (present.ok()) {
      APIService next = **present;
      next.spec.service = wanted().spec.service;
      next.spec.caBundle = pki_.ca.certificatePem;
      auto updated = co_await client::update(*admin_, std::move(next));
      out.push_back(co_await awaitReason("v1.apps", "Local"));
      auto answer = co_await get("/apis/apps/v1/deployments", "admin", {});
      if (answer.ok()) out.push_back(std::to_string(answer->code));
    }
    co_await tearDown();
    co_return out;
  }
};

TEST_F(Endpoints, AreFollowed) {
  auto out = blockOn(reactor_, steps());
  const std::vector<std::string> wantedReasons = {
      "ServiceNotFound",
      "ServicePortError",
      "EndpointsNotFound",
      "MissingEndpoints",
      "endpointslices for service/real in \"default\" have no addresses with port name \"https\"",
      "Local",
      "Passed",
      "200"};
  EXPECT_EQ(out, wantedReasons);
  // It was asked whether it is there, no more.
  EXPECT_EQ(remote_.target, "/apis/apps/v1");
}

class Starting : public Aggregation {
 protected:
  struct Found {
    std::shared_ptr<const APIService> apps;
    std::shared_ptr<const APIService> core;
    bool own = false;
    std::string before;
    std::string after;
    Status again;
  };
  Task<Found> look() {
    Found out;
    Status prepared = co_await prepare();
    auto apps = co_await client::get<APIService>(*admin_, "", "v1.apps");
    if (apps.ok()) out.apps = *apps;
    auto core = co_await client::get<APIService>(*admin_, "", "v1.");
    if (core.ok()) out.core = *core;
    auto own = co_await client::get<APIService>(*admin_, "", "v1.apiregistration.k8s.io");
    out.own = own.ok();
    auto listed = co_await admin_->list(client::resourceOf<APIService>(), "", {}, {});
    out.before = listed.ok() ? listed->resourceVersion : "";
    const auto served = assembly_->server().served();
    out.again = co_await ensureLocalApiServices(*admin_, localApiServices(served), {});
    listed = co_await admin_->list(client::resourceOf<APIService>(), "", {}, {});
    out.after = listed.ok() ? listed->resourceVersion : "";
    co_await tearDown();
    co_return out;
  }
};

TEST_F(Starting, LocalApiServicesAreThereOnce) {
  auto out = blockOn(reactor_, look());
  ASSERT_TRUE(out.apps && out.core);
  EXPECT_EQ(out.apps->metadata.labels.find(kAutoManagedLabel)->second, "onstart");
  EXPECT_EQ(out.apps->spec.groupPriorityMinimum, 17800);
  EXPECT_EQ(out.apps->spec.versionPriority, 15);
  ASSERT_EQ(out.apps->status.conditions.size(), 1U);
  EXPECT_EQ(out.apps->status.conditions[0].reason, "Local");
  EXPECT_EQ(out.core->spec.groupPriorityMinimum, 18000);
  EXPECT_EQ(out.core->spec.versionPriority, 1);
  EXPECT_FALSE(out.own);
  EXPECT_TRUE(out.again.ok()) << out.again.toString();
  EXPECT_EQ(out.before, out.after);
  EXPECT_NE(out.before, "");
}

TEST(Forwarding, NamesTheUser) {
  net::Headers headers{{"authorization", "Bearer x"},
                       {"x-remote-user", "forged"},
                       {"Impersonate-User", "bob"},
                       {"Accept", "a/b"}};
  UserInfo user{"ann", "", {"g1", "g2"}, {{"example.com/Scope", {"a", "b"}}}};
  ASSERT_TRUE(setIdentity(headers, user).ok());
  EXPECT_EQ(headers.size(), 6U);
  EXPECT_EQ(headers.get("X-Remote-User"), "ann");
  EXPECT_EQ(headers.all("X-Remote-Extra-example.com%2FScope").size(), 2U);
  EXPECT_EQ(headers.get("Accept"), "a/b");
  user.name = "ann\r\nX-Remote-Group: system:masters";
  EXPECT_FALSE(setIdentity(headers, user).ok());
}

TEST(Forwarding, PlainPaths) {
  EXPECT_TRUE(isPlainPath("/apis/g/v1/things/a%20b"));
  EXPECT_TRUE(isPlainPath("/apis/g/v1/"));
  for (const char* odd : {"/apis/g/v1/a%2Fb", "/apis/g/v1/../x", "/apis/g/v1/%2e", "/apis/g/v1//x",
                          "/apis/g/v1/%zz", "apis"}) {
    EXPECT_FALSE(isPlainPath(odd)) << odd;
  }
}

TEST(ServiceEndpointsOf, ReadyOnesWithThatPort) {
  EndpointSlice slice;
  auto& port = slice.ports.emplace_back();
  port.name = "https";
  port.port = 8443;
  slice.endpoints.emplace_back().addresses = {"10.0.0.1"};
  auto& unready = slice.endpoints.emplace_back();
  unready.addresses = {"10.0.0.2"};
  unready.conditions.ready = false;
  auto& ready = slice.endpoints.emplace_back();
  ready.addresses = {"fd00::1"};
  ready.conditions.ready = true;
  const std::vector<std::string> expected = {"10.0.0.1:8443", "[fd00::1]:8443"};
  EXPECT_EQ(readyEndpoints(slice, "https"), expected);
  EXPECT_TRUE(readyEndpoints(slice, "").empty());
}

TEST(RemoteDocuments, OtherGroupsAreNot) {
  EXPECT_FALSE(resourcesOf(R"({"groupVersion":"other/v1","resources":[]})", "g", "v1").ok());
  EXPECT_FALSE(resourcesOf("<html>", "g", "v1").ok());
  EXPECT_EQ(openApiUrlOf(R"({"paths":{"apis/g/v1":{"serverRelativeURL":"https://e.vil/"}}})",
                         "apis/g/v1"),
            "");
}

}  // namespace
}  // namespace coxswain::apiserver
