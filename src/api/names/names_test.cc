#include "api/names/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "api/names/field_error.h"
#include "api/names/ip.h"

namespace coxswain::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Row {
  NameRule rule;
  const char* value;
  bool good;
};

TEST(Names, Rules) {
  const std::string long63(63, 'a');
  const std::string long64(64, 'a');
  const std::string long254(254, 'a');
  const Row rows[] = {
      {validateDns1123Label, "a", true},
      {validateDns1123Label, "0-9", true},
      {validateDns1123Label, long63.c_str(), true},
      {validateDns1123Label, long64.c_str(), false},
      {validateDns1123Label, "", false},
      {validateDns1123Label, "-a", false},
      {validateDns1123Label, "a-", false},
      {validateDns1123Label, "A", false},
      {validateDns1123Label, "a.b", false},
      {validateDns1123Subdomain, "a.b-c.d", true},
      {validateDns1123Subdomain, "a..b", false},
      {validateDns1123Subdomain, ".a", false},
      {validateDns1123Subdomain, "a.", false},
      {validateDns1123Subdomain, long254.c_str(), false},
      {validateDns1123SubdomainWithUnderscore, "_sip._tcp.a", true},
      {validateDns1123SubdomainWithUnderscore, "a_", false},
      {validateWildcardDns1123Subdomain, "*.a.b", true},
      {validateWildcardDns1123Subdomain, "a.b", false},
      {validateWildcardDns1123Subdomain, "*.*.b", false},
      {validateDns1035Label, "a-1", true},
      {validateDns1035Label, "1-a", false},
      {validateQualifiedName, "a.b/C_d.e-f", true},
      {validateQualifiedName, "simple", true},
      {validateQualifiedName, "a/b/c", false},
      {validateQualifiedName, "/b", false},
      {validateQualifiedName, "a/", false},
      {validateQualifiedName, "A/b", false},
      {validateQualifiedName, "a b", false},
      {validateQualifiedName, long64.c_str(), false},
      {validateLabelValue, "", true},
      {validateLabelValue, "a_b.c-D", true},
      {validateLabelValue, "-a", false},
      {validateLabelValue, long64.c_str(), false},
      {validateCIdentifier, "_a1", true},
      {validateCIdentifier, "1a", false},
      {validateEnvVarName, "a b", true},
      {validateEnvVarName, "a=b", false},
      {validateEnvVarName, "", false},
      {validateStrictEnvVarName, "a.b-c", true},
      {validateStrictEnvVarName, "..a", false},
      {validateConfigMapKey, "tls.crt", true},
      {validateConfigMapKey, ".", false},
      {validateConfigMapKey, "..", false},
      {validateConfigMapKey, "..a", false},
      {validateConfigMapKey, "a/b", false},
      {validateConfigMapKey, "", false},
      {validateHttpHeaderName, "X-A", true},
      {validateHttpHeaderName, "X A", false},
      {validatePortName, "http-2", true},
      {validatePortName, "a--b", false},
      {validatePortName, "-a", false},
      {validatePortName, "80", false},
      {validatePercent, "25%", true},
      {validatePercent, "%", false},
      {validatePathSegmentName, "system:node", true},
      {validatePathSegmentName, "..", false},
      {validatePathSegmentName, "a/b", false},
      {validatePathSegmentPrefix, "..", true},
      {validateFullyQualifiedDomainName, "a.b.", true},
      {validateFullyQualifiedDomainName, "a", false},
      {validateDomainPrefixedPath, "a.io/b", true},
      {validateDomainPrefixedPath, "a.io", false},
      {validateFinalizerName, "orphan", true},
      {validateFinalizerName, "a.io/x", true},
      {validateFinalizerName, "nope", false},
      {validateIp, "10.0.0.1", true},
      {validateIp, "2001:db8::1", true},
      {validateIp, "2001:DB8::1", false},
      {validateIp, "10.0.0.01", false},
      {validateIp, "::ffff:10.0.0.1", false},
      {validateIp, "10.0.0", false},
      {validateCidr, "10.0.0.0/8", true},
      {validateCidr, "10.0.0.1/8", false},
      {validateCidr, "10.0.0.0/33", false},
      {validateCidr, "10.0.0.0/08", false},
      {validateCidr, "fd00::/64", true},
      {validateIpv4Address, "1.2.3.4", true},
      {validateIpv4Address, "::1", false},
      {validateIpv6Address, "::1", true},
  };
  for (const Row& row : rows) EXPECT_EQ(row.rule(row.value).empty(), row.good) << row.value;
}

