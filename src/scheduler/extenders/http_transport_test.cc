#include "scheduler/extenders/http_transport.h"

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/testing/pki.h"
#include "runtime/spawn.h"

namespace coxswain::scheduler {
namespace {

/// An extender as others write them: JSON over HTTP.
class Site final : public net::Handler {
 public:
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    auto body = co_await request.body->readAll(1 << 20, request.stop);
    seen.push_back(request.method + " " + request.path + " " +
                   std::string(request.headers.get("content-type")) + " " +
                   (body.ok() ? *body : ""));
    if (request.path.ends_with("/late")) {
      Status slept = co_await sleepFor(1h, request.stop);
      (void)slept;
    }
    const int status = request.path.ends_with("/broken") ? 500 : 200;
    Status sent = co_await response.respond(status, {}, "[]");
    (void)sent;
  }
  std::vector<std::string> seen;
};

struct Outcome {
  std::string started;
  std::string fine;
  std::string broken;
  std::string late;
};

std::string told(const Result<std::string>& result) {
  return result.ok() ? *result : result.status().message();
}

Task<void> run(Reactor& reactor, Site& site, net::HttpServerOptions serverOptions,
               config::v1::Extender config, Outcome& out) {
  auto server = net::HttpServer::start(reactor, serverOptions, site);
  if (server.ok()) {
    const std::string scheme = serverOptions.tls ? "https" : "http";
    config.urlPrefix = scheme + "://127.0.0.1:" + std::to_string((*server)->port()) + "/x/";
    HttpExtenderTransports transports(reactor);
    auto transport = transports.open(config);
    out.started = transport.ok() ? "ok" : transport.status().message();
    if (transport.ok() && config.httpTimeout.duration() < 1s) {
      out.late = told(co_await (*transport)->post("late", "{}", {}));
    } else if (transport.ok()) {
      out.fine = told(co_await (*transport)->post("fine", "{}", {}));
      out.broken = told(co_await (*transport)->post("broken", "{}", {}));
    }
    if (transport.ok()) co_await (*transport)->close();
    co_await (*server)->stop(0s);
  }
  reactor.stop();
}

TEST(HttpExtender, PostsAndUnderstandsFailures) {
  Reactor reactor;
  Site site;
  config::v1::Extender config;
  config.httpTimeout = api::GoDuration(60s);
  Outcome out;
  spawn(reactor, run(reactor, site, {}, config, out));
  reactor.run();
  EXPECT_EQ(out.started, "ok");
  EXPECT_EQ(out.fine, "[]");
  EXPECT_NE(out.broken.find("failed broken with extender at URL http://127.0.0.1:"),
            std::string::npos)
      << out.broken;
  EXPECT_NE(out.broken.find("/x, code 500"), std::string::npos) << out.broken;
  ASSERT_GE(site.seen.size(), 2U);
  EXPECT_EQ(site.seen[0], "POST /x/fine application/json {}");
}

TEST(HttpExtender, IsNotWaitedForLongerThanItsTime) {
  Reactor reactor;
  Site site;
  config::v1::Extender config;
  config.httpTimeout = api::GoDuration(100ms);
  Outcome out;
  spawn(reactor, run(reactor, site, {}, config, out));
  reactor.run();
  EXPECT_NE(out.late.find("/x/late\": context deadline exceeded"), std::string::npos) << out.late;
}

TEST(HttpExtender, WithoutACaOfItsOwnTheServerIsNotVerified) {
  const auto pki = net::testing::makePki();
  Reactor reactor;
  Site site;
  net::TlsServerOptions tls;
  tls.certificatePem = pki.server.certificatePem;
  tls.keyPem = pki.server.keyPem;
  net::HttpServerOptions options;
  options.tls = net::TlsContext::server(tls).value();
  config::v1::Extender config;
  config.enableHTTPS = true;
  config.httpTimeout = api::GoDuration(60s);
  Outcome out;
  spawn(reactor, run(reactor, site, options, config, out));
  reactor.run();
  EXPECT_EQ(out.fine, "[]");
}

TEST(HttpExtender, BrokenAddressesAreTold) {
  Reactor reactor;
  HttpExtenderTransports transports(reactor);
  for (const char* url : {"", "127.0.0.1", "ftp://127.0.0.1/x"}) {
    config::v1::Extender config;
    config.urlPrefix = url;
    EXPECT_FALSE(transports.open(config).ok()) << url;
  }
}

TEST(MakeExtenders, ThoseThatMayFailAreAskedLast) {
  Reactor reactor;
  HttpExtenderTransports transports(reactor);
  std::vector<config::v1::Extender> configs(3);
  for (size_t i = 0; i < 3; ++i) configs[i].urlPrefix = "http://h" + std::to_string(i);
  configs[0].ignorable = true;
  const auto made = makeExtenders(configs, transports);
  ASSERT_TRUE(made.ok());
  std::string order;
  for (const auto& extender : *made) order += extender->name() + " ";
  EXPECT_EQ(order, "http://h1 http://h2 http://h0 ");
  configs[1].urlPrefix = "nonsense";
  EXPECT_FALSE(makeExtenders(configs, transports).ok());
}

}  // namespace
}  // namespace coxswain::scheduler
