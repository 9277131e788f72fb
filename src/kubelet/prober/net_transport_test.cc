#include <gtest/gtest.h>

#include "api/codec/protobuf.h"
#include "kubelet/prober/gen/grpc_health.h"
#include "kubelet/prober/transport.h"
#include "kubelet/prober/url.h"
#include "net/grpc/grpc.h"
#include "net/http_server.h"
#include "net/testing/pki.h"
#include "net/tls.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

TEST(Url, TargetsAndLocations) {
  EXPECT_EQ(encodeTarget(""), "/");
  EXPECT_EQ(encodeTarget("a b?c=d"), "/a%20b?c=d");
  EXPECT_EQ(encodeTarget("/ok%20"), "/ok%20");
  EXPECT_EQ(encodeTarget("/100%?x"), "/100%25%3Fx");
  EXPECT_EQ(encodeTarget("/a#frag"), "/a");
  EXPECT_EQ(encodeTarget("/a\r\nX: y"), "/a%0D%0AX:%20y");
  WebAddress from;
  from.host = "10.0.0.1";
  from.port = 8080;
  from.target = "/a/b?q";
  const std::pair<const char*, const char*> rows[] = {
      {"/x", "http://10.0.0.1:8080/x"},
      {"x?y", "http://10.0.0.1:8080/a/x?y"},
      {"?z", "http://10.0.0.1:8080/a/b?z"},
      {"", "http://10.0.0.1:8080/a/b"},
      {"https://10.0.0.1/x", "https://10.0.0.1:443/x"},
      {"http://other:81", "http://other:81/"},
      {"//[::1]:9/x", "http://[::1]:9/x"},
      {"ftp://x/", nullptr},
      {"http:///x", nullptr},
      {"http://h:99999/", nullptr},
      {"http://[::1/x", nullptr},
  };
  for (const auto& [location, expected] : rows) {
    const auto to = resolveLocation(from, location);
    EXPECT_EQ(to.has_value(), expected != nullptr) << location;
    if (to && expected) EXPECT_EQ(to->str(), expected);
  }
}

/// Answers by path.
class Site final : public net::Handler {
 public:
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    seen.push_back(request.path + " " + request.host);
    agent = std::string(request.headers.get("user-agent"));
    net::Headers headers;
    int status = 200;
    std::string body = "fine";
    if (request.path == "/moved") {
      status = 302;
      headers.add("Location", "/ok");
    } else if (request.path == "/away") {
      status = 302;
      headers.add("Location", "http://elsewhere.invalid/");
    } else if (request.path == "/loop") {
      status = 302;
      headers.add("Location", "/loop");
    } else if (request.path == "/big") {
      body = std::string(100'000, 'x');
    } else if (request.path == "/hang") {
      Status slept = co_await sleepFor(1h, request.stop);
      if (!slept.ok()) co_return;
    }
    Status sent = co_await response.respond(status, std::move(headers), std::move(body));
    (void)sent;
  }
  std::vector<std::string> seen;
  std::string agent;
};

HttpGet request(uint16_t port, std::string path, std::string scheme = "http") {
  HttpGet get;
  get.scheme = std::move(scheme);
  get.host = "127.0.0.1";
  get.port = port;
  get.target = std::move(path);
  get.headers.add("User-Agent", "kube-probe/1.36");
  return get;
}

/// "200 fine", or the failure's message.
Task<std::string> fetch(NetTransport& transport, HttpGet get) {
  Deadline deadline(240s, {});
  auto got = co_await transport.get(std::move(get), deadline.token());
  if (!got.ok()) co_return got.status().message();
  co_return std::to_string(got->status) + " " + got->body;
}

