#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/assembly/assembly.h"
#include "apiserver/kubelet_proxy/handlers.h"
#include "apiserver/kubelet_proxy/log_handler.h"
#include "apiserver/kubelet_proxy/pod_target.h"
#include "apiserver/kubelet_proxy/proxy_handlers.h"
#include "apiserver/kubelet_proxy/stream_handlers.h"
#include "client/resources.h"
#include "net/certs.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/testing/pki.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"
#include "streaming/remote_command.h"
#include "streaming/testing/fake_runtime.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;
using streaming::StreamSet;
using streaming::testing::FakeRuntime;
using streaming::testing::Gathered;

/// A kubelet's port: logs, and sessions of a fake runtime, whose script is the container's name.
class FakeKubelet final : public net::Handler {
 public:
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    caller = request.tls && request.tls->peerVerified ? "verified" : "unknown";
    authorization = request.headers.get("Authorization");
    target = request.path + (request.query.empty() ? "" : "?" + request.query);
    if (request.path.starts_with("/containerLogs/default/p/gone")) {
      Status sent =
          co_await response.respond(400, {}, "container \"gone\" in pod \"p\" is waiting\n");
    } else if (request.path.starts_with("/containerLogs/")) {
      Status started = co_await response.start(200, {{"Content-Type", "text/plain"}});
      Status one = co_await response.write("first\n");
      Status two = co_await response.write("second\n");
      Status ended = co_await response.end();
    } else if (request.path.starts_with("/exec/") || request.path.starts_with("/attach/")) {
      request.path = "/exec" + request.path.substr(request.path.rfind('/'));
      co_await runtime.serve(request, response);
    } else {
      Status sent = co_await response.respond(200, {{"X-From", "kubelet"}}, "node says hello");
    }
  }
  FakeRuntime runtime;
  std::string caller;
  std::string authorization;
  std::string target;
};

class Proxy : public testing::Test {
 protected:
  Proxy() : pki_(net::testing::makePki()) {
    net::HttpServerOptions kubelet;
    net::TlsServerOptions tls;
    tls.certificatePem = pki_.server.certificatePem;
    tls.keyPem = pki_.server.keyPem;
    tls.clientCaPem = pki_.ca.certificatePem;
    tls.alpn = {"http/1.1"};
    kubelet.tls = *net::TlsContext::server(tls);
    kubelet_ = *net::HttpServer::start(reactor_, kubelet, fake_);

    AssemblyOptions options;
    options.tokens.issuer = "https://kubernetes.default.svc";
    options.tokens.signingKeyPem = *net::createKeyPem();
    options.staticTokens = *StaticTokens::parse("admin,admin,1,system:masters\nbob,bob,2\n");
    assembly_ = *Assembly::create(reactor_, *store_, random_, std::move(options));
    KubeletOptions wanted;
    wanted.clientCertificatePem = pki_.client.certificatePem;
    wanted.clientKeyPem = pki_.client.keyPem;
    wanted.caPem = pki_.ca.certificatePem;
    connections_ = *KubeletConnections::create(reactor_, std::move(wanted));
    auto& api = assembly_->server();
    KubeletHandlerSources sources{*connections_, *api.registry("", "v1", "nodes"),
                                  *api.registry("", "v1", "endpoints")};
    addKubeletHandlers(api.subresources(), sources);
    server_ = *net::HttpServer::start(reactor_, {}, api);
    net::HttpClientOptions client;
    client.server = "http://" + server_->address();
    client_ = std::make_unique<net::HttpClient>(reactor_, client);
  }

