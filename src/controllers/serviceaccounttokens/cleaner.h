#pragma once

#include <set>
#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::serviceaccounttokens {

/// Once a day: tokens in secrets that older versions made for accounts by themselves, and that
/// nobody has used for a year, are marked invalid (label kubernetes.io/legacy-token-invalid-since);
/// after another year they are deleted. Secrets that people made stay, and those that pods mount.
/// Upstream: pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go.
class LegacyTokenCleaner final : public Controller {
 public:
  LegacyTokenCleaner(const Context& context, Duration cleanUpPeriod);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  Task<Status> round(std::stop_token stop);
  /// Since when uses are noted; nothing: not known.
  Task<Result<WallTime>> trackedSince(std::stop_token stop);
  [[nodiscard]] std::set<std::string> automatic() const;
  [[nodiscard]] std::set<std::string> mounted() const;

  const Duration period_;
  client::Informer& accounts_;
  client::Informer& pods_;
};

}  // namespace coxswain::controllers::serviceaccounttokens
