#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "client/client.h"
#include "client/event_recorder.h"
#include "controllers/deployment/decide.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::controllers::deployment {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

/// One look at one deployment: what was read, and the writes that follow from it. Lives in the
/// frame of a reconcile. Each step asks a decision and carries it out.
class Rollout {
 public:
  struct World {
    client::Client& client;
    client::EventRecorder& events;
    Executor& executor;
  };

  /// `sets`: the deployment's, claimed. `pods`: of those sets.
  Rollout(World world, std::shared_ptr<const Deployment> deployment, Sets sets,
          std::vector<PodPointer> pods);

  /// Result: when to look again; zero: when something changes.
  Task<Result<Duration>> run(std::stop_token stop);

 private:
  enum class Create : uint8_t { No, Yes };

  // sync.cc
  Task<Status> notePaused(std::stop_token stop);
  Task<Status> syncRevision(Create create, std::stop_token stop);
  Task<Status> updateFresh(std::stop_token stop);
  Task<Status> createFresh(std::stop_token stop);
  Task<Status> takeCollision(const ReplicaSet& wanted, Status failure, std::stop_token stop);
  Task<Status> syncSizes(std::stop_token stop);
  Task<Result<bool>> scale(SetPointer set, int replicas, std::stop_token stop);
  Task<Result<bool>> scaleAll(std::vector<Scaling> scalings, std::stop_token stop);
  Task<Status> cleanUp(std::stop_token stop);
  /// With annotation `revision` where that is not empty: a status may carry it along.
  Task<Status> writeDeploymentStatus(const DeploymentStatus& status, std::string revision,
                                     std::stop_token stop);
  Task<Result<Duration>> finish(DeploymentStatus status, std::stop_token stop);
  // rolling.cc, recreate.cc, rollback.cc
  Task<Result<Duration>> roll(std::stop_token stop);
  Task<Result<Duration>> recreate(std::stop_token stop);
  Task<Result<bool>> oldRemains(std::stop_token stop);
  Task<Status> rollback(std::stop_token stop);

  [[nodiscard]] Sets all() const;
  [[nodiscard]] bool oldPodsRun() const;
  [[nodiscard]] WallTime now() const { return world_.executor.wallNow(); }
  /// The set as just written takes the place of what was read.
  void replace(const SetPointer& set);
  void split();

  World world_;
  std::shared_ptr<const Deployment> deployment_;  ///< as last read or written
  Sets sets_;                                     ///< all, as known
  std::vector<PodPointer> pods_;
  SetPointer fresh_;  ///< with the deployment's template; null: none
  Sets old_;
};

}  // namespace coxswain::controllers::deployment
