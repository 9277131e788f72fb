#include "metrics_api/catalog.h"

#include <gtest/gtest.h>

#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::metrics_api {
namespace {

TEST(PrometheusAnswers, VectorsAndScalars) {
  const auto vector = parseQueryAnswer(
      R"({"status":"success","data":{"resultType":"vector","result":[
          {"metric":{"pod":"a"},"value":[1700000000.5,"1.25"]},
          {"metric":{},"value":[1700000000,"NaN"]}]}})");
  ASSERT_TRUE(vector.ok()) << vector.status().message();
  ASSERT_EQ(vector->size(), 2u);
  EXPECT_EQ(vector->front().labels.at("pod"), "a");
  EXPECT_EQ(vector->front().milli, 1250);
  EXPECT_EQ(vector->front().when, WallTime(Duration(1'700'000'000'500ms)));
  EXPECT_EQ(vector->back().milli, 0);
  const auto scalar = parseQueryAnswer(
      R"({"status":"success","data":{"resultType":"scalar","result":[1700000000,"+Inf"]}})");
  ASSERT_TRUE(scalar.ok());
  EXPECT_GT(scalar->front().milli, 9'000'000'000'000'000'000);
}

TEST(PrometheusAnswers, WhatIsNone) {
  for (
      const char* text :
      {"", "[]", "{}", R"({"status":"success"})", R"({"status":"success","data":[]})",
       R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"1"]}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}})",
       R"({"status":"success","data":{"resultType":"scalar","result":[1e300,"1"]}})"}) {
    EXPECT_FALSE(parseQueryAnswer(text).ok()) << text;
  }
  EXPECT_EQ(parseQueryAnswer(R"({"status":"error","errorType":"bad_data","error":"no"})")
                .status()
                .message(),
            "bad_data: no");
  EXPECT_FALSE(parseSeriesAnswer(R"({"status":"success","data":{}})").ok());
  EXPECT_FALSE(parseSeriesAnswer(R"({"status":"success","data":[1]})").ok());
}

class FakePrometheus final : public Prometheus {
 public:
  Task<Result<std::vector<SeriesLabels>>> series(std::string selector, WallTime,
                                                 std::stop_token) override {
    ++lists;
    if (!failure.ok()) co_return failure;
    co_return all[selector];
  }
  Task<Result<std::vector<Sample>>> query(std::string, WallTime, std::stop_token) override {
    co_return std::vector<Sample>();
  }

  std::map<std::string, std::vector<SeriesLabels>> all;
  Status failure;
  int lists = 0;
};

std::optional<KnownResource> find(const NamedResource& named) {
  if (named.resource == "pod") return KnownResource{"", "v1", "pods", "pod", "Pod", true};
  if (named.resource == "node") return KnownResource{"", "v1", "nodes", "node", "Node", false};
  if (named.resource == "namespace") return namespaceResource();
  return std::nullopt;
}

RuleSet rules() {
  return std::move(*parseRules(R"(
rules:
- seriesQuery: http
  resources: {template: "<<.Resource>>"}
  metricsQuery: x
externalRules:
- seriesQuery: jobs
  metricsQuery: x
)"));
}

class Listing : public ::testing::Test {
 protected:
  sim::SimExecutor executor{1};
  FakePrometheus prometheus;
  Catalog catalog{executor, prometheus, rules(), find, Catalog::Options()};

  template <typename T>
  T wait(Task<T> task) {
    std::optional<T> out;
    spawn(executor, into(std::move(task), out));
    executor.runFor(1s);
    EXPECT_TRUE(out);
    return std::move(*out);
  }
  template <typename T>
  static Task<void> into(Task<T> task, std::optional<T>& out) {
    out = co_await std::move(task);
  }
};

TEST_F(Listing, ByLabelsThatNameResources) {
  prometheus.all["http"] = {
      {{"__name__", "hits"}, {"pod", "a"}, {"namespace", "d"}, {"instance", "i"}},
      {{"__name__", "hits"}, {"pod", "b"}, {"namespace", "d"}},
      {{"__name__", "load"}, {"node", "n"}}};
  prometheus.all["jobs"] = {{{"__name__", "queue"}}};
  const auto before = catalog.edition();
  const auto pods = wait(catalog.findCustom("pods", "hits", true, {}));
  ASSERT_TRUE(pods.ok());
  ASSERT_NE(*pods, nullptr);
  EXPECT_EQ((*pods)->from.series, "hits");
  EXPECT_GT(catalog.edition(), before);
  ASSERT_EQ(catalog.custom().size(), 3u);
  EXPECT_EQ(*wait(catalog.findCustom("pods", "hits", false, {})), nullptr);
  EXPECT_NE(*wait(catalog.findCustom("namespaces", "hits", false, {})), nullptr);
  EXPECT_NE(*wait(catalog.findCustom("nodes", "load", false, {})), nullptr);
  EXPECT_NE(*wait(catalog.findExternal("queue", {})), nullptr);
  EXPECT_EQ(*wait(catalog.findExternal("other", {})), nullptr);
}

TEST_F(Listing, OnlyWhenSomebodyAsks) {
  executor.runFor(1h);
  EXPECT_EQ(prometheus.lists, 0);
  EXPECT_TRUE(wait(catalog.fresh({})).ok());
  EXPECT_EQ(prometheus.lists, 2);
  EXPECT_TRUE(wait(catalog.fresh({})).ok());
  catalog.refresh();
  executor.runFor(1min);
  EXPECT_EQ(prometheus.lists, 2);
  executor.runFor(1h);
  catalog.refresh();
  executor.runFor(1s);
  EXPECT_EQ(prometheus.lists, 4);
}

/// What appeared since the last list is found.
TEST_F(Listing, UnknownMetricsAreLookedForAgain) {
  EXPECT_EQ(*wait(catalog.findExternal("queue", {})), nullptr);
  prometheus.all["jobs"] = {{{"__name__", "queue"}}};
  executor.runFor(5s);
  EXPECT_NE(*wait(catalog.findExternal("queue", {})), nullptr);
}

TEST_F(Listing, FailuresAreToldAndKeepWhatIsKnown) {
  prometheus.all["jobs"] = {{{"__name__", "queue"}}};
  EXPECT_TRUE(wait(catalog.fresh({})).ok());
  executor.runFor(1h);
  prometheus.failure = unreachable("down");
  EXPECT_EQ(wait(catalog.fresh({})).message(), "down");
  EXPECT_EQ(catalog.external().size(), 1u);
}

}  // namespace
}  // namespace coxswain::metrics_api
