// The table of resources against the published one, and what must hold of every kind.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "api/codec/json.h"
#include "api/codec/testing/full_object.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/equal.h"
#include "apiserver/registry/metadata.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (true) {
    const auto end = line.find(separator, at);
    parts.push_back(line.substr(at, end - at));
    if (end == std::string::npos) return parts;
    at = end + 1;
  }
}

/// Rows of a table of shared/api, by column.
std::vector<std::map<std::string, std::string>> published(const char* table) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  std::ifstream in(fs::path(shared ? shared : "/nonexistent") / "api" / table);
  std::vector<std::map<std::string, std::string>> rows;
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    const auto cells = split(line, '\t');
    if (names.empty()) {
      names = cells;
      continue;
    }
    auto& row = rows.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) row[names[i]] = i < cells.size() ? cells[i] : "";
  }
  return rows;
}

template <typename List>
std::string joined(const List& list) {
  std::string out;
  for (const auto& each : list) out.append(out.empty() ? "" : ",").append(each);
  return out;
}

TEST(Kinds, AsPublished) {
  const auto rows = published("kinds.tsv");
  if (rows.empty()) GTEST_SKIP() << "no table of kinds in COXSWAIN_SHARED";
  for (const auto& row : resources()) {
    SCOPED_TRACE(std::string(row.group) + "/" + std::string(row.version) + " " +
                 std::string(row.plural));
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& each) {
      return each.at("group") == row.group && each.at("version") == row.version &&
             each.at("plural") == row.plural;
    });
    ASSERT_NE(found, rows.end());
    const auto& want = *found;
    EXPECT_EQ(row.kind, want.at("kind"));
    EXPECT_EQ(row.singular, want.at("singular"));
    EXPECT_EQ(joined(row.shortNames), want.at("shortNames"));
    EXPECT_EQ(joined(row.categories), want.at("categories"));
    EXPECT_EQ(row.namespaced ? "true" : "false", want.at("namespaced"));
    EXPECT_EQ(joined(row.verbs), want.at("verbs"));
    if (!want.at("etcdPrefix").empty()) EXPECT_EQ(row.keyPrefix, want.at("etcdPrefix"));
    EXPECT_EQ(row.storageVersionHash, want.at("storageVersionHash"));
    EXPECT_EQ(want.at("servedByDefault"), "yes");
    std::vector<std::string> subresources;
    std::vector<std::string> details;
    for (const auto& each : row.subresources) {
      subresources.emplace_back(each.name);
      std::string detail(each.name);
      detail.append("=").append(each.kind);
      if (each.group != row.group) {
        detail.append(":").append(each.group).append("/").append(each.version);
      }
      detail.append("[");
      std::string verbs;
      for (const auto verb : each.verbs) verbs.append(verbs.empty() ? "" : "+").append(verb);
      details.push_back(detail + verbs + "]");
    }
    EXPECT_EQ(joined(subresources), want.at("subresources"));
    EXPECT_EQ(details, want.at("subresourceDetail").empty()
                           ? std::vector<std::string>()
                           : split(want.at("subresourceDetail"), ' '));
  }
}

/// Every kind that is on by default has a row, but what is not ours to store and what README.md
/// says is absent.
TEST(Kinds, AllServed) {
  const auto rows = published("kinds.tsv");
  if (rows.empty()) GTEST_SKIP() << "no table of kinds in COXSWAIN_SHARED";
  const std::set<std::string> absent = {"admissionregistration.k8s.io", "apiextensions.k8s.io"};
  for (const auto& row : rows) {
    if (row.at("servedByDefault") != "yes" || row.at("etcdPrefix").empty()) continue;
    if (absent.count(row.at("group")) > 0) continue;
    EXPECT_NE(findResource(row.at("group"), row.at("version"), row.at("plural")), nullptr)
        << row.at("group") << "/" << row.at("version") << " " << row.at("plural");
  }
}

