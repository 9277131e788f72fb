#include "controllers/manager.h"

#include <span>

#include "base/log.h"
#include "controllers/attachdetach/controller.h"
#include "controllers/bootstraptokens/controllers.h"
#include "controllers/certificates/controllers.h"
#include "controllers/clusterroleaggregation/controller.h"
#include "controllers/cronjob/controller.h"
#include "controllers/daemonset/controller.h"
#include "controllers/deployment/controller.h"
#include "controllers/disruption/controller.h"
#include "controllers/endpoints/controller.h"
#include "controllers/endpointslice/controller.h"
#include "controllers/endpointslicemirroring/controller.h"
#include "controllers/ephemeralvolume/controller.h"
#include "controllers/expand/controller.h"
#include "controllers/framework/selection.h"
#include "controllers/garbagecollector/controller.h"
#include "controllers/job/controller.h"
#include "controllers/namespace/controller.h"
#include "controllers/persistentvolume/controller.h"
#include "controllers/podgc/controller.h"
#include "controllers/protection/controller.h"
#include "controllers/replicaset/controller.h"
#include "controllers/resourceclaim/controller.h"
#include "controllers/resourcequota/controller.h"
#include "controllers/serviceaccount/controller.h"
#include "controllers/serviceaccounttokens/cleaner.h"
#include "controllers/servicecidr/controller.h"
#include "controllers/statefulset/controller.h"
#include "controllers/tainteviction/controller.h"
#include "controllers/ttl/controller.h"
#include "controllers/ttlafterfinished/controller.h"
#include "controllers/volumeattributesclass/controller.h"
#include "runtime/spawn.h"

namespace coxswain::controllers {

namespace {

const Logger kLog("controllers");

using Made = Result<std::unique_ptr<Controller>>;

template <typename C, typename... Args>
Made make(const Context& context, Args&&... args) {
  std::unique_ptr<Controller> controller =
      std::make_unique<C>(context, std::forward<Args>(args)...);
  return controller;
}

/// The options have nothing for it to do.
Made none() {
  return std::unique_ptr<Controller>();
}

Made makeEndpointSlice(const Context& context, const ManagerOptions& options) {
  endpointslice::EndpointSliceController::Options own;
  own.workers = options.workers.endpointslice;
  own.endpointsPerSliceMax = options.endpointsPerSliceMax;
  own.batchPeriod = options.endpointSliceBatchPeriod;
  return make<endpointslice::EndpointSliceController>(context, own);
}

Made makeMirroring(const Context& context, const ManagerOptions& options) {
  endpointslicemirroring::EndpointSliceMirroringController::Options own;
  own.workers = options.workers.mirroring;
  own.addressesMax = options.mirroredAddressesMax;
  own.batchPeriod = options.mirroringBatchPeriod;
  return make<endpointslicemirroring::EndpointSliceMirroringController>(context, own);
}

Made makeTokens(const Context& context, const ManagerOptions& options) {
  if (!options.signToken) return none();
  serviceaccounttokens::TokensController::Options own;
  own.sign = options.signToken;
  own.rootCa = options.rootCa;
  own.workers = options.workers.serviceAccountToken;
  return make<serviceaccounttokens::TokensController>(context, std::move(own));
}

Made makePodGc(const Context& context, const ManagerOptions& options) {
  podgc::PodGarbageCollector::Options own;
  own.terminatedPodThreshold = options.terminatedPodGcThreshold;
  return make<podgc::PodGarbageCollector>(context, own);
}

Made makeNodeIpam(const Context& context, const ManagerOptions& options) {
  if (!options.allocateNodeCidrs) return none();
  TRY(auto sets, nodeipam::NodeIpamController::makeSets(options.nodeIpam));
  return make<nodeipam::NodeIpamController>(context, std::move(sets));
}

Made makeCertificateSigner(const Context& context, const ManagerOptions& options) {
  if (options.signing.authorities.empty()) return none();
  return make<certificates::SigningController>(context, options.signing);
}

struct Entry {
  std::string_view name;
  std::string_view alias;  ///< the short name that is accepted too
  Made (*make)(const Context&, const ManagerOptions&);
  bool byDefault = true;
  bool asManager = false;  ///< acts as the manager itself: upstream has no account for it

