#include "streaming/remote_command.h"

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "runtime/spawn.h"
#include "streaming/splice.h"
#include "streaming/testing/fake_runtime.h"

namespace coxswain::streaming {
namespace {

using testing::FakeRuntime;
using testing::Gathered;
using testing::pattern;

/// Passes sessions on to the runtime: as a bridge (any protocol in, SPDY out) or as plain bytes.
class Middle final : public net::Handler {
 public:
  Middle(net::HttpClient& runtime, bool plain) : runtime_(runtime), plain_(plain) {}
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    auto target = request.path + "?" + request.query;
    if (plain_) {
      Status passed = co_await proxyUpgrade(request, response, runtime_, target, net::Headers());
      co_return;
    }
    auto query = net::Query::parse(request.query);
    auto streams = streamsOfKubeletQuery(*query);
    net::ClientRequest out;
    out.target = target;
    auto client = co_await dialRemoteCommand(Transport::Spdy, upgrader_, std::move(out), *streams,
                                             request.stop);
    if (!client.ok()) {
      Status sent = co_await response.respond(500, net::Headers(), client.status().message());
      co_return;
    }
    auto server = co_await acceptRemoteCommand(request, response, *streams, request.stop);
    if (!server.ok()) {
      co_await (*client)->close();
      co_return;
    }
    last = co_await bridge(**server, **client, request.stop);
  }
  Outcome last;

 private:
  net::HttpClient& runtime_;
  HttpUpgrader upgrader_{runtime_};
  bool plain_;
};

enum class Path { Direct, Bridged, Spliced };

struct Case {
  const char* name;
  Transport transport;
  Path path;
};

class RemoteCommand : public ::testing::TestWithParam<Case> {
 public:
  RemoteCommand() {
    auto server = net::HttpServer::start(reactor, {}, runtime);
    EXPECT_TRUE(server.ok());
    runtimeServer = std::move(*server);
    net::HttpClientOptions options;
    options.server = "http://" + runtimeServer->address();
    toRuntime = std::make_unique<net::HttpClient>(reactor, options);
    middle = std::make_unique<Middle>(*toRuntime, GetParam().path == Path::Spliced);
    auto front = net::HttpServer::start(reactor, {}, *middle);
    EXPECT_TRUE(front.ok());
    middleServer = std::move(*front);
    if (GetParam().path != Path::Direct) options.server = "http://" + middleServer->address();
    client = std::make_unique<net::HttpClient>(reactor, options);
    upgrader = std::make_unique<HttpUpgrader>(*client);
  }

  Task<Result<std::unique_ptr<ClientSession>>> dial(std::string script, StreamSet set,
                                                    std::stop_token stop) {
    net::ClientRequest request;
    net::Query query;
    if (set.stdin_) query.add("input", "1");
    if (set.stdout_) query.add("output", "1");
    if (set.stderr_) query.add("error", "1");
    if (set.tty) query.add("tty", "1");
    request.target = "/exec/" + script + "?" + query.encode();
    return dialRemoteCommand(GetParam().transport, *upgrader, std::move(request), set, stop);
  }

  Task<void> tearDown() {
    co_await client->close();
    co_await toRuntime->close();
    co_await middleServer->stop(5s);
    co_await runtimeServer->stop(5s);
  }

  Task<Gathered> session(std::string script, StreamSet set, std::string input, bool keepOpen) {
    Deadline deadline(240s, {});
    Gathered out;
    auto dialled = co_await dial(script, set, deadline.token());
    if (dialled.ok()) {
      out = co_await testing::gather(**dialled, std::move(input), keepOpen, deadline.token());
    } else {
      out.failure = dialled.status().toString();
    }
    co_await tearDown();
    co_return std::move(out);
  }

