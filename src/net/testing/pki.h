#pragma once

#include <gtest/gtest.h>

#include <chrono>

#include "net/certs.h"

namespace coxswain::net::testing {

/// A CA, certificates it issued for 127.0.0.1/localhost and for "alice", and one of another CA.
struct Pki {
  KeyPair ca;
  KeyPair server;
  KeyPair client;
  KeyPair stranger;
};

inline KeyPair must(Result<KeyPair> result) {
  EXPECT_TRUE(result.ok()) << result.status().toString();
  return result.ok() ? std::move(*result) : KeyPair();
}

inline Pki makePki() {
  auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  Pki out;
  out.ca = must(createCa("test-ca", now - 1h, now + 24h));
  auto other = must(createCa("other-ca", now - 1h, now + 24h));
  CertificateRequest request;
  request.commonName = "server";
  request.dnsNames = {"localhost"};
  request.ipAddresses = {"127.0.0.1"};
  request.server = true;
  request.notBefore = now - 1h;
  request.notAfter = now + 24h;
  out.server = must(issueCertificate(out.ca, request));
  CertificateRequest client;
  client.commonName = "alice";
  client.organizations = {"system:masters", "dev"};
  client.client = true;
  client.notBefore = now - 1h;
  client.notAfter = now + 24h;
  out.client = must(issueCertificate(out.ca, client));
  out.stranger = must(issueCertificate(other, client));
  return out;
}

}  // namespace coxswain::net::testing
