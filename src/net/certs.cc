#include "net/certs.h"

#include <arpa/inet.h>
#include <openssl/rand.h>

#include "net/openssl.h"

namespace coxswain::net {

namespace openssl {

std::string lastError() {
  std::string out;
  while (auto code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (!out.empty()) out += "; ";
    out += reason ? reason : "error " + std::to_string(code);
  }
  return out.empty() ? "unexpected end" : out;
}

Result<std::vector<Certificate>> certificatesFromPem(std::string_view pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Certificate> out;
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) out.emplace_back(one);
  auto error = ERR_peek_last_error();
  bool atEnd = ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  auto text = lastError();
  if (!atEnd) return badRequest("certificate: " + text);
  if (out.empty()) return badRequest("no certificate in PEM text");
  return out;
}

Result<Key> privateKeyFromPem(std::string_view pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::string noPassword;
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, noPassword.data()));
  if (!key) return badRequest("private key: " + lastError());
  return key;
}

Result<std::string> toDer(X509* certificate) {
  int size = i2d_X509(certificate, nullptr);
  if (size <= 0) return internalError("i2d_X509: " + lastError());
  std::string out(static_cast<size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  i2d_X509(certificate, &at);
  return out;
}

Result<Certificate> fromDer(std::string_view der) {
  auto* at = reinterpret_cast<const unsigned char*>(der.data());
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate) return badRequest("certificate: " + lastError());
  return certificate;
}

namespace {

time_t seconds(WallTime t) {
  return static_cast<time_t>(
      std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count());
}

Result<std::string> bioText(const Bio& bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  if (size <= 0) return internalError("PEM: " + lastError());
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

Result<std::string> toPem(X509* certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return bioText(bio);
}

std::string asn1Text(const ASN1_STRING* s) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, s);
  if (size < 0) return {};
  std::string out(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::string ipText(const ASN1_OCTET_STRING* bytes) {
  const int size = ASN1_STRING_length(bytes);
  if (size != 4 && size != 16) return {};
  char ip[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), ip, sizeof ip);
  return ip;
}

std::vector<std::string> nameParts(const X509_NAME* name, int nid) {
  std::vector<std::string> out;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(name, nid, i)) >= 0;)
    out.push_back(asn1Text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i))));
  return out;
}

Result<Certificate> newCertificate(EVP_PKEY* key, WallTime notBefore, WallTime notAfter) {
  Certificate out(X509_new());
  X509_set_version(out.get(), X509_VERSION_3);
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof serial) != 1) return internalError("RAND_bytes");
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(out.get()));
  BN_free(number);
  ASN1_TIME_set(X509_getm_notBefore(out.get()), seconds(notBefore));
  ASN1_TIME_set(X509_getm_notAfter(out.get()), seconds(notAfter));
  X509_set_pubkey(out.get(), key);
  return out;
}

Status extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (!extension) return badRequest("certificate extension \"" + value + "\": " + lastError());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return {};
}

}  // namespace openssl

using namespace openssl;  // NOLINT

namespace {

Key newKey() {
  return Key(EVP_EC_gen("P-256"));
}

Result<std::string> keyToPem(EVP_PKEY* key) {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return bioText(bio);
}

void addName(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

/// Names go into a configuration language of OpenSSL's: nothing that could end an entry.
Status checkName(const std::string& name) {
  for (char c : name) {
    bool fine = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == ':' ||
                c == '*' || c == '_';
    if (!fine) return badRequest("bad name \"" + name + "\" in certificate request");
  }
  return name.empty() ? badRequest("empty name in certificate request") : Status();
}

Result<std::string> alternativeNames(const CertificateRequest& request) {
  std::string out;
  for (const auto& name : request.dnsNames) {
    TRY_STATUS(checkName(name));
    out += (out.empty() ? "DNS:" : ",DNS:") + name;
  }
  for (const auto& ip : request.ipAddresses) {
    TRY_STATUS(checkName(ip));
    out += (out.empty() ? "IP:" : ",IP:") + ip;
  }
  return out;
}

Result<WallTime> fromAsn1(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return badRequest("certificate: bad time");
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

std::vector<std::string> subjectUids(X509* certificate) {
  std::unique_ptr<ASN1_OBJECT, Deleter<ASN1_OBJECT_free>> oid(OBJ_txt2obj(kUserUidOid, 1));
  std::vector<std::string> out;
  auto* subject = X509_get_subject_name(certificate);
  for (int i = -1; (i = X509_NAME_get_index_by_OBJ(subject, oid.get(), i)) >= 0;)
    out.push_back(asn1Text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i))));
  return out;
}

