#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/helpers/time_zone.h"
#include "controllers/accounts.h"
#include "controllers/attachdetach/controller.h"
#include "controllers/certificates/controllers.h"
#include "controllers/framework/controller.h"
#include "controllers/nodeipam/controller.h"
#include "controllers/nodelifecycle/controller.h"
#include "controllers/persistentvolume/controller.h"
#include "controllers/podautoscaler/controller.h"
#include "controllers/serviceaccounttokens/controller.h"

namespace coxswain::controllers {

/// What the flags of kube-controller-manager say, with upstream's defaults.
struct ManagerOptions {
  /// "*": those that are on by default; NAME: this one; -NAME: not this one. The first entry that
  /// names a controller decides. Names (and their short forms) are upstream's.
  std::vector<std::string> controllers = {"*"};

  std::string rootCa;  ///< PEM, for kube-root-ca.crt; empty: that controller does not run
  /// Signs tokens that are kept in secrets; empty: that controller does not run.
  serviceaccounttokens::TokensController::Sign signToken;
  Duration legacyTokenCleanUpPeriod = std::chrono::hours(8760);

  /// No keys: that controller does not run.
  certificates::SigningController::Options signing;

  bool allocateNodeCidrs = false;
  nodeipam::NodeIpamController::Options nodeIpam;

  bool enableGarbageCollector = true;
  int terminatedPodGcThreshold = 12500;
  api::TimeZone localZone;  ///< of CronJobs that name none
  size_t endpointsPerSliceMax = 100;
  size_t mirroredAddressesMax = 1000;
  Duration endpointsBatchPeriod{};
  Duration endpointSliceBatchPeriod{};
  Duration mirroringBatchPeriod{};
  Duration resourceQuotaSyncPeriod = 5min;
  nodelifecycle::NodeLifecycleController::Options nodeLifecycle;

  podautoscaler::PodAutoscaler::Options podAutoscaler;
  persistentvolume::PersistentVolumeBinder::Options volumeBinder;
  attachdetach::AttachDetachController::Options attachDetach;

  struct Workers {
    int deployment = 5;
    int replicaset = 5;
    int replicationController = 5;
    int daemonset = 2;
    int statefulset = 5;
    int job = 5;
    int cronjob = 5;
    int ttlAfterFinished = 5;
    int endpoints = 5;
    int endpointslice = 5;
    int mirroring = 5;
    int garbageCollector = 20;
    int nspace = 10;
    int resourceQuota = 5;
    int serviceAccountToken = 5;
    int ephemeralVolume = 5;
  } workers;
};

/// All the controllers, made from one list (manager.cc) by what the options say: of
/// kube-controller-manager and of `up`. One executor.
///
///     client::Informers informers(client, executor);
///     controllers::Context context{client, informers, executor, random};
///     CO_TRY(auto manager, ControllerManager::create(context, options));
///     manager->start();    // starts the informers too; others may share them
///     ...
///     co_await manager->stop();
///     co_await informers.stop();
class ControllerManager {
 public:
  /// BadRequest for options that make no sense, such as names of controllers that nobody knows.
  static Status check(const ManagerOptions& options);
  /// `context` is copied; what it refers to outlives the manager. Fails as check does.
  /// `clientOf`: whom each controller acts as; empty: all as the context's client. Informers are
  /// the context's for all.
  static Result<std::unique_ptr<ControllerManager>> create(const Context& context,
                                                           const ManagerOptions& options,
                                                           const ClientOf& clientOf = {});
  /// After stop(), or if never started.
  ~ControllerManager();
  ControllerManager(const ControllerManager&) = delete;
  ControllerManager& operator=(const ControllerManager&) = delete;

  void start();
  Task<void> stop();

  /// Of those that run, in the order of the list: "deployment-controller".
  [[nodiscard]] const std::vector<std::string_view>& names() const { return names_; }
  /// All there are, for the help text.
  static std::vector<std::string_view> knownNames();

 private:
  explicit ControllerManager(const Context& context) : context_(context) {}

  Context context_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  std::vector<std::string_view> names_;
};

}  // namespace coxswain::controllers
