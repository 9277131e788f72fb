#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::serviceaccounttokens {

/// Fills secrets of type kubernetes.io/service-account-token that name a service account: a signed
/// token without an end, the cluster's CA, the namespace. Deletes them when the account is gone (or
/// was made anew), and takes secrets that are gone out of their account's list. Nobody else may
/// make such tokens. Upstream: pkg/controller/serviceaccount/tokens_controller.go.
class TokensController final : public Controller {
 public:
  /// Signs the token that secret `secret` of an account is to have.
  using Sign = std::function<Result<std::string>(std::string_view ns, std::string_view account,
                                                 std::string_view uid, std::string_view secret)>;
  struct Options {
    Sign sign;           ///< empty: the controller cannot run
    std::string rootCa;  ///< PEM; empty: secrets get none
    int workers = 5;
  };
  TokensController(const Context& context, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  Task<Result<Duration>> fill(std::string key, std::stop_token stop);
  Task<Result<Duration>> forget(std::string ns, std::string account, std::string secret,
                                std::stop_token stop);
  void accountChanged(const client::Change& change);

  Options options_;
  client::Informer& accounts_;
  client::Informer secrets_;  // of that type alone: there may be many others
};

}  // namespace coxswain::controllers::serviceaccounttokens