std::string hexWithColons(const ASN1_OCTET_STRING* bytes) {
  if (!bytes) return {};
  char* raw = OPENSSL_buf2hexstr(ASN1_STRING_get0_data(bytes), ASN1_STRING_length(bytes));
  std::string out = raw ? raw : "";
  OPENSSL_free(raw);
  return out;
}

std::string identifierOf(X509* certificate) {
  std::unique_ptr<BIGNUM, Deleter<BN_free>> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* decimal = number ? BN_bn2dec(number.get()) : nullptr;
  std::string out = "SN=" + std::string(decimal ? decimal : "");
  OPENSSL_free(decimal);
  out += ", SKID=" + hexWithColons(X509_get0_subject_key_id(certificate));
  out += ", AKID=" + hexWithColons(X509_get0_authority_key_id(certificate));
  return out;
}

}  // namespace

Result<std::string> createKeyPem() {
  auto key = newKey();
  if (!key) return internalError("P-256 key: " + lastError());
  return keyToPem(key.get());
}

Result<std::string> publicKeyPem(std::string_view pem) {
  Bio bio(BIO_new(BIO_s_mem()));
  auto key = privateKeyFromPem(pem);
  if (key.ok()) {
    PEM_write_bio_PUBKEY(bio.get(), key->get());
  } else {
    TRY(auto certificates, certificatesFromPem(pem));
    PEM_write_bio_PUBKEY(bio.get(), X509_get0_pubkey(certificates[0].get()));
  }
  return bioText(bio);
}

Result<KeyPair> createCa(const std::string& commonName, WallTime notBefore, WallTime notAfter) {
  auto key = newKey();
  if (!key) return internalError("P-256 key: " + lastError());
  TRY(auto certificate, newCertificate(key.get(), notBefore, notAfter));
  auto* x = certificate.get();
  addName(X509_get_subject_name(x), "CN", commonName);
  X509_set_issuer_name(x, X509_get_subject_name(x));
  TRY_STATUS(extend(x, x, NID_basic_constraints, "critical,CA:TRUE"));
  TRY_STATUS(extend(x, x, NID_key_usage, "critical,digitalSignature,keyEncipherment,keyCertSign"));
  TRY_STATUS(extend(x, x, NID_subject_key_identifier, "hash"));
  if (X509_sign(x, key.get(), EVP_sha256()) <= 0) return internalError("sign: " + lastError());
  KeyPair out;
  TRY(out.certificatePem, toPem(x));
  TRY(out.keyPem, keyToPem(key.get()));
  return out;
}

