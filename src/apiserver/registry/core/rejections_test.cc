#include <gtest/gtest.h>

#include <string>

#include "apiserver/registry/testing/requests.h"

// What is wrong with an object, told as upstream tells it: paths, texts and order.

namespace coxswain::apiserver {
namespace {

using testing::Requests;

struct Rejection {
  std::string body;
  std::string message;
};

void expectAll(const Requests& kind, const std::vector<Rejection>& cases) {
  for (const auto& each : cases) EXPECT_EQ(kind.create(each.body), each.message) << each.body;
}

const Requests& pods() {
  static const Requests kPods("", "pods");
  return kPods;
}

constexpr std::string_view kSubdomain =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// A pod with more in its container, and in its spec.
std::string pod(const std::string& container, const std::string& spec = "") {
  return R"({"spec":{"containers":[{"name":"c","image":"i")" +
         (container.empty() ? "" : "," + container) + "}]" + (spec.empty() ? "" : "," + spec) +
         "}}";
}

/// As many elements as there is room for in a body, made of a number each.
std::string many(const std::string& begin, const std::string& end) {
  std::string text;
  for (int i = 0; i < 40'000; ++i)
    text.append(i > 0 ? "," : "").append(begin).append(std::to_string(i)).append(end);
  return "[" + text + "]";
}

TEST(PodRejections, VeryManyOfAllThatReferToEachOther) {
  const auto mounts = R"("volumeMounts":)" + many(R"({"name":"m)", R"("})");
  EXPECT_NE(pods()
                .create(pod(mounts + R"(,"volumeDevices":)" + many(R"({"name":"d)", R"("})"),
                            R"("volumes":)" + many(R"({"name":"v)", R"("})")))
                .find("volumeMounts[0].name: Not found: \"m0\""),
            std::string::npos);
  const auto claims = pods().create(
      pod(R"("resources":{"claims":)" + many(R"({"name":"c)", R"("})") + "}",
          R"("resourceClaims":)" + many(R"({"resourceClaimName":"x","name":"r)", R"("})")));
  EXPECT_NE(claims.find("must be one of the names in pod.spec.resourceClaims: r0, r1, r10, "),
            std::string::npos);
  const auto keys = pods().create(
      pod("", R"("topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":)"
              R"("DoNotSchedule","labelSelector":{},"matchLabelKeys":)" +
                  many("\"k", "\"") + "}]"));
  EXPECT_EQ(keys.find("exists in both"), std::string::npos);
}

TEST(PodRejections, Resources) {
  const auto with = [](const std::string& resources) {
    return pod(R"("resources":{)" + resources + "}");
  };
  const std::string at = "spec.containers[0].resources";
  expectAll(
      pods(),
      {{with(R"("requests":{"foo":"1"})"),
        "[" + at +
            R"(.requests[foo]: Invalid value: "foo": must be a standard resource type or fully )"
            "qualified, " +
            at +
            R"(.requests[foo]: Invalid value: "foo": must be a standard resource for )"
            "containers]"},
       {with(R"("limits":{"hugepages-2Mi":"3Mi","cpu":"1"},"requests":{"hugepages-2Mi":"3Mi"})"),
        "[" + at +
            R"(.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer )"
            "multiple of hugepages-2Mi, " +
            at +
            R"(.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer )"
            "multiple of hugepages-2Mi]"},
       {with(R"("requests":{"example.com/x":"1"})"),
        at + ".limits: Required value: Limit must be set for non overcommitable resources"},
       {with(R"("claims":[{"name":"x"},{"name":"x"}])"),
        "[" + at +
            R"(.claims[0]: Not found: "x": must be one of the names in pod.spec.resourceClaims )"
            "which is empty, " +
            at + R"(.claims[1]: Duplicate value: "x", )" + at +
            R"(.claims[1]: Not found: "x": must be one of the names in pod.spec.resourceClaims )"
            "which is empty]"}});
}

TEST(PodRejections, Environment) {
  const std::string at = "spec.containers[0].env[0].valueFrom.";
  const auto env = [](const std::string& source) {
    return pod(R"("env":[{"name":"A","valueFrom":{)" + source + "}}]");
  };
  expectAll(
      pods(),
      {{env(R"("configMapKeyRef":{"name":"","key":"k"})"),
        at + R"(configMapKeyRef.name: Invalid value: "": )" + std::string(kSubdomain)},
       {env(R"("fieldRef":{"fieldPath":"status.podIP['x']"})"),
        at + R"(fieldRef.fieldPath: Invalid value: "status.podIP['x']": error converting )"
             "fieldPath: field label does not support subscript: status.podIP['x']"},
       {env(R"("resourceFieldRef":{"resource":"limits.cpu","divisor":"2"})"),
        at + R"(resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m )"
             "and 1 are supported with the cpu resource"},
       {env(R"("fileKeyRef":{"volumeName":"v","path":"p","key":"k"})"),
        at + R"(fileKeyRef.volumeName: Not found: "v")"},
       {pod(R"("envFrom":[{}])"),
        R"(spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or )"
        "`secretRef`"},
       {pod(R"("envFrom":[{"secretRef":{"name":"Bad_"}}])"),
        R"(spec.containers[0].envFrom[0].secretRef.name: Invalid value: "Bad_": )" +
            std::string(kSubdomain)}});
}

TEST(PodRejections, MountsAndDevices) {
  const std::string volume = R"("volumes":[{"name":"v","emptyDir":{}}])";
  expectAll(
      pods(),
      {{pod(R"("volumeMounts":[{"name":"v","mountPath":"/a","mountPropagation":"X"},)"
            R"({"name":"v","mountPath":"/b","recursiveReadOnly":"X"}])",
            volume),
        R"([spec.containers[0].volumeMounts.mountPropagation: Unsupported value: "X": supported )"
        R"(values: "Bidirectional", "HostToContainer", "None", )"
        R"(spec.containers[0].volumeMounts.recursiveReadOnly: Unsupported value: "X": supported )"
        R"(values: "Disabled", "Enabled", "IfPossible"])"},
       {pod(R"("volumeDevices":[{"name":"w","devicePath":"/a/../b"}])",
            R"("volumes":[{"name":"w","persistentVolumeClaim":{"claimName":"x"}}])"),
        R"(spec.containers[0].volumeDevices[0].devicePath: Invalid value: "/a/../b": can not )"
        "contain backsteps ('..')"},
       {pod(R"("resizePolicy":[{"resourceName":"foo","restartPolicy":"NotRequired"}])"),
        R"(spec.containers[0].resizePolicy: Unsupported value: "foo": supported values: "cpu", )"
        R"("memory")"}});
}

TEST(PodRejections, Volumes) {
  const auto with = [](const std::string& source) {
    return pod("", R"("volumes":[{"name":"v",)" + source + "}]");
  };
  const std::string at = "spec.volumes[0]";
  expectAll(
      pods(),
      {{with(R"("emptyDir":{},"downwardAPI":{})"),
        at + ".downwarAPI: Forbidden: may not specify more than 1 volume type"},
       {with(R"("emptyDir":{},"cephfs":{"monitors":["m"]})"),
        at + ".cephFS: Forbidden: may not specify more than 1 volume type"},
       {with(R"("projected":{"sources":[{"secret":{"name":"s"},"configMap":{"name":"c"}}]})"),
        at + ".projected.sources[0]: Forbidden: may not specify more than 1 volume type per "
             "source"},
       {with(R"("projected":{"sources":[{}]})"), ""},
       {with(R"("projected":{"sources":[{"secret":{"name":"s","items":[{"key":"a","path":"p"}]}},)"
             R"({"configMap":{"name":"c","items":[{"key":"a","path":"p"}]}}]})"),
        at + R"(.projected: Invalid value: "c": conflicting duplicate paths)"},
       {pod("", R"("serviceAccountName":"s","volumes":[{"name":"v","projected":{"sources":)"
                R"([{"serviceAccountToken":{"path":"","expirationSeconds":5}}]}}])"),
        "[" + at +
            ".projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may "
            "not specify a duration less than 10 minutes, " +
            at + ".projected.path: Required value]"}});
}

TEST(PodRejections, Scheduling) {
  const std::string at = "spec.topologySpreadConstraints[0]";
  const std::string constraint =
      R"({"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule")";
  const auto spread = [](const std::string& list) {
    return pod("", R"("topologySpreadConstraints":[)" + list + "]");
  };
  expectAll(
      pods(),
      {{spread(constraint + "}," + constraint + "}"),
        at + R"(.{topologyKey, whenUnsatisfiable}: Duplicate value: "{z, DoNotSchedule}")"},
       {spread(constraint + R"(,"nodeTaintsPolicy":"X"})"),
        at + R"(.nodeTaintsPolicy: Unsupported value: "X": supported values: "Honor", "Ignore")"},
       {spread(constraint + R"(,"matchLabelKeys":["a b"]})"),
        at + ".matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"},
       {pod("", R"("affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":)"
                R"({"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"In",)"
                R"("values":["x y"]}]}]}}})"),
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
        R"(nodeSelectorTerms[0].matchExpressions[0].values[0]: Invalid value: "x y": a valid )"
        "label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
        "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
        "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
       {pod("", R"("nodeName":"n","schedulingGates":[{"name":"a"}],"restartPolicy":"X")"),
        R"([spec.restartPolicy: Unsupported value: "X": supported values: "Always", "OnFailure", )"
        R"("Never", spec.nodeName: Forbidden: cannot be set until all schedulingGates have been )"
        "cleared]"}});
}

TEST(PodRejections, SecurityAndNames) {
  expectAll(
      pods(),
      {{pod("", R"("hostUsers":false,"hostPID":true,"hostIPC":true)"),
        "[spec.HostPID: Forbidden: when `hostUsers` is false, spec.HostIPC: Forbidden: when "
        "`hostUsers` is false]"},
       {pod("", R"("shareProcessNamespace":true,"hostPID":true)"),
        "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace "
        "and HostPID cannot both be enabled"},
       {pod("", R"("os":{"name":"plan9"})"),
        R"(spec.os: Unsupported value: "plan9": supported values: "linux", "windows")"},
       {pod("", R"("hostnameOverride":"h","setHostnameAsFQDN":true)"),
        "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true"},
       {pod("", R"("securityContext":{"seccompProfile":{"type":"Unconfined",)"
                R"("localhostProfile":"x"}})"),
        "spec.securityContext.seccompProfile.localhostProfile: Invalid value: "
        R"({"Type":"Unconfined","LocalhostProfile":"x"}: can only be set when seccomp type is )"
        "Localhost"},
       {pod("", R"("resourceClaims":[{"name":"r"}])"),
        R"(spec.resourceClaims[0]: Invalid value: {"Name":"r","ResourceClaimName":null,)"
        R"("ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, )"
        "`resourceClaimTemplateName`"},
       {pod("", R"("resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}},"tolerations":[])"),
        ""},
       {pod(R"("resources":{"limits":{"cpu":"2"},"requests":{"cpu":"1"}})",
            R"("resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}})"),
        R"(spec.resources.containers[0][cpu].limits: Invalid value: "2": must be less than or )"
        "equal to pod limits of 1"}});
}

