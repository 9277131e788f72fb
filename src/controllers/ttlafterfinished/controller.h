#pragma once

#include <optional>
#include <string>

#include "api/gen/batch_v1.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::ttlafterfinished {

/// When a finished job is to go (spec.ttlSecondsAfterFinished). Null: it has not finished, is being
/// deleted, or stays.
std::optional<WallTime> expiry(const api::batch::v1::Job& job);

/// Deletes jobs, and with them their pods, some time after they have finished.
/// Upstream: pkg/controller/ttlafterfinished.
class TtlAfterFinishedController final : public Controller {
 public:
  explicit TtlAfterFinishedController(const Context& context, int workers = 5);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& jobs_;
};

}  // namespace coxswain::controllers::ttlafterfinished
