#include "net/http_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "net/http_server.h"
#include "net/testing/echo_handler.h"
#include "net/testing/pki.h"
#include "runtime/spawn.h"

namespace coxswain::net {
namespace {

using testing::EchoHandler;

enum class Way { Http1, Http2, Tls1, Tls2, Unix };

std::string wayName(const ::testing::TestParamInfo<Way>& info) {
  const char* names[] = {"Http1", "Http2PriorKnowledge", "TlsHttp1", "TlsHttp2", "Unix"};
  return names[static_cast<int>(info.param)];
}

class Client : public ::testing::TestWithParam<Way> {
 protected:
  static void SetUpTestSuite() { pki_ = new testing::Pki(testing::makePki()); }

  void SetUp() override {
    HttpServerOptions options;
    bool tls = GetParam() == Way::Tls1 || GetParam() == Way::Tls2;
    if (GetParam() == Way::Unix) {
      path_ = "/tmp/coxswain_net_" + std::to_string(::getpid()) + ".sock";
      options.endpoint = "unix://" + path_;
    }
    HttpClientOptions clientOptions;
    if (tls) {
      TlsServerOptions serverTls;
      serverTls.certificatePem = pki_->server.certificatePem;
      serverTls.keyPem = pki_->server.keyPem;
      serverTls.clientCaPem = pki_->ca.certificatePem;
      options.tls = *TlsContext::server(serverTls);
      TlsClientOptions clientTls;
      clientTls.caPem = pki_->ca.certificatePem;
      clientTls.certificatePem = pki_->client.certificatePem;
      clientTls.keyPem = pki_->client.keyPem;
      clientOptions.tls = *TlsContext::client(clientTls);
    }
    options.limits.bodyBytesMax = 32 << 20;
    handler_.gone = &gone_;
    auto server = HttpServer::start(reactor_, options, handler_);
    ASSERT_TRUE(server.ok()) << server.status().toString();
    server_ = std::move(*server);
    clientOptions.server = GetParam() == Way::Unix
                               ? options.endpoint
                               : (tls ? "https://" : "http://") + server_->address();
    clientOptions.http2 = GetParam() == Way::Tls2;
    clientOptions.http2Always = GetParam() == Way::Http2;
    client_ = std::make_unique<HttpClient>(reactor_, clientOptions);
  }

  [[nodiscard]] bool two() const { return GetParam() == Way::Http2 || GetParam() == Way::Tls2; }

  Task<std::string> get(std::string method, std::string target, std::string body) {
    Deadline deadline(240s, {});
    ClientRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    auto response = co_await client_->send(std::move(request), deadline.token());
    if (!response.ok()) co_return response.status().toString();
    auto& r = **response;
    if (r.majorVersion != (two() ? 2 : 1)) co_return "wrong version";
    auto text = co_await r.body().readAll(64 << 20, deadline.token());
    if (!text.ok()) co_return text.status().toString();
    std::string trailer(r.body().trailers().get("x-done"));
    co_return std::to_string(r.status) + " " + *text + trailer;
  }

  Task<void> finish() {
    co_await client_->close();
    co_await server_->stop(5s);
  }

  Task<std::vector<std::string>> several() {
    std::vector<std::string> out;
    out.push_back(co_await get("GET", "/who", ""));
    out.push_back(co_await get("POST", "/echo", "hello"));
    out.push_back(co_await get("GET", "/stream", ""));
    out.push_back(co_await get("GET", "/last", ""));
    out.push_back(co_await get("HEAD", "/big?100", ""));
    out.push_back(co_await get("GET", "/nowhere", ""));
    std::string big(5 << 20, 'y');
    auto echoed = co_await get("PUT", "/echo", big);
    out.push_back(echoed == "200 " + big ? "same" : echoed.substr(0, 80));
    auto large = co_await get("GET", "/big?20000000", "");
    out.push_back(std::to_string(large.size()));
    out.push_back(std::to_string(server_->connections()));
    co_await finish();
    co_return out;
  }

  Task<void> one(std::string target, std::string expected, int& good) {
    auto got = co_await get("POST", target, expected);
    if (got == "200 " + expected) ++good;
  }

