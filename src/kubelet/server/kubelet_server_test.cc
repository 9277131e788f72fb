#include "kubelet/server/kubelet_server.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "kubelet/server/container_route.h"
#include "kubelet/server/testing/fake_backend.h"
#include "net/http_client.h"
#include "net/testing/pki.h"
#include "runtime/spawn.h"
#include "streaming/remote_command.h"
#include "streaming/testing/fake_runtime.h"

namespace coxswain::kubelet::server {
namespace {

namespace core = api::core::v1;
using net::testing::Pki;
using streaming::StreamSet;
using streaming::Transport;
using streaming::testing::FakeRuntime;
using streaming::testing::Gathered;

class OneToken final : public TokenAuthenticator {
 public:
  Task<Result<Caller>> authenticate(std::string token, std::stop_token) override {
    if (token != "secret") co_return unauthorized();
    Caller caller;
    caller.name = "prometheus";
    caller.groups = {"monitoring"};
    co_return std::move(caller);
  }
};

/// TCP echo behind every port.
class EchoPorts final : public streaming::PortConnector {
 public:
  explicit EchoPorts(Reactor& reactor) : reactor_(reactor) {
    listener_ = std::move(*net::Listener::listen(reactor, "127.0.0.1:0"));
    spawn(reactor, echo());
  }
  Task<Result<std::unique_ptr<net::Stream>>> connect(uint16_t, std::stop_token stop) override {
    co_return co_await net::dial(reactor_, listener_->address(), stop);
  }
  Task<void> stop() {
    stop_.request_stop();
    co_await gate_.close();
  }

 private:
  Task<void> echo() {
    auto pass = gate_.enter();
    while (true) {
      auto stream = co_await listener_->accept(stop_.get_token());
      if (!stream.ok()) co_return;
      char buffer[1000];
      while (true) {
        auto n = co_await (*stream)->read(buffer, stop_.get_token());
        if (!n.ok() || *n == 0) break;
        Status sent = co_await (*stream)->write(std::string_view(buffer, *n), stop_.get_token());
      }
    }
  }
  Reactor& reactor_;
  std::unique_ptr<net::Listener> listener_;
  std::stop_source stop_;
  Gate gate_;
};

std::shared_ptr<const net::TlsContext> clientTls(const Pki& pki, const net::KeyPair* identity) {
  net::TlsClientOptions options;
  options.caPem = pki.ca.certificatePem;
  if (identity) {
    options.certificatePem = identity->certificatePem;
    options.keyPem = identity->keyPem;
  }
  return *net::TlsContext::client(options);
}

core::ContainerStatus status(std::string name) {
  core::ContainerStatus out;
  out.name = std::move(name);
  return out;
}

struct Answer {
  int code = 0;
  std::string body;
  std::string type;
};

class KubeletPort : public ::testing::Test {
 public:
  KubeletPort() : pki(net::testing::makePki()), ports(reactor), runtime(&ports) {
    char pattern[] = "/tmp/coxswain-port-XXXXXX";
    folder = ::mkdtemp(pattern);
    runtimeServer = std::move(*net::HttpServer::start(reactor, {}, runtime));
    backend.streamUrl = "http://" + runtimeServer->address();
    core::Pod pod;
    pod.metadata.name = "web-1";
    pod.metadata.namespace_ = "default";
    pod.metadata.uid = "uid-1";
    core::Container container;
    container.name = "web";
    pod.spec.containers.push_back(container);
    container.name = "waiting";
    pod.spec.containers.push_back(container);
    auto running = status("web");
    running.state.running = core::ContainerStateRunning();
    running.containerID = "containerd://web-id";
    pod.status.containerStatuses.push_back(running);
    auto waiting = status("waiting");
    core::ContainerStateWaiting why;
    why.reason = "ContainerCreating";
    waiting.state.waiting = why;
    pod.status.containerStatuses.push_back(waiting);
    backend.known.push_back(std::make_shared<const core::Pod>(std::move(pod)));
    RuntimeContainer web;
    web.id = "web-id";
    web.logPath = folder + "/0.log";
    web.running = true;
    backend.containers["web-id"] = web;
    std::ofstream(web.logPath) << "2024-05-06T07:08:09.5Z stdout F one\n"
                               << "2024-05-06T07:08:10.5Z stderr F two\n";
    net::TlsServerOptions tls;
    tls.certificatePem = pki.server.certificatePem;
    tls.keyPem = pki.server.keyPem;
    tls.clientCaPem = pki.ca.certificatePem;
    KubeletServerOptions options;
    options.endpoint = "127.0.0.1:0";
    options.tls = *net::TlsContext::server(tls);
    options.tokens = &token;
    server = std::move(*KubeletServer::start(reactor, std::move(options), backend));
    client = makeClient(&pki.client);
  }
  ~KubeletPort() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<net::HttpClient> makeClient(const net::KeyPair* identity) {
    net::HttpClientOptions options;
    options.server = "https://" + server->address();
    options.tls = clientTls(pki, identity);
    return std::make_unique<net::HttpClient>(reactor, options);
  }
  Task<void> tearDown() {
    co_await client->close();
    co_await server->stop(5s);
    co_await runtimeServer->stop(5s);
    co_await ports.stop();
  }
  Task<Answer> ask(net::ClientRequest request) {
    Deadline deadline(240s, {});
    Answer out;
    auto response = co_await client->send(std::move(request), deadline.token());
    if (response.ok()) {
      out.code = (*response)->status;
      out.type = std::string((*response)->headers.get("content-type"));
      auto body = co_await (*response)->body().readAll(1 << 20, deadline.token());
      out.body = body.ok() ? *body : body.status().toString();
    } else {
      out.body = response.status().toString();
    }
    response = unreachable("done");
    co_await tearDown();
    co_return std::move(out);
  }
  Answer get(std::string target, std::string method = "GET", std::string bearer = "") {
    net::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    if (!bearer.empty()) request.headers.add("Authorization", "Bearer " + bearer);
    return blockOn(reactor, ask(std::move(request)));
  }

