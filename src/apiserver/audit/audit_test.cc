#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "apiserver/audit/auditor.h"
#include "apiserver/audit/log_file.h"
#include "apiserver/audit/policy.h"

namespace coxswain::apiserver::audit {
namespace {

constexpr std::string_view kHead = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

Result<Policy> policyOf(std::string_view rules) {
  return Policy::parse(std::string(kHead) + std::string(rules));
}

TEST(AuditPolicy, WrongOnesAreRefusedWithThePathOfTheField) {
  struct Case {
    const char* name;
    std::string text;
    const char* message;
  };
  const std::string head(kHead);
  const Case cases[] = {
      {"no YAML", "a: [", "yaml: "},
      {"empty", "", "an audit policy is a map"},
      {"list", "[]", "an audit policy is a map"},
      {"other kind", "apiVersion: v1\nkind: Pod\n", "want kind Policy of audit.k8s.io/v1"},
      {"old version", "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]\n",
       "want kind Policy of audit.k8s.io/v1"},
      {"no rules", head, "loaded illegal policy with 0 rules"},
      {"unknown field", head + "rules: [{level: None, verb: [get]}]\n",
       "unknown field \"rules[0].verb\""},
      {"type", head + "rules: [{level: 1}]\n", "cannot unmarshal number"},
      {"no level", head + "rules: [{verbs: [get]}]\n", "rules[0].level: Required value"},
      {"level", head + "rules: [{level: None}, {level: Loud}]\n",
       "rules[1].level: Unsupported value: \"Loud\": supported values: \"None\", \"Metadata\", "
       "\"Request\", \"RequestResponse\""},
      {"stage", head + "omitStages: [Never]\nrules: [{level: None}]\n",
       "omitStages[0]: Invalid value: \"Never\": allowed stages are "
       "RequestReceived,ResponseStarted,ResponseComplete,Panic"},
      {"stage of a rule", head + "rules: [{level: None, omitStages: [Panic, x]}]\n",
       "rules[0].omitStages[1]: Invalid value: \"x\""},
      {"path", head + "rules: [{level: None, nonResourceURLs: [api]}]\n",
       "rules[0].nonResourceURLs[0]: Invalid value: \"api\": non-resource URL rules must begin "
       "with a '/' character"},
      {"star", head + "rules: [{level: None, nonResourceURLs: ['/a*b']}]\n",
       "rules[0].nonResourceURLs[0]: Invalid value: \"/a*b\": non-resource URL wildcards '*' must "
       "be the final character of the rule"},
      {"both", head + "rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]\n",
       "rules cannot apply to both regular resources and non-resource URLs"},
      {"group", head + "rules: [{level: None, resources: [{group: A_b}]}]\n",
       "rules[0].resources[0].group: Invalid value: \"A_b\""},
      {"names alone", head + "rules: [{level: None, resources: [{resourceNames: [a]}]}]\n",
       "rules[0].resources[0].resourceNames: Invalid value: [\"a\"]: using resourceNames requires "
       "at least one resource"},
  };
  for (const auto& each : cases) {
    auto policy = Policy::parse(each.text);
    ASSERT_FALSE(policy.ok()) << each.name;
    EXPECT_EQ(policy.status().reason(), Reason::BadRequest) << each.name;
    EXPECT_NE(policy.status().message().find(each.message), std::string::npos)
        << each.name << ": " << policy.status().message();
  }
}

struct Asked {
  std::string user = "u";
  std::vector<std::string> groups = {};
  std::string verb = "get";
  std::string group = {};
  std::string resource = "pods";
  std::string subresource = {};
  std::string ns = "default";
  std::string name = "x";
  std::string path = {};  ///< set: no resource
};

Level levelOf(const Policy& policy, const Asked& asked) {
  Subject subject;
  subject.user = asked.user;
  subject.groups = asked.groups;
  subject.verb = asked.verb;
  subject.isResource = asked.path.empty();
  subject.group = asked.group;
  subject.resource = asked.resource;
  subject.subresource = asked.subresource;
  subject.ns = asked.ns;
  subject.name = asked.name;
  subject.path = asked.path;
  return policy.decide(subject).level;
}

TEST(AuditPolicy, TheFirstRuleThatFitsDecides) {
  struct Case {
    const char* name;
    const char* rule;  ///< at level Metadata
    Asked asked;
    bool fits;
  };
  const Case cases[] = {
      {"everything", "", {}, true},
      {"user", "users: [u]", {}, true},
      {"other user", "users: [v]", {}, false},
      {"group", "userGroups: [a, b]", {.groups = {"b"}}, true},
      {"other group", "userGroups: [a]", {.groups = {"b"}}, false},
      {"verb", "verbs: [get, list]", {}, true},
      {"other verb", "verbs: [list]", {}, false},
      {"namespace", "namespaces: [default]", {}, true},
      {"other namespace", "namespaces: [other]", {}, false},
      {"namespaces are not of paths", "namespaces: ['']", {.ns = "", .path = "/api"}, false},
      {"resource", "resources: [{resources: [pods]}]", {}, true},
      {"any of a group", "resources: [{group: ''}]", {}, true},
      {"other group's", "resources: [{group: apps, resources: [pods]}]", {}, false},
      {"not below", "resources: [{resources: [pods]}]", {.subresource = "log"}, false},
      {"below", "resources: [{resources: [pods/log]}]", {.subresource = "log"}, true},
      {"all below", "resources: [{resources: ['pods/*']}]", {.subresource = "log"}, true},
      {"below any", "resources: [{resources: ['*/log']}]", {.subresource = "log"}, true},
      {"star", "resources: [{resources: ['*']}]", {.subresource = "log"}, true},
      {"name", "resources: [{resources: [pods], resourceNames: [x]}]", {}, true},
      {"other name", "resources: [{resources: [pods], resourceNames: [z]}]", {}, false},
      {"path", "nonResourceURLs: [/version]", {.path = "/version"}, true},
      {"path below", "nonResourceURLs: ['/api*']", {.path = "/apis/apps"}, true},
      {"other path", "nonResourceURLs: [/api]", {.path = "/apis"}, false},
      {"paths are not of resources", "nonResourceURLs: ['*']", {}, false},
  };
  for (const auto& each : cases) {
    auto policy = policyOf(std::string("rules: [{level: Metadata") + (*each.rule ? ", " : "") +
                           each.rule + "}, {level: Request}]\n");
    ASSERT_TRUE(policy.ok()) << each.name << ": " << policy.status().toString();
    EXPECT_EQ(levelOf(*policy, each.asked), each.fits ? Level::Metadata : Level::Request)
        << each.name;
  }
  auto none = policyOf("rules: [{level: Request, users: [v]}]\n");
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(levelOf(*none, {}), Level::None);
}

TEST(AuditPolicy, StagesAndManagedFieldsOfPolicyAndRule) {
  auto policy = policyOf(
      "omitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n"
      "- {level: Request, users: [a], omitStages: [Panic], omitManagedFields: false}\n"
      "- {level: Request}\n");
  ASSERT_TRUE(policy.ok());
  Subject subject;
  subject.user = "a";
  auto first = policy->decide(subject);
  EXPECT_TRUE(first.omits(Stage::RequestReceived));
  EXPECT_TRUE(first.omits(Stage::Panic));
  EXPECT_FALSE(first.omits(Stage::ResponseComplete));
  EXPECT_FALSE(first.omitManagedFields);
  subject.user = "b";
  auto second = policy->decide(subject);
  EXPECT_FALSE(second.omits(Stage::Panic));
  EXPECT_TRUE(second.omitManagedFields);
}

TEST(Auditor, LinesAreEvents) {
  auto policy = policyOf("rules: [{level: None, users: [quiet]}, {level: RequestResponse}]\n");
  ASSERT_TRUE(policy.ok());
  std::vector<std::string> lines;
  Auditor auditor(std::move(*policy), [&](std::string line) {
    lines.push_back(std::move(line));
    return lines.size() < 2;
  });
  Subject subject;
  subject.user = "quiet";
  EXPECT_EQ(auditor.begin(subject), nullptr);
  subject.user = "loud";
  auto record = auditor.begin(subject);
  ASSERT_NE(record, nullptr);
  record->event.auditID = "id";
  record->event.verb = "create";
  record->event.user.username = "loud";
  record->annotations["k"] = "v";
  record->requestObject =
      loggedJson("{\n \"kind\": \"X\",\n \"metadata\":{\"managedFields\":[1]}}", true);
  record->responseObject =
      loggedJson(R"({"items":[{"metadata":{"managedFields":[],"a":1}}]})", true);
  auditor.emit(*record, Stage::RequestReceived, WallTime(5s));
  auditor.emit(*record, Stage::ResponseComplete, WallTime(6s));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].find("requestObject"), std::string::npos);
  EXPECT_EQ(lines[1].find('\n'), lines[1].size() - 1);
  auto parsed = api::parseJsonValue(lines[1]);
  ASSERT_TRUE(parsed.ok()) << lines[1];
  const auto& event = parsed->as_object();
  EXPECT_EQ(event.at("kind"), "Event");
  EXPECT_EQ(event.at("apiVersion"), "audit.k8s.io/v1");
  EXPECT_EQ(event.at("level"), "RequestResponse");
  EXPECT_EQ(event.at("stage"), "ResponseComplete");
  EXPECT_EQ(event.at("stageTimestamp"), "1970-01-01T00:00:06.000000Z");
  EXPECT_EQ(api::writeJsonValue(event.at("requestObject")), R"({"kind":"X","metadata":{}})");
  EXPECT_EQ(api::writeJsonValue(event.at("responseObject")), R"({"items":[{"metadata":{"a":1}}]})");
  EXPECT_EQ(event.at("annotations").at("k"), "v");
  EXPECT_EQ(auditor.events(), 2u);
  EXPECT_EQ(auditor.lost(), 1u);
  EXPECT_EQ(auditor.requests(Level::None), 1u);
  EXPECT_EQ(loggedJson("no JSON", false), "");
}

