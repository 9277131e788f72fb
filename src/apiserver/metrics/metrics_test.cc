#include <fmt/format.h>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/assembly/testing/assembly_test_base.h"
#include "apiserver/local/memory_response.h"
#include "apiserver/metrics/prometheus_metrics.h"
#include "apiserver/metrics/resource_metrics.h"
#include "client/path_reader.h"
#include "net/text_body.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::APIService;
using api::core::v1::Node;
using api::core::v1::Pod;
using api::rbac::v1::ClusterRole;

/// Node n1 with half a core in use, and on it pod default/web with a quarter.
class FakeKubelets final : public metrics_api::Kubelets {
 public:
  explicit FakeKubelets(Executor& executor) : executor_(executor) {}
  Result<std::vector<std::string>> nodes() override { return std::vector<std::string>{"n1"}; }
  Task<Result<std::string>> resourceMetrics(std::string node, std::stop_token) override {
    ++reads;
    const auto seconds =
        std::chrono::duration<double>(executor_.wallNow().time_since_epoch()).count();
    const auto millis = static_cast<int64_t>(seconds * 1000);
    co_return fmt::format(
        "node_cpu_usage_seconds_total {0} {2}\nnode_memory_working_set_bytes 1048576 {2}\n"
        "container_cpu_usage_seconds_total{{container=\"c\",namespace=\"default\",pod=\"web\"}} "
        "{1} {2}\n"
        "container_memory_working_set_bytes{{container=\"c\",namespace=\"default\",pod=\"web\"}} "
        "2097152 {2}\n",
        seconds / 2, seconds / 4, millis);
  }
  int reads = 0;

 private:
  Executor& executor_;
};

class FakePrometheus final : public metrics_api::Prometheus {
 public:
  Task<Result<std::vector<metrics_api::SeriesLabels>>> series(std::string selector, WallTime,
                                                              std::stop_token) override {
    std::vector<metrics_api::SeriesLabels> out;
    if (selector == "http") {
      out.push_back({{"__name__", "http_total"}, {"pod", "web"}, {"namespace", "default"}});
    }
    if (selector == "jobs") out.push_back({{"__name__", "queue"}});
    co_return out;
  }
  Task<Result<std::vector<metrics_api::Sample>>> query(std::string text, WallTime at,
                                                       std::stop_token) override {
    asked = std::move(text);
    if (!failure.ok()) co_return failure;
    co_return std::vector<metrics_api::Sample>{{{{labelName, "web"}}, 1500, at}};
  }
  std::string asked;
  std::string labelName = "pod";
  Status failure;
};

constexpr const char* kRules = R"(
rules:
- seriesQuery: http
  resources: {template: "<<.Resource>>"}
  name: {matches: "^(.*)_total$"}
  metricsQuery: 'rate(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
externalRules:
- seriesQuery: jobs
  resources: {template: "<<.Resource>>"}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'
)";

class MetricsApis : public AssemblyTestBase {
 protected:
  FakeKubelets kubelets{executor_};
  FakePrometheus prometheus;
  std::unique_ptr<metrics_api::Catalog> catalog;
  ResourceMetrics* resource = nullptr;

  void SetUp() override { begin(); }
  void TearDown() override {
    run(resource->stop());
    run(catalog->stop());
    end();
  }
  void wire(Assembly& assembly) override {
    auto& server = assembly.server();
    auto made = std::make_unique<ResourceMetrics>(
        ResourceMetrics::Sources{executor_, kubelets, *server.registry("", "v1", "nodes"),
                                 *server.registry("", "v1", "pods")},
        metrics_api::Scraper::Options());
    resource = made.get();
    server.ownGroups().add(std::move(made));
    catalog = std::make_unique<metrics_api::Catalog>(
        executor_, prometheus, std::move(*metrics_api::parseRules(kRules)), findKnownResource,
        metrics_api::Catalog::Options());
    server.ownGroups().add(std::make_unique<CustomMetrics>("v1beta2", *catalog, server));
    server.ownGroups().add(std::make_unique<CustomMetrics>("v1beta1", *catalog, server));
    server.ownGroups().add(std::make_unique<ExternalMetrics>(*catalog));
  }

