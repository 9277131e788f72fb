#include <gtest/gtest.h>

#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

using testing::Requests;

const Requests& claims() {
  static const Requests kClaims("resource.k8s.io", "resourceclaims");
  return kClaims;
}
const Requests& slices() {
  static const Requests kSlices("resource.k8s.io", "resourceslices");
  return kSlices;
}

std::string claim(const std::string& request, const std::string& more = "") {
  return R"({"spec":{"devices":{"requests":[)" + request + "]" + more + "}}}";
}
std::string exactly(const std::string& members) {
  return claim(R"({"name":"r","exactly":{"deviceClassName":"c")" + members + "}}");
}

TEST(ResourceClaim, DefaultsOfRequests) {
  std::string stored;
  EXPECT_EQ(claims().create(exactly(R"(,"tolerations":[{"key":"k"}])"), &stored), "");
  EXPECT_NE(stored.find(R"("allocationMode":"ExactCount","count":1)"), std::string::npos) << stored;
  EXPECT_NE(stored.find(R"({"key":"k","operator":"Equal"})"), std::string::npos) << stored;
  EXPECT_EQ(claims().create(exactly(R"(,"allocationMode":"All")"), &stored), "");
  EXPECT_EQ(stored.find("count"), std::string::npos) << stored;
}

TEST(ResourceClaim, Requests) {
  EXPECT_EQ(claims().create(claim(R"({"name":"r"})")),
            "spec.devices.requests[0]: Required value: exactly one of `exactly` or "
            "`firstAvailable` is required");
  EXPECT_EQ(claims().create(claim(R"({"name":"r","exactly":{"deviceClassName":"c"},)"
                                  R"("firstAvailable":[{"name":"s","deviceClassName":"c"}]})")),
            "spec.devices.requests[0]: Invalid value: null: exactly one of `exactly` or "
            "`firstAvailable` is required, but multiple fields are set");
  EXPECT_EQ(claims().create(exactly(R"(,"allocationMode":"All","count":2)")),
            "spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when "
            "allocationMode is 'All'");
  EXPECT_EQ(claims().create(exactly(R"(,"count":-1)")),
            "spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero");
  EXPECT_EQ(claims().create(exactly(R"(,"selectors":[{}])")),
            "spec.devices.requests[0].exactly.selectors[0].cel: Required value");
  const std::string longOne(10241, 'x');
  EXPECT_EQ(claims().create(exactly(R"(,"selectors":[{"cel":{"expression":")" + longOne + "\"}}]")),
            "spec.devices.requests[0].exactly.selectors[0].cel.expression: Too long: may not be "
            "more than 10240 bytes");
  std::string many;
  for (int i = 0; i < 33; ++i) {
    many += (i ? "," : "") + std::string(R"({"name":"r)") + std::to_string(i) +
            R"(","exactly":{"deviceClassName":"c"}})";
  }
  EXPECT_EQ(claims().create(claim(many)),
            "spec.devices.requests: Too many: 33: must have at most 32 items");
}

TEST(ResourceClaim, References) {
  const std::string request =
      R"({"name":"r","firstAvailable":[{"name":"s","deviceClassName":"c"}]})";
  const auto constraint = [&](const std::string& members) {
    return claims().create(claim(request, R"(,"constraints":[{)" + members + "}]"));
  };
  EXPECT_EQ(constraint(R"("requests":["r/s","r"],"matchAttribute":"a.example/b")"), "");
  EXPECT_EQ(constraint(R"("requests":["q"],"distinctAttribute":"a.example/b")"),
            "spec.devices.constraints[0].requests[0]: Invalid value: \"q\": must be the name of a "
            "request in the claim or the name of a request and a subrequest separated by '/'");
  EXPECT_EQ(constraint(R"("requests":["r","r"],"matchAttribute":"a.example/b")"),
            "spec.devices.constraints[0].requests[1]: Duplicate value: \"r\"");
  EXPECT_EQ(constraint(R"("matchAttribute":"b")"),
            "spec.devices.constraints[0].matchAttribute: Invalid value: \"b\": a fully qualified "
            "name must be a domain and a name separated by a slash");
  EXPECT_EQ(constraint(""),
            "spec.devices.constraints[0]: Required value: exactly one of \"matchAttribute\" or "
            "\"distinctAttribute\" is required, but multiple fields are set");
}