  /// A node whose kubelet is ours, and pods on it and on none.
  Task<Status> prepare() {
    CO_TRY_STATUS(co_await assembly_->start());
    admin_ = assembly_->client("admin", {"system:masters"});
    Node node;
    node.metadata.name = "n1";
    node.status.daemonEndpoints.kubeletEndpoint.Port = kubelet_->port();
    auto& address = node.status.addresses.emplace_back();
    address.type = "InternalIP";
    address.address = "127.0.0.1";
    CO_TRY(auto made, co_await client::create(*admin_, node));
    node.metadata.resourceVersion = made->metadata.resourceVersion;
    CO_TRY(made, co_await client::update(*admin_, node, "status"));
    api::core::v1::ServiceAccount account;
    account.metadata.name = "default";
    account.metadata.namespace_ = "default";
    CO_TRY(auto accountMade, co_await client::create(*admin_, account));
    for (const char* name : {"p", "idle"}) {
      Pod pod;
      pod.metadata.name = name;
      pod.metadata.namespace_ = "default";
      if (pod.metadata.name == "p") pod.spec.nodeName = "n1";
      for (const char* container : {"cat", "fail", "gone"}) {
        auto& one = pod.spec.containers.emplace_back();
        one.name = container;
        one.image = "x";
      }
      CO_TRY(auto podMade, co_await client::create(*admin_, pod));
    }
    if (bobMay_.empty()) co_return Status();
    api::rbac::v1::Role role;
    role.metadata.name = "sessions";
    role.metadata.namespace_ = "default";
    auto& rule = role.rules.emplace_back();
    rule.apiGroups = {""};
    rule.resources = {"pods/exec", "pods/attach", "pods/portforward"};
    rule.verbs = bobMay_;
    CO_TRY(auto roleMade, co_await client::create(*admin_, role));
    api::rbac::v1::RoleBinding binding;
    binding.metadata = role.metadata;
    binding.roleRef.apiGroup = "rbac.authorization.k8s.io";
    binding.roleRef.kind = "Role";
    binding.roleRef.name = "sessions";
    auto& subject = binding.subjects.emplace_back();
    subject.kind = "User";
    subject.apiGroup = "rbac.authorization.k8s.io";
    subject.name = "bob";
    CO_TRY(auto bindingMade, co_await client::create(*admin_, binding));
    co_return Status();
  }

  struct Answer {
    int code = 0;
    std::string type;
    std::string body;
  };
  Task<Result<Answer>> get(std::string target, std::string token) {
    net::ClientRequest request;
    request.target = std::move(target);
    request.headers.add("Authorization", "Bearer " + token);
    CO_TRY(auto response, co_await client_->send(std::move(request), {}));
    Answer answer;
    answer.code = response->status;
    answer.type = response->headers.get("Content-Type");
    CO_TRY(answer.body, co_await response->body().readAll(1 << 20, {}));
    co_return answer;
  }

  Task<Result<Gathered>> exec(streaming::Transport transport, std::string container,
                              std::string input) {
    Deadline deadline(240s, {});
    net::ClientRequest request;
    request.target = "/api/v1/namespaces/default/pods/p/exec?container=" + container +
                     "&command=x&stdin=true&stdout=true&stderr=true";
    request.headers.add("Authorization", "Bearer admin");
    StreamSet all{true, true, true, false};
    streaming::HttpUpgrader upgrader(*client_);
    CO_TRY(auto session, co_await streaming::dialRemoteCommand(
                             transport, upgrader, std::move(request), all, deadline.token()));
    co_return co_await streaming::testing::gather(*session, std::move(input), false,
                                                  deadline.token());
  }

  Task<void> tearDown() {
    co_await client_->close();
    co_await server_->stop(1s);
    co_await connections_->close();
    co_await kubelet_->stop(1s);
    co_await assembly_->stop();
  }

  struct Outcome {
    Status prepared;
    std::vector<Result<Answer>> answers;
    std::vector<Result<Gathered>> sessions;
  };
  Task<Outcome> ask(std::vector<std::string> targets, std::string token) {
    Outcome out;
    out.prepared = co_await prepare();
    for (auto& target : targets) {
      auto answer = co_await get(std::move(target), token);
      out.answers.push_back(std::move(answer));
    }
    co_await tearDown();
    co_return std::move(out);
  }
  Task<Outcome> session(streaming::Transport transport, std::string container, std::string input) {
    Outcome out;
    out.prepared = co_await prepare();
    auto gathered = co_await exec(transport, std::move(container), std::move(input));
    out.sessions.push_back(std::move(gathered));
    co_await tearDown();
    co_return std::move(out);
  }

