#include "scheduler/extenders/messages.h"

#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using testing::NodeBuilder;
using testing::PodBuilder;

using Names = std::vector<std::string>;
using Texts = std::map<std::string, std::string>;

TEST(ExtenderMessages, ArgsHaveNodesOrTheirNames) {
  api::core::v1::Pod pod;
  pod.metadata.name = "p";
  const std::vector<ExtenderNode> nodes = {{"a", NodeBuilder("a").toPtr()},
                                           {"b\"", NodeBuilder("b\"").toPtr()}};
  const auto names = encodeExtenderArgs(pod, nodes, true);
  EXPECT_TRUE(names.starts_with(R"({"Pod":{)")) << names;
  EXPECT_TRUE(names.ends_with(R"(,"Nodes":null,"NodeNames":["a","b\""]})")) << names;
  const auto whole = encodeExtenderArgs(pod, nodes, false);
  EXPECT_NE(whole.find(R"(,"Nodes":{"metadata":{},"items":[{)"), std::string::npos) << whole;
  EXPECT_TRUE(whole.ends_with(R"(]},"NodeNames":null})")) << whole;
}

TEST(ExtenderMessages, FilterResults) {
  auto answer = decodeFilterResult(R"({"Nodes":null,"NodeNames":["a"],"FailedNodes":{"b":"no"},)"
                                   R"("FailedAndUnresolvableNodes":{"c":"never"},"Error":""})",
                                   true);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->nodes, Names{"a"});
  EXPECT_EQ(answer->failed, (Texts{{"b", "no"}}));
  EXPECT_EQ(answer->unresolvable, (Texts{{"c", "never"}}));
  // As Go reads it: whatever the case.
  answer = decodeFilterResult(R"({"nodes":{"items":[{"metadata":{"name":"a"}}]}})", false);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->nodes, Names{"a"});
  // Names mean nothing to who sent nodes.
  answer = decodeFilterResult(R"({"nodenames":["a"]})", false);
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(answer->nodes.empty());
  EXPECT_EQ(decodeFilterResult(R"({"Error":"down"})", true).status().message(),
            internalError("down").message());
  for (const char* broken :
       {"", "{", "[]", "7", R"({"NodeNames":7})", R"({"NodeNames":[7]})", R"({"FailedNodes":[]})",
        R"({"FailedNodes":{"a":1}})", R"({"Error":1})"})
    EXPECT_FALSE(decodeFilterResult(broken, true).ok()) << broken;
  for (const char* broken :
       {R"({"Nodes":7})", R"({"Nodes":{"items":7}})", R"({"Nodes":{"items":[{}]}})"})
    EXPECT_FALSE(decodeFilterResult(broken, false).ok()) << broken;
}

TEST(ExtenderMessages, Priorities) {
  const auto scores = decodePriorities(R"([{"Host":"a","Score":10},{"host":"b"}])");
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(*scores, (std::vector<std::pair<std::string, int64_t>>{{"a", 10}, {"b", 0}}));
  EXPECT_TRUE(decodePriorities("null")->empty());
  for (const char* broken : {"", "{}", "[1]", R"([{"Host":1}])", R"([{"Score":"x"}])"})
    EXPECT_FALSE(decodePriorities(broken).ok()) << broken;
}

TEST(ExtenderMessages, Bindings) {
  PodBuilder pod("p");
  EXPECT_EQ(encodeBindingArgs(pod.pod.metadata, "n"),
            R"({"PodName":"p","PodNamespace":"default","PodUID":"uid-p","Node":"n"})");
  EXPECT_TRUE(decodeBindingResult(R"({"Error":""})").ok());
  EXPECT_TRUE(decodeBindingResult("null").ok());
  EXPECT_FALSE(decodeBindingResult(R"({"Error":"taken"})").ok());
  EXPECT_FALSE(decodeBindingResult("").ok());
}

TEST(ExtenderMessages, Preemption) {
  PodBuilder pod("p");
  VictimsByNode victims;
  victims["n"].violations = 2;
  victims["n"].pods.push_back({"u", PodBuilder("low").toPtr()});
  const auto cached = encodePreemptionArgs(pod.pod, victims, true);
  EXPECT_TRUE(cached.ends_with(
      R"(,"NodeNameToVictims":null,"NodeNameToMetaVictims":{"n":{"Pods":[{"UID":"u"}],)"
      R"("NumPDBViolations":2}}})"))
      << cached;
  const auto whole = encodePreemptionArgs(pod.pod, victims, false);
  EXPECT_NE(whole.find(R"("NodeNameToVictims":{"n":{"Pods":[{)"), std::string::npos) << whole;
  EXPECT_TRUE(whole.ends_with(R"(],"NumPDBViolations":2}},"NodeNameToMetaVictims":null})"))
      << whole;
  const auto answer = decodePreemptionResult(
      R"({"NodeNameToMetaVictims":{"n":{"Pods":[{"UID":"u"}],"NumPDBViolations":1},"m":null}})");
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->size(), 2U);
  EXPECT_EQ(answer->at("n").violations, 1);
  EXPECT_EQ(answer->at("n").pods.at(0).uid, "u");
  EXPECT_TRUE(answer->at("m").pods.empty());
  EXPECT_TRUE(decodePreemptionResult("{}")->empty());
  for (const char* broken :
       {"", "[]", R"({"NodeNameToMetaVictims":[]})", R"({"NodeNameToMetaVictims":{"n":7}})",
        R"({"NodeNameToMetaVictims":{"n":{"Pods":{}}}})"})
    EXPECT_FALSE(decodePreemptionResult(broken).ok()) << broken;
}

}  // namespace
}  // namespace coxswain::scheduler
