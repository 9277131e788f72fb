#include "apiserver/server/patch_report.h"

#include <gtest/gtest.h>

#include "api/codec/value.h"
#include "api/gen/apps_v1.h"

namespace coxswain::apiserver {
namespace {

boost::json::value parsed(std::string_view text) {
  auto value = api::parseJsonValue(text);
  return value.ok() ? std::move(*value) : boost::json::value();
}

TEST(PatchReport, SortsOnlyWhatChanged) {
  const auto before = parsed(R"({"z":{"b":1,"a":2},"m":{"y":1,"x":2},"l":[{"d":1,"c":2}]})");
  auto after = parsed(R"({"z":{"b":1,"a":2},"m":{"y":1,"x":3},"l":[{"d":1,"c":2}]})");
  sortTouched(after, before);
  EXPECT_EQ(textInOrder(after), R"({"l":[{"d":1,"c":2}],"m":{"x":3,"y":1},"z":{"b":1,"a":2}})");
}

TEST(PatchReport, SortsWhatOperationsWentThrough) {
  auto value = parsed(R"({"b":{"z":1,"y":{"d":1,"c":2}},"a":{"q":1,"p":2}})");
  sortVisited(value, parsed(R"([{"op":"test","path":"/b/z"},{"op":"test","path":"no/such"}])"));
  EXPECT_EQ(textInOrder(value), R"({"a":{"q":1,"p":2},"b":{"y":{"d":1,"c":2},"z":1}})");
}

TEST(PatchReport, PutsTheUnknownFirst) {
  auto value = parsed(R"({"spec":{"replicas":1,"zz":1,"template":{"spec":{"x":1}},"aa":2}})");
  unknownFirst(api::apps::v1::Deployment::info(), value);
  EXPECT_EQ(textInOrder(value),
            R"({"spec":{"aa":2,"zz":1,"replicas":1,"template":{"spec":{"x":1}}}})");
}

TEST(PatchReport, SaysWhatCannotBeRestored) {
  struct Case {
    const char* text;
    const char* why;
  };
  const Case cases[] = {
      {R"({"spec":{"replicas":"many"}})", "unrecognized type: int32"},
      {R"({"spec":{"paused":1}})", "unrecognized type: bool"},
      {R"({"spec":{"template":{"spec":{"containers":"x"}}}})", "cannot restore slice from string"},
      {R"({"spec":{"template":{"spec":{"nodeSelector":[1]}}}})", "cannot restore map from slice"},
      {R"({"spec":7})", "cannot restore struct from: int64"},
      {R"({"spec":{"replicas":1.0,"template":null}})", ""},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(restoreFailure(api::apps::v1::Deployment::info(), parsed(each.text)), each.why)
        << each.text;
  }
}

}  // namespace
}  // namespace coxswain::apiserver