  Reactor reactor_;
  net::testing::Pki pki_;
  SystemRandom random_;
  FakeKubelet fake_;
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::unique_ptr<net::HttpServer> kubelet_;
  std::unique_ptr<KubeletConnections> connections_;
  std::unique_ptr<Assembly> assembly_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<client::Client> admin_;
  std::vector<std::string> bobMay_;  ///< verbs on sessions
};

constexpr const char* kPods = "/api/v1/namespaces/default/pods/";

TEST_F(Proxy, LogsComeFromTheKubelet) {
  const std::string pods = kPods;
  auto out = blockOn(
      reactor_, ask({pods + "p/log?container=gone", pods + "p/log", pods + "idle/log?container=cat",
                     pods + "p/log?container=cat&tailLines=5&timestamps=true"},
                    "admin"));
  ASSERT_TRUE(out.prepared.ok()) << out.prepared.toString();
  for (const auto& answer : out.answers) ASSERT_TRUE(answer.ok()) << answer.status().toString();
  EXPECT_EQ(out.answers[0]->code, 400);
  EXPECT_NE(out.answers[0]->body.find("is waiting"), std::string::npos) << out.answers[0]->body;
  EXPECT_NE(out.answers[1]->body.find("a container name must be specified for pod p, choose one "
                                      "of: [cat fail gone]"),
            std::string::npos)
      << out.answers[1]->body;
  EXPECT_EQ(out.answers[2]->code, 204);
  EXPECT_EQ(out.answers[3]->code, 200);
  EXPECT_EQ(out.answers[3]->type, "text/plain");
  EXPECT_EQ(out.answers[3]->body, "first\nsecond\n");
  EXPECT_EQ(fake_.target, "/containerLogs/default/p/cat?timestamps=true&tailLines=5");
  EXPECT_EQ(fake_.caller, "verified");
  EXPECT_EQ(fake_.authorization, "");
}

TEST_F(Proxy, StrangersGetNothing) {
  const std::string pods = kPods;
  auto out = blockOn(reactor_, ask({pods + "p/log?container=cat", pods + "p/exec?command=x",
                                    "/api/v1/nodes/n1/proxy/pods"},
                                   "bob"));
  ASSERT_TRUE(out.prepared.ok());
  for (const auto& answer : out.answers) EXPECT_EQ(answer->code, 403);
  EXPECT_EQ(fake_.target, "");
}

TEST_F(Proxy, WhoReadsRunsNothing) {
  bobMay_ = {"get"};
  const std::string pod = std::string(kPods) + "p/";
  auto out = blockOn(reactor_, ask({pod + "exec?command=x&container=cat",
                                    pod + "attach?container=cat", pod + "portforward"},
                                   "bob"));
  ASSERT_TRUE(out.prepared.ok()) << out.prepared.toString();
  for (const auto& answer : out.answers) EXPECT_EQ(answer->code, 403) << answer->body;
  EXPECT_NE(out.answers[0]->body.find("cannot create resource \\\"pods/exec\\\""),
            std::string::npos)
      << out.answers[0]->body;
}

TEST_F(Proxy, WhoReadsAndCreatesMay) {
  bobMay_ = {"get", "create"};
  auto out = blockOn(reactor_, ask({std::string(kPods) + "p/exec?command=x&container=cat"}, "bob"));
  ASSERT_TRUE(out.prepared.ok()) << out.prepared.toString();
  EXPECT_EQ(out.answers[0]->code, 400) << "it asks for no upgrade";
}

TEST_F(Proxy, NodesAnswerThroughTheirProxy) {
  auto out = blockOn(reactor_, ask({"/api/v1/nodes/n1/proxy/healthz?x=1",
                                    "/api/v1/nodes/none/proxy/healthz", "/api/v1/nodes/n1/proxy"},
                                   "admin"));
  ASSERT_TRUE(out.prepared.ok());
  EXPECT_EQ(out.answers[0]->body, "node says hello");
  EXPECT_EQ(fake_.target, "/healthz?x=1");
  EXPECT_EQ(fake_.authorization, "");
  EXPECT_EQ(out.answers[1]->code, 404);
  EXPECT_EQ(out.answers[2]->code, 301);
}

