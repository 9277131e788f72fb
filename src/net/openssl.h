#pragma once

// Owners of OpenSSL objects. Inside of net only.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::net::openssl {

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* t) const {
    kFree(t);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;

/// Empties OpenSSL's error queue into a text.
std::string lastError();
/// The certificates of a PEM text, in order; other blocks are skipped.
Result<std::vector<Certificate>> certificatesFromPem(std::string_view pem);
Result<Key> privateKeyFromPem(std::string_view pem);
Result<std::string> toDer(X509* certificate);
Result<std::string> toPem(X509* certificate);
Result<Certificate> fromDer(std::string_view der);

/// UTF-8 of a string of whatever ASN.1 type; empty when it cannot be.
std::string asn1Text(const ASN1_STRING* string);
/// "10.0.0.1", "fd00::1"; empty when the length is no address's.
std::string ipText(const ASN1_OCTET_STRING* bytes);
/// The values of one attribute of a subject.
std::vector<std::string> nameParts(const X509_NAME* name, int nid);

/// Version 3, a random serial number, validity and key; no subject, issuer or extension yet.
Result<Certificate> newCertificate(EVP_PKEY* key, WallTime notBefore, WallTime notAfter);
/// An extension in OpenSSL's configuration language: only values that were checked.
Status extend(X509* certificate, X509* issuer, int nid, const std::string& value);

}  // namespace coxswain::net::openssl
