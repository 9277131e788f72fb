#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "apiserver/registry/flowcontrol/builtin_objects.h"
#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

using testing::Requests;

const Requests& schemas() {
  static const Requests kSchemas("flowcontrol.apiserver.k8s.io", "flowschemas");
  return kSchemas;
}
const Requests& levels() {
  static const Requests kLevels("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations");
  return kLevels;
}

std::string schema(const std::string& rule) {
  return R"({"spec":{"priorityLevelConfiguration":{"name":"l"},"rules":[)" + rule + "]}}";
}
std::string subject(const std::string& members) {
  return schema(R"({"subjects":[{)" + members +
                R"(}],"nonResourceRules":[{"verbs":["get"],"nonResourceURLs":["/x"]}]})");
}
std::string resourceRule(const std::string& members) {
  return schema(R"({"subjects":[{"kind":"User","user":{"name":"u"}}],"resourceRules":[{)" +
                members + "}]}");
}
std::string url(const std::string& path) {
  return schema(R"({"subjects":[{"kind":"Group","group":{"name":"g"}}],)"
                R"("nonResourceRules":[{"verbs":["*"],"nonResourceURLs":[")" +
                path + R"("]}]})");
}

TEST(FlowSchema, BuiltinObjectsAreGood) {
  for (const auto& each : builtinFlowSchemas()) {
    EXPECT_EQ(schemas().create(api::encodeJson(each.object)), "") << each.object.metadata.name;
  }
  for (const auto& each : builtinPriorityLevels()) {
    EXPECT_EQ(levels().create(api::encodeJson(each.object)), "") << each.object.metadata.name;
  }
}

TEST(FlowSchema, Subjects) {
  EXPECT_EQ(schemas().create(subject(R"("kind":"User")")),
            "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is "
            "'User'");
  EXPECT_EQ(schemas().create(subject(R"("kind":"Group","group":{},"user":{"name":"u"})")),
            "[spec.rules[0].subjects[0].group.name: Required value, "
            "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not "
            "'User']");
  EXPECT_EQ(schemas().create(subject(R"("kind":"ServiceAccount","serviceAccount":{"name":"*"})")),
            "spec.rules[0].subjects[0].serviceAccount.namespace: Required value: must specify "
            "namespace for service account");
}

TEST(FlowSchema, Rules) {
  EXPECT_EQ(schemas().create(resourceRule(
                R"("verbs":["*","get"],"apiGroups":[""],"resources":["*"],"clusterScope":true)")),
            "spec.rules[0].resourceRules[0].verbs: Invalid value: [\"*\",\"get\"]: if '*' is "
            "present, must not specify other verbs");
  EXPECT_EQ(schemas().create(resourceRule(R"("verbs":["x"],"namespaces":["A"])")),
            "[spec.rules[0].resourceRules[0].verbs: Unsupported value: [\"x\"]: supported values: "
            "\"create\", \"delete\", \"deletecollection\", \"get\", \"list\", \"patch\", "
            "\"proxy\", \"update\", \"watch\", spec.rules[0].resourceRules[0].apiGroups: Required "
            "value: resource rules must supply at least one api group, "
            "spec.rules[0].resourceRules[0].resources: Required value: resource rules must supply "
            "at least one resource, spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: "
            "\"A\": each member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 "
            "label must consist of lower case alphanumeric characters or '-', and must start and "
            "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
            "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')]");
  EXPECT_EQ(
      schemas().create(resourceRule(R"("verbs":["get"],"apiGroups":["*"],"resources":["*"])")),
      "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are "
      "not cluster scoped must supply at least one namespace");
}

TEST(FlowSchema, Urls) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "must not be empty"},
      {"x", "must start with slash"},
      {"/a b", "must not contain white-space"},
      {"/a//b", "must not contain double slash"},
      {"/a*", "wildcard can only do suffix matching"},
      {"/*/a/*", "wildcard can only do suffix matching"}};
  for (const auto& [path, problem] : cases) {
    EXPECT_EQ(schemas().create(url(path)),
              "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: \"" +
                  std::string(path) + "\": " + problem);
  }
  EXPECT_EQ(schemas().create(url("/a/*")), "");
  EXPECT_EQ(schemas().create(url("/")), "");
}

