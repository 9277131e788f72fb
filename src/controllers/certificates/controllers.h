#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/gen/certificates_v1.h"
#include "controllers/framework/controller.h"
#include "net/certs.h"

namespace coxswain::controllers::certificates {

/// Issues certificates for approved requests to Kubernetes' own signers. What a signer may not sign
/// becomes Failed. Upstream: pkg/controller/certificates/signer.
class SigningController final : public Controller {
 public:
  struct Options {
    /// By signer name; a signer without a key signs nothing.
    std::map<std::string, net::KeyPair, std::less<>> authorities;
    /// The longest a certificate holds (--cluster-signing-duration).
    Duration duration = 8760h;
  };
  /// The same CA for all four signers.
  static Options forAllSigners(const net::KeyPair& authority);

  SigningController(const Context& context, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  [[nodiscard]] Result<std::string> sign(
      const api::certificates::v1::CertificateSigningRequest& request) const;

  Options options_;
  client::Informer& requests_;
};

/// Approves requests for client certificates of kubelets that may have one: by subresources
/// selfnodeclient and nodeclient. Upstream: pkg/controller/certificates/approver.
class ApprovingController final : public Controller {
 public:
  explicit ApprovingController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  Task<Result<bool>> mayHave(const api::certificates::v1::CertificateSigningRequestSpec& asker,
                             std::string subresource, std::stop_token stop);

  client::Informer& requests_;
};

/// When a request is of no more use: an hour after it was decided, a day after it was made if
/// nobody decided, and when its certificate has expired. Null: it waits to be signed.
std::optional<WallTime> expiry(const api::certificates::v1::CertificateSigningRequest& request);

/// Deletes requests that are of no more use. Upstream: pkg/controller/certificates/cleaner.
class CleanerController final : public Controller {
 public:
  explicit CleanerController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& requests_;
};

}  // namespace coxswain::controllers::certificates