TEST(PodRejections, Updates) {
  const std::string was = pod("", R"("activeDeadlineSeconds":5)");
  EXPECT_EQ(pods().update(was, pod("", R"("activeDeadlineSeconds":6,"nodeName":"n")")),
            "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous "
            "value");
  EXPECT_EQ(pods().update(R"({"metadata":{"annotations":{"kubernetes.io/config.mirror":"a"}},)"
                          R"("spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}]}})",
                          R"({"spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}]}})"),
            "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or "
            "update mirror pod annotation");
}

TEST(PodRejections, Statuses) {
  const std::string ended =
      R"({"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]},"status":)"
      R"({"containerStatuses":[{"name":"c","image":"i","imageID":"","ready":false,)"
      R"("restartCount":0,"state":{"terminated":{"exitCode":1}}}]}})";
  const std::string runs =
      R"({"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]},"status":)"
      R"({"conditions":[{"type":"a b","status":"True"}],"containerStatuses":[{"name":"c",)"
      R"("image":"i","imageID":"","ready":false,"restartCount":0,"state":{"running":{}}}]}})";
  const auto answer = pods().updateStatus(ended, runs);
  EXPECT_TRUE(answer.starts_with(R"([status.conditions[0].Type: Invalid value: "a b": name part)"))
      << answer;
  EXPECT_TRUE(
      answer.ends_with("status.containerStatuses[0].state: Forbidden: may not be "
                       "transitioned to non-terminated state]"))
      << answer;
}

