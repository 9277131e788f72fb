#include "net/signing_request.h"

#include <arpa/inet.h>

#include "net/openssl.h"

namespace coxswain::net {

using namespace openssl;  // NOLINT

namespace {

using Request = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;

std::string text(const ASN1_STRING* s) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, s);
  if (size < 0) return {};
  std::string out(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::vector<std::string> subjectParts(X509_REQ* request, int nid) {
  std::vector<std::string> out;
  auto* subject = X509_REQ_get_subject_name(request);
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, nid, i)) >= 0;) {
    out.push_back(text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i))));
  }
  return out;
}

std::string ipText(const ASN1_OCTET_STRING* bytes) {
  const int size = ASN1_STRING_length(bytes);
  if (size != 4 && size != 16) return {};
  char ip[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), ip, sizeof ip);
  return ip;
}

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
        out.dnsNames.push_back(text(name->d.dNSName));
        break;
      case GEN_IPADD:
        out.ipAddresses.push_back(ipText(name->d.iPAddress));
        break;
      case GEN_EMAIL:
        out.emailAddresses.push_back(text(name->d.rfc822Name));
        break;
      case GEN_URI:
        out.uris.push_back(text(name->d.uniformResourceIdentifier));
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
  auto block = takePemBlock(pem);
  if (!block || block->type != "CERTIFICATE REQUEST") {
    return badRequest("PEM block type must be CERTIFICATE REQUEST");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(block->bytes.data());
  const auto* end = at + block->bytes.size();
  const Request request(d2i_X509_REQ(nullptr, &at, static_cast<long>(block->bytes.size())));
  if (!request) return badRequest("asn1: structure error: " + lastError());
  if (at != end) return badRequest("asn1: syntax error: trailing data");
  TRY_STATUS(checkSignature(request.get()));
  SigningRequest out;
  auto names = subjectParts(request.get(), NID_commonName);
  if (!names.empty()) out.commonName = names.back();
  out.organizations = subjectParts(request.get(), NID_organizationName);
  readNames(request.get(), out);
  ERR_clear_error();
  return out;
}

}  // namespace coxswain::net
