#include "api/codec/json.h"
#include "api/gen/apps_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/assembly/testing/assembly_test_base.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::apps::v1::Deployment;
using api::storage::v1::StorageClass;

/// An API server with admission as the test wants it, without validation where the chain is asked
/// directly.
class AdmissionCluster : public AssemblyTestBase {
 protected:
  void begin(AdmissionOptions admission = {}) {
    AssemblyOptions options;
    options.admission = std::move(admission);
    ASSERT_NO_FATAL_FAILURE(AssemblyTestBase::begin(std::move(options)));
    ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default"}})"), "");
  }

  template <typename T>
  static T parse(const std::string& json) {
    auto object = api::decodeJson<T>(json);
    EXPECT_TRUE(object.ok()) << object.status().message() << json;
    T out = object.ok() ? *object : T();
    constexpr bool kCluster = std::is_same_v<T, Namespace> || std::is_same_v<T, Node> ||
                              std::is_same_v<T, StorageClass> ||
                              std::is_same_v<T, api::rbac::v1::ClusterRole> ||
                              std::is_same_v<T, api::rbac::v1::ClusterRoleBinding>;
    if (!kCluster && out.metadata.namespace_.empty()) out.metadata.namespace_ = "default";
    return out;
  }
  /// Empty: it was created; else what the refusal says.
  template <typename T>
  std::string make(const std::string& json) {
    auto made = create(parse<T>(json));
    return made.ok() ? "" : made.status().message();
  }
  template <typename T>
  std::shared_ptr<const T> get(const std::string& name, const std::string& ns = "default") {
    auto found = AssemblyTestBase::get<T>(ns, name);
    EXPECT_TRUE(found.ok()) << name;
    return found.ok() ? *found : nullptr;
  }
  template <typename T>
  std::string put(T object, std::string subresource = "") {
    auto written = run(client::update(*admin_, std::move(object), std::move(subresource)));
    return written.ok() ? "" : written.status().message();
  }

  /// A quota whose controller has counted.
  void quota(const std::string& name, const std::string& spec) {
    ASSERT_EQ(make<ResourceQuota>(R"({"metadata":{"name":")" + name + R"("},"spec":)" + spec + "}"),
              "");
    auto counted = *get<ResourceQuota>(name);
    counted.status.hard = counted.spec.hard;
    for (const auto& [resource, bound] : counted.spec.hard) counted.status.used[resource] = {};
    ASSERT_EQ(put(counted, "status"), "");
  }
  std::map<std::string, std::string> used(const std::string& name) {
    std::map<std::string, std::string> out;
    for (const auto& [resource, amount] : get<ResourceQuota>(name)->status.used) {
      out[resource] = amount.str();
    }
    return out;
  }
  static std::string pod(const std::string& name, const std::string& rest = "") {
    return R"({"metadata":{"name":")" + name +
           R"("},"spec":{"containers":[{"name":"c","image":"i")" + rest + "}]}}";
  }
};

using Used = std::map<std::string, std::string>;

// --- PodSecurity

class PodSecurityPlugin : public AdmissionCluster {
 protected:
  /// A namespace with these labels: "enforce=baseline warn=restricted".
  void makeNamespace(const std::string& name, const std::string& labels) {
    std::string json;
    std::istringstream words(labels);
    for (std::string word; words >> word;) {
      auto equals = word.find('=');
      json +=
          (json.empty() ? "" : ",") + ("\"pod-security.kubernetes.io/" + word.substr(0, equals) +
                                       "\":\"" + word.substr(equals + 1) + "\"");
    }
    ASSERT_EQ(make<Namespace>(R"({"metadata":{"name":")" + name + R"(","labels":{)" + json + "}}}"),
              "");
  }

  struct Answer {
    std::string refusal;
    std::vector<std::string> warnings;
    std::map<std::string, std::string> audit;
  };
  /// What validation of such a write says.
  template <typename T>
  Answer ask(std::string group, std::string resource, std::string ns, const std::string& json,
             std::optional<T> old = {}, std::string subresource = "", std::string user = "u") {
    Answer answer;
    RequestContext context;
    context.user.name = std::move(user);
    context.info.isResource = true;
    context.info.group = std::move(group);
    context.info.version = "v1";
    context.info.resource = std::move(resource);
    context.info.ns = std::move(ns);
    context.info.subresource = std::move(subresource);
    context.auditAnnotations = &answer.audit;
    api::Object object(parse<T>(json));
    std::optional<api::Object> before;
    if (old) before.emplace(std::move(*old));
    auto status =
        run(assembly_->admission().validate(context, before ? WriteKind::Update : WriteKind::Create,
                                            &object, before ? &*before : nullptr));
    if (!status.ok()) answer.refusal = status.message();
    answer.warnings = std::move(context.warnings);
    return answer;
  }
  Answer askPod(std::string ns, const std::string& json) {
    return ask<Pod>("", "pods", std::move(ns), json);
  }

  static constexpr const char* kRoot =
      R"({"metadata":{"name":"p"},"spec":{"serviceAccountName":"default","hostPID":true,"containers":[
        {"name":"c","image":"i"}]}})";
};

