#pragma once

#include "controllers/framework/controller.h"

namespace coxswain::integration {

/// Plays the kubelet of every node: pods that are bound run and are ready, with an address; those
/// that are being deleted end at once.
class FakeKubelet final : public controllers::Controller {
 public:
  explicit FakeKubelet(const controllers::Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& pods_;
  int addresses_ = 0;
};

}  // namespace coxswain::integration