  void makeObjects() {
    Node node;
    node.metadata.name = "n1";
    node.metadata.labels["zone"] = "a";
    ASSERT_TRUE(create(std::move(node)).ok());
    api::core::v1::ServiceAccount account;
    account.metadata.name = "default";
    account.metadata.namespace_ = "default";
    ASSERT_TRUE(create(std::move(account)).ok());
    for (const char* name : {"web", "idle"}) {
      Pod pod;
      pod.metadata.name = name;
      pod.metadata.namespace_ = "default";
      pod.metadata.labels["app"] = name;
      pod.spec.serviceAccountName = "default";
      pod.spec.automountServiceAccountToken = false;
      auto& container = pod.spec.containers.emplace_back();
      container.name = "c";
      container.image = "i";
      auto made = create(std::move(pod));
      ASSERT_TRUE(made.ok()) << made.status().message();
      Pod next = **made;
      next.status.phase = "Running";
      ASSERT_TRUE(run(client::update(*admin_, std::move(next), "status")).ok());
    }
  }

  Result<std::string> read(std::string path, client::PathQuery query = {},
                           const std::string& user = "admin") {
    auto& client = user == "admin" ? *admin_ : as(user);
    return run(client::pathReaderOf(client)->readPath(std::move(path), std::move(query), {}));
  }
  std::string failure(std::string path, client::PathQuery query = {},
                      const std::string& user = "admin") {
    return read(std::move(path), std::move(query), user).status().message();
  }
  /// As it goes over the wire.
  static Task<Result<std::string>> ask(ApiServer& server, std::string path, std::string accept) {
    net::TextBody body;
    net::Request request;
    request.method = "GET";
    request.path = std::move(path);
    request.headers.add("Accept", std::move(accept));
    request.body = &body;
    MemoryResponse response;
    Exchange exchange(request, response);
    exchange.user = {"admin", "", {"system:masters"}, {}};
    CO_TRY_STATUS(co_await server.serveOwn(exchange));
    co_return std::move(response).result();
  }
};

constexpr const char* kMetrics = "/apis/metrics.k8s.io/v1beta1";

