#pragma once

#include <string>

#include "client/client.h"
#include "client/informer.h"
#include "client/resources.h"
#include "node_service.h"
#include "runtime/sync.h"

namespace coxswain::csi_test {

/// What external-provisioner, -attacher and -resizer do, for one driver: looks at everything after
/// each change, which is fine for tests. One executor.
class Sidecar {
 public:
  Sidecar(client::Client& client, Executor& executor, const DriverOptions& options,
          VolumeStore& store);

  /// Runs until stopped.
  Task<void> run(std::stop_token stop);

 private:
  static Task<void> runInformer(client::Informer& informer, Gate::Pass pass, std::stop_token stop);
  Task<void> lookAtAll(std::stop_token stop);
  Task<Status> provision(const api::core::v1::PersistentVolumeClaim& claim, std::stop_token stop);
  Task<Status> resize(const api::core::v1::PersistentVolumeClaim& claim, std::stop_token stop);
  Task<Status> reclaim(const api::core::v1::PersistentVolume& volume, std::stop_token stop);
  Task<Status> attach(const api::storage::v1::VolumeAttachment& attachment, std::stop_token stop);
  [[nodiscard]] std::string attacherFinalizer() const {
    return "external-attacher/" + options_.name;
  }

  client::Client& client_;
  Executor& executor_;
  const DriverOptions& options_;
  VolumeStore& store_;
  client::Informer claims_;
  client::Informer volumes_;
  client::Informer classes_;
  client::Informer attachments_;
  Event wake_;
  Gate gate_;
};

}  // namespace coxswain::csi_test