Task<bool> visitSite(Reactor& reactor) {
  Site site;
  auto server = net::HttpServer::start(reactor, {}, site);
  if (!server.ok()) co_return false;
  const uint16_t port = (*server)->port();
  NetTransport transport(reactor);
  std::string text;
  text = co_await fetch(transport, request(port, "/ok"));
  EXPECT_EQ(text, "200 fine");
  EXPECT_EQ(site.agent, "kube-probe/1.36");
  text = co_await fetch(transport, request(port, "moved"));
  EXPECT_EQ(text, "200 fine");
  text = co_await fetch(transport, request(port, "/away"));
  EXPECT_EQ(text, "302 fine");
  text = co_await fetch(transport, request(port, "/loop"));
  EXPECT_EQ(text, "stopped after 10 redirects");
  const std::string big = co_await fetch(transport, request(port, "/big"));
  EXPECT_EQ(big.size(), 4u + 10240);
  HttpGet named = request(port, "/ok");
  named.headers.add("Host", "my.host");
  text = co_await fetch(transport, named);
  EXPECT_EQ(text, "200 fine");
  EXPECT_EQ(site.seen.back(), "/ok my.host");
  Deadline short_(100ms, {});
  auto hung = co_await transport.get(request(port, "/hang"), short_.token());
  EXPECT_FALSE(hung.ok());
  EXPECT_TRUE(short_.expired());
  Status open = co_await transport.connect("127.0.0.1", port, {});
  EXPECT_TRUE(open.ok());
  co_await (*server)->stop(0s);
  Status closed = co_await transport.connect("127.0.0.1", port, {});
  EXPECT_EQ(closed.message(),
            "dial tcp 127.0.0.1:" + std::to_string(port) + ": connect: connection refused");
  text = co_await fetch(transport, request(port, "/ok"));
  EXPECT_EQ(text, closed.message());
  co_return true;
}

Task<bool> visitSecureSite(Reactor& reactor) {
  Site site;
  const net::testing::Pki pki = net::testing::makePki();
  net::TlsServerOptions tls;
  tls.certificatePem = pki.server.certificatePem;
  tls.keyPem = pki.server.keyPem;
  net::HttpServerOptions options;
  auto context = net::TlsContext::server(tls);
  if (!context.ok()) co_return false;
  options.tls = *context;
  auto server = net::HttpServer::start(reactor, options, site);
  if (!server.ok()) co_return false;
  NetTransport transport(reactor);
  // Nobody vouches for this server, and that is fine for a probe.
  const std::string text = co_await fetch(transport, request((*server)->port(), "/ok", "https"));
  EXPECT_EQ(text, "200 fine");
  const std::string plain = co_await fetch(transport, request((*server)->port(), "/ok"));
  EXPECT_FALSE(plain.starts_with("200")) << plain;
  co_await (*server)->stop(0s);
  co_return true;
}

TEST(NetTransport, Https) {
  Reactor reactor;
  EXPECT_TRUE(blockOn(reactor, visitSecureSite(reactor)));
}

TEST(NetTransport, Http) {
  Reactor reactor;
  EXPECT_TRUE(blockOn(reactor, visitSite(reactor)));
}

/// The health service of a test.
class Health final : public net::grpc::Service {
 public:
  int status = 1;
  std::string asked;
  Task<Status> serve(const std::string& method, net::grpc::ServerCall& call,
                     std::stop_token stop) override {
    if (method != "Check") co_return net::grpc::toStatus(net::grpc::Code::Unimplemented, method);
    auto message = co_await call.receive(stop);
    if (!message.ok() || !*message) co_return badRequest("no message");
    auto request = api::decodeProtobuf<health::HealthCheckRequest>(**message);
    if (!request.ok()) co_return request.status();
    asked = request->service;
    health::HealthCheckResponse response;
    response.status = status;
    const std::string bytes = api::encodeProtobuf(response);
    co_return co_await call.send(bytes);
  }
};

Task<bool> askHealth(Reactor& reactor) {
  Health health;
  net::grpc::Server handler;
  auto server = net::HttpServer::start(reactor, {}, handler);
  if (!server.ok()) co_return false;
  const uint16_t port = (*server)->port();
  NetTransport transport(reactor);
  auto unknown = co_await transport.grpcHealth("127.0.0.1", port, "", {});
  EXPECT_EQ(unknown.status().code(), 501);
  handler.add("grpc.health.v1.Health", health);
  auto good = co_await transport.grpcHealth("127.0.0.1", port, "db", {});
  EXPECT_EQ(good.valueOr(-1), 1);
  EXPECT_EQ(health.asked, "db");
  health.status = 2;
  auto bad = co_await transport.grpcHealth("127.0.0.1", port, "", {});
  EXPECT_EQ(bad.valueOr(-1), 2);
  co_await (*server)->stop(0s);
  auto gone = co_await transport.grpcHealth("127.0.0.1", port, "", {});
  EXPECT_TRUE(isUnreachable(gone.status()));
  co_return true;
}

TEST(NetTransport, Grpc) {
  Reactor reactor;
  EXPECT_TRUE(blockOn(reactor, askHealth(reactor)));
}

}  // namespace
}  // namespace coxswain::kubelet