TEST(TemplateRejections, PathsLeaveMetadataOut) {
  const Requests templates("", "podtemplates");
  const auto answer = templates.create(
      R"({"template":{"metadata":{"labels":{"a b":"c"}},"spec":{"containers":[{"name":"c",)"
      R"("image":"i"}],"ephemeralContainers":[{"name":"e","image":"i"}]}}})");
  EXPECT_TRUE(answer.starts_with(R"([template.labels: Invalid value: "a b": name part must)"))
      << answer;
  EXPECT_TRUE(
      answer.ends_with("template.spec.ephemeralContainers: Forbidden: ephemeral "
                       "containers not allowed in pod template]"))
      << answer;
}

TEST(CoreRejections, Kinds) {
  expectAll(Requests("", "configmaps"),
            {{R"({"data":{"a":"1"},"binaryData":{"a":"MQ=="}})",
              R"(data[a]: Invalid value: "a": duplicate of key present in binaryData)"}});
  expectAll(
      Requests("", "limitranges"),
      {{R"({"spec":{"limits":[{"type":"Container","min":{"foo":"1"}}]}})",
        R"([spec.limits[0].min[foo]: Invalid value: "foo": must be a standard resource type or )"
        "fully qualified, "
        R"(spec.limits[0].min[foo]: Invalid value: "foo": must be a standard resource for )"
        R"(containers, spec.limits[0].defaultRequest[foo]: Invalid value: "foo": must be a )"
        "standard resource type or fully qualified, "
        R"(spec.limits[0].defaultRequest[foo]: Invalid value: "foo": must be a standard resource )"
        "for containers]"}});
  expectAll(
      Requests("", "persistentvolumeclaims"),
      {{R"({"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},)"
        R"("dataSource":{"kind":"PersistentVolumeClaim","name":"a"},)"
        R"("dataSourceRef":{"kind":"PersistentVolumeClaim","name":"b"}}})",
        "spec: Invalid value: {}: must match dataSourceRef"}});
  expectAll(Requests("", "persistentvolumes"),
            {{R"({"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"-1"},)"
              R"("hostPath":{"path":"/x"}}})",
              "[spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity, "
              R"(spec.capacity[storage]: Invalid value: "-1": must be greater than zero])"}});
  expectAll(
      Requests("apps", "statefulsets"),
      {{R"({"metadata":{"name":"Bad_Name"},"spec":{"serviceName":"s","selector":{"matchLabels":)"
        R"({"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":)"
        R"("c","image":"i"}]}}}})",
        R"(metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 label must consist of )"
        "lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
        "character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"}});
  expectAll(
      Requests("storage.k8s.io", "storageclasses"),
      {{R"({"provisioner":"p.example/x","allowedTopologies":[{"matchLabelExpressions":[{"key":)"
        R"("z","values":["a"]}]},{"matchLabelExpressions":[{"key":"z","values":["a"]}]}]})",
        R"(allowedTopologies[1].matchLabelExpressions: Duplicate value: "")"}});
}