TEST(ResourceClaim, Configuration) {
  const auto config = [&](const std::string& members) {
    return claims().create(claim(R"({"name":"r","exactly":{"deviceClassName":"c"}})",
                                 R"(,"config":[{)" + members + "}]"));
  };
  EXPECT_EQ(config(R"("opaque":{"driver":"d","parameters":{"a":1}})"), "");
  EXPECT_EQ(config(""), "spec.devices.config[0].opaque: Required value");
  EXPECT_EQ(config(R"("opaque":{"driver":"d"})"),
            "spec.devices.config[0].opaque.parameters: Required value");
  EXPECT_EQ(config(R"("opaque":{"driver":"d","parameters":[1]})"),
            "spec.devices.config[0].opaque.parameters: Invalid value: \"<value omitted>\": must be "
            "a valid JSON object");
}

TEST(ResourceClaim, SpecStays) {
  const auto changed = claims().update(exactly(""), exactly(R"(,"count":2)"));
  EXPECT_TRUE(changed.starts_with("spec: Invalid value: {\"Devices\":{\"Requests\":")) << changed;
  EXPECT_TRUE(changed.ends_with(": field is immutable")) << changed;
}

std::string withStatus(const std::string& status) {
  return R"({"spec":{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"c"}}]}},)"
         R"("status":{)" +
         status + "}}";
}
constexpr const char* kAllocation =
    R"("allocation":{"devices":{"results":[{"request":"r","driver":"d","pool":"p","device":"x"}]}})";

TEST(ResourceClaimStatus, Allocation) {
  const std::string allocated = withStatus(kAllocation);
  EXPECT_EQ(claims().updateStatus(withStatus(""), allocated), "");
  EXPECT_EQ(claims().updateStatus(allocated, withStatus("")), "");
  auto other = allocated;
  other.replace(other.find("\"x\""), 3, "\"y\"");
  EXPECT_TRUE(claims().updateStatus(allocated, other).ends_with("field is immutable"));
  auto unknown = allocated;
  unknown.replace(unknown.find(R"("request":"r")"), 13, R"("request":"q")");
  EXPECT_TRUE(claims()
                  .updateStatus(withStatus(""), unknown)
                  .starts_with("status.allocation.devices.results[0].request: Invalid value"));
}

TEST(ResourceClaimStatus, Reservations) {
  const std::string reserved = R"("reservedFor":[{"resource":"pods","name":"a","uid":"1"}])";
  EXPECT_EQ(claims().updateStatus(withStatus(""), withStatus(reserved)),
            "status.reservedFor: Forbidden: may not be specified when `allocated` is not set");
  EXPECT_EQ(claims().updateStatus(withStatus(kAllocation),
                                  withStatus(std::string(kAllocation) + "," + reserved)),
            "");
  EXPECT_EQ(
      claims().updateStatus(
          withStatus(kAllocation),
          withStatus(std::string(kAllocation) +
                     R"(,"reservedFor":[{"resource":"pods","name":"a","uid":"1"},{"uid":"1"}])")),
      "[status.reservedFor[1].resource: Required value, status.reservedFor[1].name: Required "
      "value, status.reservedFor[1]: Duplicate value: \"1\"]");
}

