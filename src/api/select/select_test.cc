#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "api/select/fields.h"
#include "api/select/labels.h"

namespace coxswain::api {
namespace {

TEST(LabelSelector, ParsesAndPrints) {
  struct Row {
    const char* in;
    const char* out;    ///< null: an error
    const char* error;  ///< null: any
  };
  const Row rows[] = {
      {"", "", nullptr},
      {"a=1", "a=1", nullptr},
      {" b == 2 , a ", "a,b==2", nullptr},
      {"a!=1", "a!=1", nullptr},
      {"a in (y, x)", "a in (x,y)", nullptr},
      {"a notin (x)", "a notin (x)", nullptr},
      {"a in (,x)", "a in (,x)", nullptr},
      {"a in (x,)", "a in (,x)", nullptr},
      {"a in (,)", "a in ()", nullptr},
      {"!a", "!a", nullptr},
      {"a>1,b<2", "a>1,b<2", nullptr},
      {"a=", "a=", nullptr},
      {"a==", "a==", nullptr},
      {"a=,b", "a=,b", nullptr},
      {"in in (in,notin)", "in in (in,notin)", nullptr},
      {"x.io/a=in", "x.io/a=in", nullptr},
      {"a in (", nullptr,
       "unable to parse requirement: found '', expected: ',', ')' or identifier"},
      {"a b", nullptr,
       "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a,", nullptr, "found '', expected: identifier after ','"},
      {",a", nullptr, "found ',', expected: !, identifier, or 'end of string'"},
      {"a=1 b", nullptr, "found 'b', expected: ',' or 'end of string'"},
      {"!a=b", nullptr, "found '=', expected: ',' or 'end of string'"},
      {"!", nullptr, "unable to parse requirement: found '', expected: identifier"},
      {"a=(", nullptr, "unable to parse requirement: found '(', expected: identifier"},
      {"a in x", nullptr, "unable to parse requirement: found 'x' expected: '('"},
      {"a in (x y)", nullptr, "unable to parse requirement: found 'y', expected: ',' or ')'"},
      {"a in ()", "a in ()", nullptr},
      {"a>x", nullptr,
       "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, "
       "the "
       "value must be an integer"},
      {"A/B/C=1", nullptr, nullptr},
      {"a=b/c", nullptr, nullptr},
      {"a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", nullptr,
       "unable to parse requirement: values[0][a]: Invalid value: "
       "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": must be no more than "
       "63 bytes"},
  };
  for (const Row& row : rows) {
    const auto s = LabelSelector::parse(row.in);
    ASSERT_EQ(s.ok(), row.out != nullptr) << row.in << ": " << s.status().message();
    if (row.out != nullptr) {
      EXPECT_EQ(s->str(), row.out) << row.in;
      EXPECT_EQ(*LabelSelector::parse(s->str()), *s);
    } else if (row.error != nullptr) {
      EXPECT_EQ(s.status().message(), row.error) << row.in;
    }
  }
}

TEST(LabelSelector, Matches) {
  const Labels labels = {{"app", "web"}, {"n", "5"}, {"empty", ""}};
  struct Row {
    const char* selector;
    bool matches;
  };
  const Row rows[] = {{"", true},
                      {"app=web", true},
                      {"app=db", false},
                      {"app!=db", true},
                      {"x!=db", true},
                      {"app in (a,web)", true},
                      {"app notin (web)", false},
                      {"x notin (a)", true},
                      {"app", true},
                      {"x", false},
                      {"!x", true},
                      {"!app", false},
                      {"n>4", true},
                      {"n>5", false},
                      {"n<6", true},
                      {"app>1", false},
                      {"x<1", false},
                      {"empty=", true},
                      {"x=", false},
                      {"app=web,n=6", false}};
  for (const Row& row : rows)
    EXPECT_EQ(LabelSelector::parse(row.selector)->matches(labels), row.matches) << row.selector;
  EXPECT_FALSE(LabelSelector::nothing().matches(labels));
  EXPECT_TRUE(LabelSelector::everything().isEverything());
  EXPECT_TRUE(LabelSelector::fromLabels({{"app", "web"}}).matches(labels));
  EXPECT_EQ(LabelSelector::parse("app in (web)")->requiredValue("app"), "web");
}

TEST(LabelSelector, FromObject) {
  meta::v1::LabelSelector s;
  EXPECT_TRUE(LabelSelector::from(s)->isEverything());
  EXPECT_TRUE(LabelSelector::from(nullptr)->isNothing());
  s.matchLabels["app"] = "web";
  s.matchExpressions.emplace_back();
  s.matchExpressions[0].key = "tier";
  s.matchExpressions[0].operator_ = "NotIn";
  s.matchExpressions[0].values = {"b", "a"};
  EXPECT_EQ(LabelSelector::from(s)->str(), "app=web,tier notin (a,b)");
  EXPECT_EQ(formatLabelSelector(&s), "app=web,tier notin (a,b)");
  s.matchExpressions[0].operator_ = "Foo";
  EXPECT_EQ(LabelSelector::from(s).status().message(),
            "\"Foo\" is not a valid label selector operator");
  EXPECT_EQ(formatLabelSelector(&s), "<error>");
}

TEST(FieldSelector, ParsesAndMatches) {
  const auto s = FieldSelector::parse("metadata.name=a\\,b,status.phase!=Running,x==1,,");
  ASSERT_TRUE(s.ok());
  EXPECT_EQ(s->str(), "metadata.name=a\\,b,status.phase!=Running,x=1");
  EXPECT_TRUE(s->matches(FieldSet{{"metadata.name", "a,b"}, {"x", "1"}}));
  EXPECT_FALSE(s->matches(FieldSet{{"metadata.name", "a,b"}}));
  EXPECT_FALSE(
      s->matches(FieldSet{{"metadata.name", "a,b"}, {"x", "1"}, {"status.phase", "Running"}}));
  EXPECT_EQ(*s->requiredValue("x"), "1");
  EXPECT_EQ(s->requiredValue("status.phase"), nullptr);
  EXPECT_EQ(FieldSelector::parse("x").status().message(),
            "invalid selector: 'x'; can't understand 'x'");
  EXPECT_FALSE(FieldSelector::parse("a=b=c").ok());
  EXPECT_FALSE(FieldSelector::parse("a=\\x").ok());
  EXPECT_FALSE(FieldSelector::parse("a=\\").ok());
  EXPECT_TRUE(FieldSelector::parse("a=")->matches(FieldSet{}));
  const std::string_view known[] = {"metadata.name", "metadata.namespace"};
  EXPECT_EQ(FieldSelector::parse("data.a=b")->checkKnown(known).message(),
            "\"data.a\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
}

}  // namespace
}  // namespace coxswain::api
