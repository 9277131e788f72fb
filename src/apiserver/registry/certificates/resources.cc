#include "api/gen/certificates_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addCertificates(ResourceTable& table) {
  using namespace api::certificates::v1;  // NOLINT
  auto& requests = table.add<CertificateSigningRequest, CertificateSigningRequestList>(
      {.plural = "certificatesigningrequests",
       .singular = "certificatesigningrequest",
       .shortName = "csr",
       .namespaced = false,
       .keyPrefix = "/registry/certificatesigningrequests",
       .storageVersionHash = "95fRKMXA+00=",
       .subresources = {{"approval", "certificates.k8s.io", "v1", "CertificateSigningRequest",
                         kReadAndWrite}},
       .status = true},
      makeCertificateSigningRequestStrategy());
  requests.subresourceStrategies = {{"approval", table.keep(makeCertificateApprovalStrategy())}};
}

}  // namespace coxswain::apiserver
