#include <gtest/gtest.h>

#include "api/codec/value.h"
#include "cli/cmd/rule_cover.h"
#include "cli/testing/cli_test.h"

namespace coxswain::cli {
namespace {

std::vector<PolicyRule> rules(std::string_view text) {
  return rulesOf(*api::parseJsonValue(R"({"rules":)" + std::string(text) + "}"));
}

std::string missing(std::string_view owned, std::string_view wanted) {
  std::string out;
  for (const auto& rule : uncovered(rules(owned), rules(wanted))) out += rule.text() + "\n";
  return out;
}

TEST(RuleCover, SingleRights) {
  constexpr std::string_view kPods =
      R"([{"verbs":["get","list"],"apiGroups":[""],"resources":["pods"]}])";
  EXPECT_EQ(missing("[]", kPods),
            "{Verbs:[get] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}\n"
            "{Verbs:[list] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}\n");
  EXPECT_EQ(missing(kPods, kPods), "");
  EXPECT_EQ(missing(R"([{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}])", kPods), "");
  EXPECT_NE(missing(R"([{"verbs":["*"],"apiGroups":["apps"],"resources":["*"]}])", kPods), "");
  // Names narrow a rule.
  constexpr std::string_view kNamed =
      R"([{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}])";
  EXPECT_EQ(missing(kPods, kNamed), "");
  EXPECT_NE(missing(kNamed, kPods), "");
  // Subresources and paths.
  EXPECT_EQ(missing(R"([{"verbs":["get"],"apiGroups":["apps"],"resources":["*/scale"]}])",
                    R"([{"verbs":["get"],"apiGroups":["apps"],"resources":["x/scale"]}])"),
            "");
  EXPECT_EQ(missing(R"([{"verbs":["get"],"nonResourceURLs":["/api/*"]}])",
                    R"([{"verbs":["get"],"nonResourceURLs":["/api/v1"]}])"),
            "");
  EXPECT_NE(missing(R"([{"verbs":["get"],"nonResourceURLs":["/api"]}])",
                    R"([{"verbs":["get"],"nonResourceURLs":["/api/v1"]}])"),
            "");
}

using Access = testing::CliTest;

TEST_F(Access, WrongUse) {
  EXPECT_EQ(run({"certificate", "approve"}).err,
            "error: one or more CSRs must be specified as <name> or -f <filename>\n");
  EXPECT_EQ(run({"auth", "reconcile"}).err, "error: must specify one of -f and -k\n");
  EXPECT_EQ(run({"events", "--for", "pod"}).err, "error: --for must be in resource/name form\n");
  EXPECT_EQ(run({"events", "--types", "Bad"}).err, "error: valid --types are Normal or Warning\n");
  EXPECT_EQ(run({"explain", "pods", "-o", "nope"}).err, "error: unrecognized format: nope\n");
}

}  // namespace
}  // namespace coxswain::cli
