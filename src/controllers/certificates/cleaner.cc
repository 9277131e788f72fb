#include <algorithm>

#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/certificates/controllers.h"
#include "controllers/certificates/signers.h"

namespace coxswain::controllers::certificates {

using api::certificates::v1::CertificateSigningRequest;

namespace {

constexpr Duration kDecidedFor = 1h;
constexpr Duration kPendingFor = 24h;

Controller::Options controllerOptions() {
  Controller::Options o;
  o.name = "certificatesigningrequest-cleaner-controller";
  o.workers = 1;
  return o;
}

/// Of the last certificate it issued; null: none that can be read.
std::optional<WallTime> certificateEnd(const CertificateSigningRequest& request) {
  if (request.status.certificate.empty()) return std::nullopt;
  auto chain = net::certificatesToDer(request.status.certificate);
  if (!chain.ok()) return std::nullopt;
  auto info = net::parseCertificate(chain->front());
  if (!info.ok()) return std::nullopt;
  return info->notAfter;
}

}  // namespace

std::optional<WallTime> expiry(const CertificateSigningRequest& request) {
  std::optional<WallTime> end = certificateEnd(request);
  const auto sooner = [&end](WallTime when) { end = end ? std::min(*end, when) : when; };
  if (request.status.conditions.empty()) {
    sooner(request.metadata.creationTimestamp.wall() + kPendingFor);
  }
  for (const auto& condition : request.status.conditions) {
    if (condition.lastUpdateTime.isZero()) continue;
    // An approved request waits for its certificate as long as that takes.
    if (condition.type == "Approved" && request.status.certificate.empty()) continue;
    sooner(condition.lastUpdateTime.wall() + kDecidedFor);
  }
  return end;
}

CleanerController::CleanerController(const Context& context)
    : Controller(context, controllerOptions()), requests_(use<CertificateSigningRequest>()) {
  requests_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
}

Task<Result<Duration>> CleanerController::reconcile(std::string key, std::stop_token stop) {
  auto request = requests_.get<CertificateSigningRequest>(key);
  if (!request) co_return Duration(0);
  const auto end = expiry(*request);
  if (!end) co_return Duration(0);
  if (*end > now()) co_return *end - now();
  client::DeleteOptions options;
  options.uid = request->metadata.uid;
  Status removed = co_await client().remove(client::resourceOf<CertificateSigningRequest>(), "",
                                            key, std::move(options), stop);
  if (!removed.ok() && !isNotFound(removed)) co_return removed;
  co_return Duration(0);
}

}  // namespace coxswain::controllers::certificates
