#include <stop_token>

#include "api/gen/certificates_v1.h"
#include "api/names/quote.h"
#include "api/reflect/equal.h"
#include "apiserver/admission/plugins.h"
#include "net/signing_request.h"

namespace coxswain::apiserver {
namespace {

using api::certificates::v1::CertificateSigningRequest;

constexpr std::string_view kGroup = "certificates.k8s.io";
constexpr std::string_view kResource = "certificatesigningrequests";
constexpr std::string_view kMasters = "system:masters";

bool isUpdateOf(const RequestContext& request, WriteKind kind, std::string_view subresource) {
  const auto& info = request.info;
  return kind == WriteKind::Update && info.resource == kResource && info.group == kGroup &&
         info.subresource == subresource;
}

Task<bool> mayOnSigner(const Authorizer& authorizer, UserInfo user, std::string verb,
                       std::string signer) {
  RequestInfo wanted;
  wanted.isResource = true;
  wanted.verb = std::move(verb);
  wanted.group = kGroup;
  wanted.version = "*";
  wanted.resource = "signers";
  wanted.name = std::move(signer);
  auto exact = co_await authorizeOrAsk(authorizer, {user, wanted}, std::stop_token());
  if (exact.allowed()) co_return true;
  // All signers of a domain.
  wanted.name = wanted.name.substr(0, wanted.name.find('/')) + "/*";
  auto domain = co_await authorizeOrAsk(authorizer, {user, wanted}, std::stop_token());
  co_return domain.allowed();
}

/// Who approves requests for certificates (or writes the signed ones) needs that verb on their
/// signer.
class SignerPermission final : public AdmissionPlugin {
 public:
  SignerPermission(const AdmissionSources& sources, bool signing)
      : authorizer_(sources.authorizer), signing_(signing) {}
  [[nodiscard]] std::string_view name() const override {
    return signing_ ? "CertificateSigning" : "CertificateApproval";
  }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return authorizer_ && isUpdateOf(request, kind, signing_ ? "status" : "approval");
  }
  [[nodiscard]] bool waits() const override { return true; }

  Task<Status> validateLater(RequestContext& request, WriteKind kind, const api::Object* object,
                             const api::Object* old) const override {
    const auto& current = *old->as<CertificateSigningRequest>();
    const auto& next = *object->as<CertificateSigningRequest>();
    if (signing_ && api::semanticEqual(current.status, next.status)) co_return Status();
    const auto& signer = current.spec.signerName;
    const bool may =
        co_await mayOnSigner(*authorizer_, request.user, signing_ ? "sign" : "approve", signer);
    if (may) co_return Status();
    co_return refuse(request, object,
                     std::string("user not permitted to ") + (signing_ ? "sign" : "approve") +
                         " requests with signerName " + api::goQuote(signer));
  }

 private:
  const Authorizer* authorizer_;
  const bool signing_;
};

/// Nobody becomes a cluster's master by a client certificate.
class SubjectRestriction final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "CertificateSubjectRestriction"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && isResource(request, kGroup, kResource);
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& spec = object->as<CertificateSigningRequest>()->spec;
    constexpr std::string_view kSigner = "kubernetes.io/kube-apiserver-client";
    if (spec.signerName != kSigner) return {};
    auto wanted = net::parseSigningRequest(spec.request.data);
    if (!wanted.ok()) {
      return refuse(request, object, "failed to parse CSR: " + wanted.status().message());
    }
    for (const auto& organization : wanted->organizations) {
      if (organization != kMasters) continue;
      return refuse(request, object,
                    "use of kubernetes.io/kube-apiserver-client signer with system:masters group "
                    "is not allowed");
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeCertificateApproval(const AdmissionSources& sources) {
  return std::make_unique<SignerPermission>(sources, false);
}

std::unique_ptr<AdmissionPlugin> makeCertificateSigning(const AdmissionSources& sources) {
  return std::make_unique<SignerPermission>(sources, true);
}

std::unique_ptr<AdmissionPlugin> makeCertificateSubjectRestriction() {
  return std::make_unique<SubjectRestriction>();
}

}  // namespace coxswain::apiserver
