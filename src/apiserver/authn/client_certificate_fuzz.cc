#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "apiserver/authn/client_certificates.h"
#include "net/certs.h"

namespace {

using namespace coxswain;

constexpr WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

const std::string& caPem() {
  static const std::string kPem =
      net::createCa("fuzz", kNow - 1h, kNow + std::chrono::hours(24))->certificatePem;
  return kPem;
}

}  // namespace

/// A certificate as a client sends it. Nobody has the CA's key: none may be believed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string der(reinterpret_cast<const char*>(data), size);
  apiserver::ClientCertificates certificates(caPem());
  auto known = certificates.recognise({der}, kNow);
  if (known.ok() && known->has_value()) std::abort();
  auto twice = certificates.verifiedName({der, der}, kNow);
  if (twice.ok()) std::abort();
  (void)net::parseCertificate(der).ok();
  return 0;
}