TEST(ResourceClaimStatus, Devices) {
  const auto devices = [](const std::string& members) {
    return withStatus(std::string(kAllocation) + R"(,"devices":[{)" + members + "}]");
  };
  const std::string ours = R"("driver":"d","pool":"p","device":"x")";
  EXPECT_EQ(claims().updateStatus(withStatus(kAllocation), devices(ours)), "");
  EXPECT_EQ(claims().updateStatus(withStatus(kAllocation),
                                  devices(R"("driver":"d","pool":"p","device":"z")")),
            "status.devices[0]: Invalid value: d/p/z: must be an allocated device in the claim");
  EXPECT_EQ(
      claims().updateStatus(
          withStatus(kAllocation),
          devices(ours + R"(,"networkData":{"ips":["10.0.0.1","010.0.0.1/8","10.0.0.1/24"]})")),
      "[status.devices[0].networkData.ips[0]: Invalid value: \"10.0.0.1\": must be a valid "
      "address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64), "
      "status.devices[0].networkData.ips[1]: Invalid value: \"010.0.0.1/8\": must be in "
      "canonical form (\"10.0.0.1/8\")]");
  // What is not allocated any more has no status.
  std::string stored;
  EXPECT_EQ(
      claims().updateStatus(devices(ours), withStatus(R"("devices":[{)" + ours + "}]"), &stored),
      "");
  EXPECT_EQ(stored.find("devices\":[{\"driver"), std::string::npos) << stored;
  EXPECT_EQ(claims().updateStatus(withStatus(kAllocation), devices(ours + R"(,"shareID":"Z")")),
            "[status.devices[0].shareID: Invalid value: \"Z\": error validating uid: invalid UUID "
            "length: 1, status.devices[0]: Invalid value: d/p/x/Z: must be an allocated device in "
            "the claim]");
}

TEST(ResourceClaimTemplate, MetadataHasLabelsOnly) {
  const Requests templates("resource.k8s.io", "resourceclaimtemplates");
  EXPECT_EQ(templates.create(R"({"spec":{"metadata":{"name":"n","labels":{"a":"b"},"uid":"u"}}})"),
            "[spec.metadata.name: Forbidden: cannot be set, spec.metadata.uID: Forbidden: cannot "
            "be set]");
}

TEST(DeviceClass, StoredSelectorsStayGood) {
  const Requests classes("resource.k8s.io", "deviceclasses");
  EXPECT_EQ(classes.create(R"({"spec":{"extendedResourceName":"a"}})"),
            "spec.extendedResourceName: Invalid value: \"a\": must be a valid extended resource "
            "name");
  EXPECT_EQ(classes.create(R"({"spec":{"extendedResourceName":"x.example/a"}})"), "");
  EXPECT_EQ(classes.update(R"({"spec":{}})", R"({"spec":{"selectors":[{}]}})"),
            "spec.selectors[0].cel: Required value");
}

std::string slice(const std::string& devices, const std::string& where = R"("nodeName":"n")") {
  return R"({"spec":{"driver":"d.example",)" + where +
         R"(,"pool":{"name":"p","resourceSliceCount":1},"devices":[)" + devices + "]}}";
}

TEST(ResourceSlice, Where) {
  EXPECT_EQ(slices().create(slice("", R"("nodeName":"n","allNodes":true)")),
            "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of `nodeName`, "
            "`nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields "
            "are set");
  EXPECT_EQ(slices().create(slice("", R"("allNodes":false,"nodeName":"n")")),
            "spec.allNodes: Invalid value: false: must be either unset or set to true");
  EXPECT_EQ(slices().create(slice(R"({"name":"a","allNodes":true})")),
            "spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can "
            "only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec");
  EXPECT_EQ(slices().create(slice(R"({"name":"a"})", R"("perDeviceNodeSelection":true)")),
            "spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or "
            "`allNodes` is required when `perDeviceNodeSelection` is set to true in the "
            "ResourceSlice spec");
}

TEST(ResourceSlice, Attributes) {
  const auto attribute = [](const std::string& value) {
    return slices().create(slice(R"({"name":"a","attributes":{"x":)" + value + "}}"));
  };
  EXPECT_EQ(attribute(R"({"version":"1.2.3-rc.1+b"})"), "");
  for (const std::string bad : {"1.2", "1.2.3-", "01.2.3", "1.2.3+", "1.2.3-01", "v1.2.3"}) {
    EXPECT_EQ(attribute("{\"version\":\"" + bad + "\"}"),
              "spec.devices[0].attributes[x].version: Invalid value: \"" + bad +
                  "\": must be a string compatible with semver.org spec 2.0.0");
  }
  const auto two = attribute(R"({"int":1,"bool":true})");
  EXPECT_TRUE(
      two.starts_with("spec.devices[0].attributes[x]: Invalid value: {\"IntValue\":1,"
                      "\"BoolValue\":true,"))
      << two;
  // Lists belong to a feature that is off.
  EXPECT_EQ(attribute(R"({"ints":[1]})"),
            "spec.devices[0].attributes[x]: Invalid value: \"\": exactly one value must be "
            "specified");
  EXPECT_EQ(slices().create(slice(R"({"name":"a","attributes":{"b/c/d":{"int":1}}})")),
            "spec.devices[0].attributes: Invalid value: \"b/c/d\": must not contain more than one "
            "slash");
}

