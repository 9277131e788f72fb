#include "net/signing_request.h"

#include <algorithm>

#include "net/openssl.h"

namespace coxswain::net {

using namespace openssl;  // NOLINT

namespace {

using Request = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;

void freeExtensions(STACK_OF(X509_EXTENSION) * extensions) {
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

void readNames(X509_REQ* request, SigningRequest& out) {
  const std::unique_ptr<STACK_OF(X509_EXTENSION), Deleter<freeExtensions>> extensions(
      X509_REQ_get_extensions(request));
  if (!extensions) return;
  const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    switch (name->type) {
      case GEN_DNS:
        out.dnsNames.push_back(asn1Text(name->d.dNSName));
        break;
      case GEN_IPADD:
        out.ipAddresses.push_back(ipText(name->d.iPAddress));
        break;
      case GEN_EMAIL:
        out.emailAddresses.push_back(asn1Text(name->d.rfc822Name));
        break;
      case GEN_URI:
        out.uris.push_back(asn1Text(name->d.uniformResourceIdentifier));
        break;
      default:
        break;
    }
  }
}

Status checkSignature(X509_REQ* request) {
  auto* key = X509_REQ_get0_pubkey(request);
  if (!key) return badRequest("x509: cannot verify signature: algorithm unimplemented");
  const bool holds = X509_REQ_verify(request, key) == 1;
  const int type = EVP_PKEY_get_base_id(key);
  ERR_clear_error();
  if (holds) return {};
  if (type == EVP_PKEY_EC) return badRequest("x509: ECDSA verification failure");
  if (type == EVP_PKEY_ED25519) return badRequest("x509: Ed25519 verification failure");
  if (type == EVP_PKEY_RSA) return badRequest("crypto/rsa: verification error");
  return badRequest("x509: cannot verify signature: algorithm unimplemented");
}

/// Usages of certificates.k8s.io/v1 as OpenSSL's configuration knows them.
struct Usage {
  std::string_view name;
  bool extended;
  std::string_view openssl;
};
constexpr Usage kUsages[] = {
    {"signing", false, "digitalSignature"},
    {"digital signature", false, "digitalSignature"},
    {"content commitment", false, "nonRepudiation"},
    {"key encipherment", false, "keyEncipherment"},
    {"key agreement", false, "keyAgreement"},
    {"data encipherment", false, "dataEncipherment"},
    {"cert sign", false, "keyCertSign"},
    {"crl sign", false, "cRLSign"},
    {"encipher only", false, "encipherOnly"},
    {"decipher only", false, "decipherOnly"},
    {"any", true, "anyExtendedKeyUsage"},
    {"server auth", true, "serverAuth"},
    {"client auth", true, "clientAuth"},
    {"code signing", true, "codeSigning"},
    {"email protection", true, "emailProtection"},
    {"s/mime", true, "emailProtection"},
    {"ipsec end system", true, "ipsecEndSystem"},
    {"ipsec tunnel", true, "ipsecTunnel"},
    {"ipsec user", true, "ipsecUser"},
    {"timestamping", true, "timeStamping"},
    {"ocsp signing", true, "OCSPSigning"},
    {"microsoft sgc", true, "msSGC"},
    {"netscape sgc", true, "nsSGC"},
};

/// Each with a comma before it.
struct UsageTexts {
  std::string basic;
  std::string extended;
};

Result<UsageTexts> usagesOf(const std::vector<std::string>& names) {
  UsageTexts out;
  for (const auto& name : names) {
    const auto* known = std::ranges::find(kUsages, name, &Usage::name);
    if (known == std::end(kUsages)) return badRequest("unrecognized usage values: " + name);
    auto& text = known->extended ? out.extended : out.basic;
    text += ',';
    text += known->openssl;
  }
  return out;
}

/// The alternative names as they are, whatever is in them.
void copyNames(X509_REQ* request, X509* certificate) {
  const std::unique_ptr<STACK_OF(X509_EXTENSION), Deleter<freeExtensions>> extensions(
      X509_REQ_get_extensions(request));
  const int at = X509v3_get_ext_by_NID(extensions.get(), NID_subject_alt_name, -1);
  if (at >= 0) X509_add_ext(certificate, X509v3_get_ext(extensions.get(), at), -1);
}

Result<Request> readRequest(std::string_view pem) {
  auto block = takePemBlock(pem);
  if (!block || block->type != "CERTIFICATE REQUEST") {
    return badRequest("PEM block type must be CERTIFICATE REQUEST");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(block->bytes.data());
  const auto* end = at + block->bytes.size();
  Request request(d2i_X509_REQ(nullptr, &at, static_cast<long>(block->bytes.size())));
  if (!request) return badRequest("asn1: structure error: " + lastError());
  if (at != end) return badRequest("asn1: syntax error: trailing data");
  TRY_STATUS(checkSignature(request.get()));
  return request;
}

}  // namespace

std::optional<PemBlock> takePemBlock(std::string_view& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  const bool found = bio && PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1;
  ERR_clear_error();
  if (!found) return std::nullopt;
  PemBlock block{name, *header != '\0', std::string(reinterpret_cast<char*>(data), size)};
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  pem.remove_prefix(pem.size() - BIO_ctrl_pending(bio.get()));
  return block;
}

Result<SigningRequest> parseSigningRequest(std::string_view pem) {
  TRY(auto request, readRequest(pem));
  SigningRequest out;
  auto names = nameParts(X509_REQ_get_subject_name(request.get()), NID_commonName);
  if (!names.empty()) out.commonName = names.back();
  out.organizations = nameParts(X509_REQ_get_subject_name(request.get()), NID_organizationName);
  readNames(request.get(), out);
  ERR_clear_error();
  return out;
}

Result<std::string> signRequest(const KeyPair& ca, std::string_view requestPem,
                                const SigningTerms& terms) {
  TRY(auto request, readRequest(requestPem));
  TRY(auto usages, usagesOf(terms.usages));
  TRY(auto issuers, certificatesFromPem(ca.certificatePem));
  TRY(auto issuerKey, privateKeyFromPem(ca.keyPem));
  auto* issuer = issuers[0].get();
  TRY(auto certificate,
      newCertificate(X509_REQ_get0_pubkey(request.get()), terms.notBefore, terms.notAfter));
  auto* x = certificate.get();
  if (ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(issuer)) > 0) {
    X509_set1_notAfter(x, X509_get0_notAfter(issuer));
  }
  X509_set_subject_name(x, X509_REQ_get_subject_name(request.get()));
  X509_set_issuer_name(x, X509_get_subject_name(issuer));
  if (!usages.basic.empty()) {
    TRY_STATUS(extend(x, issuer, NID_key_usage, "critical" + usages.basic));
  }
  if (!usages.extended.empty()) {
    TRY_STATUS(extend(x, issuer, NID_ext_key_usage, usages.extended.substr(1)));
  }
  TRY_STATUS(extend(x, issuer, NID_basic_constraints, "critical,CA:FALSE"));
  TRY_STATUS(extend(x, issuer, NID_authority_key_identifier, "keyid"));
  copyNames(request.get(), x);
  if (X509_sign(x, issuerKey.get(), EVP_sha256()) <= 0) {
    return internalError("sign: " + lastError());
  }
  return toPem(x);
}

}  // namespace coxswain::net