TEST(Kinds, StrategiesAsPublished) {
  const auto rows = published("strategy.tsv");
  if (rows.empty()) GTEST_SKIP() << "no table of strategies in COXSWAIN_SHARED";
  // Upstream's folders where they are not the kind in lower case.
  const std::map<std::string, std::string> names = {
      {"apiregistration/apiservice", "apiservice"},
      {"core/endpoints", "core/endpoint"},
      {"certificates/certificatesigningrequest", "certificates/certificates"}};
  for (const auto& row : resources()) {
    if (row.group == "events.k8s.io" || row.keyPrefix == "/registry/componentstatuses") continue;
    std::string name(row.group.empty() ? "core" : row.group.substr(0, row.group.find('.')));
    name.push_back('/');
    for (const char c : row.kind) name.push_back(static_cast<char>(std::tolower(c)));
    if (names.count(name) > 0) name = names.at(name);
    SCOPED_TRACE(name);
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&](const auto& each) { return each.at("registry") == name; });
    ASSERT_NE(found, rows.end());
    const auto& want = *found;
    const auto& traits = row.strategy->traits();
    EXPECT_EQ(traits.allowCreateOnUpdate, want.at("allowCreateOnUpdate") == "true");
    EXPECT_EQ(traits.allowUnconditionalUpdate, want.at("allowUnconditionalUpdate") == "true");
    EXPECT_EQ(traits.generation, want.at("generationSetToOne") == "yes");
    // The table tells of all versions; cron jobs of batch/v1 take their jobs with them.
    const bool orphans = row.kind != "CronJob" && want.at("defaultDeletion") == "OrphanDependents";
    EXPECT_EQ(traits.orphanByDefault, orphans);
    std::set<std::string> selectors(traits.fieldSelectors.begin(), traits.fieldSelectors.end());
    selectors.insert("metadata.name");
    if (row.namespaced) selectors.insert("metadata.namespace");
    const auto parts = split(want.at("fieldSelectors"), ',');
    std::set<std::string> wanted(parts.begin(), parts.end());
    // Kept with the objects, but apps/v1 knows no such label.
    if (row.kind == "ReplicaSet") wanted.erase("status.replicas");
    EXPECT_EQ(selectors, wanted);
  }
}

class FullObjects : public ::testing::TestWithParam<size_t> {
 protected:
  [[nodiscard]] const Resource& row() const { return resources()[GetParam()]; }
};

std::string json(const api::Object& object) {
  return api::encodeJson(object);
}

TEST_P(FullObjects, DefaultsChangeNothingTheSecondTime) {
  for (const bool full : {true, false}) {
    auto object = full ? api::testing::FullFiller().make(*row().info) : api::Object(*row().info);
    row().strategy->setDefaults(object.data());
    const auto once = json(object);
    row().strategy->setDefaults(object.data());
    EXPECT_EQ(json(object), once);
  }
}

/// Whatever stands in the fields: rules tell, and an object that did not change is not told of
/// fields that cannot.
TEST_P(FullObjects, RulesTakeAnything) {
  auto object = api::testing::FullFiller().make(*row().info);
  row().strategy->setDefaults(object.data());
  api::FieldErrors errors;
  auto created = object.clone();
  row().strategy->prepareForCreate(created.data());
  row().strategy->validate(created.data(), errors);
  auto next = object.clone();
  row().strategy->prepareForUpdate(next.data(), object.data());
  api::FieldErrors updated;
  row().strategy->validateUpdate(next.data(), object.data(), updated);
  for (const auto& cause : updated.causes()) {
    EXPECT_EQ(cause.message.find("field is immutable"), std::string::npos)
        << cause.field << ": " << cause.message;
  }
  if (row().findSubresource("status")) {
    row().strategy->prepareForStatusUpdate(next.data(), object.data());
    row().strategy->validateStatusUpdate(next.data(), object.data(), updated);
  }
  std::vector<std::string> warnings;
  row().strategy->warnings(next.data(), object.data(), warnings);
  row().strategy->warnings(next.data(), nullptr, warnings);
  api::FieldSet fields;
  row().strategy->selectableFields(next.data(), fields);
  std::vector<std::string_view> names;
  for (const auto& [name, value] : fields) names.push_back(name);
  for (const auto selector : row().strategy->traits().fieldSelectors) {
    EXPECT_NE(std::find(names.begin(), names.end(), selector), names.end()) << selector;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, FullObjects, ::testing::Range<size_t>(0, resources().size()),
                         [](const ::testing::TestParamInfo<size_t>& info) {
                           const auto& row = resources()[info.param];
                           std::string name(row.plural);
                           for (const char c : std::string(row.group) + std::string(row.version)) {
                             if (std::isalnum(static_cast<unsigned char>(c))) name.push_back(c);
                           }
                           return name;
                         });

}  // namespace
}  // namespace coxswain::apiserver