TEST(ResourceSlice, RequestPolicies) {
  const auto policy = [](const std::string& members) {
    return slices().create(slice(R"({"name":"a","allowMultipleAllocations":true,"capacity":)"
                                 R"({"m":{"value":"10","requestPolicy":{)" +
                                 members + "}}}}"));
  };
  const std::string at = "spec.devices[0].capacity[m].requestPolicy";
  EXPECT_EQ(policy(R"("default":"2","validRange":{"min":"2","step":"2","max":"8"})"), "");
  EXPECT_EQ(policy(R"("validRange":{"min":"2"})"),
            at + ".default: Required value: required when validRange is defined");
  EXPECT_EQ(policy(R"("default":"3","validRange":{"min":"2","step":"2"})"),
            at + ".validRange.step: Invalid value: \"3\": value is not a multiple of a given step "
                 "(2) from (2)");
  EXPECT_EQ(policy(R"("default":"2","validRange":{"min":"2","step":"0"})"),
            at + ".validRange.step: Invalid value: \"0\": must be greater than zero");
  EXPECT_EQ(policy(R"("default":"1","validValues":["2","1","11"])"),
            "[" + at +
                ".validValues[1]: Invalid value: \"1\": values must be sorted in ascending "
                "order, " +
                at +
                ".validValues[2]: Invalid value: \"11\": option is larger than capacity "
                "value: 10]");
  EXPECT_EQ(
      slices().create(slice(R"({"name":"a","capacity":{"m":{"value":"1","requestPolicy":{}}}})")),
      at + ": Forbidden: allowMultipleAllocations must be true");
}

TEST(ResourceSlice, TaintsAndConditions) {
  std::string stored;
  EXPECT_EQ(slices().create(slice(R"({"name":"a","taints":[{"key":"k","effect":"NoExecute"}]})"),
                            &stored),
            "");
  EXPECT_NE(stored.find("timeAdded"), std::string::npos) << stored;
  EXPECT_EQ(slices().create(slice(R"({"name":"a","taints":[{"key":"k","effect":"X"}]})")),
            "spec.devices[0].taints[0].effect: Unsupported value: \"X\": supported values: "
            "\"NoExecute\", \"NoSchedule\", \"None\"");
  EXPECT_EQ(slices().create(slice(R"({"name":"a","bindingConditions":["x"],)"
                                  R"("bindingFailureConditions":["x"]})")),
            "spec.devices[0].bindingFailureConditions[0]: Invalid value: \"x\": "
            "bindingFailureConditions must not overlap with bindingConditions");
  std::string many;
  for (int i = 0; i < 65; ++i) {
    many += (i ? ",{\"name\":\"a" : "{\"name\":\"a") + std::to_string(i) + "\"" +
            (i == 0 ? R"(,"taints":[{"key":"k","effect":"None"}])" : "") + "}";
  }
  EXPECT_EQ(slices().create(slice(many)), "spec.devices: Too many: 65: must have at most 64 items");
}

TEST(ResourceSlice, DriverAndPoolStay) {
  auto other = slice("");
  other.replace(other.find("\"p\""), 3, "\"q\"");
  EXPECT_EQ(slices().update(slice(""), other),
            "spec.pool.name: Invalid value: \"q\": field is immutable");
  std::string stored;
  EXPECT_EQ(slices().update(slice(""), slice(R"({"name":"a"})"), &stored), "");
  EXPECT_NE(stored.find("\"generation\":2"), std::string::npos) << stored;
  auto upper = slice("");
  upper.replace(upper.find("d.example"), 9, "D.example");
  EXPECT_EQ(slices().warnings(upper),
            std::vector<std::string>{"spec.driver: driver names should be lowercase; \"D.example\" "
                                     "contains uppercase characters"});
}

}  // namespace
}  // namespace coxswain::apiserver