  Reactor reactor;
  FakeRuntime runtime;
  std::unique_ptr<net::HttpServer> runtimeServer;
  std::unique_ptr<net::HttpClient> toRuntime;
  std::unique_ptr<Middle> middle;
  std::unique_ptr<net::HttpServer> middleServer;
  std::unique_ptr<net::HttpClient> client;
  std::unique_ptr<HttpUpgrader> upgrader;
};

constexpr StreamSet kAll{true, true, true, false};
constexpr StreamSet kOutputs{false, true, true, false};
constexpr StreamSet kTerminal{true, true, false, true};

TEST_P(RemoteCommand, HalfCloseEndsCat) {
  auto got = blockOn(reactor, session("cat", kAll, "hello", false));
  EXPECT_EQ(got.failure, "");
  EXPECT_EQ(got.out, "hello");
  EXPECT_EQ(got.err, "");
  EXPECT_TRUE(got.outcome.ok());
}

TEST_P(RemoteCommand, BigDataBothWays) {
  auto data = pattern(3 << 20);
  auto got = blockOn(reactor, session("cat", kAll, data, false));
  EXPECT_EQ(got.failure, "");
  EXPECT_TRUE(got.out == data) << got.out.size();
  EXPECT_TRUE(got.outcome.ok());
}

TEST_P(RemoteCommand, BigOutputArrivesWhole) {
  auto got = blockOn(reactor, session("big", kOutputs, "", false));
  EXPECT_EQ(got.failure, "");
  EXPECT_TRUE(got.out == pattern(4 << 20)) << got.out.size();
}

TEST_P(RemoteCommand, ExitCode) {
  auto got = blockOn(reactor, session("fail", kOutputs, "", false));
  EXPECT_EQ(got.failure, "");
  EXPECT_EQ(got.out, "out");
  EXPECT_EQ(got.err, "err");
  EXPECT_EQ(got.outcome.exitCode, 3);
}

TEST_P(RemoteCommand, FailureToRun) {
  auto got = blockOn(reactor, session("broken", kOutputs, "", false));
  EXPECT_EQ(got.failure, "");
  EXPECT_FALSE(got.outcome.exitCode);
  EXPECT_EQ(got.outcome.status.message(), "Internal error occurred: boom");
  EXPECT_EQ(got.outcome.status.reason(), Reason::InternalError);
}

TEST_P(RemoteCommand, RuntimeThatVanishes) {
  auto got = blockOn(reactor, session("vanish", kOutputs, "", false));
  EXPECT_TRUE(!got.failure.empty() || !got.outcome.ok());
}

TEST_P(RemoteCommand, ExitWhileStdinIsFull) {
  // More than every buffer on the way: sending it waits until the command has ended.
  runtime.release.set();
  auto got = blockOn(reactor, session("deaf", kAll, pattern(16 << 20), true));
  EXPECT_EQ(got.failure, "");
  EXPECT_EQ(got.outcome.exitCode, 7);
}

Task<std::string> resizes(std::unique_ptr<ClientSession> session, std::stop_token stop) {
  std::string out;
  for (uint16_t width : {uint16_t{80}, uint16_t{132}, uint16_t{1}}) {
    Status sent = co_await session->resize({width, 24}, stop);
    auto line = co_await session->readStdout(stop);
    // WebSocket servers greet with an empty message, which the session swallows.
    out += line.ok() ? *line : line.status().toString();
  }
  auto outcome = co_await session->outcome(stop);
  out += outcome.ok() && outcome->ok() ? "ok" : "?";
  co_await session->close();
  co_return out;
}

TEST_P(RemoteCommand, TerminalSizes) {
  struct Run {
    static Task<std::string> all(RemoteCommand& test) {
      Deadline deadline(240s, {});
      std::string out = "not dialled";
      auto session = co_await test.dial("sizes", kTerminal, deadline.token());
      if (session.ok()) out = co_await resizes(std::move(*session), deadline.token());
      co_await test.tearDown();
      co_return out;
    }
  };
  EXPECT_EQ(blockOn(reactor, Run::all(*this)), "80x24\n132x24\n1x24\nok");
}

TEST_P(RemoteCommand, ClientThatLeavesIsNoticed) {
  struct Run {
    static Task<bool> all(RemoteCommand& test) {
      Deadline deadline(240s, {});
      bool noticed = false;
      auto session = co_await test.dial("wait", kAll, deadline.token());
      if (session.ok()) {
        Status waited = co_await test.runtime.started.wait(deadline.token());
        co_await (*session)->close();
        waited = co_await test.runtime.gone.wait(deadline.token());
        noticed = waited.ok() && test.runtime.sawGone;
      }
      co_await test.tearDown();
      co_return noticed;
    }
  };
  EXPECT_TRUE(blockOn(reactor, Run::all(*this)));
}

TEST_P(RemoteCommand, ServerThatStopsEndsSessions) {
  struct Run {
    static Task<bool> all(RemoteCommand& test) {
      Deadline deadline(240s, {});
      auto session = co_await test.dial("wait", kAll, deadline.token());
      bool ended = false;
      if (session.ok()) {
        Status waited = co_await test.runtime.started.wait(deadline.token());
        co_await test.middleServer->stop(0s);
        co_await test.runtimeServer->stop(0s);
        auto outcome = co_await (*session)->outcome(deadline.token());
        ended = !deadline.expired() && (!outcome.ok() || !outcome->ok());
        co_await (*session)->close();
      }
      co_await test.tearDown();
      co_return ended&& test.runtime.sessions == 0;
    }
  };
  EXPECT_TRUE(blockOn(reactor, Run::all(*this)));
}

INSTANTIATE_TEST_SUITE_P(
    Paths, RemoteCommand,
    ::testing::Values(Case{"SpdyDirect", Transport::Spdy, Path::Direct},
                      Case{"SpdyBridged", Transport::Spdy, Path::Bridged},
                      Case{"SpdySpliced", Transport::Spdy, Path::Spliced},
                      Case{"WebSocketDirect", Transport::WebSocket, Path::Direct},
                      Case{"WebSocketBridged", Transport::WebSocket, Path::Bridged},
                      Case{"WebSocketSpliced", Transport::WebSocket, Path::Spliced}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace coxswain::streaming
