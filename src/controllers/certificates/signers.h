#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gen/certificates_v1.h"
#include "base/status.h"
#include "net/signing_request.h"

namespace coxswain::controllers::certificates {

// Signers that Kubernetes itself knows.
inline constexpr std::string_view kApiServerClient = "kubernetes.io/kube-apiserver-client";
inline constexpr std::string_view kKubeletClient = "kubernetes.io/kube-apiserver-client-kubelet";
inline constexpr std::string_view kKubeletServing = "kubernetes.io/kubelet-serving";
inline constexpr std::string_view kLegacyUnknown = "kubernetes.io/legacy-unknown";

/// May the signer of that name sign this request for these usages? Invalid: the message says why
/// not, as it stands in the condition Failed. Success for names that are not ours.
Status checkForSigner(std::string_view signerName, const net::SigningRequest& request,
                      const std::vector<std::string>& usages);

/// The condition of that type that holds; null: there is none.
const api::certificates::v1::CertificateSigningRequestCondition* trueCondition(
    const api::certificates::v1::CertificateSigningRequest& request, std::string_view type);
/// Approved, and neither denied nor failed.
bool isApproved(const api::certificates::v1::CertificateSigningRequest& request);

/// Appends a condition that holds from `now` on.
void addCondition(api::certificates::v1::CertificateSigningRequest& request, std::string type,
                  std::string reason, std::string message, WallTime now);

}  // namespace coxswain::controllers::certificates