  Task<int> many() {
    int good = 0;
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 200; ++i) tasks.push_back(one("/echo", "n" + std::to_string(i), good));
    co_await whenAll(std::move(tasks));
    co_await finish();
    co_return good;
  }

  Task<std::string> hang(std::string path) {
    {
      Deadline deadline(240s, {});
      ClientRequest request;
      request.target = path;
      auto response = co_await client_->send(std::move(request), deadline.token());
      if (!response.ok()) co_return response.status().toString();
      Deadline soon(30ms, {});
      auto piece = co_await (*response)->body().read(soon.token());
      if (piece.ok() || !isCanceled(piece.status())) co_return "read did not wait";
    }
    Status told = co_await gone_.wait();
    auto after = co_await get("POST", "/echo", "after");
    co_await finish();
    co_return after;
  }

  Task<std::string> stopHard(std::string path) {
    ClientRequest request;
    request.target = path;
    auto response = co_await client_->send(std::move(request), {});
    if (!response.ok()) co_return response.status().toString();
    co_await server_->stop(20ms);
    auto piece = co_await (*response)->body().read({});
    co_await client_->close();
    co_return piece.ok() ? "ok" : "failed";
  }

  Task<std::string> upgrade() {
    Deadline deadline(240s, {});
    ClientRequest request;
    request.target = "/upgrade";
    request.headers.add("Connection", "Upgrade");
    request.headers.add("Upgrade", "echo");
    auto response = co_await client_->sendForUpgrade(std::move(request), deadline.token());
    std::string out;
    if (!response.ok()) {
      out = response.status().toString();
    } else if (auto stream = (*response)->takeStream()) {
      std::string_view ping = "ping";
      Status sent = co_await stream->write(ping, deadline.token());
      char buffer[16];
      auto n = co_await stream->read(buffer, deadline.token());
      if (n.ok()) out.assign(buffer, *n);
      stream->close();
    }
    co_await finish();
    co_return out;
  }

  Task<int> waitAndFinish(OneShot<int> done) {
    auto code = co_await done.wait();
    co_await finish();
    co_return code.value_or(-1);
  }

