#pragma once

#include <cstddef>
#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::ttl {

/// How long (in seconds) kubelets may take what they know for true, by how many nodes there are.
/// A cluster that shrinks leaves a band a little below where a growing one comes into it.
class Band {
 public:
  /// Goes over as many bands as `nodes` asks for. True: another one.
  bool follow(size_t nodes);
  [[nodiscard]] int seconds() const;

 private:
  size_t at_ = 0;
};

/// Writes annotation node.alpha.kubernetes.io/ttl on each node.
/// Upstream: pkg/controller/ttl/ttl_controller.go.
class TtlController final : public Controller {
 public:
  explicit TtlController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& nodes_;
  Band band_;
};

}  // namespace coxswain::controllers::ttl
