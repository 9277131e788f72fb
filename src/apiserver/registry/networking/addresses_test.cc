// Rules of kinds that hold addresses and ranges, and of what a stored object may keep.

#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

std::string create(std::string_view group, std::string_view plural, std::string_view json) {
  return testing::Requests(group, plural).create(json);
}

std::string update(std::string_view group, std::string_view plural, std::string_view from,
                   std::string_view to) {
  return testing::Requests(group, plural).updateStored(from, to);
}

constexpr std::string_view kNetworking = "networking.k8s.io";

std::string cidrs(std::string_view list) {
  return R"({"metadata":{"name":"r"},"spec":{"cidrs":)" + std::string(list) + "}}";
}

TEST(ServiceCidr, NewOnes) {
  struct Row {
    std::string_view list;
    std::string_view wanted;
  };
  const Row rows[] = {
      {R"(["10.0.0.0/24"])", ""},
      {R"(["10.0.0.0/24","fd00::/64"])", ""},
      {"[]", "spec.cidrs: Required value: at least one CIDR required"},
      {R"(["a","b","c"])",
       R"(spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values)"},
      {R"(["10.0.0.0/24","10.1.0.0/24"])",
       R"(spec.cidrs: Invalid value: ["10.0.0.0/24","10.1.0.0/24"]: may specify no more )"
       "than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"},
      {R"(["x","10.1.0.0/24"])",
       "spec.cidrs[0]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
       "2001:db8::/64)"},
      {R"(["10.0.0.1/24"])",
       "spec.cidrs[0]: Invalid value: \"10.0.0.1/24\": must not have bits set beyond the prefix "
       "length"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(create(kNetworking, "servicecidrs", cidrs(row.list)), row.wanted) << row.list;
  }
}

TEST(ServiceCidr, MayBecomeOneOfTwoFamilies) {
  const auto change = [](std::string_view from, std::string_view to) {
    return update(kNetworking, "servicecidrs", cidrs(from), cidrs(to));
  };
  EXPECT_EQ(change(R"(["10.0.0.0/24"])", R"(["10.0.0.0/24","fd00::/64"])"), "");
  EXPECT_EQ(change(R"(["10.0.0.0/24"])", R"(["10.1.0.0/24","fd00::/64"])"),
            "spec.cidrs[0]: Invalid value: \"10.1.0.0/24\": field is immutable");
  EXPECT_EQ(change(R"(["10.0.0.0/24","fd00::/64"])", R"(["10.0.0.0/24"])"),
            "spec.cidrs: Invalid value: [\"10.0.0.0/24\"]: field is immutable");
  EXPECT_EQ(change(R"(["10.0.0.0/24"])", R"(["10.1.0.0/24"])"),
            "spec.cidrs[0]: Invalid value: \"10.1.0.0/24\": field is immutable");
}

TEST(IpAddress, NamesAndParents) {
  const auto make = [](std::string_view name, std::string_view spec) {
    return create(
        kNetworking, "ipaddresses",
        R"({"metadata":{"name":")" + std::string(name) + R"("},"spec":)" + std::string(spec) + "}");
  };
  constexpr std::string_view kParent =
      R"({"parentRef":{"resource":"services","name":"s","namespace":"n"}})";
  EXPECT_EQ(make("192.0.2.1", kParent), "");
  EXPECT_EQ(make("2001:db8::1", kParent), "");
  EXPECT_NE(make("192.0.2.01", kParent), "");
  EXPECT_NE(make("2001:db8:0::1", kParent), "");
  EXPECT_NE(make("name", kParent), "");
  EXPECT_EQ(make("192.0.2.1", "{}"), "spec.parentRef: Required value");
  EXPECT_EQ(make("192.0.2.1", R"({"parentRef":{"group":"A","namespace":"a/b"}})").substr(0, 40),
            "[spec.parentRef.group: Invalid value: \"A");
  EXPECT_EQ(make("192.0.2.1", R"({"parentRef":{}})"),
            "[spec.parentRef.resource: Required value, spec.parentRef.name: Required value]");
}

TEST(NetworkPolicy, KeepsRangesOfOlderForms) {
  const auto policy = [](std::string_view cidr, std::string_view type = "Ingress") {
    return R"({"metadata":{"name":"p"},"spec":{"policyTypes":[")" + std::string(type) +
           R"("],"ingress":[{"from":[{"ipBlock":{"cidr":")" + std::string(cidr) + R"("}}]}]}})";
  };
  EXPECT_NE(create(kNetworking, "networkpolicies", policy("010.0.0.0/8")), "");
  EXPECT_EQ(update(kNetworking, "networkpolicies", policy("010.0.0.0/8"), policy("010.0.0.0/8")),
            "");
  EXPECT_NE(update(kNetworking, "networkpolicies", policy("10.0.0.0/8"), policy("010.0.0.0/8")),
            "");
}

TEST(Node, DeclaredFeaturesAreInOrder) {
  const auto node = [](std::string_view features) {
    return create(
        "", "nodes",
        R"({"metadata":{"name":"n"},"status":{"declaredFeatures":)" + std::string(features) + "}}");
  };
  EXPECT_EQ(node(R"(["A","B"])"), "");
  EXPECT_EQ(node(R"(["B","A"])"),
            "status.declaredFeatures[1]: Invalid value: \"A\": must be sorted");
  EXPECT_EQ(node(R"(["A","A"])"), "status.declaredFeatures[1]: Duplicate value: \"A\"");
}

TEST(ResourceQuota, TellsOfEachLimitThatAScopeDoesNotFit) {
  EXPECT_EQ(create("", "resourcequotas",
                   R"({"metadata":{"name":"q"},"spec":{"hard":{"configmaps":"1"},)"
                   R"("scopeSelector":{"matchExpressions":[{"scopeName":"BestEffort",)"
                   R"("operator":"In"}]}}})"),
            "[spec.scopeSelector.matchExpressions: Invalid value: {\"MatchExpressions\":[{"
            "\"ScopeName\":\"BestEffort\",\"Operator\":\"In\",\"Values\":null}]}: unsupported "
            "scope applied to resource, spec.scopeSelector.matchExpressions.operator: Invalid "
            "value: \"In\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
            "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
            "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity, "
            "spec.scopeSelector.matchExpressions.values: Required value: must be at least one "
            "value when `operator` is 'In' or 'NotIn' for scope selector]");
}

TEST(PersistentVolumeClaim, ClassesOfAttributes) {
  const auto claim = [](std::string_view name, std::string_view phase, std::string_view current) {
    return R"({"metadata":{"name":"c"},"spec":{"accessModes":["ReadWriteOnce"],"resources":)"
           R"({"requests":{"storage":"1Gi"}},"volumeName":"v")" +
           (name.empty() ? "" : R"(,"volumeAttributesClassName":")" + std::string(name) + '"') +
           R"(},"status":{"phase":")" + std::string(phase) +
           R"(","currentVolumeAttributesClassName":")" + std::string(current) + R"("}})";
  };
  const auto change = [](const std::string& from, const std::string& to) {
    return update("", "persistentvolumeclaims", from, to);
  };
  EXPECT_EQ(change(claim("a", "Bound", ""), claim("b", "Bound", "")), "");
  EXPECT_NE(change(claim("a", "Pending", ""), claim("b", "Pending", "")), "");
  EXPECT_EQ(change(claim("a", "Bound", "a"), claim("", "Bound", "a")),
            "spec.volumeAttributesClassName: Forbidden: update to nil is forbidden when "
            "status.currentVolumeAttributesClassName is not nil");
}

}  // namespace
}  // namespace coxswain::apiserver
