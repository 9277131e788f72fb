#include "metrics_api/rules.h"

#include <gtest/gtest.h>

namespace coxswain::metrics_api {
namespace {

constexpr const char* kSample = R"(
rules:
- seriesQuery: '{__name__=~"^http_.*",namespace!="",pod!=""}'
  seriesFilters:
  - isNot: "^http_debug"
  - is: "_total$"
  resources:
    overrides:
      namespace: {resource: "namespace"}
      pod: {resource: "pod"}
      service: {resource: services}
      deploy: {group: "apps", resource: "deployment"}
  name:
    matches: "^(.*)_total$"
    as: "${1}_per_second"
  metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)'
- seriesQuery: 'queue'
  resources: {template: "kube_<<.Group>>_<<.Resource>>"}
  metricsQuery: '<<.Series>>{pod=~"<<index .LabelValuesByName "kube__pod">>"}'
externalRules:
- seriesQuery: '{__name__="jobs"}'
  resources: {namespaced: false}
  metricsQuery: 'max(<<.Series>>{<<.LabelMatchers>>})'
)";

const KnownResource kPods{"", "v1", "pods", "pod", "Pod", true};
const KnownResource kDeployments{"apps", "v1", "deployments", "deployment", "Deployment", true};

RuleSet sample() {
  auto parsed = parseRules(kSample);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return std::move(*parsed);
}

TEST(Rules, NamesOfMetrics) {
  const auto set = sample();
  ASSERT_EQ(set.rules.size(), 2u);
  const auto& rule = set.rules[0];
  EXPECT_EQ(rule.metricOf("http_requests_total"), "http_requests_per_second");
  EXPECT_FALSE(rule.metricOf("http_requests"));
  EXPECT_FALSE(rule.metricOf("http_debug_total"));
  EXPECT_EQ(set.rules[1].metricOf("queue"), "queue");
  ASSERT_EQ(set.externalRules.size(), 1u);
  EXPECT_FALSE(set.externalRules[0].namespaced);
}

TEST(Rules, LabelsOfResources) {
  const auto set = sample();
  const auto& named = set.rules[0];
  EXPECT_EQ(named.resourceOf("pod"), (NamedResource{"", "pod"}));
  EXPECT_EQ(named.resourceOf("deploy"), (NamedResource{"apps", "deployment"}));
  EXPECT_FALSE(named.resourceOf("instance"));
  EXPECT_EQ(*named.labelOf(kPods), "pod");
  EXPECT_EQ(*named.labelOf(kDeployments), "deploy");
  const auto& pattern = set.rules[1];
  EXPECT_EQ(pattern.resourceOf("kube_apps_deployment"), (NamedResource{"apps", "deployment"}));
  EXPECT_FALSE(pattern.resourceOf("kube_pod"));
  EXPECT_EQ(*pattern.labelOf(kDeployments), "kube_apps_deployment");
}

TEST(Rules, Queries) {
  const auto set = sample();
  QueryWanted wanted{"http_requests_total", "shop", kPods, {"a", "b"}, {}};
  EXPECT_EQ(*set.rules[0].query(wanted),
            "sum(rate(http_requests_total{namespace=\"shop\",pod=~\"a|b\"}[2m])) by (pod)");
  wanted.names = {"a"};
  wanted.selector =
      *api::LabelSelector::parse("verb=GET,code in (200,204),slow,!old,zone!=x,tier notin (p,q)");
  EXPECT_EQ(*set.rules[0].query(wanted),
            "sum(rate(http_requests_total{code=~\"200|204\",old=\"\",slow!=\"\",tier!~\"p|q\","
            "verb=\"GET\",zone!=\"x\",namespace=\"shop\",pod=\"a\"}[2m])) by (pod)");
  wanted.selector = *api::LabelSelector::parse("age>3");
  EXPECT_FALSE(set.rules[0].query(wanted).ok());
  QueryWanted external{"jobs", "", {}, {}, *api::LabelSelector::parse("name=mail")};
  EXPECT_EQ(*set.externalRules[0].query(external), "max(jobs{name=\"mail\"})");
}

/// Nobody breaks out of the text that stands in a query.
TEST(Rules, ValuesAreQuoted) {
  const auto set = sample();
  QueryWanted wanted{"s", "a\"}) or vector(1) #\\", kPods, {"p"}, {}};
  EXPECT_EQ(*set.rules[0].query(wanted),
            "sum(rate(s{namespace=\"a\\\"}) or vector(1) #\\\\\",pod=\"p\"}[2m])) by (pod)");
}

TEST(Rules, WhatIsNone) {
  struct Row {
    const char* text;
    const char* failure;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"[]", "must be an object"},
           {"rules: 1", "rules: must be a list"},
           {"rules: [1]", "rules[0]: must be an object"},
           {"rules: [{}]", "rules[0]: seriesQuery: must be given"},
           {"rules: [{seriesQuery: a}]", "rules[0]: metricsQuery: must be given"},
           {"rules: [{seriesQuery: a, metricsQuery: '<<.Serie>>'}]",
            "rules[0]: metricsQuery: <<.Serie>> is not known in a query"},
           {"rules: [{seriesQuery: a, metricsQuery: '<<.Series'}]",
            "rules[0]: metricsQuery: << without >> in a query"},
           {"rules: [{seriesQuery: a, metricsQuery: b, name: {matches: '(a)(b)'}}]",
            "rules[0]: must specify an \"as\" value for name matcher \"(a)(b)\""},
           {"rules: [{seriesQuery: a, metricsQuery: b, seriesFilters: [{}]}]",
            "rules[0]: seriesFilters: one of is and isNot"},
           {"rules: [{seriesQuery: a, metricsQuery: b, resources: {template: x}}]",
            "rules[0]: resources.template: must have <<.Resource>> once"},
           {"externalRules: [{seriesQuery: a, metricsQuery: b, resources: {overrides: {x: {}}}}]",
            "externalRules[0]: resources.overrides: without resource"},
           {"rules: [{seriesQuery: a, labelValueReplacements: []}]",
            "rules[0]: unknown field \"labelValueReplacements\""},
           {"resourceRules: {cpu: {}}", "resourceRules: CPU and memory are read from kubelets"},
       }) {
    const auto parsed = parseRules(row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.status().message(), row.failure);
  }
  EXPECT_FALSE(parseRules("rules: [{seriesQuery: a, metricsQuery: b, name: {matches: '('}}]").ok());
  EXPECT_TRUE(parseRules("").ok());
}

}  // namespace
}  // namespace coxswain::metrics_api