TEST_F(PodSecurityPlugin, EnforcesWarnsAndAudits) {
  begin();
  makeNamespace("strict", "enforce=baseline audit=restricted warn=baseline");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"strict"}})"), "");
  auto answer = askPod("strict", kRoot);
  EXPECT_EQ(answer.refusal,
            "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces "
            "(hostPID=true)");
  EXPECT_TRUE(answer.warnings.empty());  // nobody is warned of what is refused
  EXPECT_EQ(answer.audit["pod-security.kubernetes.io/enforce-policy"], "baseline:latest");
  EXPECT_TRUE(answer.audit["pod-security.kubernetes.io/audit-violations"].starts_with(
      "would violate PodSecurity \"restricted:latest\": host namespaces (hostPID=true), allow"));

  const auto deployment =
      std::string(R"({"metadata":{"name":"d"},"spec":{"template":)") + kRoot + "}}";
  auto made = ask<Deployment>("apps", "deployments", "strict", deployment);
  EXPECT_EQ(made.refusal, "");  // its pods will be
  EXPECT_EQ(made.warnings,
            std::vector<std::string>{"would violate PodSecurity \"baseline:latest\": "
                                     "host namespaces (hostPID=true)"});
}

TEST_F(PodSecurityPlugin, UpdatesThatMatter) {
  begin();
  makeNamespace("late", "enforce=baseline");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"late"}})"), "");
  auto old = parse<Pod>(kRoot);
  auto same = ask<Pod>("", "pods", "late", kRoot, old);
  EXPECT_EQ(same.refusal, "");
  auto image = std::string(kRoot);
  image.replace(image.find("\"i\""), 3, "\"j\"");
  EXPECT_NE(ask<Pod>("", "pods", "late", image, old).refusal, "");
  EXPECT_EQ(ask<Pod>("", "pods", "late", image, old, "status").refusal, "");
  auto debugged = std::string(kRoot);
  debugged.replace(debugged.find("\"hostPID\""), 9,
                   R"("ephemeralContainers":[{"name":"e"}],"hostPID")");
  EXPECT_NE(ask<Pod>("", "pods", "late", debugged, old, "ephemeralcontainers").refusal, "");
}

TEST_F(PodSecurityPlugin, NamespacesAreChecked) {
  begin();
  EXPECT_EQ(
      make<Namespace>(
          R"({"metadata":{"name":"n","labels":{"pod-security.kubernetes.io/audit":"x"}}})"),
      "Namespace \"n\" is invalid: metadata.labels[pod-security.kubernetes.io/audit]: Invalid "
      "value: \"x\": must be one of privileged, baseline, restricted");
  makeNamespace("full", "enforce=privileged");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"full"}})"), "");
  for (const char* name : {"b", "a", "z"}) {
    auto json = std::string(kRoot);
    json.replace(json.find("\"p\""), 3, "\"" + std::string(name) + "\",\"namespace\":\"full\"");
    ASSERT_EQ(make<Pod>(json), "");
  }
  ASSERT_EQ(make<Pod>(R"({"metadata":{"name":"port","namespace":"full"},"spec":{"containers":[
    {"name":"c","image":"i","ports":[{"containerPort":1,"hostPort":1}]}]}})"),
            "");
  auto old = *get<Namespace>("full", "");
  auto change = [&](const std::string& level) {
    return ask<Namespace>("", "namespaces", "full",
                          R"({"metadata":{"name":"full","labels":{"pod-security.kubernetes.io/)" +
                              level + "}}}",
                          old)
        .warnings;
  };
  EXPECT_EQ(change(R"(enforce":"baseline")"),
            (std::vector<std::string>{
                "existing pods in namespace \"full\" violate the new PodSecurity enforce level "
                "\"baseline:latest\"",
                "a (and 2 other pods): host namespaces", "port: hostPort"}));
  EXPECT_TRUE(change(R"(warn":"baseline")").empty());
  EXPECT_TRUE(change(R"(enforce":"privileged")").empty());
}

TEST_F(PodSecurityPlugin, DefaultsAndExemptions) {
  AdmissionOptions options;
  options.podSecurity.defaults.enforce.level = pod_security::Level::Baseline;
  options.podSecurity.exemptNamespaces = {"free"};
  options.podSecurity.exemptUsers = {"root"};
  options.podSecurity.exemptRuntimeClasses = {"vm"};
  begin(options);
  makeNamespace("free", "");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"free"}})"), "");
  EXPECT_NE(askPod("default", kRoot).refusal, "");
  auto free = askPod("free", kRoot);
  EXPECT_EQ(free.refusal, "");
  EXPECT_EQ(free.audit["pod-security.kubernetes.io/exempt"], "namespace");
  auto root = ask<Pod>("", "pods", "default", kRoot, {}, "", "root");
  EXPECT_EQ(root.refusal, "");
  EXPECT_EQ(root.audit["pod-security.kubernetes.io/exempt"], "user");
  auto labelled = ask<Namespace>(
      "", "namespaces", "free",
      R"({"metadata":{"name":"free","labels":{"pod-security.kubernetes.io/enforce":"restricted"}}})");
  EXPECT_EQ(labelled.warnings, std::vector<std::string>{
                                   "namespace \"free\" is exempt from Pod Security, and the policy "
                                   "(enforce=restricted:latest) will be ignored"});
}

// --- ResourceQuota

class Quotas : public AdmissionCluster {};