TEST(Names, Texts) {
  EXPECT_THAT(
      validateDns1123Label("A_B"),
      ElementsAre("a lowercase RFC 1123 label must consist of lower case alphanumeric "
                  "characters or '-', and must start and end with an alphanumeric character "
                  "(e.g. 'my-name',  or '123-abc', regex used for validation is "
                  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"));
  EXPECT_THAT(validateDns1123Label("a.b"), ElementsAre("must not contain dots"));
  EXPECT_THAT(validateDns1123Subdomain("UPPER"),
              ElementsAre("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                          "characters, '-' or '.', and must start and end with an alphanumeric "
                          "character (e.g. 'example.com', regex used for validation is "
                          "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"));
  EXPECT_THAT(validateQualifiedName("x/"),
              ElementsAre("name part must be non-empty",
                          "name part must consist of alphanumeric characters, '-', '_' or '.', and "
                          "must start and end with an alphanumeric character (e.g. 'MyName',  or "
                          "'my.name',  or '123-abc', regex used for validation is "
                          "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"));
  EXPECT_THAT(validatePortName("A_B_"),
              ElementsAre("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                          "must contain at least one letter (a-z)"));
  EXPECT_THAT(validatePortNumber(0), ElementsAre("must be between 1 and 65535, inclusive"));
  EXPECT_THAT(validateIpForLegacyField("010.1.2.3"), ElementsAre("must not have leading 0s"));
  EXPECT_THAT(validateIpForLegacyField("010.1.2.3", true), IsEmpty());
  EXPECT_EQ(maskTrailingDash("web-"), "wea");
  EXPECT_EQ(maskTrailingDash("-"), "-");
}

TEST(FieldPath, Renders) {
  const FieldPath spec("spec");
  const FieldPath containers = spec.child("containers");
  EXPECT_EQ(containers.index(0).child("env").key("A").str(), "spec.containers[0].env[A]");
  EXPECT_EQ(FieldPath().str(), "<nil>");
  EXPECT_EQ(FieldPath().child("metadata", "name").str(), "metadata.name");
  // Stored chains, also past the inline segments.
  const auto deep =
      spec.child("a").child("b").index(1).child("c").child("d").key("e").child("f", "g");
  EXPECT_EQ(deep.str(), "spec.a.b[1].c.d[e].f.g");
  const FieldPath copy = deep;  // NOLINT
  EXPECT_EQ(copy.str(), deep.str());
}

TEST(FieldErrors, VeryManyHaveALimit) {
  FieldErrors errors;
  for (int i = 0; i < 50'000; ++i) errors.required(FieldPath("spec").child("x").index(i));
  EXPECT_EQ(errors.size(), 10'000);
  FieldErrors all;
  all.append(errors);
  all.append(errors);
  EXPECT_EQ(all.size(), 10'000);
  EXPECT_TRUE(all.str().ends_with("spec.x[9999]: Required value]"));
  const auto status = all.toStatus("Pod", "a");
  EXPECT_TRUE(status.message().starts_with(
      "Pod \"a\" is invalid: [spec.x[0]: Required value, spec.x[1]: Required value, "));
}

TEST(FieldErrors, Texts) {
  const FieldPath p("f");
  FieldErrors e;
  e.required(p);
  e.required(p, "why");
  e.invalid(p, "a\"b\n", "bad");
  e.invalid(p, 7, "bad");
  e.invalid(p, nullptr, "bad");
  e.invalid(p, std::vector<std::string>{"a", "<"}, "bad");
  e.invalid(p, std::map<std::string, std::string>{{"app", "a"}}, "bad");
  e.notSupported(p, "X", {"A", "B"});
  e.duplicate(p, FieldValue::json("{\"k\":\"1\"}"));
  e.forbidden(p, "no");
  e.notFound(p, std::string("x"));
  e.tooLong(p, 63);
  e.tooMany(p, 3, 2);
  e.typeInvalid(p, true, "must be of type string");
  e.internal(p, "oops");
  e.invalidEach(p, std::string("A"), {"one", "two"});
  std::vector<std::string> messages;
  for (const auto& cause : e.causes()) messages.push_back(cause.type + "|" + cause.message);
  EXPECT_THAT(
      messages,
      ElementsAre(
          "FieldValueRequired|Required value", "FieldValueRequired|Required value: why",
          "FieldValueInvalid|Invalid value: \"a\\\"b\\n\": bad",
          "FieldValueInvalid|Invalid value: 7: bad", "FieldValueInvalid|Invalid value: null: bad",
          "FieldValueInvalid|Invalid value: [\"a\",\"\\u003c\"]: bad",
          "FieldValueInvalid|Invalid value: {\"app\":\"a\"}: bad",
          "FieldValueNotSupported|Unsupported value: \"X\": supported values: \"A\", \"B\"",
          "FieldValueDuplicate|Duplicate value: {\"k\":\"1\"}", "FieldValueForbidden|Forbidden: no",
          "FieldValueNotFound|Not found: \"x\"",
          "FieldValueTooLong|Too long: may not be more than 63 bytes",
          "FieldValueTooMany|Too many: 3: must have at most 2 items",
          "FieldValueTypeInvalid|Invalid value: true: must be of type string",
          "InternalError|Internal error: oops", "FieldValueInvalid|Invalid value: \"A\": one",
          "FieldValueInvalid|Invalid value: \"A\": two"));
  EXPECT_EQ(e.toStatus("Pod", "a").code(), 422);
  EXPECT_TRUE(FieldErrors().toStatus("Pod", "a").ok());
}

TEST(Ip, ParseAndPrint) {
  EXPECT_EQ(parseIp("2001:0db8:0:0:1:0:0:1")->str(), "2001:db8::1:0:0:1");
  EXPECT_EQ(parseIp("::")->str(), "::");
  EXPECT_EQ(parseIp("1::")->str(), "1::");
  EXPECT_EQ(parseIp("::1.2.3.4")->str(), "::102:304");
  EXPECT_EQ(parseIp("::ffff:1.2.3.4")->str(), "::ffff:1.2.3.4");
  EXPECT_EQ(parseIp("0.0.0.0")->isUnspecified(), true);
  EXPECT_FALSE(parseIp("1.2.3.4.5"));
  EXPECT_FALSE(parseIp("1.2.3.256"));
  EXPECT_FALSE(parseIp("fe80::1%eth0"));
  const auto net = *parseCidr("10.96.7.9/16");
  EXPECT_EQ(net.str(), "10.96.0.0/16");
  EXPECT_TRUE(net.hasHostBits());
  EXPECT_TRUE(net.contains(*parseIp("10.96.255.255")));
  EXPECT_FALSE(net.contains(*parseIp("10.97.0.0")));
  EXPECT_TRUE(parseCidr("::/0")->contains(*parseIp("::1")));
  EXPECT_FALSE(parseCidr("10.0.0.0"));
}

TEST(Quote, Go) {
  EXPECT_EQ(goQuote("a\x01\xff\xc3\xa9\xe2\x80\xa8"), "\"a\\x01\\xff\xc3\xa9\\u2028\"");
}

}  // namespace
}  // namespace coxswain::api