class Logs : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/coxswain-audit-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& one : std::filesystem::directory_iterator(folder_)) {
      out.push_back(one.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder_ + "/" + name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::string folder_;
};

TEST_F(Logs, LinesGoToTheEndOfTheFile) {
  std::ofstream(folder_ + "/audit.log") << "before\n";
  auto log = LogFile::open({.path = folder_ + "/audit.log"});
  ASSERT_TRUE(log.ok()) << log.status().toString();
  EXPECT_TRUE((*log)->write("one\n"));
  EXPECT_TRUE((*log)->write("two\n"));
  (*log)->flush();
  EXPECT_EQ(read("audit.log"), "before\none\ntwo\n");
  EXPECT_TRUE((*log)->write("three\n"));
  log->reset();
  EXPECT_EQ(read("audit.log"), "before\none\ntwo\nthree\n");
}

TEST_F(Logs, FullFilesAreKeptAside) {
  auto log = LogFile::open({.path = folder_ + "/audit.log", .sizeMaxMib = 1, .backupsMax = 2});
  ASSERT_TRUE(log.ok());
  std::ofstream(folder_ + "/audit-other.log") << "not ours\n";
  const std::string line(300 * 1024 - 1, 'x');
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE((*log)->write(line + "\n"));
    (*log)->flush();
  }
  // Three lines fit into a file; of the three full ones two are kept.
  auto all = files();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[3], "audit.log");
  EXPECT_EQ(all[2], "audit-other.log");
  for (size_t i : {0, 1, 3}) EXPECT_EQ(read(all[i]).size(), 3 * 300 * 1024u) << all[i];
}

