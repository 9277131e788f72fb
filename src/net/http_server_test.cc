#include "net/http_server.h"

#include <gtest/gtest.h>

#include "net/certs.h"
#include "net/http_client.h"
#include "net/testing/echo_handler.h"
#include "net/testing/pki.h"
#include "runtime/spawn.h"

namespace coxswain::net {
namespace {

using testing::EchoHandler;
using testing::makePki;
using testing::Pki;

/// Sends bytes, reads until the server closes (or `until` is seen), stops the server.
Task<std::string> talk(Reactor& reactor, HttpServer& server, std::string bytes, std::string until) {
  Deadline deadline(240s, {});
  auto stream = co_await dial(reactor, server.address(), deadline.token());
  if (!stream.ok()) co_return stream.status().toString();
  Status sent = co_await (*stream)->write(bytes, deadline.token());
  std::string out;
  char buffer[4096];
  while (sent.ok()) {
    auto n = co_await (*stream)->read(buffer, deadline.token());
    if (!n.ok()) {
      out += "<" + n.status().toString() + ">";
      break;
    }
    if (*n == 0) break;
    out.append(buffer, *n);
    if (!until.empty() && out.find(until) != std::string::npos) break;
  }
  (*stream)->close();
  co_await server.stop(5s);
  co_return out;
}

std::string exchange(std::string bytes, HttpLimits limits = {}, std::string until = {}) {
  Reactor reactor;
  EchoHandler handler;
  HttpServerOptions options;
  options.limits = limits;
  auto server = HttpServer::start(reactor, options, handler);
  if (!server.ok()) return server.status().toString();
  return blockOn(reactor, talk(reactor, **server, std::move(bytes), std::move(until)));
}

TEST(HttpServer, KeepsAliveAndPipelines) {
  auto out = exchange(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
      "POST /echo?q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "2;x=y\r\nde\r\n1\r\nf\r\n0\r\nT: v\r\n\r\n");
  EXPECT_NE(out.find("\r\n\r\nabcHTTP/1.1 200 OK\r\n"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with("\r\n\r\ndef")) << out;
  EXPECT_NE(out.find("\r\nDate: "), std::string::npos);
}

TEST(HttpServer, StreamsChunksWithTrailers) {
  auto out = exchange("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(
      out.ends_with("\r\n\r\n8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n0\r\n"
                    "x-done: yes\r\n\r\n"))
      << out;
}

TEST(HttpServer, AsksToContinue) {
  auto out = exchange(
      "PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
      "Connection: close\r\n\r\nz");
  EXPECT_TRUE(out.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << out;
}

TEST(HttpServer, UpgradesWithEarlyBytes) {
  auto out = exchange(
      "GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly", {},
      "early");
  EXPECT_TRUE(out.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << out;
  EXPECT_TRUE(out.ends_with("\r\n\r\nearly")) << out;
}

TEST(HttpServer, RefusesMalformedRequests) {
  struct Case {
    const char* name;
    std::string bytes;
    int code;
  };
  const Case cases[] = {
      {"both lengths",
       "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
       "chunked\r\n\r\nabc",
       400},
      {"two lengths",
       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400},
      {"signed length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400},
      {"folded field", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400},
      {"bare line feed", "GET / HTTP/1.1\nHost: x\n\n", 400},
      {"space before colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"version", "GET / HTTP/3.7\r\nHost: x\r\n\r\n", 505},
      {"coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"garbage", "\x16\x03\x01 hello\r\n\r\n", 400},
      {"chunk size",
       "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
       "Connection: close\r\n\r\nzz\r\n",
       400},
      {"large header", "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2000, 'a') + "\r\n\r\n",
       431},
  };
  HttpLimits limits;
  limits.headerBytesMax = 1000;
  for (const auto& c : cases) {
    auto out = exchange(c.bytes, limits);
    EXPECT_TRUE(out.starts_with("HTTP/1.1 " + std::to_string(c.code) + " ")) << c.name << "\n"
                                                                             << out;
  }
}

TEST(HttpServer, LimitsBodiesAndWaiting) {
  HttpLimits limits;
  limits.bodyBytesMax = 4;
  auto out = exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde", limits);
  EXPECT_TRUE(out.starts_with("HTTP/1.1 413 ")) << out;
  // A slow client is cut off without an answer.
  limits.headerTimeout = 50ms;
  EXPECT_EQ(exchange("GET / HT", limits), "");
}

Task<void> leaveHanging(Reactor& reactor, HttpServer& server, Event& gone) {
  auto stream = co_await dial(reactor, server.address(), {});
  std::string_view bytes = "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n";
  Status sent = co_await (*stream)->write(bytes, {});
  char buffer[4096];
  auto n = co_await (*stream)->read(buffer, {});
  (*stream)->close();
  sent = co_await gone.wait();
  co_await server.stop(5s);
}

TEST(HttpServer, TellsHandlersThatTheClientLeft) {
  Reactor reactor;
  EchoHandler handler;
  Event gone;
  handler.gone = &gone;
  auto server = HttpServer::start(reactor, HttpServerOptions(), handler);
  ASSERT_TRUE(server.ok());
  blockOn(reactor, leaveHanging(reactor, **server, gone));
  EXPECT_EQ(handler.hanging, 0);
}

/// Writes until it fails.
class EndlessHandler final : public Handler {
 public:
  Task<void> serve(Request& request, ResponseWriter& response) override {
    response.limitStalls(500ms);
    const std::string piece(256 * 1024, 'x');
    why = co_await response.start(200, {});
    while (why.ok()) why = co_await response.write(piece);
    failed.set();
  }
  Status why;
  Event failed;
};

Task<void> openAndNotRead(Reactor& reactor, HttpServer& server, EndlessHandler& handler,
                          bool http2) {
  HttpClientOptions options;
  options.server = "http://" + server.address();
  options.http2Always = http2;
  HttpClient client(reactor, options);
  {
    ClientRequest request;
    auto response = co_await client.send(std::move(request), {});
    EXPECT_TRUE(response.ok());
    // The client is there and reads nothing.
    Deadline deadline(240s, {});
    Status failed = co_await handler.failed.wait(deadline.token());
    EXPECT_TRUE(failed.ok());
  }
  co_await client.close();
  co_await server.stop(5s);
}

TEST(HttpServer, GivesUpClientsThatDoNotRead) {
  for (bool http2 : {false, true}) {
    Reactor reactor;
    EndlessHandler handler;
    auto server = HttpServer::start(reactor, {}, handler);
    ASSERT_TRUE(server.ok());
    blockOn(reactor, openAndNotRead(reactor, **server, handler, http2));
    EXPECT_TRUE(isUnreachable(handler.why)) << handler.why.toString();
    EXPECT_NE(handler.why.message().find("the peer does not read"), std::string::npos);
  }
}

TEST(Certs, IssueParseVerify) {
  auto pki = makePki();
  auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  auto chain = certificatesToDer(pki.client.certificatePem);
  ASSERT_TRUE(chain.ok());
  auto info = parseCertificate((*chain)[0]);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->commonName, "alice");
  EXPECT_EQ(info->organizations, (std::vector<std::string>{"system:masters", "dev"}));
  EXPECT_FALSE(info->isCa);
  auto& ca = pki.ca.certificatePem;
  EXPECT_TRUE(verifyChain(*chain, ca, CertificateUse::Client, now).ok());
  EXPECT_FALSE(verifyChain(*chain, ca, CertificateUse::Server, now).ok());
  EXPECT_FALSE(verifyChain(*chain, ca, CertificateUse::Client, now + 48h).ok());
  auto stranger = certificatesToDer(pki.stranger.certificatePem);
  EXPECT_FALSE(verifyChain(*stranger, ca, CertificateUse::Client, now).ok());
  auto server = parseCertificate((*certificatesToDer(pki.server.certificatePem))[0]);
  EXPECT_EQ(server->ipAddresses, (std::vector<std::string>{"127.0.0.1"}));
  EXPECT_FALSE(parseCertificate("garbage").ok());
  EXPECT_FALSE(certificatesToDer("garbage").ok());
}

Task<std::string> tlsGet(Reactor& reactor, HttpServer& server,
                         std::shared_ptr<const TlsContext> context, std::string host) {
  Deadline deadline(240s, {});
  std::string out;
  auto raw = co_await dial(reactor, server.address(), deadline.token());
  auto stream = co_await context->connect(std::move(*raw), host, false, deadline.token());
  if (!stream.ok()) {
    out = stream.status().message();
  } else {
    std::string_view bytes = "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    Status sent = co_await (*stream)->write(bytes, deadline.token());
    char buffer[4096];
    while (true) {
      auto n = co_await (*stream)->read(buffer, deadline.token());
      if (!n.ok() || *n == 0) break;
      out.append(buffer, *n);
    }
  }
  co_await server.stop(5s);
  co_return out;
}

std::string who(const Pki& pki, const KeyPair* client, const std::string& host, bool trust) {
  Reactor reactor;
  EchoHandler handler;
  TlsServerOptions serverTls;
  serverTls.certificatePem = pki.server.certificatePem;
  serverTls.keyPem = pki.server.keyPem;
  serverTls.clientCaPem = pki.ca.certificatePem;
  HttpServerOptions options;
  auto context = TlsContext::server(serverTls);
  EXPECT_TRUE(context.ok()) << context.status().toString();
  options.tls = *context;
  auto server = HttpServer::start(reactor, options, handler);
  TlsClientOptions clientTls;
  clientTls.alpn = {"http/1.1"};
  if (trust) clientTls.caPem = pki.ca.certificatePem;
  if (client) {
    clientTls.certificatePem = client->certificatePem;
    clientTls.keyPem = client->keyPem;
  }
  auto mine = TlsContext::client(clientTls);
  EXPECT_TRUE(mine.ok()) << mine.status().toString();
  return blockOn(reactor, tlsGet(reactor, **server, *mine, host));
}

TEST(Tls, ClientCertificatesAndNames) {
  auto pki = makePki();
  EXPECT_TRUE(who(pki, nullptr, "127.0.0.1", true).ends_with("\r\n\r\nnobody"));
  EXPECT_TRUE(who(pki, &pki.client, "localhost", true).ends_with("\r\n\r\nverified"));
  EXPECT_NE(who(pki, &pki.stranger, "localhost", true).find("stranger: "), std::string::npos);
  EXPECT_NE(who(pki, nullptr, "example.org", true).find("failed to verify certificate"),
            std::string::npos);
  EXPECT_NE(who(pki, nullptr, "localhost", false).find("failed to verify certificate"),
            std::string::npos);
}

}  // namespace
}  // namespace coxswain::net
