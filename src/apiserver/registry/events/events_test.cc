#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

const testing::Requests& events() {
  static const testing::Requests kEvents("events.k8s.io", "events");
  return kEvents;
}

std::string event(const std::string& more, const std::string& name = "e") {
  return R"({"metadata":{"name":")" + name +
         R"("},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"x.y/c",)"
         R"("reportingInstance":"i","action":"a","reason":"r","type":"Normal",)"
         R"("regarding":{"kind":"Pod","namespace":"ns","name":"p"})" +
         more + "}";
}

TEST(Events, NamesAreSubdomains) {
  EXPECT_EQ(events().create(event("")), "");
  EXPECT_EQ(events().create(event("", "Bad_Name")).substr(0, 42),
            "metadata.name: Invalid value: \"Bad_Name\": ");
  EXPECT_EQ(testing::Requests("", "events")
                .create(R"({"metadata":{"name":"Bad_Name"},)"
                        R"("involvedObject":{"namespace":"ns"}})"),
            "");
}

TEST(Events, Series) {
  constexpr std::string_view kTime = R"("2026-01-01T00:00:00.000000Z")";
  const auto series = [&](int count, bool timed) {
    return R"(,"series":{"count":)" + std::to_string(count) +
           (timed ? R"(,"lastObservedTime":)" + std::string(kTime) : "") + "}";
  };
  EXPECT_EQ(events().create(event(series(2, true))), "");
  EXPECT_EQ(events().create(event(series(1, false))),
            "[series.count: Invalid value: \"\": should be at least 2, series.lastObservedTime: "
            "Required value]");
  EXPECT_EQ(events().update(event(""), event(series(1, true))),
            "series.count: Invalid value: \"\": should be at least 2");
  EXPECT_EQ(events().updateStored(event(series(1, true)), event(series(1, true))), "");
}

TEST(Events, WhatTheyAreAboutStays) {
  auto other = event("");
  other.replace(other.find(R"("name":"p")"), 10, R"("name":"q")");
  EXPECT_EQ(
      events().update(event(""), other),
      "involvedObject: Invalid value: {\"Kind\":\"Pod\",\"Namespace\":\"ns\",\"Name\":\"q\","
      "\"UID\":\"\",\"APIVersion\":\"\",\"ResourceVersion\":\"\",\"FieldPath\":\"\"}: field is "
      "immutable");
}

TEST(RuntimeClass, OverheadIsOfKnownResources) {
  const testing::Requests classes("node.k8s.io", "runtimeclasses");
  EXPECT_EQ(classes.create(R"({"handler":"h","overhead":{"podFixed":{"cpu":"1"}}})"), "");
  EXPECT_NE(classes.create(R"({"handler":"h","overhead":{"podFixed":{"bogus":"1"}}})")
                .find("overhead.limits[bogus]: Invalid value"),
            std::string::npos);
  EXPECT_EQ(classes.create(R"({"handler":"h","overhead":{"podFixed":{"hugepages-2Mi":"2Mi"}}})"),
            "overhead: Forbidden: HugePages require cpu or memory");
}

}  // namespace
}  // namespace coxswain::apiserver