Result<KeyPair> issueCertificate(const KeyPair& ca, const CertificateRequest& request) {
  TRY(auto issuers, certificatesFromPem(ca.certificatePem));
  TRY(auto issuerKey, privateKeyFromPem(ca.keyPem));
  auto* issuer = issuers[0].get();
  auto key = newKey();
  if (!key) return internalError("P-256 key: " + lastError());
  TRY(auto certificate, newCertificate(key.get(), request.notBefore, request.notAfter));
  auto* x = certificate.get();
  for (const auto& o : request.organizations) addName(X509_get_subject_name(x), "O", o);
  addName(X509_get_subject_name(x), "CN", request.commonName);
  if (!request.uid.empty()) addName(X509_get_subject_name(x), kUserUidOid, request.uid);
  X509_set_issuer_name(x, X509_get_subject_name(issuer));
  TRY_STATUS(extend(x, issuer, NID_basic_constraints,
                    request.ca ? "critical,CA:TRUE" : "critical,CA:FALSE"));
  TRY_STATUS(
      extend(x, issuer, NID_key_usage,
             request.ca ? "critical,digitalSignature,keyCertSign" : "critical,digitalSignature"));
  if (request.ca) TRY_STATUS(extend(x, x, NID_subject_key_identifier, "hash"));
  TRY_STATUS(extend(x, issuer, NID_authority_key_identifier, "keyid"));
  std::string usage = request.server ? "serverAuth" : "";
  if (request.client) usage += usage.empty() ? "clientAuth" : ",clientAuth";
  if (!usage.empty()) TRY_STATUS(extend(x, issuer, NID_ext_key_usage, usage));
  TRY(auto names, alternativeNames(request));
  if (!names.empty()) TRY_STATUS(extend(x, issuer, NID_subject_alt_name, names));
  if (X509_sign(x, issuerKey.get(), EVP_sha256()) <= 0)
    return internalError("sign: " + lastError());
  KeyPair out;
  TRY(out.certificatePem, toPem(x));
  TRY(out.keyPem, keyToPem(key.get()));
  return out;
}

Result<std::vector<std::string>> certificatesToDer(std::string_view pem) {
  TRY(auto certificates, certificatesFromPem(pem));
  std::vector<std::string> out;
  for (auto& certificate : certificates) {
    TRY(auto der, toDer(certificate.get()));
    out.push_back(std::move(der));
  }
  return out;
}

Result<CertificateInfo> parseCertificate(std::string_view der) {
  TRY(auto certificate, fromDer(der));
  auto* x = certificate.get();
  CertificateInfo out;
  auto names = nameParts(X509_get_subject_name(x), NID_commonName);
  if (!names.empty()) out.commonName = names.back();
  out.organizations = nameParts(X509_get_subject_name(x), NID_organizationName);
  out.uids = subjectUids(x);
  out.identifier = identifierOf(x);
  TRY(out.notBefore, fromAsn1(X509_get0_notBefore(x)));
  TRY(out.notAfter, fromAsn1(X509_get0_notAfter(x)));
  out.isCa = X509_check_ca(x) == 1;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    auto* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type == GEN_DNS) out.dnsNames.push_back(asn1Text(name->d.dNSName));
    if (name->type != GEN_IPADD) continue;
    auto ip = ipText(name->d.iPAddress);
    if (!ip.empty()) out.ipAddresses.push_back(std::move(ip));
  }
  GENERAL_NAMES_free(alternatives);
  ERR_clear_error();
  return out;
}

Status verifyChain(const std::vector<std::string>& chain, std::string_view caPem,
                   CertificateUse use, WallTime now) {
  if (chain.empty()) return unauthorized("no certificate");
  TRY(auto cas, certificatesFromPem(caPem));
  Store store(X509_STORE_new());
  for (auto& ca : cas) X509_STORE_add_cert(store.get(), ca.get());
  std::vector<Certificate> parsed;
  std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> others(
      sk_X509_new_null(), [](STACK_OF(X509) * s) { sk_X509_free(s); });
  for (const auto& der : chain) {
    TRY(auto certificate, fromDer(der));
    if (!parsed.empty()) sk_X509_push(others.get(), certificate.get());
    parsed.push_back(std::move(certificate));
  }
  std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), parsed[0].get(), others.get());
  auto* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_time(parameters, seconds(now));
  X509_VERIFY_PARAM_set_purpose(parameters, use == CertificateUse::Client
                                                ? X509_PURPOSE_SSL_CLIENT
                                                : X509_PURPOSE_SSL_SERVER);
  if (X509_verify_cert(context.get()) == 1) return {};
  auto why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  ERR_clear_error();
  return unauthorized(std::string("x509: ") + why);
}

}  // namespace coxswain::net