  static testing::Pki* pki_;
  Reactor reactor_;
  EchoHandler handler_;
  Event gone_;
  std::string path_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_;
};

testing::Pki* Client::pki_ = nullptr;

TEST_P(Client, ExchangesOverOneConnection) {
  auto out = blockOn(reactor_, several());
  bool tls = GetParam() == Way::Tls1 || GetParam() == Way::Tls2;
  std::vector<std::string> expected = {tls ? "200 verified" : "200 nobody",
                                       "200 hello",
                                       "200 piece 0\npiece 1\npiece 2\nyes",
                                       "200 3 2 1 ",
                                       "200 ",
                                       "404 no such page",
                                       "same",
                                       "20000004",
                                       "1"};
  EXPECT_EQ(out, expected);
}

/// Other people's client agrees with our server. Skipped where curl is missing.
TEST_P(Client, CurlAgrees) {
  if (GetParam() == Way::Unix || std::system("curl --version >/dev/null 2>&1") != 0) GTEST_SKIP();
  auto dir = ::testing::TempDir() + "coxswain_curl_" + std::to_string(::getpid());
  std::ofstream(dir + ".ca") << pki_->ca.certificatePem;
  std::ofstream(dir + ".in") << std::string(3000000, 'z');
  bool tls = GetParam() == Way::Tls1 || GetParam() == Way::Tls2;
  std::string flag = !two() ? "--http1.1" : tls ? "--http2" : "--http2-prior-knowledge";
  std::string url = (tls ? "https://" : "http://") + server_->address();
  std::string command = "curl -sS " + flag + " --cacert " + dir + ".ca -T " + dir + ".in -o " +
                        dir + ".out " + url + "/echo -w '%{http_version}' >" + dir + ".version";
  OneShot<int> done;
  std::thread curl([&] { done.set(std::system(command.c_str())); });
  int code = blockOn(reactor_, waitAndFinish(done));
  curl.join();
  EXPECT_EQ(code, 0);
  std::ifstream out(dir + ".out");
  std::string text((std::istreambuf_iterator<char>(out)), {});
  EXPECT_EQ(text.size(), 3000000u);
  std::ifstream version(dir + ".version");
  std::string v;
  version >> v;
  EXPECT_EQ(v, two() ? "2" : "1.1");
  for (const char* end : {".ca", ".in", ".out", ".version"}) ::unlink((dir + end).c_str());
}

TEST_P(Client, ManyAtATime) {
  EXPECT_EQ(blockOn(reactor_, many()), 200);
}
TEST_P(Client, GivingUpTellsTheHandler) {
  EXPECT_EQ(blockOn(reactor_, hang("/hang")), "200 after");
}
TEST_P(Client, LastingAnswersAreToldOfLeavingClients) {
  EXPECT_EQ(blockOn(reactor_, hang("/park")), "200 after");
  EXPECT_EQ(handler_.hanging, 0);
}
TEST_P(Client, HardStopEndsStreams) {
  EXPECT_EQ(blockOn(reactor_, stopHard("/hang")), "failed");
}
TEST_P(Client, HardStopEndsLastingAnswers) {
  EXPECT_EQ(blockOn(reactor_, stopHard("/park")), "failed");
  EXPECT_EQ(handler_.hanging, 0);
}
TEST_P(Client, Upgrades) {
  EXPECT_EQ(blockOn(reactor_, upgrade()), "ping");
}

/// A server that takes everything and never says a word.
Task<void> swallow(Listener& listener, Gate::Pass pass, std::stop_token stop) {
  auto stream = co_await listener.accept(stop);
  char buffer[4096];
  while (stream.ok()) {
    auto n = co_await (*stream)->read(buffer, stop);
    if (!n.ok() || *n == 0) co_return;
  }
}

Task<Status> askASilentServer(Reactor& reactor) {
  CO_TRY(auto listener, Listener::listen(reactor, "127.0.0.1:0"));
  std::stop_source stop;
  Gate gate;
  spawn(reactor, swallow(*listener, gate.enter(), stop.get_token()));
  HttpClientOptions options;
  options.server = "http://" + listener->address();
  options.http2Always = true;
  options.pingAfter = 5ms;
  options.pingPatience = 5ms;
  HttpClient client(reactor, options);
  Deadline deadline(240s, {});
  auto response = co_await client.send(ClientRequest(), deadline.token());
  const bool late = deadline.token().stop_requested();
  co_await client.close();
  stop.request_stop();
  co_await gate.close();
  co_return late ? internalError("nobody noticed") : response.status();
}

TEST(Http2Pings, ASilentServerIsGivenUp) {
  Reactor reactor;
  const Status status = blockOn(reactor, askASilentServer(reactor));
  EXPECT_EQ(status.reason(), Reason::Unreachable) << status.toString();
}

Task<std::string> staysWithAQuietServer(Reactor& reactor) {
  EchoHandler handler;
  auto started = HttpServer::start(reactor, HttpServerOptions(), handler);
  if (!started.ok()) co_return "no server";
  auto server = std::move(*started);
  HttpClientOptions options;
  options.server = "http://" + server->address();
  options.http2Always = true;
  options.pingAfter = 1ms;
  options.pingPatience = 3s;
  HttpClient client(reactor, options);
  Deadline deadline(240s, {});
  ClientRequest quiet;
  quiet.target = "/hang";
  auto hanging = co_await client.send(std::move(quiet), deadline.token());
  if (!hanging.ok()) co_return "no answer";
  // Nothing comes but answers to pings; were they not heard, this would end by itself, and sooner.
  Deadline longer(4s, {});
  auto piece = co_await (*hanging)->body().read(longer.token());
  const bool kept = isCanceled(piece.status()) && longer.token().stop_requested();
  auto other = co_await client.send(ClientRequest(), deadline.token());
  const auto connections = server->connections();
  const bool fine = kept && other.ok();
  co_await client.close();
  co_await server->stop(0s);
  co_return fine ? std::to_string(connections) + " connection" : "failed";
}

TEST(Http2Pings, AQuietServerThatAnswersThemIsKept) {
  Reactor reactor;
  EXPECT_EQ(blockOn(reactor, staysWithAQuietServer(reactor)), "1 connection");
}

INSTANTIATE_TEST_SUITE_P(Ways, Client,
                         ::testing::Values(Way::Http1, Way::Http2, Way::Tls1, Way::Tls2, Way::Unix),
                         wayName);

}  // namespace
}  // namespace coxswain::net
