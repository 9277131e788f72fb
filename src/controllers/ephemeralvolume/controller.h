#pragma once

#include <memory>
#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::api::core::v1 {
struct Pod;
struct Volume;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers::ephemeralvolume {

/// Makes the claims of pods' ephemeral volumes, called "<pod>-<volume>" and owned by the pod; made
/// again when somebody deletes them. A claim of that name that is not the pod's is left alone and
/// told of (event FailedBinding on the pod). Keys are those of pods.
/// Upstream: pkg/controller/volume/ephemeral.
class EphemeralVolumeController final : public Controller {
 public:
  explicit EphemeralVolumeController(const Context& context, int workers = 5);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  Task<Status> ensureClaim(std::shared_ptr<const api::core::v1::Pod> pod,
                           const api::core::v1::Volume& volume, std::stop_token stop);

  client::Informer& pods_;
  client::Informer& claims_;
};

}  // namespace coxswain::controllers::ephemeralvolume
