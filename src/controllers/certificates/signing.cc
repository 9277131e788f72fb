#include <algorithm>

#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/certificates/controllers.h"
#include "controllers/certificates/signers.h"

namespace coxswain::controllers::certificates {

using api::certificates::v1::CertificateSigningRequest;

namespace {

/// Clocks of others may be behind ours.
constexpr Duration kBackdate = 5min;
constexpr Duration kShortest = 10min;

Controller::Options controllerOptions() {
  Controller::Options o;
  o.name = "certificatesigningrequest-signing-controller";
  return o;
}

}  // namespace

SigningController::Options SigningController::forAllSigners(const net::KeyPair& authority) {
  Options options;
  for (auto name : {kApiServerClient, kKubeletClient, kKubeletServing, kLegacyUnknown}) {
    options.authorities.emplace(name, authority);
  }
  return options;
}

SigningController::SigningController(const Context& context, Options options)
    : Controller(context, controllerOptions()),
      options_(std::move(options)),
      requests_(use<CertificateSigningRequest>()) {
  requests_.addHandler([this](const client::Change& change) {
    if (!change.after) return;
    const auto& request = *change.after.as<CertificateSigningRequest>();
    if (request.status.certificate.empty() && isApproved(request)) {
      queue().add(request.metadata.name);
    }
  });
}

Result<std::string> SigningController::sign(const CertificateSigningRequest& request) const {
  net::SigningTerms terms;
  terms.usages = request.spec.usages;
  Duration validity = options_.duration;
  if (request.spec.expirationSeconds) {
    const Duration asked = std::chrono::seconds(*request.spec.expirationSeconds);
    validity = std::min(validity, std::max(asked, kShortest));
  }
  terms.notBefore = now() - kBackdate;
  terms.notAfter = terms.notBefore + validity;
  return net::signRequest(options_.authorities.find(request.spec.signerName)->second,
                          request.spec.request, terms);
}

Task<Result<Duration>> SigningController::reconcile(std::string key, std::stop_token stop) {
  auto cached = requests_.get<CertificateSigningRequest>(key);
  if (!cached || !cached->status.certificate.empty() || !isApproved(*cached) ||
      !options_.authorities.contains(cached->spec.signerName)) {
    co_return Duration(0);
  }
  auto asked = net::parseSigningRequest(cached->spec.request);
  if (!asked.ok()) co_return asked.status().withContext("unable to parse csr \"" + key + "\"");
  CertificateSigningRequest next = *cached;
  Status allowed = checkForSigner(next.spec.signerName, *asked, next.spec.usages);
  if (allowed.ok()) {
    CO_TRY(auto certificate, sign(next));
    next.status.certificate = std::move(certificate);
  } else {
    addCondition(next, "Failed", "SignerValidationFailure", allowed.message(), now());
  }
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  if (!written.ok() && !isNotFound(written.status())) co_return written.status();
  co_return Duration(0);
}

}  // namespace coxswain::controllers::certificates
