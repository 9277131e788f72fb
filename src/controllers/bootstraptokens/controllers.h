#pragma once

#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::bootstraptokens {

/// Deletes tokens for joining once they have expired.
/// Upstream: pkg/controller/bootstrap/tokencleaner.go.
class TokenCleaner final : public Controller {
 public:
  explicit TokenCleaner(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  client::Informer secrets_;
};

/// Signs config map kube-public/cluster-info with each token for joining that may sign, so that who
/// has the token can trust what he reads there before he trusts the server.
/// Upstream: pkg/controller/bootstrap/bootstrapsigner.go.
class BootstrapSigner final : public Controller {
 public:
  explicit BootstrapSigner(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  client::Informer secrets_;
  client::Informer maps_;
};

}  // namespace coxswain::controllers::bootstraptokens
