#include "cli/printers/kyaml.h"

#include <gtest/gtest.h>

#include "api/codec/value.h"

namespace coxswain::cli {
namespace {

std::string kyaml(std::string_view text) {
  auto value = api::parseJsonValue(text);
  EXPECT_TRUE(value.ok());
  return toKyaml(*value);
}

TEST(Kyaml, Nested) {
  EXPECT_EQ(kyaml(R"({"b":[{"p":80},{"p":81}],"a":["x",1,true,null],"e":{},"g":[]})"),
            "---\n{\n  a: [\n    \"x\",\n    1,\n    true,\n    null,\n  ],\n"
            "  b: [{\n    p: 80,\n  }, {\n    p: 81,\n  }],\n  e: {},\n  g: [],\n}\n");
}

/// What the official kubectl printed of the same object.
TEST(Kyaml, TextsOfSeveralLines) {
  EXPECT_EQ(kyaml(R"({"multi":"line one\nline \"two\" \\ back\ttab\n","trail":"one\n\n  two\n"})"),
            "---\n{\n"
            "  multi: \"\\\n"
            "     line one\\n\\\n"
            "     line \\\"two\\\" \\\\ back\ttab\\n\\\n"
            "    \",\n"
            "  trail: \"\\\n"
            "     one\\n\\\n"
            "     \\n\\\n"
            "    \\  two\\n\\\n"
            "    \",\n"
            "}\n");
  EXPECT_EQ(kyaml(R"({"a":"x\ny"})"), "---\n{\n  a: \"\\\n     x\\n\\\n     y\\\n    \",\n}\n");
}

TEST(Kyaml, Keys) {
  for (const std::string name : {"a-b", "a.b/c", "_x", "abc1"}) {
    EXPECT_EQ(kyaml("{\"" + name + "\":1}"), "---\n{\n  " + name + ": 1,\n}\n");
  }
  for (const std::string name : {"yes", "on", "1", "1_000", "0x1f", "1e3", "", "null", "-a", "a-",
                                 "a b", "11:00", "2026-01-31", ".inf", "a:b"}) {
    EXPECT_EQ(kyaml("{\"" + name + "\":1}"), "---\n{\n  \"" + name + "\": 1,\n}\n");
  }
}

TEST(Kyaml, Escapes) {
  EXPECT_EQ(kyaml("\"\\u0007 \\u001b \\u00fc \\u2603 \\u00a0 \\ufeff <&>\""),
            "---\n\"\\a \\e \xc3\xbc \xe2\x98\x83 \\_ \\ufeff <&>\"\n");
}

}  // namespace
}  // namespace coxswain::cli