TEST_F(Quotas, NeverOverCommitted) {
  begin();
  quota("q", R"({"hard":{"pods":"50","requests.cpu":"10","count/pods":"1000"}})");
  quota("all", R"({"hard":{"count/pods":"1000"}})");
  std::vector<Task<Result<std::shared_ptr<const Pod>>>> writes;
  for (int i = 0; i < 300; ++i) {
    // Every third asks for much: 10 cores are enough for few of those.
    const char* cpu = i % 3 == 0 ? "1900m" : "100m";
    auto json = pod("p" + std::to_string(i),
                    std::string(R"(,"resources":{"requests":{"cpu":")") + cpu + "\"}}");
    writes.push_back(client::create(*admin_, parse<Pod>(json)));
  }
  const int good = countGood(std::move(writes));
  auto pods = run(admin_->list(client::resourceOf<Pod>(), "default", {}, {}));
  ASSERT_TRUE(pods.ok());
  api::Quantity cpu;
  for (const auto& one : pods->items) {
    cpu += one.as<Pod>()->spec.containers[0].resources.requests.at("cpu");
  }
  EXPECT_EQ(static_cast<int>(pods->items.size()), good);
  EXPECT_LE(good, 50);
  EXPECT_GT(good, 5);
  EXPECT_LE(cpu, *api::Quantity::parse("10"));
  EXPECT_GT(cpu, *api::Quantity::parse("9"));
  EXPECT_EQ(used("q"), (Used{{"pods", std::to_string(good)},
                             {"count/pods", std::to_string(good)},
                             {"requests.cpu", cpu.str()}}));
  EXPECT_EQ(used("all"), (Used{{"count/pods", std::to_string(good)}}));
}

TEST_F(Quotas, ScopesAndMissingRequests) {
  begin();
  quota("best", R"({"hard":{"pods":"1"},"scopes":["BestEffort"]})");
  quota("cpu", R"({"hard":{"requests.cpu":"1","limits.memory":"1Gi"},"scopes":["NotBestEffort"]})");
  quota("ends", R"({"hard":{"pods":"0"},"scopes":["Terminating"]})");
  EXPECT_EQ(make<Pod>(pod("a")), "");
  EXPECT_EQ(
      make<Pod>(pod("b")),
      "pods \"b\" is forbidden: exceeded quota: best, requested: pods=1, used: pods=1, limited: "
      "pods=1");
  EXPECT_EQ(make<Pod>(pod("d", R"(,"resources":{"requests":{"cpu":"500m"}})")),
            "pods \"d\" is forbidden: failed quota: cpu: must specify limits.memory for: c");
  const char* full =
      R"(,"resources":{"requests":{"cpu":"600m"},"limits":{"cpu":"600m","memory":"1Mi"}})";
  EXPECT_EQ(make<Pod>(pod("e", full)), "");
  EXPECT_EQ(make<Pod>(pod("f", full)),
            "pods \"f\" is forbidden: exceeded quota: cpu, requested: requests.cpu=600m, used: "
            "requests.cpu=600m, limited: requests.cpu=1");
  EXPECT_EQ(used("cpu"), (Used{{"limits.memory", "1Mi"}, {"requests.cpu", "600m"}}));
  auto deadline = pod("g", R"(,"resources":{"limits":{"cpu":"100m","memory":"1Mi"}})");
  deadline.replace(deadline.find("\"containers\""), 12,
                   "\"activeDeadlineSeconds\":5,\"containers\"");
  EXPECT_EQ(
      make<Pod>(deadline),
      "pods \"g\" is forbidden: exceeded quota: ends, requested: pods=1, used: pods=0, limited: "
      "pods=0");
}

TEST_F(Quotas, ChangesCountTheirDifference) {
  begin();
  quota("q", R"({"hard":{"services":"2","services.nodeports":"1","services.loadbalancers":"1"}})");
  auto service = [](const char* name, const char* type) {
    return std::string(R"({"metadata":{"name":")") + name + R"("},"spec":{"type":")" + type +
           R"(","selector":{"a":"b"},"ports":[{"port":80}]}})";
  };
  EXPECT_EQ(make<Service>(service("s", "ClusterIP")), "");
  auto grown = *get<Service>("s");
  grown.spec.type = "NodePort";
  EXPECT_EQ(put(grown), "");
  EXPECT_EQ(
      used("q"),
      (Used{{"services", "1"}, {"services.loadbalancers", "0"}, {"services.nodeports", "1"}}));
  EXPECT_EQ(
      make<Service>(service("t", "NodePort")),
      "services \"t\" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: "
      "services.nodeports=1, limited: services.nodeports=1");
  auto shrunk = *get<Service>("s");
  shrunk.spec.type = "ClusterIP";
  EXPECT_EQ(put(shrunk), "");
  EXPECT_EQ(used("q")["services.nodeports"], "0");
}

TEST_F(Quotas, StatusUnknown) {
  begin();
  ASSERT_EQ(make<ResourceQuota>(R"({"metadata":{"name":"q"},"spec":{"hard":{"configmaps":"1"}}})"),
            "");
  auto half = *get<ResourceQuota>("q");
  half.status.hard = half.spec.hard;
  ASSERT_EQ(put(half, "status"), "");
  EXPECT_EQ(make<ConfigMap>(R"({"metadata":{"name":"m"}})"),
            "configmaps \"m\" is forbidden: status unknown for quota: q, resources: configmaps");
}

