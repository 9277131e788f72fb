#include "kubelet/cri/grpc_services.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "api/codec/protobuf.h"
#include "kubelet/cri/gen/containerd_events.h"
#include "kubelet/cri/signals.h"
#include "net/http_server.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::cri {
namespace {

/// A runtime behind a socket: answers Version and RunPodSandbox, and has events of one of two
/// sorts.
class Peer final : public net::grpc::Service {
 public:
  bool criEvents = false;
  std::string sandboxName;
  std::vector<std::string> filters;

  Task<Status> serve(const std::string& method, net::grpc::ServerCall& call,
                     std::stop_token stop) override {
    CO_TRY(auto message, co_await call.receive(stop));
    if (!message) co_return badRequest("no message");
    if (method == "Version") {
      VersionResponse response;
      response.runtimeName = "peer";
      co_return co_await call.send(api::encodeProtobuf(response));
    }
    if (method == "RunPodSandbox") {
      CO_TRY(auto request, api::decodeProtobuf<RunPodSandboxRequest>(*message));
      sandboxName = request.config->metadata->name;
      RunPodSandboxResponse response;
      response.podSandboxId = "s1";
      co_return co_await call.send(api::encodeProtobuf(response));
    }
    if (method == "StopContainer" || method == "StartContainer") {
      co_return net::grpc::toStatus(net::grpc::Code::NotFound, "no \"c1\"");
    }
    if (method == "ContainerStatus") co_return co_await sleepFor(1h, stop);
    if (method == "GetContainerEvents" && criEvents) co_return co_await criStream(call, stop);
    if (method == "Subscribe") co_return co_await containerdStream(call, *message, stop);
    co_return net::grpc::toStatus(net::grpc::Code::Unimplemented, "unknown method " + method);
  }

 private:
  /// Longer than the client waits for a refusal.
  static Task<Status> criStream(net::grpc::ServerCall& call, std::stop_token stop) {
    CO_TRY_STATUS(co_await sleepFor(1200ms, stop));
    for (const char* id : {"c1", "c2"}) {
      ContainerEventResponse event;
      event.containerId = id;
      event.containerEventType = CONTAINER_STOPPED_EVENT;
      CO_TRY_STATUS(co_await call.send(api::encodeProtobuf(event)));
    }
    co_return Status();
  }

  Task<Status> containerdStream(net::grpc::ServerCall& call, std::string message,
                                std::stop_token stop) {
    CO_TRY(auto request, api::decodeProtobuf<containerd::SubscribeRequest>(message));
    filters = request.filters;
    CO_TRY_STATUS(co_await sleepFor(50ms, stop));
    containerd::TaskDelete exec;
    exec.containerId = "c1";
    exec.id = "exec-1";
    CO_TRY_STATUS(co_await tell(call, "/tasks/delete", api::encodeProtobuf(exec)));
    containerd::TaskStart start;
    start.containerId = "c2";
    start.pid = 4711;
    CO_TRY_STATUS(co_await tell(call, "/tasks/start", api::encodeProtobuf(start)));
    containerd::TaskDelete exit;
    exit.containerId = "c1";
    exit.pid = 4712;
    CO_TRY_STATUS(co_await tell(call, "/tasks/delete", api::encodeProtobuf(exit)));
    co_return Status();
  }

