#include <gtest/gtest.h>

#include "api/gen/certificates_v1.h"
#include "api/meta/base64.h"
#include "apiserver/registry/resources.h"
#include "net/certs.h"
#include "net/signing_request.h"

namespace coxswain::apiserver {
namespace {

using api::certificates::v1::CertificateSigningRequest;

/// Of system:node:n1 in system:nodes.
constexpr std::string_view kRequest =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIck1JR1NBZ0VBTURBeEZ6QVZCZ05W"
    "QkFNTURuTjVjM1JsYlRwdWIyUmxPbTR4TVJVd0V3WURWUVFLREF4egplWE4wWlcwNmJtOWtaWE13V1RB"
    "VEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFGY01HYkVJM1AyQWJ1ClpKNEkwQmluTVplUmFZ"
    "R21aejNIZXNDcnprOTR2T2wyd0lsaGVsSlJZdDVUZk5LalJZLzRXWGFxZE9DM2huVlcKVjJzZ0Z4a1Rv"
    "QUF3Q2dZSUtvWkl6ajBFQXdJRFNBQXdSUUloQUxFYStwekxFR0F2TWY5R0ZUMUQ1ZTQzanQyUQpiNUNP"
    "TjdMcXJzMjNtMVRXQWlCU1d2Q0hWa2ZwRlJCQ0w5ak9DMEM3cGVpczVDUWxnd0VRZFIxRFN4eWMzdz09"
    "Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

const Resource& resource() {
  return *findResource("certificates.k8s.io", "v1", "certificatesigningrequests");
}

CertificateSigningRequest makeRequest() {
  CertificateSigningRequest object;
  object.metadata.name = "r";
  object.spec.request = *api::base64Decode(kRequest);
  object.spec.signerName = "example.com/signer";
  object.spec.usages = {"digital signature", "client auth"};
  return object;
}

CertificateSigningRequest with(CertificateSigningRequest object, std::string_view type,
                               std::string_view status = "True") {
  auto& condition = object.status.conditions.emplace_back();
  condition.type = type;
  condition.status = status;
  return object;
}

std::string faults(const CertificateSigningRequest& object) {
  api::FieldErrors errors;
  resource().strategy->validate(&object, errors);
  return errors.str();
}

/// What PUT of the endpoint answers: "", "status" or "approval".
std::string change(CertificateSigningRequest& next, const CertificateSigningRequest& current,
                   std::string_view endpoint) {
  const auto* own = resource().subresourceStrategy(endpoint);
  const auto& strategy = own ? *own : *resource().strategy;
  api::FieldErrors errors;
  if (endpoint == "status") {
    strategy.prepareForStatusUpdate(&next, &current);
    strategy.validateStatusUpdate(&next, &current, errors);
  } else {
    strategy.prepareForUpdate(&next, &current);
    strategy.validateUpdate(&next, &current, errors);
  }
  return errors.str();
}

TEST(SigningRequest, Parses) {
  auto parsed = net::parseSigningRequest(*api::base64Decode(kRequest));
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->commonName, "system:node:n1");
  EXPECT_EQ(parsed->organizations, std::vector<std::string>{"system:nodes"});
  // Another name under the same signature.
  auto pem = *api::base64Decode(kRequest);
  auto text = std::string_view(pem);
  auto block = net::takePemBlock(text);
  ASSERT_TRUE(block);
  auto at = block->bytes.find("system:node:n1");
  ASSERT_NE(at, std::string::npos);
  block->bytes[at + 13] = '2';
  auto forged = "-----BEGIN CERTIFICATE REQUEST-----\n" + api::base64Encode(block->bytes) +
                "\n-----END CERTIFICATE REQUEST-----\n";
  EXPECT_EQ(net::parseSigningRequest(forged).status().message(),
            "x509: ECDSA verification failure");
  EXPECT_FALSE(net::parseSigningRequest("").ok());
  EXPECT_FALSE(net::parseSigningRequest(
                   "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n")
                   .ok());
}

TEST(CertificateSigningRequest, NewOnes) {
  EXPECT_EQ(faults(makeRequest()), "");
  auto object = makeRequest();
  object.spec.signerName = "a_b.c/d";
  EXPECT_EQ(faults(object).substr(0, 62),
            "spec.signerName: Invalid value: \"a_b.c\": validating label \"a_b");
  object.spec.signerName = "example/signer";
  EXPECT_EQ(faults(object),
            "spec.signerName: Invalid value: \"example\": should be a domain with at least two "
            "segments separated by dots");
  object.spec.signerName = "example.com/a/b";
  EXPECT_NE(faults(object), "");
}

TEST(CertificateSigningRequest, TheRequesterIsWhoAsks) {
  auto object = makeRequest();
  object.spec.username = "fake";
  object.spec.extra["fake"] = {"x"};
  const std::string name = "alice";
  const std::string uid = "1";
  const std::vector<std::string> groups{"dev"};
  const std::map<std::string, std::vector<std::string>> extra{{"k", {"v"}}};
  resource().strategy->stamp(&object, nullptr, {name, uid, groups, extra, api::Time::fromUnix(5)});
  EXPECT_EQ(object.spec.username, "alice");
  EXPECT_EQ(object.spec.uid, "1");
  EXPECT_EQ(object.spec.groups, groups);
  EXPECT_EQ(object.spec.extra.size(), 1U);

  auto approved = with(object, "Approved");
  resource().strategy->stamp(&approved, &object,
                             {name, uid, groups, extra, api::Time::fromUnix(9)});
  EXPECT_EQ(approved.status.conditions[0].lastTransitionTime.unix(), 9);
  EXPECT_EQ(approved.spec.username, "alice");
}

TEST(CertificateSigningRequest, EachEndpointChangesItsPart) {
  const auto current = makeRequest();
  auto next = with(current, "Approved");
  next.spec.expirationSeconds = 1;
  EXPECT_EQ(change(next, current, ""), "");
  EXPECT_TRUE(next.status.conditions.empty());
  EXPECT_FALSE(next.spec.expirationSeconds);

  next = with(current, "Approved");
  EXPECT_EQ(change(next, current, "status"),
            "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"");
  next = with(current, "Failed");
  EXPECT_EQ(change(next, current, "status"), "");

  next = with(current, "Approved");
  next.status.certificate = "x";
  EXPECT_EQ(change(next, current, "approval"), "");
  EXPECT_EQ(next.status.certificate, "");
}

TEST(CertificateSigningRequest, Conditions) {
  const auto approved = with(makeRequest(), "Approved");
  auto next = makeRequest();
  EXPECT_EQ(change(next, approved, "approval"),
            "status.conditions: Forbidden: updates may not remove a condition of type "
            "\"Approved\"");
  next = with(approved, "Denied");
  EXPECT_EQ(change(next, approved, "approval"),
            "status.conditions: Invalid value: \"Denied\": Approved and Denied conditions are "
            "mutually exclusive");
  next = with(makeRequest(), "Approved", "False");
  EXPECT_EQ(change(next, makeRequest(), "approval"),
            "status.conditions[0].status: Unsupported value: \"False\": supported values: "
            "\"True\"");
  next = with(with(approved, "", ""), "Approved");
  EXPECT_EQ(change(next, approved, "approval"),
            "[status.conditions[1].type: Required value, status.conditions[1].status: Required "
            "value, status.conditions[2].type: Duplicate value: \"Approved\"]");
  // Through /status an approval stays what it is.
  next = approved;
  next.status.conditions[0].message = "other";
  EXPECT_EQ(change(next, approved, "status"), "");
  EXPECT_EQ(next.status.conditions[0].message, "");
}

TEST(CertificateSigningRequest, Certificates) {
  auto ca = net::createCa("ca", WallTime(), WallTime() + 24h);
  ASSERT_TRUE(ca.ok());
  const auto current = makeRequest();
  auto next = current;
  next.status.certificate = ca->certificatePem;
  EXPECT_EQ(change(next, current, "status"), "");
  const auto issued = next;
  next.status.certificate = ca->certificatePem + ca->certificatePem;
  EXPECT_EQ(change(next, issued, "status"),
            "status.certificate: Forbidden: updates may not modify existing certificate content");
  next.status.certificate = ca->keyPem;
  EXPECT_EQ(change(next, current, "status"),
            "status.certificate: Invalid value: \"<certificate data>\": only CERTIFICATE PEM "
            "blocks are allowed, found \"PRIVATE KEY\"");
  next.status.certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(change(next, current, "status"),
            "status.certificate: Invalid value: \"<certificate data>\": x509: malformed "
            "certificate");
}

}  // namespace
}  // namespace coxswain::apiserver