TEST(FlowSchema, MandatoryOnesAreFixed) {
  auto text = api::encodeJson(*mandatoryFlowSchema("exempt"));
  text.replace(text.find("system:masters"), 14, "someone");
  const auto problem = schemas().create(text);
  EXPECT_TRUE(
      problem.starts_with("spec: Invalid value: {\"PriorityLevelConfiguration\":{\"Name\":"
                          "\"exempt\"},\"MatchingPrecedence\":1,"))
      << problem;
  EXPECT_TRUE(problem.ends_with(": spec of 'exempt' must equal the fixed value")) << problem;
  EXPECT_NE(problem.find(R"("Group":{"Name":"someone"},"ServiceAccount":null)"), std::string::npos)
      << problem;
  EXPECT_EQ(schemas().create(R"({"spec":{"priorityLevelConfiguration":{"name":"l"},)"
                             R"("matchingPrecedence":1}})"),
            "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have "
            "matchingPrecedence 1");
}

TEST(FlowSchema, StatusLeavesTheRest) {
  std::string stored;
  EXPECT_EQ(
      schemas().updateStatus(
          R"({"metadata":{"labels":{"a":"1"}},"spec":{"priorityLevelConfiguration":{"name":"l"}}})",
          R"({"metadata":{"labels":{"a":"2"}},"status":{"conditions":[{"type":"Dangling"}]}})",
          &stored),
      "");
  EXPECT_NE(stored.find("\"a\":\"1\""), std::string::npos) << stored;
  EXPECT_NE(stored.find("\"name\":\"l\""), std::string::npos) << stored;
  EXPECT_EQ(schemas().updateStatus(
                schema(""), R"({"status":{"conditions":[{"type":""},{"type":"a"},{"type":"a"}]}})"),
            "[status.conditions[0].type: Required value: must not be empty, "
            "status.conditions[2].type: Duplicate value: \"a\"]");
}

std::string limited(const std::string& members) {
  return R"({"spec":{"type":"Limited","limited":{)" + members + "}}}";
}

TEST(PriorityLevel, Defaults) {
  std::string stored;
  EXPECT_EQ(levels().create(limited(R"("limitResponse":{"type":"Queue","queuing":{}})"), &stored),
            "");
  EXPECT_NE(stored.find(R"("nominalConcurrencyShares":30)"), std::string::npos) << stored;
  EXPECT_NE(stored.find(R"("queuing":{"queues":64,"handSize":8,"queueLengthLimit":50})"),
            std::string::npos)
      << stored;
  EXPECT_NE(stored.find(R"("lendablePercent":0)"), std::string::npos) << stored;
}

TEST(PriorityLevel, Types) {
  EXPECT_EQ(levels().create(R"({"spec":{"type":"Exempt","exempt":{}}})"),
            "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is "
            "'exempt'");
  EXPECT_EQ(levels().create(R"({"spec":{"type":"Limited"}})"),
            "spec.limited: Required value: must not be empty when type is Limited");
  EXPECT_EQ(levels().create(R"({"spec":{"type":"X"}})"),
            "spec.type: Unsupported value: \"X\": supported values: \"Exempt\", \"Limited\"");
  EXPECT_EQ(levels().create(limited(R"("limitResponse":{"type":"Queue"})")),
            "spec.limited.limitResponse.queuing: Required value: must not be empty if "
            "limited.limitResponse.type is Limited");
  EXPECT_EQ(levels().create(limited(R"("limitResponse":{"type":"Y"})")),
            "spec.limited.limitResponse.type: Unsupported value: \"Y\": supported values: "
            "\"Queue\", \"Reject\"");
}

TEST(PriorityLevel, HandsThatTakeTooManyBits) {
  EXPECT_EQ(levels().create(limited(
                R"("limitResponse":{"type":"Queue","queuing":{"queues":128,"handSize":9}})")),
            "spec.limited.limitResponse.queuing.handSize: Invalid value: 9: required entropy bits "
            "of deckSize 128 and handSize 9 should not be greater than 60");
  EXPECT_EQ(levels().create(limited(
                R"("limitResponse":{"type":"Queue","queuing":{"queues":20000000,"handSize":1}})")),
            "spec.limited.limitResponse.queuing.queues: Invalid value: 20000000: must not be "
            "greater than 10000000");
}

TEST(PriorityLevel, ExemptMayLend) {
  EXPECT_EQ(levels().create(R"({"metadata":{"name":"exempt"},"spec":{"type":"Exempt",)"
                            R"("exempt":{"nominalConcurrencyShares":7,"lendablePercent":9}}})"),
            "");
  const auto fixed = levels().create(
      R"({"metadata":{"name":"catch-all"},"spec":{"type":"Limited",)"
      R"("limited":{"nominalConcurrencyShares":7,"limitResponse":{"type":"Reject"}}}})");
  EXPECT_TRUE(fixed.ends_with("spec of 'catch-all' must equal the fixed value")) << fixed;
}

}  // namespace
}  // namespace coxswain::apiserver