  Reactor reactor;
  Pki pki;
  EchoPorts ports;
  FakeRuntime runtime;
  testing::FakeBackend backend;
  OneToken token;
  std::string folder;
  std::unique_ptr<net::HttpServer> runtimeServer;
  std::unique_ptr<KubeletServer> server;
  std::unique_ptr<net::HttpClient> client;
};

TEST_F(KubeletPort, NobodyIsRefused) {
  client = makeClient(nullptr);
  auto answer = get("/healthz");
  EXPECT_EQ(answer.code, 401);
  EXPECT_EQ(answer.body, "Unauthorized");
}

TEST_F(KubeletPort, StrangersAreRefused) {
  client = makeClient(&pki.stranger);
  EXPECT_EQ(get("/pods").code, 401);
}

TEST_F(KubeletPort, WrongTokensAreRefused) {
  client = makeClient(nullptr);
  EXPECT_EQ(get("/pods", "GET", "guess").code, 401);
}

TEST_F(KubeletPort, KnownCallersNeedARight) {
  client = makeClient(nullptr);
  auto answer = get("/pods", "GET", "secret");
  EXPECT_EQ(answer.code, 403);
  EXPECT_EQ(answer.body,
            "Forbidden (user=prometheus, verb=get, resource=nodes, subresource(s)=[pods proxy])\n");
}

TEST_F(KubeletPort, Healthz) {
  auto answer = get("/healthz");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.body, "ok");
}

TEST_F(KubeletPort, HealthzOfASickLoop) {
  backend.loop = internalError("sync loop has not gone round for 3m");
  auto answer = get("/healthz");
  EXPECT_EQ(answer.code, 500);
  EXPECT_NE(answer.body.find("[-]syncloop failed"), std::string::npos);
}

TEST_F(KubeletPort, Pods) {
  auto answer = get("/pods");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.type, "application/json");
  EXPECT_TRUE(answer.body.starts_with(R"({"kind":"PodList","apiVersion":"v1")")) << answer.body;
  EXPECT_NE(answer.body.find(R"("uid":"uid-1")"), std::string::npos);
}