TEST(CoreRejections, RevisionsHoldAnObject) {
  const std::string missing = "data: Required value: data is mandatory";
  const std::string other = "data: Required value: data must be a valid JSON object";
  expectAll(Requests("apps", "controllerrevisions"),
            {{R"({"revision":1,"data":{}})", ""},
             {R"({"revision":1})", missing},
             {R"({"revision":1,"data":null})", missing},
             {R"({"revision":1,"data":[1]})", other},
             {R"({"revision":-1,"data":"x"})",
              "[revision: Invalid value: -1: must be greater than or equal to 0, " + other + "]"}});
}

TEST(CoreRejections, StatefulSetsOfOlderServersMayStay) {
  const Requests sets("apps", "statefulsets");
  const auto set = [](const std::string& more, const std::string& container, int replicas) {
    return R"({"spec":{"selector":{"matchLabels":{"a":"b"}},"replicas":)" +
           std::to_string(replicas) + more +
           R"(,"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c",)"
           R"("image":")" +
           container + R"("}]}}}})";
  };
  const std::string noImage = "spec.template.spec.containers[0].image: Required value";
  EXPECT_EQ(sets.create(set("", "", 1)), noImage);
  EXPECT_EQ(sets.update(set("", "i", 1), set("", "", 2)), noImage);
  EXPECT_EQ(sets.updateStored(set("", "", 1), set("", "", 2)), "");
  const std::string claim = R"(,"volumeClaimTemplates":[{"metadata":{"name":"d"}}])";
  EXPECT_NE(sets.create(set(claim, "i", 1)), "");
  EXPECT_EQ(sets.updateStored(set(claim, "i", 1), set(claim, "i", 2)), "");
  const std::string service = R"(,"serviceName":"A")";
  EXPECT_NE(sets.create(set(service, "i", 1)), "");
  EXPECT_EQ(sets.updateStored(set(service, "i", 1), set(service, "i", 2)), "");
}