TEST_F(Quotas, WhatIsLimitedNeedsAQuota) {
  AdmissionOptions options;
  LimitedResource limited;
  limited.plural = "pods";
  auto& scope = limited.matchScopes.emplace_back();
  scope.scopeName = "PriorityClass";
  scope.operator_ = "In";
  scope.values = {"system-node-critical"};
  options.limitedResources.push_back(limited);
  LimitedResource maps;
  maps.plural = "podtemplates";
  maps.matchContains = {"count/"};
  options.limitedResources.push_back(maps);
  begin(options);
  const char* kTemplate = R"({"metadata":{"name":"m"},"template":{"spec":{"containers":[
    {"name":"c","image":"i"}]}}})";
  EXPECT_EQ(make<Pod>(pod("a")), "");
  auto critical = pod("b");
  critical.replace(critical.find("\"containers\""), 12,
                   R"("priorityClassName":"system-node-critical","containers")");
  EXPECT_EQ(make<Pod>(critical),
            "pods \"b\" is forbidden: insufficient quota to match these scopes: [{PriorityClass In "
            "[system-node-critical]}]");
  EXPECT_EQ(make<PodTemplate>(kTemplate),
            "podtemplates \"m\" is forbidden: insufficient quota to consume: count/podtemplates");
  quota("q", R"({"hard":{"count/podtemplates":"1"}})");
  EXPECT_EQ(make<PodTemplate>(kTemplate), "");
}

// --- others

class Plugins : public AdmissionCluster {};

TEST_F(Plugins, ClaimsGrowWhereTheirClassAllows) {
  begin();
  ASSERT_EQ(make<StorageClass>(R"({"metadata":{"name":"fixed"},"provisioner":"p"})"), "");
  ASSERT_EQ(make<StorageClass>(
                R"({"metadata":{"name":"grows"},"provisioner":"p","allowVolumeExpansion":true})"),
            "");
  for (const char* name : {"fixed", "grows"}) {
    ASSERT_EQ(
        make<PersistentVolumeClaim>(
            std::string(R"({"metadata":{"name":")") + name + R"("},"spec":{"storageClassName":")" +
            name +
            R"(","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})"),
        "");
  }
  auto grown = [&](const char* name) {
    auto claim = *get<PersistentVolumeClaim>(name);
    claim.spec.resources.requests["storage"] = *api::Quantity::parse("2Gi");
    return put(claim);
  };
  for (const char* name : {"fixed", "grows"}) {
    auto claim = *get<PersistentVolumeClaim>(name);
    claim.status.phase = "Bound";
    ASSERT_EQ(put(claim, "status"), "");
  }
  EXPECT_EQ(
      grown("fixed"),
      "persistentvolumeclaims \"fixed\" is forbidden: only dynamically provisioned pvc can be "
      "resized and the storageclass that provisions the pvc must support resize");
  EXPECT_EQ(grown("grows"), "");
}

TEST_F(Plugins, MountableSecrets) {
  begin();
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"s","annotations":{
    "kubernetes.io/enforce-mountable-secrets":"true"}},"secrets":[{"name":"known"}]})"),
            "");
  auto with = [](const std::string& name, const std::string& secret) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"serviceAccountName":"s","containers":[
      {"name":"c","image":"i","env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":")" +
           secret + R"(","key":"k"}}}]}]}})";
  };
  EXPECT_EQ(make<Pod>(with("a", "known")), "");
  EXPECT_EQ(
      make<Pod>(with("b", "other")),
      "pods \"b\" is forbidden: container c with envVar E referencing "
      "secret.secretName=\"other\" is not allowed because service account s does not reference "
      "that secret");
  EXPECT_EQ(make<Pod>(R"({"metadata":{"name":"b"},"spec":{"serviceAccountName":"s","containers":[
      {"name":"c","image":"i","envFrom":[{"secretRef":{"name":"known"}},
                                         {"secretRef":{"name":"other"}}]}]}})"),
            "pods \"b\" is forbidden: container c with envFrom referencing "
            "secret.secretName=\"other\" is not allowed because service account s does not "
            "reference that secret");
}

TEST_F(Plugins, PrivilegedIsForbiddenWhereTheFlagSaysSo) {
  AdmissionOptions options;
  options.allowPrivileged = false;
  begin(options);
  const char* privileged = R"(,"securityContext":{"privileged":true})";
  EXPECT_EQ(make<Pod>(pod("a", privileged)),
            "Pod \"a\" is invalid: spec.containers[0].securityContext.privileged: Forbidden: "
            "disallowed by cluster policy");
  auto labelled = pod("x", privileged);
  labelled.replace(labelled.find("\"name\":\"x\""), 10, R"("labels":{"a":"b"})");
  EXPECT_EQ(
      make<Deployment>(R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},
    "template":)" + labelled +
                       "}}"),
      "Deployment.apps \"d\" is invalid: "
      "spec.template.spec.containers[0].securityContext.privileged: Forbidden: disallowed by "
      "cluster policy");
  EXPECT_EQ(make<Pod>(pod("b")), "");
}