TEST_F(KubeletPort, RunningPodsWithTheirSlash) {
  EXPECT_EQ(get("/runningpods/").code, 200);
}
TEST_F(KubeletPort, Configz) {
  EXPECT_EQ(get("/configz").body, "{\"kubeletconfig\":{\"maxPods\":110}}");
}
TEST_F(KubeletPort, Metrics) {
  EXPECT_EQ(get("/metrics").body, "up 1\n");
}
TEST_F(KubeletPort, ResourceMetrics) {
  EXPECT_EQ(get("/metrics/resource").body, "node_cpu_usage_seconds_total 1\n");
}
TEST_F(KubeletPort, NodeLogsAreAbsent) {
  EXPECT_EQ(get("/logs/messages").code, 404);
}
TEST_F(KubeletPort, BrokenPath) {
  EXPECT_EQ(get("/pods/%zz").code, 400);
}
TEST_F(KubeletPort, WrongMethod) {
  EXPECT_EQ(get("/pods", "DELETE").code, 405);
}

TEST_F(KubeletPort, Logs) {
  auto answer = get("/containerLogs/default/web-1/web");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.body, "one\ntwo\n");
}

TEST_F(KubeletPort, LogsWithOptions) {
  auto answer = get("/containerLogs/default/web-1/web?tailLines=1&timestamps=true");
  EXPECT_EQ(answer.body, "2024-05-06T07:08:10.500000000Z two\n");
}

struct LogFailure {
  const char* target;
  int code;
  const char* body;
};

class KubeletPortLogs : public KubeletPort, public ::testing::WithParamInterface<LogFailure> {};
TEST_P(KubeletPortLogs, Fails) {
  auto answer = get(std::string("/containerLogs/") + GetParam().target);
  EXPECT_EQ(answer.code, GetParam().code);
  EXPECT_EQ(answer.body, GetParam().body);
}
INSTANTIATE_TEST_SUITE_P(
    Cases, KubeletPortLogs,
    ::testing::Values(
        LogFailure{"default/none/web", 404, "pod \"none\" does not exist\n"},
        LogFailure{"default/web-1/none", 404, "container \"none\" not found in pod \"web-1\"\n"},
        LogFailure{"default/web-1/waiting", 400,
                   "container \"waiting\" in pod \"web-1\" is waiting to start: "
                   "ContainerCreating"},
        LogFailure{"default/web-1/web?previous=true", 400,
                   "previous terminated container \"web\" in pod \"web-1\" not found"},
        LogFailure{"default/web-1", 404, "404: Page Not Found"}));

Task<std::string> follow(KubeletPort& t) {
  Deadline deadline(240s, {});
  std::string out;
  net::ClientRequest request;
  request.target = "/containerLogs/default/web-1/web?follow=true&tailLines=1";
  {
    auto response = co_await t.client->send(std::move(request), deadline.token());
    auto path = t.backend.containers["web-id"].logPath;
    for (int i = 0; response.ok() && i < 3; ++i) {
      auto piece = co_await (*response)->body().read(deadline.token());
      out += piece.ok() ? *piece : piece.status().toString();
      if (i == 0) std::ofstream(path, std::ios::app) << "2024-05-06T07:08:11Z stdout F three\n";
      if (i == 1) {
        t.backend.containers["web-id"].running = false;
        std::ofstream(path, std::ios::app) << "2024-05-06T07:08:12Z stdout F four\n";
      }
    }
    if (response.ok()) {
      auto end = co_await (*response)->body().read(deadline.token());
      out += end.ok() && end->empty() ? "end" : "?";
    }
  }
  co_await t.tearDown();
  co_return out;
}

