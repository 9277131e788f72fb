#include "streaming/port_forward.h"

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "runtime/spawn.h"
#include "streaming/splice.h"
#include "streaming/testing/fake_runtime.h"

namespace coxswain::streaming {
namespace {

using testing::FakeRuntime;
using testing::pattern;

/// Ports lead to one TCP echo server; port 1 is refused.
class EchoPorts final : public PortConnector {
 public:
  explicit EchoPorts(Reactor& reactor) : reactor_(reactor) {
    auto listener = net::Listener::listen(reactor, "127.0.0.1:0");
    EXPECT_TRUE(listener.ok());
    listener_ = std::move(*listener);
    spawn(reactor, accept());
  }
  Task<Result<std::unique_ptr<net::Stream>>> connect(uint16_t port, std::stop_token stop) override {
    ++connects;
    if (port == 1) co_return unreachable("connect: connection refused");
    co_return co_await net::dial(reactor_, listener_->address(), stop);
  }
  Task<void> stop() {
    stop_.request_stop();
    co_await gate_.close();
  }
  int connects = 0;

 private:
  Task<void> accept() {
    auto pass = gate_.enter();
    while (true) {
      auto stream = co_await listener_->accept(stop_.get_token());
      if (!stream.ok()) co_return;
      spawn(reactor_, echo(std::move(*stream), gate_.enter()));
    }
  }
  Task<void> echo(std::unique_ptr<net::Stream> stream, Gate::Pass pass) {
    std::vector<char> buffer(10000);
    while (true) {
      auto n = co_await stream->read(buffer, stop_.get_token());
      if (!n.ok() || *n == 0) co_return;
      Status sent = co_await stream->write(std::string_view(buffer.data(), *n), stop_.get_token());
      if (!sent.ok()) co_return;
    }
  }
  Reactor& reactor_;
  std::unique_ptr<net::Listener> listener_;
  std::stop_source stop_;
  Gate gate_;
};

struct Case {
  const char* name;
  bool tunnel;
};

class PortForward : public ::testing::TestWithParam<Case> {
 public:
  PortForward() : ports(reactor), runtime(&ports) {
    auto started = net::HttpServer::start(reactor, {}, runtime);
    EXPECT_TRUE(started.ok());
    server = std::move(*started);
    net::HttpClientOptions options;
    options.server = "http://" + server->address();
    client = std::make_unique<net::HttpClient>(reactor, options);
    upgrader = std::make_unique<HttpUpgrader>(*client);
    auto listening = net::Listener::listen(reactor, "127.0.0.1:0");
    EXPECT_TRUE(listening.ok());
    local = std::move(*listening);
  }
  Task<Result<std::unique_ptr<PortForwarder>>> dial(std::stop_token stop) {
    net::ClientRequest request;
    request.target = "/portforward/TOKEN";
    return PortForwarder::dial(*upgrader, std::move(request), GetParam().tunnel, stop);
  }
  Task<void> tearDown() {
    co_await client->close();
    co_await server->stop(5s);
    co_await ports.stop();
  }