TEST_F(Plugins, PodsCarryTheirNodesTopology) {
  begin();
  ASSERT_EQ(make<Node>(R"({"metadata":{"name":"n","labels":{"topology.kubernetes.io/zone":"z",
    "topology.kubernetes.io/region":"r","other":"o"}}})"),
            "");
  auto json = pod("a");
  json.replace(json.find("\"containers\""), 12, R"("nodeName":"n","containers")");
  ASSERT_EQ(make<Pod>(json), "");
  const auto& labels = get<Pod>("a")->metadata.labels;
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels.at("topology.kubernetes.io/zone"), "z");
}

TEST_F(Plugins, TheOptionalOnes) {
  AdmissionOptions options;
  options.enable = {
      "AlwaysPullImages",       "ExtendedResourceToleration",       "PodNodeSelector",
      "DenyServiceExternalIPs", "LimitPodHardAntiAffinityTopology", "NamespaceAutoProvision",
      "NamespaceExists"};
  options.nodeSelectors = {{"clusterDefaultNodeSelector", "disk=ssd"},
                           {"default", "disk=ssd, a=b"}};
  options.notReadySeconds = 7;
  options.unreachableSeconds = -1;
  begin(options);
  ASSERT_EQ(
      make<Pod>(pod("a", R"(,"imagePullPolicy":"Never","resources":{"limits":{"x.io/gpu":"1"}})")),
      "");
  const auto& spec = get<Pod>("a")->spec;
  EXPECT_EQ(spec.containers[0].imagePullPolicy, "Always");
  EXPECT_EQ(spec.nodeSelector.at("disk"), "ssd");
  ASSERT_EQ(spec.tolerations.size(), 2u);
  EXPECT_EQ(spec.tolerations[0].tolerationSeconds, 7);
  EXPECT_EQ(spec.tolerations[1].key, "x.io/gpu");
  auto selected = [](const char* name, const char* selector) {
    auto json = pod(name);
    json.replace(json.find("\"containers\""), 12, selector + std::string(",\"containers\""));
    return json;
  };
  EXPECT_EQ(
      make<Pod>(selected("b", R"("nodeSelector":{"disk":"hdd"})")),
      "pods \"b\" is forbidden: pod node label selector conflicts with its namespace node label "
      "selector");
  EXPECT_EQ(make<Pod>(selected("d", R"("nodeSelector":{"c":"d"})")),
            "pods \"d\" is forbidden: pod node label selector labels conflict with its namespace "
            "whitelist");
  EXPECT_EQ(make<Pod>(selected("e", R"("affinity":{"podAntiAffinity":{
    "requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{}}]}})")),
            "pods \"e\" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has "
            "TopologyKey zone but only key kubernetes.io/hostname is allowed");
  EXPECT_EQ(make<Service>(R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":1}],
    "externalIPs":["192.0.2.1"]}})"),
            "services \"s\" is forbidden: Use of external IPs is denied by admission control.");
  EXPECT_EQ(make<ConfigMap>(R"({"metadata":{"name":"m","namespace":"fresh"}})"), "");
  EXPECT_NE(get<Namespace>("fresh", ""), nullptr);
}

TEST_F(Plugins, LimitsOfContainersPodsAndClaims) {
  begin();
  ASSERT_EQ(make<LimitRange>(R"({"metadata":{"name":"l"},"spec":{"limits":[
    {"type":"Container","max":{"cpu":"2"},"min":{"cpu":"100m"},"maxLimitRequestRatio":{"cpu":"2"}},
    {"type":"Pod","max":{"memory":"1Gi"}},
    {"type":"PersistentVolumeClaim","min":{"storage":"1Gi"},"max":{"storage":"2Gi"}}]}})"),
            "");
  EXPECT_EQ(
      make<Pod>(pod("a", R"(,"resources":{"limits":{"cpu":"3","memory":"2Gi"},
    "requests":{"cpu":"50m","memory":"2Gi"}})")),
      "pods \"a\" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, "
      "maximum cpu usage per Container is 2, but limit is 3, cpu max limit to request ratio per "
      "Container is 2, but provided ratio is 60.000000, maximum memory usage per Pod is 1Gi, but "
      "limit is 2Gi]");
  // Containers that break the same rule are one refusal; a maximum is a default as well.
  EXPECT_EQ(make<Pod>(R"({"metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"i"},
    {"name":"d","image":"i"}]}})"),
            "pods \"b\" is forbidden: maximum memory usage per Pod is 1Gi.  No limit is specified");
  EXPECT_EQ(make<Pod>(pod("d", R"(,"resources":{"limits":{"memory":"1Mi"}})")), "");
  EXPECT_EQ(get<Pod>("d")->metadata.annotations.at("kubernetes.io/limit-ranger"),
            "LimitRanger plugin set: cpu request for container c; cpu limit for container c");
  auto claim = [this](const char* name, const char* size) {
    return make<PersistentVolumeClaim>(
        std::string(R"({"metadata":{"name":")") + name +
        R"("},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":")" +
        size + "\"}}}}");
  };
  EXPECT_EQ(claim("small", "1Mi"),
            "persistentvolumeclaims \"small\" is forbidden: minimum storage usage per "
            "PersistentVolumeClaim is 1Gi, but request is 1Mi");
  EXPECT_EQ(claim("large", "3Gi"),
            "persistentvolumeclaims \"large\" is forbidden: maximum storage usage per "
            "PersistentVolumeClaim is 2Gi, but request is 3Gi");
  EXPECT_EQ(claim("right", "2Gi"), "");
}

