#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/patching.h"

namespace coxswain::apiserver {
namespace {

TEST(Warnings, EachIsToldOnce) {
  net::Headers headers;
  addWarnings(headers, {"a", "", "say \"b\"", "a"});
  EXPECT_EQ(headers.all("Warning"),
            (std::vector<std::string_view>{"299 - \"a\"", "299 - \"say \\\"b\\\"\""}));
}

TEST(Warnings, MuchTextIsCut) {
  std::vector<std::string> warnings;
  for (int i = 0; i < 3000; ++i) {
    std::string text = std::to_string(i) + ' ';
    // Characters, not bytes, are counted.
    for (int k = 0; k < 500; ++k) text += "\u00e9";
    warnings.push_back(std::move(text));
  }
  net::Headers headers;
  addWarnings(headers, warnings);
  ASSERT_EQ(headers.size(), 16);
  constexpr std::string_view kBegin = "299 - \"15 ";
  const auto last = headers.all("Warning").back();
  EXPECT_TRUE(last.starts_with(kBegin)) << last;
  EXPECT_EQ(last.size(), kBegin.size() + 2 * (256 - 3) + 1);
  net::Headers few;
  addWarnings(few, {std::string(4000, 'x')});
  EXPECT_EQ(few.get("Warning").size(), 4000 + std::string_view("299 - \"\"").size());
}

TEST(Warnings, UnknownFieldsOfPatchesHaveALimit) {
  std::string body = R"([{"op":"add","path":"/data","value":{})";
  for (int i = 0; i < 500; ++i) body += ",\"x" + std::to_string(i) + "\":1";
  Patch patch(PatchKind::Json, body + "}]", FieldValidation::Warn);
  api::core::v1::ConfigMap map;
  map.metadata.name = "m";
  std::vector<std::string> warnings;
  auto patched = patch.apply({"", "v1", "ConfigMap", &api::core::v1::ConfigMap::info()},
                             api::Object(std::move(map)), warnings);
  ASSERT_TRUE(patched.ok()) << patched.status().message();
  ASSERT_EQ(warnings.size(), 100);
  EXPECT_EQ(warnings.front(), "json patch unknown field \"[0].x0\"");
}

}  // namespace
}  // namespace coxswain::apiserver