  [[nodiscard]] ControllerName selectable() const { return {name, alias, byDefault}; }
};

using Options = ManagerOptions;

// A new controller is its folder and one line here.
constexpr Entry kEntries[] = {
    {"namespace-controller", "namespace",
     [](const Context& c, const Options& o) {
       return make<nspace::NamespaceController>(c, o.workers.nspace);
     }},
    {"serviceaccount-controller", "serviceaccount",
     [](const Context& c, const Options&) {
       return make<serviceaccount::ServiceAccountController>(c);
     }},
    {"serviceaccount-token-controller", "serviceaccount-token", makeTokens, true, true},
    {"legacy-serviceaccount-token-cleaner-controller", "legacy-service-account-token-cleaner",
     [](const Context& c, const Options& o) {
       return make<serviceaccounttokens::LegacyTokenCleaner>(c, o.legacyTokenCleanUpPeriod);
     },
     true, true},
    {"bootstrap-signer-controller", "bootstrapsigner",
     [](const Context& c, const Options&) { return make<bootstraptokens::BootstrapSigner>(c); },
     false},
    {"token-cleaner-controller", "tokencleaner",
     [](const Context& c, const Options&) { return make<bootstraptokens::TokenCleaner>(c); },
     false},
    {"root-ca-certificate-publisher-controller", "root-ca-cert-publisher",
     [](const Context& c, const Options& o) {
       return o.rootCa.empty() ? none() : make<serviceaccount::RootCaPublisher>(c, o.rootCa);
     }},
    {"node-ipam-controller", "nodeipam", makeNodeIpam},
    {"node-lifecycle-controller", "nodelifecycle",
     [](const Context& c, const Options& o) {
       return make<nodelifecycle::NodeLifecycleController>(c, o.nodeLifecycle);
     }},
    {"taint-eviction-controller", "taint-eviction-controller",
     [](const Context& c, const Options&) {
       return make<tainteviction::TaintEvictionController>(c);
     }},
    {"deployment-controller", "deployment",
     [](const Context& c, const Options& o) {
       return make<deployment::DeploymentController>(c, o.workers.deployment);
     }},
    {"replicaset-controller", "replicaset",
     [](const Context& c, const Options& o) {
       return make<replicaset::ReplicaSetController>(c, o.workers.replicaset);
     }},
    {"replicationcontroller-controller", "replicationcontroller",
     [](const Context& c, const Options& o) {
       return make<replicaset::ReplicaSetController>(c, replicaset::replicationControllers(),
                                                     o.workers.replicationController);
     }},
    {"daemonset-controller", "daemonset",
     [](const Context& c, const Options& o) {
       return make<daemonset::DaemonSetController>(c, o.workers.daemonset);
     }},
    {"statefulset-controller", "statefulset",
     [](const Context& c, const Options& o) {
       return make<statefulset::StatefulSetController>(c, o.workers.statefulset);
     }},
    {"job-controller", "job",
     [](const Context& c, const Options& o) { return make<job::JobController>(c, o.workers.job); }},
    {"cronjob-controller", "cronjob",
     [](const Context& c, const Options& o) {
       return make<cronjob::CronJobController>(c, o.workers.cronjob, o.localZone);
     }},
    {"ttl-after-finished-controller", "ttl-after-finished",
     [](const Context& c, const Options& o) {
       return make<ttlafterfinished::TtlAfterFinishedController>(c, o.workers.ttlAfterFinished);
     }},
    {"endpoints-controller", "endpoint",
     [](const Context& c, const Options& o) {
       return make<endpoints::EndpointsController>(c, o.workers.endpoints, o.endpointsBatchPeriod);
     }},
    {"endpointslice-controller", "endpointslice", makeEndpointSlice},
    {"endpointslice-mirroring-controller", "endpointslicemirroring", makeMirroring},
    {"resourceclaim-controller", "resource-claim-controller",
     [](const Context& c, const Options&) {
       return make<resourceclaim::ResourceClaimController>(c);
     }},
    {"ttl-controller", "ttl",
     [](const Context& c, const Options&) { return make<ttl::TtlController>(c); }},
    {"pod-garbage-collector-controller", "podgc", makePodGc},
    {"resourcequota-controller", "resourcequota",
     [](const Context& c, const Options& o) {
       return make<resourcequota::ResourceQuotaController>(c, o.workers.resourceQuota,
                                                           o.resourceQuotaSyncPeriod);
     }},
    {"disruption-controller", "disruption",
     [](const Context& c, const Options&) { return make<disruption::DisruptionController>(c); }},
    {"clusterrole-aggregation-controller", "clusterrole-aggregation",
     [](const Context& c, const Options&) {
       return make<clusterroleaggregation::ClusterRoleAggregationController>(c);
     }},
    {"certificatesigningrequest-signing-controller", "csrsigning", makeCertificateSigner},
    {"certificatesigningrequest-approving-controller", "csrapproving",
     [](const Context& c, const Options&) { return make<certificates::ApprovingController>(c); }},
    {"certificatesigningrequest-cleaner-controller", "csrcleaner",
     [](const Context& c, const Options&) { return make<certificates::CleanerController>(c); }},
    {"horizontal-pod-autoscaler-controller", "horizontalpodautoscaling",
     [](const Context& c, const Options& o) {
       return make<podautoscaler::PodAutoscaler>(c, o.podAutoscaler);
     }},
    {"persistentvolume-binder-controller", "persistentvolume-binder",
     [](const Context& c, const Options& o) {
       return make<persistentvolume::PersistentVolumeBinder>(c, o.volumeBinder);
     }},
    {"persistentvolume-attach-detach-controller", "attachdetach",
     [](const Context& c, const Options& o) {
       return make<attachdetach::AttachDetachController>(c, o.attachDetach);
     }},
    {"persistentvolume-expander-controller", "persistentvolume-expander",
     [](const Context& c, const Options&) { return make<expand::ExpandController>(c); }},
    {"ephemeral-volume-controller", "ephemeral-volume",
     [](const Context& c, const Options& o) {
       return make<ephemeralvolume::EphemeralVolumeController>(c, o.workers.ephemeralVolume);
     }},
    {"persistentvolumeclaim-protection-controller", "pvc-protection",
     [](const Context& c, const Options&) {
       return make<protection::ClaimProtectionController>(c);
     }},
    {"persistentvolume-protection-controller", "pv-protection",
     [](const Context& c, const Options&) {
       return make<protection::VolumeProtectionController>(c);
     }},
    {"volumeattributesclass-protection-controller", "vac-protection",
     [](const Context& c, const Options&) {
       return make<volumeattributesclass::ClassProtectionController>(c);
     }},
    {"service-cidr-controller", "service-cidr-controller",
     [](const Context& c, const Options&) { return make<servicecidr::ServiceCidrController>(c); }},
    {"garbage-collector-controller", "garbagecollector",
     [](const Context& c, const Options& o) {
       if (!o.enableGarbageCollector) return none();
       return make<garbagecollector::GarbageCollector>(c, o.workers.garbageCollector);
     }},
};

std::vector<ControllerName> selectable() {
  std::vector<ControllerName> all;
  for (const auto& entry : kEntries) all.push_back(entry.selectable());
  return all;
}

}  // namespace

Status ControllerManager::check(const ManagerOptions& options) {
  TRY_STATUS(checkSelection(selectable(), options.controllers));
  if (!options.allocateNodeCidrs) return {};
  return nodeipam::NodeIpamController::makeSets(options.nodeIpam).status();
}

Result<std::unique_ptr<ControllerManager>> ControllerManager::create(const Context& context,
                                                                     const ManagerOptions& options,
                                                                     const ClientOf& clientOf) {
  TRY_STATUS(check(options));
  auto manager = std::unique_ptr<ControllerManager>(new ControllerManager(context));
  for (const auto& entry : kEntries) {
    if (!isSelected(entry.selectable(), options.controllers)) continue;
    auto& client = clientOf && !entry.asManager ? clientOf(accountOf(entry.name)) : context.client;
    const Context own{client, context.informers, context.executor, context.random};
    TRY(auto controller, entry.make(own, options));
    if (!controller) continue;
    manager->controllers_.push_back(std::move(controller));
    manager->names_.push_back(entry.name);
  }
  return manager;
}

ControllerManager::~ControllerManager() = default;

std::vector<std::string_view> ControllerManager::knownNames() {
  std::vector<std::string_view> names;
  for (const auto& entry : kEntries) names.push_back(entry.name);
  return names;
}

void ControllerManager::start() {
  context_.informers.start();
  for (auto& controller : controllers_) controller->start();
  kLog.info("controllers started", {{"count", controllers_.size()}});
}

Task<void> ControllerManager::stop() {
  std::vector<Task<void>> stops;
  for (auto& controller : controllers_) stops.push_back(controller->stop());
  co_await whenAll(std::move(stops));
}

}  // namespace coxswain::controllers
