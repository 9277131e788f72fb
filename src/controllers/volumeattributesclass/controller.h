#pragma once

#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::volumeattributesclass {

/// VolumeAttributesClasses have finalizer kubernetes.io/vac-protection; one that is being deleted
/// loses it when no claim and no volume names it (asked of the server, not of a cache alone).
/// Upstream: pkg/controller/volume/vacprotection.
class ClassProtectionController final : public Controller {
 public:
  explicit ClassProtectionController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  void addDeleted(const std::vector<std::string>& names);
  Task<Result<bool>> isUsed(std::string name, std::stop_token stop);

  client::Informer& classes_;
  client::Informer& claims_;
  client::Informer& volumes_;
};

}  // namespace coxswain::controllers::volumeattributesclass