  static Task<Status> tell(net::grpc::ServerCall& call, std::string topic, std::string event) {
    containerd::Envelope envelope;
    envelope.namespace_ = "k8s.io";
    envelope.topic = std::move(topic);
    envelope.event.getOrCreate().value = std::move(event);
    auto bytes = api::encodeProtobuf(envelope);
    co_return co_await call.send(bytes);
  }
};

std::string text(const Result<ContainerEvent>& event) {
  if (!event.ok()) return event.status().toString();
  return event->containerId + (event->type == CONTAINER_STOPPED_EVENT ? " stopped" : " started");
}

Task<std::vector<std::string>> talk(Reactor& reactor, Peer& peer) {
  std::vector<std::string> out;
  char folder[] = "/tmp/cri_test_XXXXXX";
  if (::mkdtemp(folder) == nullptr) co_return out;
  std::string socket = std::string(folder) + "/s";
  net::grpc::Server services;
  services.add("runtime.v1.RuntimeService", peer);
  services.add("containerd.services.events.v1.Events", peer);
  net::HttpServerOptions http;
  http.endpoint = "unix://" + socket;
  auto server = net::HttpServer::start(reactor, std::move(http), services);
  if (!server.ok()) {
    out.push_back(server.status().toString());
    co_return out;
  }
  GrpcOptions options;
  options.endpoint = "unix://" + socket;
  options.requestTimeout = 1500ms;
  GrpcRuntimeService runtime(reactor, options);
  Deadline deadline(240s, {});
  auto version = co_await runtime.version(deadline.token());
  out.push_back(version.ok() ? version->runtimeName : version.status().toString());
  PodSandboxConfig config;
  config.metadata.getOrCreate().name = "web";
  auto sandbox = co_await runtime.runPodSandbox(std::move(config), "", deadline.token());
  out.push_back(sandbox.ok() ? *sandbox : sandbox.status().toString());
  Status status = co_await runtime.stopContainer("c1", 0, deadline.token());
  out.push_back(status.toString());
  status = co_await runtime.startContainer("c1", deadline.token());
  out.push_back(status.toString());
  auto late = co_await runtime.containerStatus("c1", false, deadline.token());
  out.push_back(late.ok() ? "?" : late.status().toString());
  auto config2 = co_await runtime.runtimeConfig(deadline.token());
  out.push_back(config2.ok() ? "?" : std::to_string(config2.status().code()));
  auto events = co_await runtime.events(deadline.token());
  while (events.ok() && out.size() < 12) {
    auto event = co_await (*events)->next(deadline.token());
    out.push_back(text(event));
    if (!event.ok()) break;
  }
  if (events.ok()) events->reset();
  co_await runtime.close();
  co_await (*server)->stop(1s);
  ::unlink(socket.c_str());
  ::rmdir(folder);
  co_return out;
}

TEST(GrpcServices, SpeakToARuntimeWithContainerdsEvents) {
  Reactor reactor;
  Peer peer;
  auto out = blockOn(reactor, talk(reactor, peer));
  ASSERT_EQ(out.size(), 9U) << ::testing::PrintToString(out);
  EXPECT_EQ(out[0], "peer");
  EXPECT_EQ(out[1], "s1");
  EXPECT_EQ(peer.sandboxName, "web");
  EXPECT_EQ(out[2], "OK") << "a container that is gone needs no stopping";
  EXPECT_EQ(out[3], "NotFound: rpc error: code = NotFound desc = no \"c1\"");
  EXPECT_TRUE(out[4].starts_with("Timeout: rpc error: code = DeadlineExceeded desc = ")) << out[4];
  EXPECT_EQ(out[5], "501");
  EXPECT_EQ(out[6], "c2 started");
  EXPECT_EQ(out[7], "c1 stopped");
  EXPECT_EQ(peer.filters.size(), 2U);
}

TEST(GrpcServices, SpeakToARuntimeWithEventsOfTheCri) {
  Reactor reactor;
  Peer peer;
  peer.criEvents = true;
  auto out = blockOn(reactor, talk(reactor, peer));
  ASSERT_EQ(out.size(), 9U) << ::testing::PrintToString(out);
  EXPECT_EQ(out[6], "c1 stopped");
  EXPECT_EQ(out[7], "c2 stopped");
}

TEST(Signals, NamesAndNumbers) {
  EXPECT_EQ(signalNumber("SIGTERM"), 23);
  EXPECT_EQ(signalNumber("SIGRTMINPLUS1"), 36);
  EXPECT_EQ(signalNumber("SIGNONE"), 0);
  EXPECT_EQ(signalName(10), "SIGINT");
  EXPECT_EQ(signalName(0), "");
  EXPECT_EQ(signalName(66), "");
}

}  // namespace
}  // namespace coxswain::kubelet::cri
