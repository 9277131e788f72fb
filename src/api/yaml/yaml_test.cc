#include "api/yaml/yaml.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/value.h"
#include "api/yaml/scalar.h"

namespace coxswain::api {
namespace {

std::string readFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string testdata(const std::string& name) {
  const char* source = std::getenv("COXSWAIN_SOURCE");
  const std::string root = source != nullptr ? source : ".";
  return root + "/src/api/yaml/testdata/" + name;
}

// kubectl_print.json printed by kubectl 1.32's -o yaml, line by line.
TEST(YamlWrite, AsKubectl) {
  const std::string input = readFile(testdata("kubectl_print.json"));
  ASSERT_FALSE(input.empty());
  const auto printed = jsonToYaml(input);
  ASSERT_TRUE(printed.ok()) << printed.status().message();
  std::istringstream expected(readFile(testdata("kubectl_print.yaml")));
  std::istringstream actual(*printed);
  std::string want;
  std::string got;
  int line = 0;
  int wrong = 0;
  while (std::getline(expected, want)) {
    ++line;
    ASSERT_TRUE(std::getline(actual, got)) << "ends before line " << line;
    if (want != got && ++wrong < 20) ADD_FAILURE() << line << "\nwant " << want << "\ngot  " << got;
  }
  EXPECT_FALSE(std::getline(actual, got)) << got;
  // What it wrote reads back as the same.
  const auto back = yamlToJson(*printed);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_TRUE(jsonToYaml(*back).valueOr("") == *printed);
}

TEST(YamlRead, Values) {
  struct Row {
    const char* yaml;
    const char* json;  ///< null: an error
  };
  const Row rows[] = {
      {"", "null"},
      {"# c\n", "null"},
      {"a: 1", R"({"a":1})"},
      {"a: yes\nb: off\nc: y\nd: 'y'\ne: \"no\"",
       R"({"a":true,"b":false,"c":true,"d":"y","e":"no"})"},
      {"a: ~\nb:\nc: null\nd: 'null'", R"({"a":null,"b":null,"c":null,"d":"null"})"},
      {"a: 010\nb: 0x1F\nc: 0b11\nd: 1_000\ne: 1e3\nf: 1.50\ng: 0o17",
       R"({"a":8,"b":31,"c":3,"d":1000,"e":1000,"f":1.5,"g":15})"},
      {"a: 2024-01-01\nb: 2024-01-01T00:00:00Z\nc: 1:30",
       R"({"a":"2024-01-01","b":"2024-01-01T00:00:00Z","c":"1:30"})"},
      {"1: a\ntrue: b\n1.5: c", R"({"1":"a","1.5":"c","true":"b"})"},
      {"- a\n- - b\n- {c: d, e: [1, 2]}", R"(["a",["b"],{"c":"d","e":[1,2]}])"},
      {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", R"({"a":"x\ny\n","b":"x y"})"},
      {"a: >-\n - x", R"({"a":"- x"})"},
      {"a: |2\n    x\n   y\n\n", R"({"a":"  x\n y\n"})"},
      {"a: |+\n  x\n\nb: >\n  x\n\n  y\n   z\n  w\n", R"({"a":"x\n\n","b":"x\ny\n z\nw\n"})"},
      {"a: x\n  y\n\n  z\nb: \"x\n  y\\\n  z\n\n  w\"", R"({"a":"x y\nz","b":"x yz\nw"})"},
      {"[a: b, c, {d: e, f}, \"g\":h]", R"([{"a":"b"},"c",{"d":"e","f":null},{"g":"h"}])"},
      {"a: &x\n  b: 1\nc: !!map\n  d: *x\n&k e: f", R"({"a":{"b":1},"c":{"d":{"b":1}},"e":"f"})"},
      {"? a\n: - b\n  - c\n? |\n  d\n: e", R"({"a":["b","c"],"d\n":"e"})"},
      {"-\n  - a\n-   b: 1\n    c: 2\n- - - d", R"([["a"],{"b":1,"c":2},[["d"]]])"},
      {"a:\r\n  b: c\r\n", R"({"a":{"b":"c"}})"},
      {"--- # c\na: 1 # d\n# e\n...\njunk: [", R"({"a":1})"},
      {"- >", R"([""])"},
      {"a: |+", R"({"a":""})"},
      {"a: |\n", R"({"a":""})"},
      {"- |\n x", R"(["x"])"},
      {"a: !!map # c\n  b: 1", R"({"a":{"b":1}})"},
      {"--- |\n x\n", R"("x\n")"},
      {"a: {b: [c, d], e: 'f\n g'}", R"({"a":{"b":["c","d"],"e":"f g"}})"},
      {"{\"u\": \"\\ud83d\\ude00\", a: 'x'}", "{\"a\":\"x\",\"u\":\"\xf0\x9f\x98\x80\"}"},
      {"a: - b", nullptr},
      {"a: @b", nullptr},
      {"a: %b", nullptr},
      {"a: 'b' c", nullptr},
      {"a: {b: c", nullptr},
      {"a: [b,, c]", nullptr},
      {"a: \"\\q\"", nullptr},
      {"a: |x\n b", nullptr},
      {"- a\nb: c", nullptr},
      {"a\nb: c", nullptr},
      {"a: \xff", nullptr},
      {"a: &x {b: 1}\nc: *x", R"({"a":{"b":1},"c":{"b":1}})"},
      {"base: &b {x: 1, z: 2}\nc:\n  <<: *b\n  z: 3",
       R"({"base":{"x":1,"z":2},"c":{"x":1,"z":3}})"},
      {"b: &b {x: 1}\nc: &c {x: 2, w: 2}\nd:\n  <<: [*b, *c]\n  z: 3",
       R"({"b":{"x":1},"c":{"w":2,"x":2},"d":{"w":2,"x":1,"z":3}})"},
      {"c: &c {x: 1}\nd:\n  x: 5\n  <<: *c", R"({"c":{"x":1},"d":{"x":1}})"},
      {"y: 1\nn: 2\n010: 3\n1_0: 4", R"({"10":4,"8":3,"false":2,"true":1})"},
      {"a: !!int abc", nullptr},
      {"'<<': 1", R"({"\u003c\u003c":1})"},
      {"a: !!str 1\nb: !!int \"2\"\nc: !!binary aGk=\nd: !custom 3\ne: !!float 2",
       R"({"a":"1","b":2,"c":"hi","d":"3","e":2})"},
      {"{\n\t\"a\": \"b\"\n}", R"({"a":"b"})"},
      {"a: 1\n---\nb: 2", R"({"a":1})"},
      {"%YAML 1.1\n---\na: 1\n...\n", R"({"a":1})"},
      {"a: 1\na: 2", R"({"a":2})"},
      {"a: 99999999999999999999999", R"({"a":1e+23})"},
      {"a: 'it''s'\nb: \"x\\ty\\u00e9\"", "{\"a\":\"it's\",\"b\":\"x\\ty\xc3\xa9\"}"},
      {"a: x # c\nb: x#c", R"({"a":"x","b":"x#c"})"},
      {"key: [a, b,\n  c]", R"({"key":["a","b","c"]})"},
      {"a:\n- 1\n- 2\nb: 3", R"({"a":[1,2],"b":3})"},
      {"\"quoted key\": 1\n? complex\n: 2", R"({"complex":2,"quoted key":1})"},
      {"a: b: c", nullptr},
      {"a: [1, 2", nullptr},
      {"a: *nope", nullptr},
      {"a: &a [*a]", nullptr},
      {"a: .inf", nullptr},
      {"? [a]\n: b", nullptr},
      {"~: b", nullptr},
      {"a:\n\t- b", nullptr},
      {"a: \"b", nullptr},
      {"a: 1\n b: 2", nullptr},
      {"<<: 1", nullptr},
      {"a: \x01", nullptr},
      {"a: b\n- c", nullptr},
  };
  for (const Row& row : rows) {
    const auto json = yamlToJson(row.yaml);
    ASSERT_EQ(json.ok(), row.json != nullptr) << row.yaml << "\n"
                                              << (json.ok() ? *json : json.status().message());
    if (json.ok()) EXPECT_EQ(*json, row.json) << row.yaml;
  }
}

TEST(YamlRead, ErrorsHavePositions) {
  EXPECT_TRUE(yamlToJson("a: 1\nb: c: d\n").status().message().starts_with("yaml: line 2: "))
      << yamlToJson("a: 1\nb: c: d\n").status().message();
  EXPECT_EQ(yamlToJson("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", {.strict = true}).status().message(),
            "yaml: unmarshal errors:\n  line 4: key \"c\" already set in map\n"
            "  line 5: key \"a\" already set in map");
  std::vector<std::string> duplicates;
  EXPECT_EQ(*yamlToJson("a: 1\na: 2", {}, &duplicates), R"({"a":2})");
  EXPECT_EQ(duplicates, std::vector<std::string>{"line 2: key \"a\" already set in map"});
}

TEST(YamlRead, JsonStaysJsonWhereDuplicatesAreAskedFor) {
  const std::string longKey(2000, 'k');
  const std::string texts[] = {"{\n\t\"a\":\t1\n}", R"({"a":"\ud83d\ude00\/"})",
                               "{\"" + longKey + "\":1}"};
  for (const auto& text : texts) {
    std::vector<std::string> duplicates;
    const auto json = yamlToJson(text, {}, &duplicates);
    ASSERT_TRUE(json.ok()) << json.status().message();
    EXPECT_EQ(*json, *yamlToJson(text));
    EXPECT_TRUE(duplicates.empty());
  }
  std::vector<std::string> duplicates;
  EXPECT_EQ(*yamlToJson("{\"a\":1,\n\"a\":2}", {}, &duplicates), R"({"a":2})");
  EXPECT_EQ(duplicates, std::vector<std::string>{"line 2: key \"a\" already set in map"});
  // Only one reader gets through it.
  EXPECT_EQ(*yamlToJson(R"({"a":"\ud83d\ude00","a":1})", {}, &duplicates), R"({"a":1})");
}

TEST(YamlRead, KeysBesideManyMergedOnes) {
  std::string text = "base: &b\n";
  for (int i = 0; i < 30'000; ++i) text += "  k" + std::to_string(i) + ": 1\n";
  text += "own:\n  <<: *b\n";
  for (int i = 0; i < 30'000; ++i) text += "  k" + std::to_string(i) + ": 2\n";
  std::vector<std::string> duplicates;
  const auto json = yamlToJson(text, {}, &duplicates);
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_NE(json->find(R"("own":{"k0":2,)"), std::string::npos);
  EXPECT_TRUE(duplicates.empty());
}

TEST(YamlRead, Limits) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'l'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string(i ? ",*" : "*") + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(yamlToJson(bomb).status().message(), "yaml: document contains excessive aliasing");
  EXPECT_FALSE(yamlToJson(std::string(100'000, '[')).ok());
  std::string nested;
  for (int i = 0; i < 50'000; ++i) nested += "- ";
  EXPECT_FALSE(yamlToJson(nested + "a").ok());
  EXPECT_FALSE(yamlToJson("a: 1", {.bytesMax = 2}).ok());
}

TEST(YamlSplit, Documents) {
  const auto docs =
      splitYamlDocuments("# head\n---\na: 1\n--- # two\nb: |\n  ---\n---\n\n---\nc: 3");
  ASSERT_EQ(docs.size(), 3u);
  EXPECT_EQ(docs[0].text, "a: 1\n");
  EXPECT_EQ(docs[0].line, 3);
  EXPECT_EQ(docs[1].text, "b: |\n  ---\n");
  EXPECT_EQ(docs[2].text, "c: 3");
  EXPECT_EQ(docs[2].line, 10);
  EXPECT_TRUE(splitYamlDocuments("").empty());
  EXPECT_EQ(splitYamlDocuments("a: 1\n").size(), 1u);
}

}  // namespace
}  // namespace coxswain::api
