#include "apiserver/admission/chain.h"

#include <algorithm>

#include "api/names/quote.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using Made = std::unique_ptr<AdmissionPlugin>;
using Names = std::vector<std::string>;

/// A plugin that upstream has.
struct Known {
  std::string_view name;
  bool on;  ///< by default
  /// Null: it does not exist here (kinds that are not served, policies, webhooks).
  Made (*make)(const AdmissionSources& sources, const AdmissionOptions& options);
};

template <Made (*make)()>
Made bare(const AdmissionSources& sources, const AdmissionOptions& options) {
  return make();
}
template <Made (*make)(const AdmissionSources&)>
Made of(const AdmissionSources& sources, const AdmissionOptions& options) {
  return make(sources);
}

constexpr bool kOn = true;
constexpr bool kOff = false;

/// In upstream's order (shared/api/apiserver.tsv, "admission order").
constexpr Known kKnown[] = {
    {"AlwaysAdmit", kOff, bare<makeAlwaysAdmit>},
    {"NamespaceAutoProvision", kOff, of<makeNamespaceAutoProvision>},
    {"NamespaceLifecycle", kOn, of<makeNamespaceLifecycle>},
    {"NamespaceExists", kOff, of<makeNamespaceExists>},
    {"LimitPodHardAntiAffinityTopology", kOff, bare<makeLimitPodHardAntiAffinityTopology>},
    {"LimitRanger", kOn, of<makeLimitRanger>},
    {"ServiceAccount", kOn, of<makeServiceAccountAdmission>},
    {"NodeRestriction", kOn, of<makeNodeRestriction>},
    {"TaintNodesByCondition", kOn, bare<makeTaintNodesByCondition>},
    {"AlwaysPullImages", kOff, bare<makeAlwaysPullImages>},
    {"ImagePolicyWebhook", kOff, nullptr},
    {"PodSecurity", kOn,
     [](const AdmissionSources& sources, const AdmissionOptions& options) {
       return makePodSecurity(sources, options.podSecurity);
     }},
    {"PodNodeSelector", kOff,
     [](const AdmissionSources& sources, const AdmissionOptions& options) {
       return makePodNodeSelector(sources, options.nodeSelectors);
     }},
    {"Priority", kOn, of<makePriorityAdmission>},
    {"DefaultTolerationSeconds", kOn,
     [](const AdmissionSources& sources, const AdmissionOptions& options) {
       return makeDefaultTolerationSeconds(options.notReadySeconds, options.unreachableSeconds);
     }},
    {"PodTolerationRestriction", kOff,
     [](const AdmissionSources& sources, const AdmissionOptions& options) {
       return makePodTolerationRestriction(sources, options.defaultTolerations,
                                           options.tolerationsWhitelist);
     }},
    {"EventRateLimit", kOff,
     [](const AdmissionSources& sources, const AdmissionOptions& options) {
       return makeEventRateLimit(sources, options.eventLimits);
     }},
    {"ExtendedResourceToleration", kOff, bare<makeExtendedResourceToleration>},
    {"DefaultStorageClass", kOn, of<makeDefaultStorageClass>},
    {"StorageObjectInUseProtection", kOn, bare<makeStorageObjectInUseProtection>},
    {"PodGroupProtection", kOn, nullptr},
    {"OwnerReferencesPermissionEnforcement", kOff, of<makeOwnerReferencesPermission>},
    {"PersistentVolumeClaimResize", kOn, of<makePersistentVolumeClaimResize>},
    {"RuntimeClass", kOn, of<makeRuntimeClassAdmission>},
    {"CertificateApproval", kOn, of<makeCertificateApproval>},
    {"CertificateSigning", kOn, of<makeCertificateSigning>},
    {"ClusterTrustBundleAttest", kOn, nullptr},
    {"CertificateSubjectRestriction", kOn, bare<makeCertificateSubjectRestriction>},
    {"DefaultIngressClass", kOn, of<makeDefaultIngressClass>},
    {"DenyServiceExternalIPs", kOff, bare<makeDenyServiceExternalIps>},
    {"PodTopologyLabels", kOn, of<makePodTopologyLabels>},
    {"PodGroupWorkloadExists", kOn, nullptr},
    {"NodeDeclaredFeatureValidator", kOn, nullptr},
    {"JobValidation", kOn, nullptr},
    {"PodResizeValidator", kOn, of<makePodResizeValidator>},
    {"MutatingAdmissionPolicy", kOn, nullptr},
    {"MutatingAdmissionWebhook", kOn, nullptr},
    {"ValidatingAdmissionPolicy", kOn, nullptr},
    {"ValidatingAdmissionWebhook", kOn, nullptr},
    {"ResourceQuota", kOn,
     [](const AdmissionSources& sources, const AdmissionOptions& options) {
       return makeResourceQuotaAdmission(sources, options.limitedResources);
     }},
    {"AlwaysDeny", kOff, bare<makeAlwaysDeny>},
};

bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status checkNames(const AdmissionOptions& options) {
  auto find = [](std::string_view name) {
    return std::find_if(std::begin(kKnown), std::end(kKnown),
                        [name](const Known& one) { return one.name == name; });
  };
  for (const auto& name : options.enable) {
    const auto* known = find(name);
    if (known == std::end(kKnown)) {
      return badRequest("enable-admission-plugins plugin " + api::goQuote(name) + " is unknown");
    }
    if (!known->make) {
      return badRequest("enable-admission-plugins plugin " + api::goQuote(name) +
                        " does not exist in this server");
    }
  }
  std::string both;
  for (const auto& name : options.disable) {
    if (find(name) == std::end(kKnown)) {
      return badRequest("disable-admission-plugins plugin " + api::goQuote(name) + " is unknown");
    }
    if (contains(options.enable, name)) both += (both.empty() ? "" : " ") + name;
  }
  if (both.empty()) return {};
  return badRequest("[" + both +
                    "] in enable-admission-plugins and disable-admission-plugins overlapped");
}

/// Where one plugin ends the next begins: one look at the clock each.
class StopWatch {
 public:
  StopWatch() : executor_(Executor::current()) {
    if (executor_) last_ = executor_->now();
  }
  void lap(const AdmissionPlugin& plugin, PluginTimes::Phase phase, WriteKind kind,
           const Status& status) {
    if (!executor_) return;
    const auto now = executor_->now();
    plugin.times().observe(phase, kind, !status.ok(), now - last_);
    last_ = now;
  }

 private:
  Executor* executor_;
  MonotonicTime last_{};
};

}  // namespace

Task<Status> AdmissionChain::admit(RequestContext& request, WriteKind kind, api::Object* object,
                                   const api::Object* old) {
  StopWatch watch;
  for (const auto& plugin : plugins_) {
    if (!plugin->handles(request, kind)) continue;
    Status admitted;
    if (plugin->waits()) {
      admitted = co_await plugin->admitLater(request, kind, object, old);
    } else {
      admitted = plugin->admit(request, kind, object, old);
    }
    watch.lap(*plugin, PluginTimes::Phase::Admit, kind, admitted);
    CO_TRY_STATUS(std::move(admitted));
  }
  co_return Status();
}

Task<Status> AdmissionChain::validate(RequestContext& request, WriteKind kind,
                                      const api::Object* object, const api::Object* old) {
  StopWatch watch;
  for (const auto& plugin : plugins_) {
    if (!plugin->handles(request, kind)) continue;
    Status valid;
    if (plugin->waits()) {
      valid = co_await plugin->validateLater(request, kind, object, old);
    } else {
      valid = plugin->validate(request, kind, object, old);
    }
    watch.lap(*plugin, PluginTimes::Phase::Validate, kind, valid);
    CO_TRY_STATUS(std::move(valid));
  }
  co_return Status();
}

std::vector<std::string_view> AdmissionChain::names() const {
  std::vector<std::string_view> out;
  for (const auto& plugin : plugins_) out.push_back(plugin->name());
  return out;
}

Result<std::unique_ptr<AdmissionChain>> makeAdmissionChain(const AdmissionSources& sources,
                                                           const AdmissionOptions& options) {
  TRY_STATUS(checkNames(options));
  std::vector<Made> plugins;
  if (!options.allowPrivileged) plugins.push_back(makePrivilegedForbidden());
  for (const auto& known : kKnown) {
    const bool wanted = known.on || contains(options.enable, known.name);
    if (!known.make || !wanted || contains(options.disable, known.name)) continue;
    plugins.push_back(known.make(sources, options));
  }
  return std::make_unique<AdmissionChain>(std::move(plugins));
}

}  // namespace coxswain::apiserver