TEST(CoreRejections, Volumes) {
  const Requests volumes("", "persistentvolumes");
  const auto volume = [](const std::string& key, const std::string& value) {
    return R"({"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1"},"hostPath":)"
           R"({"path":"/x"},"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":)"
           R"([{"key":")" +
           key + R"(","operator":"In","values":[")" + value + R"("]}]}]}}}})";
  };
  const auto zone = volume("failure-domain.beta.kubernetes.io/zone", "z");
  EXPECT_EQ(volumes.update(zone, volume("topology.kubernetes.io/zone", "z")), "");
  EXPECT_EQ(volumes.update(zone, volume("topology.kubernetes.io/zone", "y")),
            R"(nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":)"
            R"([{"Key":"topology.kubernetes.io/zone","Operator":"In","Values":["y"]}],)"
            R"("MatchFields":null}]}}: field is immutable, except for updating from beta label to )"
            "GA");
}

TEST(CoreRejections, Services) {
  const Requests services("", "services");
  const std::string port = R"("ports":[{"port":80}])";
  expectAll(
      services,
      {{R"({"metadata":{"annotations":{"service.beta.kubernetes.io/load-balancer-source-ranges":)"
        R"("x"}},"spec":{"type":"LoadBalancer",)" +
            port + "}}",
        "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid "
        R"(value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64))"},
       {R"({"spec":{"type":"LoadBalancer","ports":[{"port":10250}]}})", ""}});
  const auto local = [&](const std::string& health) {
    return R"({"spec":{"type":"LoadBalancer","externalTrafficPolicy":"Local",)" + port +
           R"(,"healthCheckNodePort":)" + health + "}}";
  };
  EXPECT_EQ(services.update(local("30001"), local("30002")),
            "spec.healthCheckNodePort: Forbidden: field is immutable");
}

}  // namespace
}  // namespace coxswain::apiserver