TEST_F(KubeletPort, LogsFollowUntilTheContainerEnds) {
  EXPECT_EQ(blockOn(reactor, follow(*this)), "two\nthree\nfour\nend");
}

Task<Gathered> session(KubeletPort& t, Transport transport, std::string target, StreamSet streams,
                       std::string input) {
  Deadline deadline(240s, {});
  Gathered out;
  net::ClientRequest request;
  request.target = std::move(target);
  streaming::HttpUpgrader upgrader(*t.client);
  auto dialled = co_await streaming::dialRemoteCommand(transport, upgrader, std::move(request),
                                                       streams, deadline.token());
  if (dialled.ok()) {
    out = co_await streaming::testing::gather(**dialled, std::move(input), false, deadline.token());
  } else {
    out.failure = dialled.status().toString();
  }
  co_await t.tearDown();
  co_return std::move(out);
}

constexpr StreamSet kAll{true, true, true, false};
constexpr StreamSet kOutputs{false, true, true, false};
constexpr const char* kAllQuery = "?input=1&output=1&error=1&command=";

TEST_F(KubeletPort, ExecOverSpdy) {
  auto got = blockOn(
      reactor, session(*this, Transport::Spdy,
                       std::string("/exec/default/web-1/web") + kAllQuery + "cat", kAll, "hello"));
  EXPECT_EQ(got.failure, "");
  EXPECT_EQ(got.out, "hello");
  EXPECT_EQ(runtime.lastUpgrade, "SPDY/3.1");
}

TEST_F(KubeletPort, ExecOverWebSocketWithUid) {
  auto got =
      blockOn(reactor, session(*this, Transport::WebSocket,
                               std::string("/exec/default/web-1/uid-1/web") + kAllQuery + "cat",
                               kAll, "hello"));
  EXPECT_EQ(got.failure, "");
  EXPECT_EQ(got.out, "hello");
  EXPECT_EQ(runtime.lastUpgrade, "SPDY/3.1");
}

TEST_F(KubeletPort, ExitCodesComeThrough) {
  auto got = blockOn(
      reactor,
      session(*this, Transport::WebSocket,
              "/exec/default/web-1/web?output=1&error=1&command=fail&command=a%20b", kOutputs, ""));
  EXPECT_EQ(got.outcome.exitCode, 3);
  EXPECT_EQ(got.err, "err");
  EXPECT_EQ(backend.lastCommand, (std::vector<std::string>{"fail", "a b"}));
}

TEST_F(KubeletPort, Attach) {
  auto got =
      blockOn(reactor, session(*this, Transport::WebSocket,
                               "/attach/default/web-1/web?input=1&output=1&error=1", kAll, "hi"));
  EXPECT_EQ(got.out, "hi");
}

TEST_F(KubeletPort, SessionsWithAMissingContainerFailBeforeTheUpgrade) {
  auto got = blockOn(reactor,
                     session(*this, Transport::Spdy,
                             "/exec/default/web-1/none?output=1&error=1&command=x", kOutputs, ""));
  EXPECT_NE(got.failure.find("container not found (\"none\")"), std::string::npos) << got.failure;
}

TEST_F(KubeletPort, SessionsWithoutStreamsFail) {
  EXPECT_EQ(get("/exec/default/web-1/web?command=x").body,
            "you must specify at least 1 of stdin, stdout, stderr");
}
TEST_F(KubeletPort, SessionsNeedAnUpgrade) {
  auto answer = get("/exec/default/web-1/web?output=1&command=x");
  EXPECT_EQ(answer.code, 400);
  EXPECT_EQ(answer.body, "Upgrade request required");
}
TEST_F(KubeletPort, SessionsOfAPodWithAnotherUid) {
  EXPECT_EQ(get("/exec/default/web-1/uid-2/web?output=1&command=x").code, 404);
}

