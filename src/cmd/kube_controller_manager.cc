#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "api/yaml/yaml.h"
#include "client/http/client_config.h"
#include "client/informers.h"
#include "cmd/autoscaler_flags.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "cmd/controller_clients.h"
#include "cmd/duration_flag.h"
#include "cmd/services_flags.h"
#include "cmd/token_signer.h"
#include "controllers/certificates/signers.h"
#include "controllers/framework/trim.h"
#include "controllers/manager.h"
#include "runtime/files.h"

namespace coxswain::cmd {

namespace {

/// Files of a signer's CA: the general ones, or those of one signer.
struct SigningFiles {
  const char* flag;         ///< between "--cluster-signing-" and "cert-file"
  std::string_view signer;  ///< empty: all that have no files of their own
  std::string certificate;
  std::string key;
};

struct Flags {
  controllers::ManagerOptions options;
  std::string rootCaFile;
  std::string accountKeyFile;
  std::string legacyTokenPeriod = "8760h0m0s";
  bool accountCredentials = true;
  std::array<SigningFiles, 5> signing = {{
      {"", "", {}, {}},
      {"kube-apiserver-client-", controllers::certificates::kApiServerClient, {}, {}},
      {"kubelet-client-", controllers::certificates::kKubeletClient, {}, {}},
      {"kubelet-serving-", controllers::certificates::kKubeletServing, {}, {}},
      {"legacy-unknown-", controllers::certificates::kLegacyUnknown, {}, {}},
  }};
  std::string signingDuration = "8760h0m0s";
  AutoscalerFlags autoscaler;
  ServicesFlags services;
  struct Recycler {
    std::string hostPathPod;
    std::string nfsPod;
    int hostPathMinimum = 60;
    int hostPathPerGibibyte = 30;
    int nfsMinimum = 300;
    int nfsPerGibibyte = 30;
  } recycler;
  bool keepAttached = false;
  std::string serviceClusterIpRange;
  int nodeMask = 0;  ///< --node-cidr-mask-size; 0: by family
  std::string monitorPeriod = "5s";
  std::string monitorGracePeriod = "50s";
  std::string startupGracePeriod = "1m0s";
};

void addControllerFlags(CLI::App& app, Flags& flags) {
  auto& options = flags.options;
  std::string known;
  for (auto name : controllers::ControllerManager::knownNames()) {
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  app.add_option(
         "--controllers", options.controllers,
         "which run: '*' all that do by default, NAME this one, -NAME not this one. Known: " +
             known)
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--root-ca-file", flags.rootCaFile,
                 "CA (PEM) that pods verify the API server with: config map kube-root-ca.crt");
  app.add_option("--service-account-private-key-file", flags.accountKeyFile,
                 "private key (PEM) that signs service account tokens which are kept in secrets; "
                 "those are not filled if not given");
  app.add_option("--legacy-service-account-token-clean-up-period", flags.legacyTokenPeriod,
                 "how long tokens in secrets that were made by themselves may go unused until they "
                 "are marked invalid, and then until they are deleted")
      ->capture_default_str();
  app.add_option("--concurrent-serviceaccount-token-syncs", options.workers.serviceAccountToken,
                 "secrets looked at at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--use-service-account-credentials", flags.accountCredentials,
               "each controller acts as its own service account of kube-system, with its rights "
               "alone; false: all act as what --kubeconfig says")
      ->capture_default_str();
  app.add_flag("--enable-garbage-collector", options.enableGarbageCollector,
               "delete objects whose owners are gone")
      ->capture_default_str();
  app.add_option("--terminated-pod-gc-threshold", options.terminatedPodGcThreshold,
                 "how many pods that have ended are kept; 0 or less: all")
      ->capture_default_str();
}

void addSigningFlags(CLI::App& app, Flags& flags) {
  for (auto& files : flags.signing) {
    const std::string flag = std::string("--cluster-signing-") + files.flag;
    const std::string who =
        files.signer.empty() ? "requests for certificates, where a signer has no files of its own"
                             : "requests to " + std::string(files.signer);
    app.add_option(flag + "cert-file", files.certificate, "CA (PEM) that signs " + who);
    app.add_option(flag + "key-file", files.key, "its private key (PEM)");
  }
  app.add_option("--cluster-signing-duration", flags.signingDuration,
                 "how long a signed certificate holds at most")
      ->capture_default_str();
}

void addNodeFlags(CLI::App& app, Flags& flags) {
  auto& options = flags.options;
  auto& ipam = options.nodeIpam;
  app.add_flag("--allocate-node-cidrs", options.allocateNodeCidrs,
               "give each node a range of pod addresses")
      ->capture_default_str();
  app.add_option("--cluster-cidr", ipam.clusterCidrs, "ranges of pod addresses, one a family")
      ->delimiter(',');
  app.add_option("--service-cluster-ip-range", flags.serviceClusterIpRange,
                 "ranges of services, which nodes do not get");
  app.add_option("--node-cidr-mask-size", flags.nodeMask, "size of a node's range");
  app.add_option("--node-cidr-mask-size-ipv4", ipam.nodeMaskV4, "of IPv4, with two families")
      ->capture_default_str();
  app.add_option("--node-cidr-mask-size-ipv6", ipam.nodeMaskV6, "of IPv6, with two families")
      ->capture_default_str();
  app.add_option("--node-monitor-period", flags.monitorPeriod, "how often nodes are looked at")
      ->capture_default_str();
  app.add_option("--node-monitor-grace-period", flags.monitorGracePeriod,
                 "how long a node may be silent")
      ->capture_default_str();
  app.add_option("--node-startup-grace-period", flags.startupGracePeriod,
                 "the same before its first word")
      ->capture_default_str();
  auto& zones = options.nodeLifecycle.zones;
  app.add_option("--node-eviction-rate", zones.evictionsPerSecond,
                 "nodes a second that are tainted in a healthy zone")
      ->capture_default_str();
  app.add_option("--secondary-node-eviction-rate", zones.secondaryEvictionsPerSecond,
                 "the same in an unhealthy zone; 0 where it is small")
      ->capture_default_str();
  app.add_option("--unhealthy-zone-threshold", zones.unhealthyThreshold,
                 "share of nodes not ready that makes a zone unhealthy")
      ->capture_default_str();
  app.add_option("--large-cluster-size-threshold", zones.largeClusterThreshold,
                 "zones with more nodes are large")
      ->capture_default_str();
}

/// Seconds, as upstream has them.
void addRecyclerFlags(CLI::App& app, Flags& flags) {
  struct Row {
    const char* flag;
    int& seconds;
    const char* help;
  };
  const Row rows[] = {
      {"--pv-recycler-minimum-timeout-hostpath", flags.recycler.hostPathMinimum,
       "seconds that a pod which wipes a hostPath volume has at least"},
      {"--pv-recycler-timeout-increment-hostpath", flags.recycler.hostPathPerGibibyte,
       "seconds more for each GiB of it"},
      {"--pv-recycler-minimum-timeout-nfs", flags.recycler.nfsMinimum,
       "seconds that a pod which wipes an NFS volume has at least"},
      {"--pv-recycler-increment-timeout-nfs", flags.recycler.nfsPerGibibyte,
       "seconds more for each GiB of it"},
  };
  for (const auto& row : rows) {
    app.add_option(row.flag, row.seconds, row.help)
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
  }
  app.add_option("--pv-recycler-pod-template-filepath-hostpath", flags.recycler.hostPathPod,
                 "file with the pod (YAML) that wipes a hostPath volume, which takes the place of "
                 "its first volume; a built-in one if not given");
  app.add_option("--pv-recycler-pod-template-filepath-nfs", flags.recycler.nfsPod,
                 "the same for NFS volumes");
}

/// Null where there is no file.
Result<std::shared_ptr<const api::core::v1::Pod>> readRecyclerPod(const std::string& file) {
  if (file.empty()) return std::shared_ptr<const api::core::v1::Pod>();
  TRY(auto text, client::readWholeFile(file));
  auto parsed = api::yamlToJson(text);
  if (!parsed.ok()) return parsed.status().withContext(file);
  auto pod = api::decodeJson<api::core::v1::Pod>(*parsed);
  if (!pod.ok()) return pod.status().withContext(file);
  if (pod->spec.volumes.empty()) {
    return badRequest(file + ": pod specification does not contain any volume(s)");
  }
  return std::make_shared<const api::core::v1::Pod>(std::move(*pod));
}

void addVolumeFlags(CLI::App& app, Flags& flags) {
  auto& options = flags.options;
  app.add_flag("--enable-dynamic-provisioning", options.volumeBinder.dynamicProvisioning,
               "ask provisioners for volumes of claims that none is there for")
      ->capture_default_str();
  app.add_flag("--disable-force-detach-on-timeout", flags.keepAttached,
               "never detach a volume that its node has in use still, however long the node is not "
               "ready, unless it is tainted out-of-service")
      ->capture_default_str();
  app.add_option("--concurrent-ephemeralvolume-syncs", options.workers.ephemeralVolume,
                 "pods looked at at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  addRecyclerFlags(app, flags);
}

Status completeVolumes(Flags& flags) {
  using std::chrono::seconds;
  auto& recycler = flags.options.volumeBinder.recycler;
  recycler.hostPath.timeoutMin = seconds(flags.recycler.hostPathMinimum);
  recycler.hostPath.perGibibyte = seconds(flags.recycler.hostPathPerGibibyte);
  recycler.nfs.timeoutMin = seconds(flags.recycler.nfsMinimum);
  recycler.nfs.perGibibyte = seconds(flags.recycler.nfsPerGibibyte);
  TRY(recycler.hostPath.pod, readRecyclerPod(flags.recycler.hostPathPod));
  TRY(recycler.nfs.pod, readRecyclerPod(flags.recycler.nfsPod));
  flags.options.attachDetach.forceDetachOnTimeout = !flags.keepAttached;
  flags.options.volumeBinder.removeHostPath = [](const std::string& path) {
    return SystemFiles().removeAll(path);
  };
  return {};
}

void addWorkerFlags(CLI::App& app, controllers::ManagerOptions::Workers& workers) {
  struct Row {
    const char* flag;
    int& count;
  };
  const Row rows[] = {
      {"--concurrent-deployment-syncs", workers.deployment},
      {"--concurrent-replicaset-syncs", workers.replicaset},
      {"--concurrent-rc-syncs", workers.replicationController},
      {"--concurrent-daemonset-syncs", workers.daemonset},
      {"--concurrent-statefulset-syncs", workers.statefulset},
      {"--concurrent-job-syncs", workers.job},
      {"--concurrent-cron-job-syncs", workers.cronjob},
      {"--concurrent-ttl-after-finished-syncs", workers.ttlAfterFinished},
      {"--concurrent-endpoint-syncs", workers.endpoints},
      {"--concurrent-service-endpoint-syncs", workers.endpointslice},
      {"--mirroring-concurrent-service-endpoint-syncs", workers.mirroring},
      {"--concurrent-gc-syncs", workers.garbageCollector},
      {"--concurrent-resource-quota-syncs", workers.resourceQuota},
      {"--concurrent-namespace-syncs", workers.nspace},
  };
  for (const auto& row : rows) {
    app.add_option(row.flag, row.count, "objects looked at at the same time")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
  }
}

Status readSigning(const Flags& flags,
                   controllers::certificates::SigningController::Options& into) {
  TRY(into.duration, positiveTimeOf("--cluster-signing-duration", flags.signingDuration));
  for (const auto& files : flags.signing) {
    if (files.certificate.empty() != files.key.empty()) {
      return badRequest(
          fmt::format("--cluster-signing-{0}cert-file and --cluster-signing-{0}key-file "
                      "go together",
                      files.flag));
    }
    if (files.certificate.empty()) continue;
    net::KeyPair pair;
    TRY(pair.certificatePem, client::readWholeFile(files.certificate));
    TRY(pair.keyPem, client::readWholeFile(files.key));
    if (files.signer.empty()) {
      into.authorities =
          controllers::certificates::SigningController::forAllSigners(pair).authorities;
    } else {
      into.authorities.insert_or_assign(std::string(files.signer), std::move(pair));
    }
  }
  return {};
}

/// What flags say beyond their own place.
Status complete(Flags& flags) {
  auto& options = flags.options;
  TRY_STATUS(completeVolumes(flags));
  auto& lifecycle = options.nodeLifecycle;
  TRY(lifecycle.monitorPeriod, positiveTimeOf("--node-monitor-period", flags.monitorPeriod));
  TRY(lifecycle.health.grace,
      positiveTimeOf("--node-monitor-grace-period", flags.monitorGracePeriod));
  TRY(lifecycle.health.startupGrace,
      positiveTimeOf("--node-startup-grace-period", flags.startupGracePeriod));
  if (!flags.rootCaFile.empty()) {
    TRY(options.rootCa, client::readWholeFile(flags.rootCaFile));
  }
  TRY_STATUS(readSigning(flags, options.signing));
  TRY(options.podAutoscaler, autoscalerOptions(flags.autoscaler));
  TRY_STATUS(completeServices(flags.services, options));
  TRY(options.legacyTokenCleanUpPeriod,
      positiveTimeOf("--legacy-service-account-token-clean-up-period", flags.legacyTokenPeriod));
  if (!flags.accountKeyFile.empty()) {
    TRY(auto pem, client::readWholeFile(flags.accountKeyFile));
    auto sign = tokenSigner(pem);
    if (!sign.ok()) return sign.status().withContext("--service-account-private-key-file");
    options.signToken = std::move(*sign);
  }
  auto& ipam = options.nodeIpam;
  if (flags.nodeMask != 0) {
    if (ipam.clusterCidrs.size() > 1) {
      return badRequest(
          "--node-cidr-mask-size is for one family: use "
          "--node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6");
    }
    ipam.nodeMaskV4 = ipam.nodeMaskV6 = flags.nodeMask;
  }
  std::string_view ranges = flags.serviceClusterIpRange;
  while (!ranges.empty()) {
    const auto comma = ranges.find(',');
    ipam.serviceCidrs.emplace_back(ranges.substr(0, comma));
    ranges = comma == std::string_view::npos ? "" : ranges.substr(comma + 1);
  }
  return controllers::ControllerManager::check(options);
}

Task<Status> control(std::shared_ptr<Flags> flags, Component component, std::stop_token stop) {
  std::unique_ptr<ControllerClients> clients;
  controllers::ClientOf clientOf;
  if (flags->accountCredentials) {
    CO_TRY(clients,
           ControllerClients::create(component.reactor, component.client, component.config));
    clientOf = [&clients](std::string_view account) -> client::Client& {
      return clients->of(account);
    };
  }
  client::Informers informers(component.client, component.reactor);
  controllers::trimCaches(informers);
  controllers::Context context{component.client, informers, component.reactor, component.random};
  CO_TRY(auto manager, controllers::ControllerManager::create(context, flags->options, clientOf));
  manager->start();
  Event never;
  Status stopped = co_await never.wait(stop);
  co_await manager->stop();
  co_await informers.stop();
  if (clients) co_await clients->close();
  co_return stopped;
}

}  // namespace

int kubeControllerManager(int argc, char** argv) {
  ComponentFlags shared;
  shared.component = "kube-controller-manager";
  shared.securePort = 10257;
  auto flags = std::make_shared<Flags>();
  CLI::App app("The controllers: bring the cluster nearer to what its objects say",
               "kube-controller-manager");
  addComponentFlags(app, shared);
  addControllerFlags(app, *flags);
  addSigningFlags(app, *flags);
  addAutoscalerFlags(app, flags->autoscaler);
  addServicesFlags(app, flags->services, flags->options);
  addNodeFlags(app, *flags);
  addVolumeFlags(app, *flags);
  addWorkerFlags(app, flags->options.workers);
  flags->options.localZone = api::TimeZone::local(std::getenv("TZ"));
  auto check = [flags] { return complete(*flags); };
  auto work = [flags](Component component, std::stop_token stop) {
    return control(flags, component, std::move(stop));
  };
  return runComponent(app, shared, argc, argv, check, work);
}

}  // namespace coxswain::cmd