TEST_F(Logs, ALineLargerThanAFileIsAloneInOne) {
  auto log = LogFile::open({.path = folder_ + "/audit.log", .sizeMaxMib = 1});
  ASSERT_TRUE(log.ok());
  const std::string large = std::string(2 << 20, 'x') + "\n";
  EXPECT_TRUE((*log)->write("small\n"));
  EXPECT_TRUE((*log)->write(large));
  EXPECT_TRUE((*log)->write("small\n"));
  (*log)->flush();
  auto all = files();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(read(all[0]), "small\n");
  EXPECT_EQ(read(all[1]).size(), large.size());
  EXPECT_EQ(read("audit.log"), "small\n");
}

TEST_F(Logs, OldFilesGo) {
  std::ofstream(folder_ + "/audit-2001-02-03T04-05-06.789.log") << "old\n";
  std::ofstream(folder_ + "/audit-2001-02-03.log") << "no stamp of ours\n";
  auto log = LogFile::open({.path = folder_ + "/audit.log", .sizeMaxMib = 1, .ageMaxDays = 1});
  ASSERT_TRUE(log.ok());
  const std::string line(700 * 1024, 'x');
  for (int i = 0; i < 2; ++i) (*log)->write(line + "\n");
  (*log)->flush();
  auto all = files();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0], "audit-2001-02-03.log");
}

TEST_F(Logs, WhatCannotBeOpenedIsRefusedAndTooMuchIsLost) {
  EXPECT_FALSE(LogFile::open({.path = folder_}).ok());
  auto log = LogFile::open({.path = folder_ + "/audit.log", .pendingMax = 10});
  ASSERT_TRUE(log.ok());
  EXPECT_FALSE((*log)->write(std::string(11, 'x')));
  EXPECT_TRUE((*log)->write(std::string(10, 'x')));
}

}  // namespace
}  // namespace coxswain::apiserver::audit
