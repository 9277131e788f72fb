#include "cli/printers/jsonpath.h"

#include <gtest/gtest.h>

#include "api/codec/value.h"
#include "cli/printers/sorting.h"
#include "cli/printers/tab_writer.h"
#include "cli/printers/table_printer.h"

namespace coxswain::cli {
namespace {

struct Case {
  const char* path;
  const char* expected;
};

const char* kObject = R"({"kind":"List","items":[
 {"metadata":{"name":"a","labels":{"x.io/y":"1"}},"n":1,"ready":true,"list":["p","q","r"]},
 {"metadata":{"name":"b"},"n":12,"f":1.5,"list":[]},
 {"metadata":{"name":"c"},"n":-3,"nothing":null,"nested":{"name":"deep"}}]})";

TEST(JsonPath, Prints) {
  auto object = *api::parseJsonValue(kObject);
  const Case cases[] = {
      {"plain", "plain"},
      {"{.kind}", "List"},
      {"{$.kind}|{@.kind}|{.kind}", "List|List|List"},
      {"{.items[0].metadata.name}", "a"},
      {"{.items[-1].metadata.name}", "c"},
      {"{.items[1:].metadata.name}", "b c"},
      {"{.items[:2].n}", "1 12"},
      {"{.items[0:3:2].n}", "1 -3"},
      {"{.items[-2:].n}", "12 -3"},
      {"{.items[*].metadata.name}", "a b c"},
      {"{.items.*.n}", "1 12 -3"},
      {"{.items[0]['n','ready']}", "1 true"},
      {"{.items[0,2].n}", "1 -3"},
      {"{.items[0].metadata.labels.x\\.io/y}", "1"},
      {"{.items[0].metadata.labels['x.io/y']}", "1"},
      {"{..name}", "a b c deep"},
      {"{.items[?(@.n>0)].metadata.name}", "a b"},
      {"{.items[?(@.n==12)].metadata.name}", "b"},
      {"{.items[?(@.metadata.name=='c')].n}", "-3"},
      {"{.items[?(@.metadata.name!=\"c\")].n}", "1 12"},
      {"{.items[?(@.f)].n}", "12"},
      {"{.items[?(@.ready==true)].n}", "1"},
      {"{range .items[*]}{.metadata.name}={.n}{\"\\n\"}{end}", "a=1\nb=12\nc=-3\n"},
      {"{range .items[*]}[{range .list[*]}{@},{end}]{end}", "[p,q,r,][][]"},
      {"{.items[0].metadata}", R"({"labels":{"x.io/y":"1"},"name":"a"})"},
      {"{.absent.more}", ""},
      {"{.items[9]}", ""},
      {"{'text'} {5}", "text 5"},
  };
  for (const auto& one : cases) {
    auto path = JsonPath::parse(one.path);
    ASSERT_TRUE(path.ok()) << one.path << ": " << path.status().message();
    auto printed = path->print(object);
    ASSERT_TRUE(printed.ok()) << one.path << ": " << printed.status().message();
    EXPECT_EQ(*printed, one.expected) << one.path;
  }
}

TEST(JsonPath, MissingIsAFaultWhereAsked) {
  auto object = *api::parseJsonValue(kObject);
  JsonPath::Options strict;
  strict.allowMissing = false;
  EXPECT_EQ(JsonPath::parse("{.absent}")->print(object, strict).status().message(),
            "absent is not found");
  EXPECT_EQ(JsonPath::parse("{.items[5]}")->print(object, strict).status().message(),
            "array index out of bounds: index 5, length 3");
}

TEST(JsonPath, BrokenOnesSayWhy) {
  const Case cases[] = {
      {"{.a", "unclosed action"},
      {"{.a[0}", "unterminated array"},
      {"{.a[x]}", "invalid array index x"},
      {"{'a}", "unterminated quoted string"},
      {"{end}", "not in range, nothing to end"},
      {"{range .a}", "unclosed range, no {end}"},
      {"{.a{.b}}", "unexpected left bracket"},
      {"{%}", "unrecognized character in action: U+0025 '%'"},
      {"{foo}", "unrecognized identifier foo"},
      {"{.a[?(@.b]}", "unterminated filter"},
  };
  for (const auto& one : cases) {
    auto path = JsonPath::parse(one.path);
    ASSERT_FALSE(path.ok()) << one.path;
    EXPECT_EQ(path.status().message(), one.expected) << one.path;
  }
}

TEST(JsonPath, RelaxedForms) {
  const Case cases[] = {{"a.b", "{.a.b}"}, {".a", "{.a}"}, {"{a}", "{.a}"}, {"{.a[0]}", "{.a[0]}"}};
  for (const auto& one : cases) EXPECT_EQ(*relaxedJsonPath(one.path), one.expected);
  EXPECT_FALSE(relaxedJsonPath("{a").ok());
  EXPECT_FALSE(relaxedJsonPath("a}b").ok());
}

TEST(TabWriter, AlignsRunsOfCells) {
  TabWriter writer({0, 2, false});
  writer.write("a:\tb\nlonger:\tc\n\nx\ty\tz\n");
  EXPECT_EQ(writer.take(), "a:       b\nlonger:  c\n\nx  y  z\n");
  writer.write("é\t1\nab\t2\n");
  EXPECT_EQ(writer.take(), "é   1\nab  2\n");
}

TEST(Printers, HumanDurations) {
  const std::pair<int64_t, const char*> cases[] = {
      {0, "0s"},      {119, "119s"},    {120, "2m"},       {125, "2m5s"},  {660, "11m"},
      {10800, "3h"},  {10860, "3h1m"},  {86400, "24h"},    {172800, "2d"}, {176400, "2d1h"},
      {700000, "8d"}, {63072000, "2y"}, {-5, "<invalid>"},
  };
  for (auto [seconds, text] : cases) EXPECT_EQ(humanDuration(seconds), text) << seconds;
}

TEST(Printers, NaturalOrder) {
  EXPECT_TRUE(naturalLess("pod2", "pod10"));
  EXPECT_FALSE(naturalLess("pod10", "pod2"));
  EXPECT_TRUE(naturalLess("a", "b"));
  EXPECT_TRUE(naturalLess("a", "a1"));
  json::value small("100Mi");
  json::value big("1Gi");
  EXPECT_TRUE(sortValueLess(&small, &big));
  EXPECT_TRUE(sortValueLess(nullptr, &small));
}

}  // namespace
}  // namespace coxswain::cli
