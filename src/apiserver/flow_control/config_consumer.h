#pragma once

#include <memory>

#include "apiserver/flow_control/controller.h"
#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace coxswain::apiserver::flow {

/// Who writes the status of flow schemas, for managedFields.
inline constexpr const char* kFieldManager = "api-priority-and-fairness-config-consumer-v1";

/// Keeps a FlowController at what the cluster's FlowSchemas and PriorityLevelConfigurations say,
/// and tells in each schema's status whether its level exists (condition Dangling). One executor:
/// the controller's. References outlive it. Upstream:
/// staging/src/k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go.
class ConfigConsumer {
 public:
  /// `client` writes as kFieldManager.
  ConfigConsumer(Executor& executor, client::Client& client, FlowController& controller);
  ~ConfigConsumer();

  void start();
  /// Always, once started.
  Task<void> stop();
  /// Schemas whose status is still to be looked at.
  [[nodiscard]] size_t depth() const;
  [[nodiscard]] uint64_t added() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::apiserver::flow
