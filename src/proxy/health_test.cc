#include "proxy/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/testing/free_port.h"
#include "runtime/reactor.h"

namespace coxswain::proxy {
namespace {

using ::testing::HasSubstr;

struct FakeState final : StateSource {
  [[nodiscard]] ProxyState state() const override { return now; }
  ProxyState now;
};

struct Page {
  int status = 0;
  std::string body;
  std::string weight;
};

Task<Page> get(Reactor& reactor, std::string address, std::string path) {
  net::HttpClientOptions options;
  options.server = "http://" + address;
  net::HttpClient client(reactor, options);
  net::ClientRequest request;
  request.target = std::move(path);
  Page page;
  auto response = co_await client.send(std::move(request), {});
  if (response.ok()) {
    page.status = (*response)->status;
    page.weight = std::string((*response)->headers.get("X-Load-Balancing-Endpoint-Weight"));
    auto body = co_await (*response)->body().readAll(1 << 20, {});
    if (body.ok()) page.body = *body;
  }
  co_await client.close();
  co_return page;
}

Task<void> ownPages(Reactor& reactor) {
  FakeState source;
  source.now.metrics = "some_metric 1\n";
  HealthServers servers(reactor, source);
  Status started = servers.start("127.0.0.1:0", "127.0.0.1:0");
  EXPECT_TRUE(started.ok()) << started.toString();
  const auto health = servers.healthzAddress();
  const auto metrics = servers.metricsAddress();
  auto page = co_await get(reactor, health, "/healthz");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("\"nodeEligible\": true"));
  source.now.nodeEligible = false;
  page = co_await get(reactor, health, "/healthz");
  EXPECT_EQ(page.status, 503) << "load balancers go elsewhere while the node is deleted";
  page = co_await get(reactor, health, "/livez");
  EXPECT_EQ(page.status, 200) << "but nobody restarts us for that";
  source.now.healthy = false;
  page = co_await get(reactor, health, "/livez");
  EXPECT_EQ(page.status, 503);
  page = co_await get(reactor, health, "/metrics");
  EXPECT_EQ(page.status, 404);
  page = co_await get(reactor, metrics, "/metrics");
  EXPECT_EQ(page.body, "some_metric 1\n");
  page = co_await get(reactor, metrics, "/proxyMode");
  EXPECT_EQ(page.body, "nftables");
  co_await servers.stop();
}

TEST(HealthServers, OwnPages) {
  Reactor reactor;
  blockOn(reactor, ownPages(reactor));
}

Task<void> servicePages(Reactor& reactor) {
  FakeState source;
  HealthServers servers(reactor, source);
  const auto port = net::testing::freePort(reactor);
  const auto address = "127.0.0.1:" + std::to_string(port);
  co_await servers.setService("default/web", "127.0.0.1", port, 2);
  auto page = co_await get(reactor, address, "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.weight, "2");
  EXPECT_EQ(page.body,
            "{\n\t\"service\": {\n\t\t\"namespace\": \"default\",\n\t\t\"name\": \"web\"\n\t},\n"
            "\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}");
  co_await servers.setService("default/web", "127.0.0.1", port, 0);
  page = co_await get(reactor, address, "/");
  EXPECT_EQ(page.status, 503);
  // Another port; then a port that is taken, which is no harm to others.
  const auto second = net::testing::freePort(reactor);
  co_await servers.setService("default/web", "127.0.0.1", second, 1);
  page = co_await get(reactor, address, "/");
  EXPECT_EQ(page.status, 0);
  co_await servers.setService("default/other", "127.0.0.1", second, 1);
  page = co_await get(reactor, "127.0.0.1:" + std::to_string(second), "/");
  EXPECT_THAT(page.body, HasSubstr("\"web\""));
  // Free again: the next call has it.
  co_await servers.setService("default/web", "127.0.0.1", 0, 0);
  co_await servers.setService("default/other", "127.0.0.1", second, 1);
  page = co_await get(reactor, "127.0.0.1:" + std::to_string(second), "/");
  EXPECT_THAT(page.body, HasSubstr("\"other\""));
  co_await servers.stop();
}

TEST(HealthServers, ServicesHaveTheirPorts) {
  Reactor reactor;
  blockOn(reactor, servicePages(reactor));
}

}  // namespace
}  // namespace coxswain::proxy