TEST_F(Plugins, TolerationsOfANamespace) {
  AdmissionOptions options;
  options.enable = {"PodTolerationRestriction"};
  options.disable = {"DefaultTolerationSeconds"};
  begin(options);
  auto ns = *get<Namespace>("default", "");
  ns.metadata.annotations["scheduler.alpha.kubernetes.io/defaultTolerations"] =
      R"([{"key":"team","operator":"Equal","value":"a","effect":"NoSchedule"}])";
  ns.metadata.annotations["scheduler.alpha.kubernetes.io/tolerationsWhitelist"] =
      R"([{"key":"team","operator":"Exists"},
          {"key":"node.kubernetes.io/memory-pressure","operator":"Exists"}])";
  ASSERT_EQ(put(ns), "");
  ASSERT_EQ(make<Pod>(pod("a", R"(,"resources":{"requests":{"cpu":"1"}})")), "");
  const auto& tolerations = get<Pod>("a")->spec.tolerations;
  ASSERT_EQ(tolerations.size(), 2u);
  EXPECT_EQ(tolerations[0].value, "a");
  EXPECT_EQ(tolerations[1].key, "node.kubernetes.io/memory-pressure");
  auto json = pod("b");
  json.replace(json.find("\"containers\""), 12,
               R"("tolerations":[{"key":"other","operator":"Exists"}],"containers")");
  EXPECT_EQ(
      make<Pod>(json),
      "pod tolerations (possibly merged with namespace default tolerations) conflict with its "
      "namespace whitelist");
}

TEST_F(Plugins, EventsComeNoQuickerThanAllowed) {
  AdmissionOptions options;
  options.enable = {"EventRateLimit"};
  EventLimit limit;
  limit.per = EventLimit::Per::User;
  limit.qps = 1;
  limit.burst = 2;
  options.eventLimits = {limit};
  begin(options);
  auto event = [this](const std::string& name) {
    return make<api::core::v1::Event>(R"({"metadata":{"name":")" + name +
                                      R"("},"involvedObject":{"namespace":"default"}})");
  };
  EXPECT_EQ(event("a"), "");
  EXPECT_EQ(event("b"), "");
  EXPECT_EQ(event("c"), "limit reached on type User for key admin");
  executor_.runFor(1s);
  EXPECT_EQ(event("d"), "");
}

// --- who may what

class Rights : public AdmissionCluster {
 protected:
  struct Write {
    std::string group;
    std::string resource;
    std::string subresource = {};
    std::string ns = "default";
    std::string name = {};
    WriteKind kind = WriteKind::Create;
  };
  /// What admission says of a write that validation has passed; empty: nothing.
  template <typename T>
  std::string ask(UserInfo user, Write write, T next, std::optional<T> old = {}) {
    RequestContext context;
    context.user = std::move(user);
    context.info.isResource = true;
    context.info.group = write.group;
    context.info.version = "v1";
    context.info.resource = write.resource;
    context.info.subresource = write.subresource;
    context.info.ns = write.ns;
    context.info.name = write.name;
    context.info.verb = write.kind == WriteKind::Create ? "create" : "update";
    api::Object object(std::move(next));
    std::optional<api::Object> before;
    if (old) before.emplace(std::move(*old));
    auto* current = before ? &*before : nullptr;
    auto status = run(assembly_->admission().admit(context, write.kind, &object, current));
    if (status.ok()) {
      status = run(assembly_->admission().validate(context, write.kind, &object, current));
    }
    return status.ok() ? "" : status.message();
  }
  static UserInfo node(const std::string& name) {
    return {"system:node:" + name, "", {"system:nodes"}, {}};
  }
  static UserInfo person(const std::string& name) { return {name, "", {}, {}}; }
  static UserInfo master() { return {"m", "", {"system:masters"}, {}}; }
};

TEST_F(Rights, OwnersAreForThoseWhoMayDelete) {
  AdmissionOptions options;
  options.enable = {"OwnerReferencesPermissionEnforcement"};
  begin(options);
  auto map = parse<ConfigMap>(R"({"metadata":{"name":"m","ownerReferences":[
    {"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"1","blockOwnerDeletion":true}]}})");
  const Write create{"", "configmaps"};
  EXPECT_EQ(
      ask(person("bob"), create, map),
      "configmaps \"m\" is forbidden: cannot set an ownerRef on a resource you can't delete: , "
      "<nil>");
  EXPECT_EQ(ask(master(), create, map), "");
  ASSERT_EQ(make<api::rbac::v1::Role>(R"({"metadata":{"name":"r"},"rules":[
    {"apiGroups":[""],"resources":["configmaps"],"verbs":["delete"]}]})"),
            "");
  ASSERT_EQ(make<api::rbac::v1::RoleBinding>(R"({"metadata":{"name":"r"},"roleRef":{
    "apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[
    {"kind":"User","name":"bob","apiGroup":"rbac.authorization.k8s.io"}]})"),
            "");
  EXPECT_EQ(
      ask(person("bob"), create, map),
      "configmaps \"m\" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers "
      "to a resource you can't set finalizers on: , <nil>");
  map.metadata.ownerReferences[0].kind = "Nothing";
  EXPECT_EQ(
      ask(person("bob"), create, map),
      "configmaps \"m\" is forbidden: cannot set blockOwnerDeletion in this case because cannot "
      "find RESTMapping for APIVersion v1 Kind Nothing: no matches for kind \"Nothing\" in "
      "version \"v1\"");
  map.metadata.ownerReferences[0].blockOwnerDeletion = false;
  EXPECT_EQ(ask(person("bob"), create, map), "");
  const Write update{"", "configmaps", "", "default", "m", WriteKind::Update};
  EXPECT_EQ(ask<ConfigMap>(person("eve"), update, map, map), "");  // nothing changes
}

