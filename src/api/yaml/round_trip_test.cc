// Full objects of every kind, and the published samples, through JSON, protobuf and YAML.
#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/testing/full_object.h"
#include "api/codec/value.h"
#include "api/reflect/equal.h"
#include "api/yaml/yaml.h"

namespace coxswain::api {
namespace {

namespace fs = std::filesystem;

bool has(const MessageInfo& info, FieldFlag flag) {
  return std::any_of(info.fields.begin(), info.fields.end(),
                     [&](const FieldInfo& field) { return field.has(flag); });
}

/// Writes, reads and writes again in one form; compares the object and the second text with the
/// first.
void throughJson(const Object& object) {
  const auto text = encodeJson(object);
  Object again(object.info());
  JsonReport report;
  const auto status = decodeJson(object.info(), text, again.data(), &report);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(report.strict.empty()) << report.strict[0];
  EXPECT_EQ(encodeJson(again), text);
  EXPECT_TRUE(semanticEqual(object.info(), object.data(), again.data()));
}

void throughProtobuf(const Object& object) {
  std::string bytes;
  encodeEnvelope(object.info(), object.data(), bytes);
  auto again = decodeEnvelope(bytes);
  ASSERT_TRUE(again.ok()) << again.status().message();
  std::string bytesAgain;
  encodeEnvelope(again->info(), again->data(), bytesAgain);
  EXPECT_EQ(bytesAgain, bytes);
  EXPECT_TRUE(equal(object.info(), object.data(), again->data()));
}

void throughYaml(const Object& object) {
  const auto text = encodeJson(object);
  const auto yaml = jsonToYaml(text);
  ASSERT_TRUE(yaml.ok()) << yaml.status().message();
  const auto json = yamlToJson(*yaml, {.strict = true});
  ASSERT_TRUE(json.ok()) << json.status().message() << "\n" << *yaml;
  Object again(object.info());
  const auto status = decodeJson(object.info(), *json, again.data());
  ASSERT_TRUE(status.ok()) << status.message() << "\n" << *yaml;
  EXPECT_EQ(encodeJson(again), text);
  const auto yamlAgain = jsonToYaml(encodeJson(again));
  ASSERT_TRUE(yamlAgain.ok());
  EXPECT_EQ(*yamlAgain, *yaml);
}

/// No field of the outermost messages is left out: a table that forgot one would pass otherwise.
size_t emptyFields(const Object& object) {
  Object fresh(object.info());
  size_t count = 0;
  for (const auto& field : object.info().fields) {
    if (field.type != FieldType::Message || field.shape != Shape::Value) continue;
    if (field.message->fields.empty()) continue;
    if (equal(*field.message, field.in(object.data()), field.in(fresh.data()))) ++count;
  }
  return count;
}

TEST(RoundTrip, FullObjectOfEveryKind) {
  int kinds = 0;
  for (const MessageInfo* info : allKinds()) {
    if (has(*info, kFieldNoJson) || has(*info, kFieldNoWire)) continue;
    SCOPED_TRACE(std::string(info->kind->apiVersion) + " " + std::string(info->kind->kind));
    const auto object = testing::FullFiller().make(*info);
    EXPECT_EQ(emptyFields(object), 0U);
    throughJson(object);
    throughProtobuf(object);
    throughYaml(object);
    ++kinds;
  }
  EXPECT_GT(kinds, 150);
}

std::string readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(RoundTrip, PublishedSamples) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  const fs::path folder = fs::path(shared ? shared : "/nonexistent") / "fixtures";
  if (!fs::exists(folder)) GTEST_SKIP() << "no samples at " << folder;
  int samples = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".pb") continue;
    SCOPED_TRACE(entry.path().filename().string());
    const auto bytes = readFile(entry.path());
    auto object = decodeEnvelope(bytes);
    ASSERT_TRUE(object.ok()) << object.status().message();
    std::string bytesAgain;
    encodeEnvelope(object->info(), object->data(), bytesAgain);
    EXPECT_EQ(bytesAgain, bytes);
    auto path = entry.path();
    const auto wanted = parseJsonValue(readFile(path.replace_extension(".json")));
    ASSERT_TRUE(wanted.ok()) << wanted.status().message();
    const auto written = parseJsonValue(encodeJson(*object, {.elementKinds = false}));
    ASSERT_TRUE(written.ok());
    EXPECT_EQ(writeJsonValue(*written), writeJsonValue(*wanted));
    throughJson(*object);
    throughProtobuf(*object);
    throughYaml(*object);
    ++samples;
  }
  EXPECT_GT(samples, 40);
}

}  // namespace
}  // namespace coxswain::api
