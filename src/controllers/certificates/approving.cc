#include "api/gen/authorization_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/certificates/controllers.h"
#include "controllers/certificates/signers.h"

namespace coxswain::controllers::certificates {

using api::authorization::v1::SubjectAccessReview;
using api::certificates::v1::CertificateSigningRequest;
using api::certificates::v1::CertificateSigningRequestSpec;

namespace {

Controller::Options controllerOptions() {
  Controller::Options o;
  o.name = "certificatesigningrequest-approving-controller";
  return o;
}

bool isUndecided(const CertificateSigningRequest& request) {
  return request.status.certificate.empty() && !trueCondition(request, "Approved") &&
         !trueCondition(request, "Denied");
}

/// A way to a kubelet's certificate.
struct Way {
  const char* subresource;
  const char* message;
};
constexpr Way kOwn = {"selfnodeclient",
                      "Auto approving self kubelet client certificate after SubjectAccessReview."};
constexpr Way kAny = {"nodeclient",
                      "Auto approving kubelet client certificate after SubjectAccessReview."};

}  // namespace

ApprovingController::ApprovingController(const Context& context)
    : Controller(context, controllerOptions()), requests_(use<CertificateSigningRequest>()) {
  requests_.addHandler([this](const client::Change& change) {
    if (!change.after) return;
    const auto& request = *change.after.as<CertificateSigningRequest>();
    if (request.spec.signerName == kKubeletClient && isUndecided(request)) {
      queue().add(request.metadata.name);
    }
  });
}

Task<Result<bool>> ApprovingController::mayHave(const CertificateSigningRequestSpec& asker,
                                                std::string subresource, std::stop_token stop) {
  SubjectAccessReview review;
  review.spec.user = asker.username;
  review.spec.uid = asker.uid;
  review.spec.groups = asker.groups;
  review.spec.extra = asker.extra;
  auto& attributes = review.spec.resourceAttributes.emplace();
  attributes.group = "certificates.k8s.io";
  attributes.resource = "certificatesigningrequests";
  attributes.subresource = std::move(subresource);
  attributes.verb = "create";
  attributes.version = "*";
  CO_TRY(auto answer, co_await client::create(client(), std::move(review), stop));
  co_return answer->status.allowed;
}

Task<Result<Duration>> ApprovingController::reconcile(std::string key, std::stop_token stop) {
  auto cached = requests_.get<CertificateSigningRequest>(key);
  if (!cached || cached->spec.signerName != kKubeletClient || !isUndecided(*cached)) {
    co_return Duration(0);
  }
  auto asked = net::parseSigningRequest(cached->spec.request);
  if (!asked.ok()) co_return asked.status().withContext("unable to parse csr \"" + key + "\"");
  // Not a kubelet's: somebody else may decide.
  if (!checkForSigner(kKubeletClient, *asked, cached->spec.usages).ok()) co_return Duration(0);
  const bool own = cached->spec.username == asked->commonName;
  std::string tried;
  for (const Way& way : {kOwn, kAny}) {
    if (way.subresource == kOwn.subresource && !own) continue;
    tried += (tried.empty() ? "" : " ") + std::string(way.subresource);
    CO_TRY(bool allowed, co_await mayHave(cached->spec, way.subresource, stop));
    if (!allowed) continue;
    CertificateSigningRequest next = *cached;
    addCondition(next, "Approved", "AutoApproved", way.message, now());
    auto written = co_await client::update(client(), std::move(next), "approval", stop);
    if (!written.ok() && !isNotFound(written.status())) co_return written.status();
    co_return Duration(0);
  }
  co_return badRequest("recognized csr \"" + key + "\" as [" + tried +
                       "] but subject access review was not approved");
}

}  // namespace coxswain::controllers::certificates