  Reactor reactor;
  EchoPorts ports;
  FakeRuntime runtime;
  std::unique_ptr<net::HttpServer> server;
  std::unique_ptr<net::HttpClient> client;
  std::unique_ptr<HttpUpgrader> upgrader;
  std::unique_ptr<net::Listener> local;
};

Task<void> forwardOne(PortForwarder& forwarder, net::Listener& local, uint16_t port,
                      std::string& failure, std::stop_token stop) {
  auto accepted = co_await local.accept(stop);
  if (!accepted.ok()) co_return;
  Status done = co_await forwarder.forward(**accepted, port, stop);
  if (!done.ok()) failure += done.message();
}

Task<void> sendAll(net::Stream& stream, std::string data, std::stop_token stop) {
  Status sent = co_await stream.write(data, stop);
  if (sent.ok()) sent = co_await stream.shutdownWrite(stop);
}

Task<void> readAll(net::Stream& stream, std::string& out, std::stop_token stop) {
  std::vector<char> buffer(10000);
  while (true) {
    auto n = co_await stream.read(buffer, stop);
    if (!n.ok() || *n == 0) co_return;
    out.append(buffer.data(), *n);
  }
}

/// Sends `data`, half-closes, and reads to the end.
Task<void> talk(Reactor& reactor, std::string address, std::string data, std::string& got,
                std::stop_token stop) {
  auto stream = co_await net::dial(reactor, address, stop);
  if (!stream.ok()) co_return;
  std::vector<Task<void>> both;
  both.push_back(sendAll(**stream, std::move(data), stop));
  both.push_back(readAll(**stream, got, stop));
  co_await whenAll(std::move(both));
}

TEST_P(PortForward, ManyConnectionsAtOnce) {
  static constexpr int kConnections = 5;
  struct Run {
    static Task<std::vector<std::string>> all(PortForward& t, std::string& failure) {
      Deadline deadline(240s, {});
      std::vector<std::string> got(kConnections);
      auto forwarder = co_await t.dial(deadline.token());
      if (forwarder.ok()) {
        std::vector<Task<void>> tasks;
        for (int i = 0; i < kConnections; ++i) {
          tasks.push_back(forwardOne(**forwarder, *t.local, 8080, failure, deadline.token()));
          tasks.push_back(
              talk(t.reactor, t.local->address(), pattern(300000), got[i], deadline.token()));
        }
        co_await whenAll(std::move(tasks));
        co_await (*forwarder)->close();
      } else {
        failure = forwarder.status().toString();
      }
      co_await t.tearDown();
      co_return got;
    }
  };
  std::string failure;
  auto got = blockOn(reactor, Run::all(*this, failure));
  EXPECT_EQ(failure, "");
  for (const auto& text : got) EXPECT_TRUE(text == pattern(300000)) << text.size();
  EXPECT_EQ(ports.connects, kConnections);
}

TEST_P(PortForward, RefusedPortSaysWhyAndOthersGoOn) {
  struct Run {
    static Task<std::string> all(PortForward& t, std::string& failure) {
      Deadline deadline(240s, {});
      std::string got;
      std::string none;
      auto forwarder = co_await t.dial(deadline.token());
      if (forwarder.ok()) {
        for (uint16_t port : {uint16_t{1}, uint16_t{80}}) {
          std::vector<Task<void>> tasks;
          tasks.push_back(forwardOne(**forwarder, *t.local, port, failure, deadline.token()));
          tasks.push_back(
              talk(t.reactor, t.local->address(), "x", port == 1 ? none : got, deadline.token()));
          co_await whenAll(std::move(tasks));
        }
        co_await (*forwarder)->close();
      }
      co_await t.tearDown();
      co_return none + got;
    }
  };
  std::string failure;
  EXPECT_EQ(blockOn(reactor, Run::all(*this, failure)), "x");
  EXPECT_EQ(failure, "connect: connection refused");
}

TEST_P(PortForward, ServerThatGoesIsNoticed) {
  struct Run {
    static Task<bool> all(PortForward& t) {
      Deadline deadline(240s, {});
      bool noticed = false;
      auto forwarder = co_await t.dial(deadline.token());
      if (forwarder.ok()) {
        co_await t.server->stop(0s);
        Event never;
        Status ended = co_await never.wait((*forwarder)->gone());
        noticed = isCanceled(ended) && !deadline.expired();
        co_await (*forwarder)->close();
      }
      co_await t.tearDown();
      co_return noticed;
    }
  };
  EXPECT_TRUE(blockOn(reactor, Run::all(*this)));
}

INSTANTIATE_TEST_SUITE_P(Ways, PortForward,
                         ::testing::Values(Case{"Spdy", false}, Case{"Tunnel", true}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace coxswain::streaming