TEST_F(KubeletPort, Run) {
  auto answer = get("/run/default/web-1/web?cmd=ls+-l", "POST");
  EXPECT_EQ(answer.body, "outputerrors");
  EXPECT_EQ(backend.lastCommand, (std::vector<std::string>{"ls", "-l"}));
}
TEST_F(KubeletPort, RunThatFails) {
  auto answer = get("/run/default/web-1/web?cmd=false", "POST");
  EXPECT_EQ(answer.code, 500);
  EXPECT_EQ(answer.body, "command 'false' exited with 1: errors");
}

Task<std::string> forwardOnce(KubeletPort& t, bool tunnel) {
  Deadline deadline(240s, {});
  std::string out;
  net::ClientRequest request;
  request.target = "/portForward/default/web-1";
  streaming::HttpUpgrader upgrader(*t.client);
  auto forwarder = co_await streaming::PortForwarder::dial(upgrader, std::move(request), tunnel,
                                                           deadline.token());
  if (forwarder.ok()) {
    auto listener = net::Listener::listen(t.reactor, "127.0.0.1:0");
    auto near = co_await net::dial(t.reactor, (*listener)->address(), deadline.token());
    auto far = co_await (*listener)->accept(deadline.token());
    Status sent = co_await (*near)->write("ping", deadline.token());
    sent = co_await (*near)->shutdownWrite(deadline.token());
    Status forwarded = co_await (*forwarder)->forward(**far, 80, deadline.token());
    char buffer[100];
    auto n = co_await (*near)->read(buffer, deadline.token());
    out = n.ok() ? std::string(buffer, *n) : n.status().toString();
    if (!forwarded.ok()) out += forwarded.toString();
    co_await (*forwarder)->close();
  } else {
    out = forwarder.status().toString();
  }
  co_await t.tearDown();
  co_return out;
}

TEST_F(KubeletPort, PortForwardOverSpdy) {
  EXPECT_EQ(blockOn(reactor, forwardOnce(*this, false)), "ping");
}
TEST_F(KubeletPort, PortForwardThroughATunnel) {
  EXPECT_EQ(blockOn(reactor, forwardOnce(*this, true)), "ping");
}

TEST(LogContainer, PicksByState) {
  core::Pod pod;
  pod.metadata.name = "p";
  auto entry = status("c");
  core::ContainerStateTerminated ended;
  ended.containerID = "containerd://old";
  entry.lastState.terminated = ended;
  entry.state.waiting = core::ContainerStateWaiting();
  pod.status.containerStatuses = {entry};
  EXPECT_EQ(*logContainerId(pod, "c", false), "old");
  EXPECT_EQ(*logContainerId(pod, "c", true), "old");
  EXPECT_EQ(logContainerId(pod, "x", false).status().message(),
            "container \"x\" in pod \"p\" is not available");
  core::ContainerStateWaiting pull;
  pull.reason = "ImagePullBackOff";
  auto waiting = status("c");
  waiting.state.waiting = pull;
  pod.status.containerStatuses = {waiting};
  EXPECT_EQ(logContainerId(pod, "c", false).status().message(),
            "container \"c\" in pod \"p\" is waiting to start: trying and failing to pull image");
}

TEST(Access, SubresourcesAndVerbs) {
  EXPECT_EQ(subresourcesOf("/pods"), (std::vector<std::string>{"pods", "proxy"}));
  EXPECT_EQ(subresourcesOf("/stats/summary"), (std::vector<std::string>{"stats"}));
  EXPECT_EQ(subresourcesOf("/exec/a/b/c"), (std::vector<std::string>{"proxy"}));
  EXPECT_EQ(subresourcesOf("/podsx"), (std::vector<std::string>{"proxy"}));
  EXPECT_EQ(verbOf("POST"), "create");
  EXPECT_EQ(verbOf("GET"), "get");
}

}  // namespace
}  // namespace coxswain::kubelet::server