TEST_F(MetricsApis, WhatNodesAndPodsUse) {
  makeObjects();
  const auto nodes = read(std::string(kMetrics) + "/nodes");
  ASSERT_TRUE(nodes.ok()) << nodes.status().message();
  EXPECT_NE(nodes->find(R"("kind":"NodeMetricsList","apiVersion":"metrics.k8s.io/v1beta1")"),
            std::string::npos)
      << *nodes;
  EXPECT_NE(nodes->find(R"("name":"n1")"), std::string::npos);
  EXPECT_NE(nodes->find(R"("labels":{"zone":"a"})"), std::string::npos);
  EXPECT_NE(nodes->find(R"("memory":"1Mi")"), std::string::npos);
  const auto pods = read(std::string(kMetrics) + "/namespaces/default/pods");
  ASSERT_TRUE(pods.ok());
  EXPECT_NE(pods->find(R"("containers":[{"name":"c","usage":{"cpu":"2)"), std::string::npos)
      << *pods;
  // Its kubelet says nothing of it.
  EXPECT_EQ(pods->find("\"idle\""), std::string::npos);
  const auto one = read(std::string(kMetrics) + "/namespaces/default/pods/web");
  ASSERT_TRUE(one.ok());
  EXPECT_NE(one->find(R"("kind":"PodMetrics")"), std::string::npos);
  const auto all = read(std::string(kMetrics) + "/pods");
  ASSERT_TRUE(all.ok());
  EXPECT_NE(all->find(R"("name":"web")"), std::string::npos);
}

TEST_F(MetricsApis, SelectionsAndFailures) {
  makeObjects();
  const auto pods = std::string(kMetrics) + "/namespaces/default/pods";
  const auto selected = [&](const char* option, const char* selector) {
    const auto answer = read(pods, {{option, selector}});
    return answer.ok() && answer->find("\"name\":\"web\"") != std::string::npos;
  };
  EXPECT_TRUE(selected("labelSelector", "app=web"));
  EXPECT_FALSE(selected("labelSelector", "app=idle"));
  EXPECT_TRUE(selected("fieldSelector", "metadata.name=web"));
  EXPECT_FALSE(selected("fieldSelector", "metadata.name!=web"));
  EXPECT_NE(failure(pods, {{"fieldSelector", "spec.nodeName=n1"}})
                .find("\"spec.nodeName\" is not a known field selector"),
            std::string::npos);
  EXPECT_EQ(failure(pods + "/nothing"), "pods \"nothing\" not found");
  EXPECT_EQ(failure(pods + "/idle"), "podmetrics.metrics.k8s.io \"default/idle\" not found");
  EXPECT_EQ(failure(pods, {{"watch", "1"}}),
            "the server does not allow this method on the requested resource");
  EXPECT_EQ(failure(std::string(kMetrics) + "/services"),
            "the server could not find the requested resource");
}

TEST_F(MetricsApis, NothingIsReadUnlessSomebodyAsks) {
  executor_.runFor(1h);
  EXPECT_EQ(kubelets.reads, 0);
  EXPECT_TRUE(read(std::string(kMetrics) + "/nodes").ok());
  EXPECT_TRUE(resource->reading());
  executor_.runFor(10min);
  EXPECT_FALSE(resource->reading());
}

TEST_F(MetricsApis, Tables) {
  makeObjects();
  const auto table = run(ask(assembly_->server(), std::string(kMetrics) + "/nodes",
                             "application/json;as=Table;v=v1;g=meta.k8s.io"));
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_NE(table->find("\"kind\":\"Table\""), std::string::npos);
  for (const char* column : {"\"name\":\"Name\"", "\"name\":\"cpu\"", "\"name\":\"memory\"",
                             "\"name\":\"Window\",\"type\":\"string\",\"format\":\"duration\""}) {
    EXPECT_NE(table->find(column), std::string::npos) << column << *table;
  }
  EXPECT_NE(table->find(R"("cells":["n1",")"), std::string::npos) << *table;
}

TEST_F(MetricsApis, DiscoveryRolesAndServices) {
  const auto list = read(kMetrics);
  ASSERT_TRUE(list.ok());
  EXPECT_NE(list->find(R"("name":"nodes","singularName":"","namespaced":false,)"
                       R"("kind":"NodeMetrics","verbs":["get","list"])"),
            std::string::npos)
      << *list;
  const auto openApi = read("/openapi/v3/apis/metrics.k8s.io/v1beta1");
  ASSERT_TRUE(openApi.ok());
  EXPECT_NE(openApi->find("io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetricsList"),
            std::string::npos);
  const auto service = get<APIService>("", "v1beta1.metrics.k8s.io");
  ASSERT_TRUE(service.ok());
  EXPECT_FALSE((*service)->spec.service);
  const auto role = get<ClusterRole>("", "system:aggregated-metrics-reader");
  ASSERT_TRUE(role.ok());
  EXPECT_EQ((*role)->metadata.labels.find("rbac.authorization.k8s.io/aggregate-to-view")->second,
            "true");
  EXPECT_NE(failure(std::string(kMetrics) + "/nodes", {}, "bob").find("forbidden"),
            std::string::npos);
}

/// A metrics-server that the user installed.
TEST_F(MetricsApis, AnotherServersServiceWins) {
  ASSERT_TRUE(read(std::string(kMetrics) + "/nodes").ok());
  APIService service = **get<APIService>("", "v1beta1.metrics.k8s.io");
  auto& where = service.spec.service.emplace();
  where.namespace_ = "kube-system";
  where.name = "metrics-server";
  service.spec.insecureSkipTLSVerify = true;
  ASSERT_TRUE(run(client::update(*admin_, std::move(service))).ok());
  executor_.runFor(1s);
  EXPECT_FALSE(read(std::string(kMetrics) + "/nodes").ok());
  client::DeleteOptions options;
  ASSERT_TRUE(run(admin_->remove(client::resourceOf<APIService>(), "", "v1beta1.metrics.k8s.io",
                                 std::move(options), {}))
                  .ok());
  executor_.runFor(1s);
  EXPECT_TRUE(read(std::string(kMetrics) + "/nodes").ok());
}

TEST_F(MetricsApis, CustomMetricsOfPods) {
  makeObjects();
  const auto path = std::string("/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/");
  const auto all = read(path + "*/http", {{"labelSelector", "app in (web,idle)"}});
  ASSERT_TRUE(all.ok()) << all.status().message();
  EXPECT_EQ(prometheus.asked, "rate(http_total{namespace=\"default\",pod=~\"idle|web\"}) by (pod)");
  EXPECT_NE(all->find(R"("describedObject":{"kind":"Pod","namespace":"default","name":"web",)"
                      R"("apiVersion":"v1"},"metric":{"name":"http","selector":null})"),
            std::string::npos)
      << *all;
  EXPECT_NE(all->find(R"("value":"1500m")"), std::string::npos);
  const auto one = read(path + "web/http", {{"metricLabelSelector", "verb=GET"}});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(prometheus.asked,
            "rate(http_total{verb=\"GET\",namespace=\"default\",pod=\"web\"}) by (pod)");
  EXPECT_NE(one->find(R"("selector":{"matchLabels":{"verb":"GET"}})"), std::string::npos);
  EXPECT_EQ(failure(path + "other/http"),
            "the server could not find the metric http for pods other");
  EXPECT_EQ(failure(path + "web/unknown"), "the server could not find the metric unknown for pods");
  // What is no object's name is not asked for.
  prometheus.asked.clear();
  EXPECT_EQ(failure(path + "a\"} or up{b=\"/http"),
            "the server could not find the metric http for pods a\"} or up{b=\"");
  EXPECT_EQ(failure(path + "a|b/http"), "the server could not find the metric http for pods a|b");
  EXPECT_EQ(prometheus.asked, "");
  const auto older = read("/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/web/http");
  ASSERT_TRUE(older.ok());
  EXPECT_NE(older->find(R"("metricName":"http")"), std::string::npos) << *older;
  prometheus.failure = unreachable("down");
  EXPECT_EQ(failure(path + "web/http"), "down");
}

TEST_F(MetricsApis, CustomMetricsOfNamespaces) {
  prometheus.labelName = "namespace";
  const auto path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/web/metrics/http";
  const auto answer = read(path);
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(prometheus.asked, "rate(http_total{namespace=\"web\"}) by (namespace)");
  EXPECT_NE(answer->find(R"("describedObject":{"kind":"Namespace","name":"web")"),
            std::string::npos)
      << *answer;
}

TEST_F(MetricsApis, ExternalMetricsAndDiscovery) {
  const auto path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue";
  const auto answer = read(path, {{"labelSelector", "name=mail"}});
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(prometheus.asked, "sum(queue{name=\"mail\",namespace=\"default\"})");
  EXPECT_NE(answer->find(R"("metricName":"queue","metricLabels":{"pod":"web"})"), std::string::npos)
      << *answer;
  const auto external = read("/apis/external.metrics.k8s.io/v1beta1");
  ASSERT_TRUE(external.ok());
  EXPECT_NE(external->find(R"("name":"queue","singularName":"","namespaced":true,)"
                           R"("kind":"ExternalMetricValueList","verbs":["get"])"),
            std::string::npos)
      << *external;
  const auto custom = read("/apis/custom.metrics.k8s.io/v1beta2");
  ASSERT_TRUE(custom.ok());
  EXPECT_NE(custom->find(R"("name":"pods/http")"), std::string::npos) << *custom;
  const auto group = read("/apis/custom.metrics.k8s.io");
  ASSERT_TRUE(group.ok());
  EXPECT_NE(group->find(R"("preferredVersion":{"groupVersion":"custom.metrics.k8s.io/v1beta2")"),
            std::string::npos)
      << *group;
}

}  // namespace
}  // namespace coxswain::apiserver
