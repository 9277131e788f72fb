#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/authorization_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/certificates/controllers.h"
#include "controllers/certificates/signers.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::certificates {
namespace {

using api::certificates::v1::CertificateSigningRequest;
using testing::Harness;

// Requests made by openssl, with P-256 keys.
/// O = system:nodes, CN = system:node:n1
constexpr const char* kNode =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHsMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz\n"
    "dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARJwZcF8CkoE5Wh\n"
    "dTZE78mK28n2WjACoYIWVHkBuEeJvkfUm6BXkeMokd9GF3B6r+oF0tZg2mBBszWp\n"
    "Pj1ROj6XoAAwCgYIKoZIzj0EAwIDSQAwRgIhAKoddT0bg4gNjT+Yo1dT2kyvapxD\n"
    "gha9RnpiuQ3aMdDqAiEA0fRa/2JXVVYN7wSCguAEJC+eh3/Y5nTqtNMngknXMC4=\n"
    "-----END CERTIFICATE REQUEST-----\n";
/// The same with the names n1 and 10.0.0.7.
constexpr const char* kServing =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIIBETCBuAIBADAwMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFzAVBgNVBAMMDnN5\n"
    "c3RlbTpub2RlOm4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEScGXBfApKBOV\n"
    "oXU2RO/JitvJ9lowAqGCFlR5AbhHib5H1JugV5HjKJHfRhdweq/qBdLWYNpgQbM1\n"
    "qT49UTo+l6AmMCQGCSqGSIb3DQEJDjEXMBUwEwYDVR0RBAwwCoICbjGHBAoAAAcw\n"
    "CgYIKoZIzj0EAwIDSAAwRQIhAP/XxeJklRrrNmgd7EQ71n6ZtGDC+drIn97eDwuQ\n"
    "hCaRAiADl17gMGbrJGvBuJ44V5lIuBxZoutb52qjFK+iwACMaw==\n"
    "-----END CERTIFICATE REQUEST-----\n";
/// O = dev, CN = jane
constexpr const char* kJane =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHXMH8CAQAwHTEMMAoGA1UECgwDZGV2MQ0wCwYDVQQDDARqYW5lMFkwEwYHKoZI\n"
    "zj0CAQYIKoZIzj0DAQcDQgAEScGXBfApKBOVoXU2RO/JitvJ9lowAqGCFlR5AbhH\n"
    "ib5H1JugV5HjKJHfRhdweq/qBdLWYNpgQbM1qT49UTo+l6AAMAoGCCqGSM49BAMC\n"
    "A0gAMEUCIQCjf6WDmfZl/0zDPFmd9Q9aqO06h0KxBuN+34uSwfC+7wIgckYhRSpk\n"
    "dcgt2O/NR9RtekNjImerI+DvRtV8ILQAgo0=\n"
    "-----END CERTIFICATE REQUEST-----\n";

const std::vector<std::string> kClientUsages = {"digital signature", "client auth"};
const std::vector<std::string> kServerUsages = {"key encipherment", "digital signature",
                                                "server auth"};

std::string refusal(std::string_view signer, const char* pem, std::vector<std::string> usages) {
  auto request = net::parseSigningRequest(pem);
  if (!request.ok()) return request.status().message();
  return checkForSigner(signer, *request, usages).message();
}

TEST(Signers, SayWhyTheyRefuse) {
  EXPECT_EQ(refusal(kApiServerClient, kJane, kClientUsages), "");
  EXPECT_EQ(refusal(kApiServerClient, kJane, {"server auth"}),
            "invalid usage for client certificate: server auth");
  EXPECT_EQ(refusal(kApiServerClient, kJane, {"digital signature"}),
            "missing required usage for client certificate: client auth");
  EXPECT_EQ(refusal(kKubeletClient, kNode, kClientUsages), "");
  EXPECT_EQ(refusal(kKubeletClient, kJane, kClientUsages),
            "subject organization is not system:nodes");
  EXPECT_EQ(refusal(kKubeletClient, kServing, kClientUsages),
            "DNS subjectAltNames are not allowed");
  EXPECT_EQ(refusal(kKubeletClient, kNode, {"client auth"}),
            "usages did not match [client auth digital signature key encipherment]");
  EXPECT_EQ(refusal(kKubeletServing, kServing, kServerUsages), "");
  EXPECT_EQ(refusal(kKubeletServing, kNode, kServerUsages), "DNS or IP subjectAltName is required");
  EXPECT_EQ(refusal(kKubeletServing, kServing, kClientUsages),
            "usages did not match [digital signature key encipherment server auth]");
  EXPECT_EQ(refusal(kLegacyUnknown, kJane, {"any"}), "");
}

CertificateSigningRequest makeRequest(std::string_view signer, const char* pem,
                                      std::vector<std::string> usages) {
  CertificateSigningRequest request;
  request.metadata.name = "r";
  request.spec.request = pem;
  request.spec.signerName = signer;
  request.spec.usages = std::move(usages);
  request.spec.username = "system:node:n1";
  return request;
}

net::KeyPair makeAuthority(WallTime now) {
  auto made = net::createCa("test", now - 1h, now + 20000h);
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

std::shared_ptr<const CertificateSigningRequest> stored(Harness& h) {
  return h.client.peek<CertificateSigningRequest>("", "r");
}

TEST(Signing, IssuesForTheSubjectOfAnApprovedRequest) {
  Harness h(1);
  const auto authority = makeAuthority(h.wallNow());
  h.add<SigningController>(SigningController::forAllSigners(authority));
  h.start();
  auto request = makeRequest(kKubeletServing, kServing, kServerUsages);
  request.spec.expirationSeconds = 86400;
  h.client.put(request);
  h.run(1min);
  EXPECT_TRUE(stored(h)->status.certificate.empty());  // nobody has approved it
  h.client.change<CertificateSigningRequest>(
      "", "r", [&](auto& r) { addCondition(r, "Approved", "Test", "", h.wallNow()); });
  ASSERT_TRUE(h.until([&] { return !stored(h)->status.certificate.empty(); }));
  auto chain = net::certificatesToDer(stored(h)->status.certificate);
  ASSERT_TRUE(chain.ok());
  auto info = net::parseCertificate(chain->front());
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->commonName, "system:node:n1");
  EXPECT_EQ(info->organizations, std::vector<std::string>{"system:nodes"});
  EXPECT_EQ(info->dnsNames, std::vector<std::string>{"n1"});
  EXPECT_EQ(info->ipAddresses, std::vector<std::string>{"10.0.0.7"});
  EXPECT_FALSE(info->isCa);
  EXPECT_EQ(info->notAfter - info->notBefore, Duration(24h));
  EXPECT_LT(info->notBefore, h.wallNow());
  const auto holds = [&](net::CertificateUse use) {
    return net::verifyChain(*chain, authority.certificatePem, use, h.wallNow()).ok();
  };
  EXPECT_TRUE(holds(net::CertificateUse::Server));
  EXPECT_FALSE(holds(net::CertificateUse::Client));
}

TEST(Signing, WhatMayNotBeSignedHasFailed) {
  Harness h(2);
  h.client.faults.error = h.client.faults.conflict = 0.3;
  h.add<SigningController>(SigningController::forAllSigners(makeAuthority(h.wallNow())));
  h.start();
  auto request = makeRequest(kApiServerClient, kJane, {"server auth"});
  addCondition(request, "Approved", "Test", "", h.wallNow());
  h.client.put(request);
  ASSERT_TRUE(h.until([&] { return trueCondition(*stored(h), "Failed") != nullptr; }));
  const auto* failed = trueCondition(*stored(h), "Failed");
  EXPECT_EQ(failed->reason, "SignerValidationFailure");
  EXPECT_EQ(failed->message, "invalid usage for client certificate: server auth");
  h.run(1h);
  EXPECT_EQ(stored(h)->status.conditions.size(), 2u);
  EXPECT_TRUE(stored(h)->status.certificate.empty());
}

TEST(Signing, SignersOfOthersAreLeftAlone) {
  Harness h(3);
  h.add<SigningController>(SigningController::forAllSigners(makeAuthority(h.wallNow())));
  h.start();
  auto request = makeRequest("example.com/mine", kJane, kClientUsages);
  addCondition(request, "Approved", "Test", "", h.wallNow());
  h.client.put(request);
  h.run(10min);
  EXPECT_TRUE(stored(h)->status.certificate.empty());
  EXPECT_EQ(stored(h)->status.conditions.size(), 1u);
}

TEST(Approving, AsksWhetherTheKubeletMay) {
  Harness h(4);
  std::vector<std::string> asked;
  bool any = false;
  h.client.mayAccess = [&](const api::authorization::v1::SubjectAccessReview& review) {
    const auto& attributes = *review.spec.resourceAttributes;
    asked.push_back(review.spec.user + " " + attributes.subresource);
    return any && attributes.subresource == "nodeclient";
  };
  h.add<ApprovingController>();
  h.start();
  h.client.put(makeRequest(kKubeletClient, kNode, kClientUsages));
  ASSERT_TRUE(h.until([&] { return asked.size() >= 2; }));
  EXPECT_EQ(asked[0], "system:node:n1 selfnodeclient");
  EXPECT_EQ(asked[1], "system:node:n1 nodeclient");
  EXPECT_FALSE(isApproved(*stored(h)));
  any = true;
  ASSERT_TRUE(h.until([&] { return isApproved(*stored(h)); }));
  const auto* approved = trueCondition(*stored(h), "Approved");
  EXPECT_EQ(approved->reason, "AutoApproved");
  EXPECT_EQ(approved->message,
            "Auto approving kubelet client certificate after SubjectAccessReview.");
}

TEST(Approving, LeavesWhatIsNoKubeletsClientAlone) {
  Harness h(5);
  h.client.mayAccess = [](const api::authorization::v1::SubjectAccessReview&) { return true; };
  h.add<ApprovingController>();
  h.start();
  h.client.put(makeRequest(kKubeletClient, kJane, kClientUsages));
  h.run(10min);
  EXPECT_TRUE(stored(h)->status.conditions.empty());
}

TEST(Cleaner, KnowsWhenARequestIsOfNoMoreUse) {
  const WallTime now = api::Time::fromUnix(1000000).wall();
  auto request = makeRequest(kKubeletServing, kServing, kServerUsages);
  request.metadata.creationTimestamp = api::Time(now);
  EXPECT_EQ(expiry(request), now + 24h);
  addCondition(request, "Approved", "Test", "", now + 1h);
  EXPECT_EQ(expiry(request), std::nullopt);
  auto issued = request;
  auto signedOne = net::signRequest(makeAuthority(now), kServing,
                                    {{"digital signature", "server auth"}, now, now + 90min});
  ASSERT_TRUE(signedOne.ok());
  issued.status.certificate = *signedOne;
  EXPECT_EQ(expiry(issued), now + 90min);  // before an hour after approval
  auto denied = request;
  denied.status.conditions[0].type = "Denied";
  EXPECT_EQ(expiry(denied), now + 2h);
}

TEST(Cleaner, DeletesThen) {
  Harness h(6);
  h.add<CleanerController>();
  h.start();
  h.client.put(makeRequest(kKubeletClient, kNode, kClientUsages));
  h.run(23h);
  EXPECT_TRUE(stored(h));
  EXPECT_TRUE(h.until([&] { return !stored(h); }, 2h));
}

}  // namespace
}  // namespace coxswain::controllers::certificates
