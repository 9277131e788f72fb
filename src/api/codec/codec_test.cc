// Every published sample in both forms, each way.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/json.h"
#include "api/codec/json_writer.h"
#include "api/codec/layout.h"
#include "api/codec/protobuf.h"
#include "api/codec/value.h"
#include "api/reflect/equal.h"
#include "api/reflect/map.h"

namespace coxswain::api {
namespace {

namespace fs = std::filesystem;

std::string readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The .pb files of a folder.
std::vector<fs::path> samples(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    bool isWatch = entry.path().filename().string().starts_with("watch-");  // frames
    if (entry.path().extension() == ".pb" && !isWatch) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string text(const boost::json::value& value) {
  return writeJsonValue(value);
}

void roundTrip(const fs::path& pbPath, bool elementKinds) {
  SCOPED_TRACE(pbPath.filename().string());
  std::string pb = readFile(pbPath);
  fs::path jsonPath = pbPath;
  std::string json;
  // Raw objects keep the white space of their text.
  assignCompactJson(json, readFile(jsonPath.replace_extension(".json")));
  bool rawSpaces = pb.find("\": ") != std::string::npos;
  JsonEncodeOptions options;
  options.elementKinds = elementKinds;

  auto fromPb = decodeEnvelope(pb);
  ASSERT_TRUE(fromPb.ok()) << fromPb.status().toString();
  std::string pbAgain;
  encodeEnvelope(fromPb->info(), fromPb->data(), pbAgain);
  EXPECT_EQ(pbAgain, pb);

  JsonReport report;
  auto fromJson = decodeJsonObject(json, &report);
  ASSERT_TRUE(fromJson.ok()) << fromJson.status().toString();
  EXPECT_TRUE(report.strict.empty()) << report.strict[0];
  std::string pbFromJson;
  encodeEnvelope(fromJson->info(), fromJson->data(), pbFromJson);
  if (!rawSpaces) EXPECT_EQ(pbFromJson, pb);
  if (!rawSpaces) EXPECT_TRUE(semanticEqual(fromPb->info(), fromPb->data(), fromJson->data()));

  auto wanted = parseJsonValue(json);
  ASSERT_TRUE(wanted.ok());
  std::string jsonAgain = encodeJson(*fromJson, options);
  auto got = parseJsonValue(jsonAgain);
  ASSERT_TRUE(got.ok()) << got.status().toString();
  EXPECT_EQ(text(*got), text(*wanted));
  EXPECT_EQ(encodeJson(*fromPb, options), jsonAgain);
  EXPECT_EQ(text(encodeValue(fromPb->info(), fromPb->data(), options)), text(*wanted));

  Object fromValue(fromPb->info());
  ASSERT_TRUE(decodeValue(fromPb->info(), *wanted, fromValue.data()).ok());
  EXPECT_EQ(encodeJson(fromValue, options), jsonAgain);

  Object copy = fromPb->clone();
  EXPECT_TRUE(equal(fromPb->info(), fromPb->data(), copy.data()));
}

TEST(Codec, LayoutOfContainers) {
  std::vector<std::string> list;
  EXPECT_TRUE(emptyContainer(&list));
  list.reserve(4);
  EXPECT_TRUE(emptyContainer(&list));
  list.emplace_back();
  EXPECT_FALSE(emptyContainer(&list));
  Map<int> map;
  EXPECT_TRUE(emptyContainer(&map));
  map["a"] = 1;
  EXPECT_FALSE(emptyContainer(&map));
  map.erase("a");
  EXPECT_TRUE(emptyContainer(&map));
}

fs::path sharedFolder() {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  return shared ? fs::path(shared) : fs::path("/nonexistent");
}

TEST(Codec, Testdata) {
  auto found = samples("src/api/codec/testdata");
  ASSERT_FALSE(found.empty());
  for (const auto& path : found) roundTrip(path, false);
}

TEST(Codec, Fixtures) {
  auto found = samples(sharedFolder() / "fixtures");
  if (found.empty()) GTEST_SKIP() << "no COXSWAIN_SHARED";
  for (const auto& path : found) roundTrip(path, false);
}

TEST(Codec, GoldenProtobuf) {
  auto found = samples(sharedFolder() / "golden/protobuf");
  if (found.empty()) GTEST_SKIP() << "no COXSWAIN_SHARED";
  for (const auto& path : found) roundTrip(path, true);
}

/// The text itself, not only its value, is what the reference server sent.
TEST(Codec, GoldenJsonText) {
  auto found = samples(sharedFolder() / "golden/protobuf");
  if (found.empty()) GTEST_SKIP() << "no COXSWAIN_SHARED";
  for (auto path : found) {
    SCOPED_TRACE(path.filename().string());
    std::string json = readFile(path.replace_extension(".json"));
    while (!json.empty() && json.back() == '\n') json.pop_back();
    auto object = decodeJsonObject(json);
    ASSERT_TRUE(object.ok());
    EXPECT_EQ(encodeJson(*object), json);
  }
}

}  // namespace
}  // namespace coxswain::api