/// The right to change things is none to make them.
TEST_F(Rights, WhoCreatesByUpdateMayCreate) {
  begin();
  ASSERT_EQ(make<api::rbac::v1::Role>(R"({"metadata":{"name":"r"},"rules":[
    {"apiGroups":["","coordination.k8s.io"],"resources":["configmaps","leases"],
     "verbs":["update","patch"]}]})"),
            "");
  ASSERT_EQ(make<api::rbac::v1::RoleBinding>(R"({"metadata":{"name":"r"},"roleRef":{
    "apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[
    {"kind":"User","name":"bob","apiGroup":"rbac.authorization.k8s.io"}]})"),
            "");
  auto bob = assembly_->client("bob", {});
  const auto apply = [&] {
    const std::string body = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}})";
    auto made = run(bob->patch(client::resourceOf<ConfigMap>(), "default", "m", "",
                               client::PatchType::Apply, body, {}));
    return made.ok() ? "" : made.status().message();
  };
  api::coordination::v1::Lease lease;
  lease.metadata.name = "l";
  lease.metadata.namespace_ = "default";
  const auto update = [&] {
    auto made = run(client::update(*bob, lease));
    return made.ok() ? "" : made.status().message();
  };
  EXPECT_EQ(apply(),
            "configmaps \"m\" is forbidden: User \"bob\" cannot create resource \"configmaps\" in "
            "API group \"\" in the namespace \"default\"");
  EXPECT_EQ(update(),
            "leases.coordination.k8s.io \"l\" is forbidden: User \"bob\" cannot create resource "
            "\"leases\" in API group \"coordination.k8s.io\" in the namespace \"default\"");
  auto role = *get<api::rbac::v1::Role>("r");
  role.rules[0].verbs.emplace_back("create");
  ASSERT_EQ(put(role), "");
  EXPECT_EQ(apply(), "");
  EXPECT_EQ(update(), "");
}

TEST_F(Rights, SignersAreAsked) {
  begin();
  using api::certificates::v1::CertificateSigningRequest;
  auto old = CertificateSigningRequest();
  old.metadata.name = "c";
  old.spec.signerName = "a.b/c";
  auto next = old;
  next.status.conditions.emplace_back().type = "Approved";
  const Write approve{"certificates.k8s.io", "certificatesigningrequests", "approval", "", "c",
                      WriteKind::Update};
  auto sign = approve;
  sign.subresource = "status";
  const std::string forbidden =
      "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: ";
  EXPECT_EQ(ask<CertificateSigningRequest>(person("bob"), approve, next, old),
            forbidden + "user not permitted to approve requests with signerName \"a.b/c\"");
  EXPECT_EQ(ask<CertificateSigningRequest>(person("bob"), sign, next, old),
            forbidden + "user not permitted to sign requests with signerName \"a.b/c\"");
  EXPECT_EQ(ask<CertificateSigningRequest>(master(), approve, next, old), "");
  ASSERT_EQ(make<api::rbac::v1::ClusterRole>(R"({"metadata":{"name":"s"},"rules":[
    {"apiGroups":["certificates.k8s.io"],"resources":["signers"],"resourceNames":["a.b/*"],
     "verbs":["approve"]}]})"),
            "");
  ASSERT_EQ(make<api::rbac::v1::ClusterRoleBinding>(R"({"metadata":{"name":"s"},"roleRef":{
    "apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"s"},"subjects":[
    {"kind":"User","name":"bob","apiGroup":"rbac.authorization.k8s.io"}]})"),
            "");
  EXPECT_EQ(ask<CertificateSigningRequest>(person("bob"), approve, next, old), "");
  EXPECT_NE(ask<CertificateSigningRequest>(person("bob"), sign, next, old), "");
}

