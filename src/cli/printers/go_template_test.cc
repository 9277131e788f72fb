#include "cli/printers/go_template.h"

#include <gtest/gtest.h>

#include "api/codec/value.h"

namespace coxswain::cli {
namespace {

const json::value& data() {
  static const json::value kData = *api::parseJsonValue(R"({
    "kind": "Pod", "metadata": {"name": "web", "labels": {"b.c/d": "2", "app": "x"}},
    "spec": {"replicas": 3, "big": 1234567, "ratio": 0.5, "on": true, "none": null, "empty": [],
             "containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "i:2"}]}})");
  return kData;
}

/// The output, or the error.
std::string run(std::string_view text) {
  auto parsed = GoTemplate::parse(text);
  if (!parsed.ok()) return "PARSE " + parsed.status().message();
  auto out = parsed->execute(data());
  return out.ok() ? *out : "RUN " + out.status().message();
}

struct Row {
  const char* text;
  const char* expected;
};

void expectAll(std::initializer_list<Row> rows) {
  for (const auto& row : rows) EXPECT_EQ(run(row.text), row.expected) << row.text;
}

TEST(GoTemplate, Values) {
  expectAll({
      {"plain", "plain"},
      {"{{.kind}}/{{.metadata.name}}", "Pod/web"},
      {"{{.spec.replicas}} {{.spec.big}} {{.spec.ratio}} {{.spec.on}}", "3 1234567 0.5 true"},
      {"{{.nope}} {{.nope.x.y}} {{.spec.none}}", "<no value> <no value> <no value>"},
      {"{{.metadata.labels}} {{.spec.empty}}", "map[app:x b.c/d:2] []"},
      {"{{index .metadata.labels \"b.c/d\"}}", "2"},
      {"{{(index .spec.containers 1).image}}", "i:2"},
      {"{{1}} {{-2}} {{1.5}} {{0x10}} {{'a'}} {{\"q\\t\\u00fc\"}} {{`r\\n`}} {{true}}",
       "1 -2 1.5 16 97 q\t\xc3\xbc r\\n true"},
      {"a {{- /* no */ -}} b", "ab"},
      {"a  {{- .kind -}}  b", "aPodb"},
      {"{{3 -}} x", "3x"},
  });
}

TEST(GoTemplate, Control) {
  expectAll({
      {"{{range .spec.containers}}{{.name}} {{end}}", "a b "},
      {"{{range $i, $c := .spec.containers}}{{$i}}={{$c.name}};{{end}}", "0=a;1=b;"},
      {"{{range $k, $v := .metadata.labels}}{{$k}}:{{$v}} {{end}}", "app:x b.c/d:2 "},
      {"{{range .spec.empty}}x{{else}}none{{end}}{{range .nope}}x{{end}}", "none"},
      {"{{range 3}}{{.}}{{end}}", "012"},
      {"{{range .spec.containers}}{{if eq .name \"b\"}}{{break}}{{end}}{{.name}}{{end}}", "a"},
      {"{{range .spec.containers}}{{if eq .name \"a\"}}{{continue}}{{end}}{{.name}}{{end}}", "b"},
      {"{{if .nope}}a{{else if .kind}}b{{else}}c{{end}}", "b"},
      {"{{with .nope}}a{{else with .kind}}[{{.}}]{{end}}", "[Pod]"},
      {"{{with $x := .metadata}}{{$x.name}}{{.name}}{{end}}", "webweb"},
      {"{{$n := 0}}{{range .spec.containers}}{{$n = .name}}{{end}}{{$n}}", "b"},
      {"{{range .spec.containers}}{{$.kind}}{{end}}", "PodPod"},
      {"{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .kind}}{{template \"t\"}}",
       "<Pod><<no value>>"},
      {"{{block \"t\" .metadata}}{{.name}}{{end}}", "web"},
  });
}

TEST(GoTemplate, Functions) {
  expectAll({
      {"{{len .kind}} {{len .spec.containers}} {{.kind | len}}", "3 2 3"},
      {"{{and .kind .nope}} {{or .nope .kind}} {{not .nope}} {{and 1 0 (index .nope 1)}}",
       "<no value> Pod true 0"},
      {"{{eq .spec.replicas 3}} {{eq 1 2 1}} {{ne .kind \"x\"}} {{lt 1 2}} {{ge \"b\" \"a\"}} {{le "
       "1.5 1.5}}",
       "true true true true true true"},
      {"{{printf \"%-5s|%5d|%05d|%q|%v|%.1f|%x|%%\" \"a\" 7 7 \"x\" .spec.on .spec.ratio 255}}",
       "a    |    7|00007|\"x\"|true|0.5|ff|%"},
      {"{{printf \"%T %T\" .spec.replicas 5}}", "int64 int"},
      {"{{printf \"%d %s\" .spec.replicas 5}}", "3 %!s(int=5)"},
      {"{{printf \"%d\"}}{{printf \"a\" 1}}", "%!d(MISSING)a%!(EXTRA int=1)"},
      {"{{print 1 2 \"a\" \"b\" 3}} {{println 1 \"a\"}}", "1 2ab3 1 a\n"},
      {"{{html \"<a&'\\\">\"}} {{urlquery \"a b/c\"}} {{js \"it's\"}}",
       "&lt;a&amp;&#39;&#34;&gt; a+b%2Fc it\\'s"},
      {"{{slice .kind 1 3}} {{len (slice .spec.containers 1)}}", "od 1"},
      {"{{base64decode \"aGk=\"}} {{exists . \"metadata\" \"name\"}} {{exists . \"x\" \"y\"}}",
       "hi true false"},
  });
}

/// Texts as the official kubectl prints them.
TEST(GoTemplate, Failures) {
  expectAll({
      {"{{.a", "PARSE template: output:1: unclosed action"},
      {"{{nope .a}}", "PARSE template: output:1: function \"nope\" not defined"},
      {"{{index .spec.containers 5}}",
       "RUN template: output:1:2: executing \"output\" at <index .spec.containers 5>: error "
       "calling "
       "index: index out of range: 5"},
      {"x {{.kind.x}}",
       "RUN template: output:1:9: executing \"output\" at <.kind.x>: can't evaluate field x in "
       "type "
       "interface {}"},
      {"{{eq .spec.replicas \"3\"}}",
       "RUN template: output:1:2: executing \"output\" at <eq .spec.replicas \"3\">: error calling "
       "eq: incompatible types for comparison"},
      {"{{$x}}", "PARSE template: output:1: undefined variable \"$x\""},
      {"{{if .a}}", "PARSE template: output:1: unexpected EOF"},
      {"{{end}}", "PARSE template: output:1: unexpected {{end}}"},
      {"{{break}}", "PARSE template: output:1: {{break}} outside {{range}}"},
      {"\n{{/* x }}", "PARSE template: output:2: unclosed comment"},
      {"{{(.a}}", "PARSE template: output:1: unclosed left paren"},
      {"{{}}", "PARSE template: output:1: missing value for command"},
  });
}

TEST(GoTemplate, Bounded) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "{{if .}}";
  EXPECT_TRUE(run(deep).starts_with("PARSE "));
  EXPECT_TRUE(run("{{" + std::string(5000, '(') + "}}").starts_with("PARSE "));
  EXPECT_TRUE(
      run("{{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}").starts_with("RUN "));
}

}  // namespace
}  // namespace coxswain::cli
