#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::net {

/// A certificate and its private key (PKCS #8), both PEM.
struct KeyPair {
  std::string certificatePem;
  std::string keyPem;
};

struct CertificateRequest {
  std::string commonName;
  std::vector<std::string> organizations;
  std::vector<std::string> dnsNames;
  std::vector<std::string> ipAddresses;
  std::string uid;      ///< of the subject, see kUserUidOid; empty: none
  bool ca = false;      ///< an intermediate that may sign others
  bool server = false;  ///< extended key usage serverAuth
  bool client = false;  ///< clientAuth
  WallTime notBefore{};
  WallTime notAfter{};
};

struct CertificateInfo {
  std::string commonName;
  std::vector<std::string> organizations;
  std::vector<std::string> uids;  ///< of the subject, by Kubernetes' own attribute (kUserUidOid)
  std::vector<std::string> dnsNames;
  std::vector<std::string> ipAddresses;
  WallTime notBefore{};
  WallTime notAfter{};
  bool isCa = false;
  /// "SN=.., SKID=.., AKID=..", as upstream names a certificate in messages.
  std::string identifier;
};

/// The attribute of a subject that holds a user's uid.
inline constexpr const char* kUserUidOid = "1.3.6.1.4.1.57683.2";

/// Keys are P-256. Any thread; a signature takes some 100 us.
Result<KeyPair> createCa(const std::string& commonName, WallTime notBefore, WallTime notAfter);
Result<KeyPair> issueCertificate(const KeyPair& ca, const CertificateRequest& request);
/// A private key alone, PKCS #8 PEM.
Result<std::string> createKeyPem();
/// SubjectPublicKeyInfo PEM of a private key or a certificate.
Result<std::string> publicKeyPem(std::string_view keyOrCertificatePem);

/// The certificates of a PEM text as DER. BadRequest when it has none.
Result<std::vector<std::string>> certificatesToDer(std::string_view pem);
/// From DER.
Result<CertificateInfo> parseCertificate(std::string_view der);

enum class CertificateUse { Client, Server };
/// Does the chain (DER, leaf first) lead to a CA of `caPem`, with that use, at that time?
/// Unauthorized says why not.
Status verifyChain(const std::vector<std::string>& chain, std::string_view caPem,
                   CertificateUse use, WallTime now);

}  // namespace coxswain::net