TEST_F(Rights, KubeletsKeepToTheirs) {
  begin();
  api::coordination::v1::Lease lease;
  lease.metadata.name = "n1";
  EXPECT_EQ(ask(node("n1"), {"coordination.k8s.io", "leases", "", "kube-node-lease"}, lease), "");
  EXPECT_EQ(ask(node("n1"), {"coordination.k8s.io", "leases"}, lease),
            "leases.coordination.k8s.io \"n1\" is forbidden: can only access leases in the "
            "\"kube-node-lease\" system namespace");
  EXPECT_EQ(
      ask(node("n2"), {"coordination.k8s.io", "leases", "", "kube-node-lease"}, lease),
      "leases.coordination.k8s.io \"n1\" is forbidden: can only access node lease with the same "
      "name as the requesting node");

  PersistentVolumeClaim claim;
  claim.metadata.name = "c";
  auto grown = claim;
  grown.status.capacity["storage"] = api::Quantity::fromInt(1);
  auto moved = grown;
  moved.status.phase = "Lost";
  const Write status{"", "persistentvolumeclaims", "status", "default", "c", WriteKind::Update};
  EXPECT_EQ(ask<PersistentVolumeClaim>(node("n1"), status, grown, claim), "");
  EXPECT_EQ(
      ask<PersistentVolumeClaim>(node("n1"), status, moved, claim),
      "persistentvolumeclaims \"c\" is forbidden: node \"n1\" is not allowed to update fields "
      "other than status.quantity and status.conditions");

  auto mirror = parse<Pod>(R"({"metadata":{"name":"p","annotations":{
    "kubernetes.io/config.mirror":"x"},"ownerReferences":[{"apiVersion":"v1","kind":"Node",
    "name":"n1","uid":"u","controller":true}]},"spec":{"nodeName":"n1","resourceClaims":[
    {"name":"r"}],"containers":[{"name":"c"}]}})");
  EXPECT_EQ(
      ask(node("n1"), {"", "pods"}, mirror),
      "pods \"p\" is forbidden: node \"n1\" can not create pods that reference resourceclaims");
  EXPECT_EQ(
      ask<Pod>(node("n1"), {"", "pods", "", "default", "p", WriteKind::Update}, mirror, mirror),
      "pods \"p\" is forbidden: unexpected operation \"UPDATE\", node \"n1\" can only create and "
      "delete mirror pods");
}

/// What a pod's status names as its claims, its node may read.
TEST_F(Rights, KubeletsNameNoClaims) {
  begin();
  auto old = parse<Pod>(R"({"metadata":{"name":"p"},"spec":{"nodeName":"n1"}})");
  auto next = old;
  next.status.phase = "Running";
  const Write status{"", "pods", "status", "default", "p", WriteKind::Update};
  EXPECT_EQ(ask<Pod>(node("n1"), status, next, old), "");
  auto named = next;
  named.status.resourceClaimStatuses.emplace_back().resourceClaimName = "theirs";
  EXPECT_EQ(ask<Pod>(node("n1"), status, named, old),
            "pods \"p\" is forbidden: node \"n1\" cannot update resource claim statuses");
  named = next;
  named.status.extendedResourceClaimStatus.emplace().resourceClaimName = "theirs";
  EXPECT_EQ(ask<Pod>(node("n1"), status, named, old),
            "pods \"p\" is forbidden: node \"n1\" cannot update extended resource claim status");
}

constexpr const char* kMirrorWithSecret = R"({"metadata":{"name":"p","annotations":{
    "kubernetes.io/config.mirror":"x"},"ownerReferences":[{"apiVersion":"v1","kind":"Node",
    "name":"n1","uid":"u","controller":true}]},"spec":{"nodeName":"n1","containers":[{"name":"c"}],
    "volumes":[{"name":"v","csi":{"driver":"d","nodePublishSecretRef":{"name":"s"}}}]}})";

TEST_F(Rights, MirrorPodsNameNoSecretsInAnyKindOfVolume) {
  begin();
  EXPECT_EQ(ask(master(), {"", "pods"}, parse<Pod>(kMirrorWithSecret)),
            "pods \"p\" is forbidden: a mirror pod may not reference secrets");
}

TEST_F(Rights, KubeletsMakeNoPodsWithSecretsInAnyKindOfVolume) {
  AdmissionOptions options;
  options.disable = {"ServiceAccount"};
  begin(options);
  EXPECT_EQ(ask(node("n1"), {"", "pods"}, parse<Pod>(kMirrorWithSecret)),
            "pods \"p\" is forbidden: node \"n1\" can not create pods that reference secrets");
}

TEST_F(Rights, ResizesFitTheNode) {
  begin();
  auto made = parse<Node>(R"({"metadata":{"name":"n","labels":{"kubernetes.io/os":"linux"}}})");
  ASSERT_TRUE(run(client::create(*admin_, made)).ok());
  auto stored = *get<Node>("n", "");
  stored.status.allocatable["cpu"] = api::Quantity::fromInt(2);
  stored.status.allocatable["memory"] = *api::Quantity::parse("1Ki");
  ASSERT_EQ(put(stored, "status"), "");
  auto old = parse<Pod>(R"({"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[
    {"name":"c","resources":{"requests":{"cpu":"1"}}}]}})");
  auto grown = old;
  grown.metadata.generation = 2;
  const Write resize{"", "pods", "resize", "default", "p", WriteKind::Update};
  EXPECT_EQ(ask<Pod>(master(), resize, grown, old), "");
  auto& requests = grown.spec.containers[0].resources.requests;
  requests["cpu"] = api::Quantity::fromInt(3);
  requests["memory"] = *api::Quantity::parse("2Ki");
  EXPECT_EQ(
      ask<Pod>(master(), resize, grown, old),
      "pods \"p\" is forbidden: Node didn't have enough allocatable resources: cpu, requested: "
      "3000, allocatable: 2000; memory, requested: 2048, allocatable: 1024");
}

}  // namespace
}  // namespace coxswain::apiserver