TEST_F(Proxy, ExecOverSpdyIsPassedThrough) {
  auto out = blockOn(reactor_, session(streaming::Transport::Spdy, "cat", "hello"));
  ASSERT_TRUE(out.prepared.ok());
  ASSERT_TRUE(out.sessions[0].ok()) << out.sessions[0].status().toString();
  EXPECT_EQ(out.sessions[0]->out, "hello");
  EXPECT_EQ(out.sessions[0]->failure, "");
  EXPECT_EQ(fake_.target, "/exec/default/p/cat?command=x&input=1&output=1&error=1");
}

TEST_F(Proxy, ExecOverWebSocketIsTranslated) {
  auto out = blockOn(reactor_, session(streaming::Transport::WebSocket, "cat", "hello"));
  ASSERT_TRUE(out.sessions[0].ok()) << out.sessions[0].status().toString();
  EXPECT_EQ(out.sessions[0]->out, "hello");
  EXPECT_EQ(fake_.runtime.lastUpgrade, "SPDY/3.1");
}

TEST_F(Proxy, ExitCodesArrive) {
  auto out = blockOn(reactor_, session(streaming::Transport::WebSocket, "fail", ""));
  ASSERT_TRUE(out.sessions[0].ok()) << out.sessions[0].status().toString();
  EXPECT_EQ(out.sessions[0]->out, "out");
  EXPECT_EQ(out.sessions[0]->err, "err");
  EXPECT_EQ(out.sessions[0]->outcome.exitCode, 3);
}

TEST(LogOptions, Checks) {
  auto refused = [](const char* query) {
    return parseLogOptions(*Query::parse(query), "p").status().message();
  };
  EXPECT_EQ(refused("tailLines=-1"),
            "PodLogOptions \"p\" is invalid: tailLines: Invalid value: -1: must be greater than or "
            "equal to 0");
  EXPECT_EQ(refused("limitBytes=0"),
            "PodLogOptions \"p\" is invalid: limitBytes: Invalid value: 0: must be greater than 0");
  EXPECT_NE(refused("sinceSeconds=5&sinceTime=2024-01-01T00:00:00Z"), "");
  EXPECT_NE(refused("tailLines=x"), "");
  auto options = parseLogOptions(
      *Query::parse("follow=true&previous=1&sinceTime=2024-01-01T00:00:00Z&limitBytes=9"), "p");
  ASSERT_TRUE(options.ok()) << options.status().toString();
  EXPECT_EQ(logQuery(*options),
            "?follow=true&previous=true&sinceTime=2024-01-01T00%3A00%3A00Z&limitBytes=9");
}

TEST(ProxyNames, Forms) {
  EXPECT_EQ(parseProxyName("a")->name, "a");
  EXPECT_EQ(parseProxyName("a:80")->port, "80");
  EXPECT_EQ(parseProxyName("https:a:web")->scheme, "https");
  EXPECT_FALSE(parseProxyName("ftp:a:80"));
  EXPECT_FALSE(parseProxyName(""));
  EXPECT_FALSE(parseProxyName("a:b:c:d"));
}

TEST(KubeletAddresses, TheFirstKindThatIsThere) {
  Node node;
  node.metadata.name = "n";
  EXPECT_EQ(kubeletAddress(node, {"InternalIP"}).status().code(), 503);
  for (const char* type : {"Hostname", "InternalIP"}) {
    auto& address = node.status.addresses.emplace_back();
    address.type = type;
    address.address = std::string(type) == "Hostname" ? "name" : "fd00::1";
  }
  EXPECT_EQ(kubeletAddress(node, {"Hostname", "InternalIP"})->endpoint(), "name:10250");
  EXPECT_EQ(kubeletAddress(node, {"ExternalIP", "InternalIP"})->endpoint(), "[fd00::1]:10250");
}

}  // namespace
}  // namespace coxswain::apiserver
