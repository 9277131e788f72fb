#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "pod_security/evaluate.h"

namespace coxswain::pod_security {
namespace {

using api::core::v1::Pod;

Pod podOf(const std::string& json) {
  auto pod = api::decodeJson<Pod>(json);
  EXPECT_TRUE(pod.ok()) << pod.status().message() << json;
  return pod.ok() ? *pod : Pod();
}

std::string detailsAt(Level level, int minor, const Pod& pod) {
  return detailsOf(evaluate({level, {minor}}, pod.metadata, pod.spec));
}

struct Row {
  const char* name;
  Level level;
  int minor;
  const char* spec;      ///< of the pod
  const char* violates;  ///< empty: it passes
  const char* annotations = "{}";
};

constexpr int kLatest = Version::kLatest;
constexpr Level kBase = Level::Baseline;
constexpr Level kStrict = Level::Restricted;

/// A pod that restricted allows, but for what rows change of it.
#define GOOD R"("securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}})"
#define SAFE R"("allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]})"

const Row kRows[] = {
    {"plain pod", kBase, kLatest, R"({"containers":[{"name":"c"}]})", ""},
    {"privileged level", Level::Privileged, kLatest, R"({"hostPID":true,"containers":[]})", ""},
    {"host namespaces", kBase, kLatest, R"({"hostPID":true,"hostIPC":true,"hostNetwork":true})",
     "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)"},
    {"host paths", kBase, kLatest,
     R"({"volumes":[{"name":"a","hostPath":{"path":"/"}},{"name":"b","hostPath":{"path":"/"}}]})",
     R"(hostPath volumes (volumes "a", "b"))"},
    {"privileged", kBase, kLatest,
     R"({"initContainers":[{"name":"i","securityContext":{"privileged":true}}],
         "containers":[{"name":"c","securityContext":{"privileged":true}}]})",
     R"(privileged (containers "i", "c" must not set securityContext.privileged=true))"},
    {"privileged ephemeral", kBase, kLatest,
     R"({"containers":[{"name":"c"}],
         "ephemeralContainers":[{"name":"e","securityContext":{"privileged":true}}]})",
     R"(privileged (container "e" must not set securityContext.privileged=true))"},
    {"capabilities", kBase, kLatest,
     R"({"containers":[{"name":"c","securityContext":{"capabilities":{"add":["NET_RAW","KILL"]}}},
                       {"name":"d","securityContext":{"capabilities":{"add":["BPF"]}}}]})",
     R"(non-default capabilities (containers "c", "d" must not include "BPF", "NET_RAW" in )"
     R"(securityContext.capabilities.add))"},
    {"host ports", kBase, kLatest,
     R"({"containers":[{"name":"c","ports":[{"hostPort":80},{"hostPort":8080},{"hostPort":0}]}]})",
     R"(hostPort (container "c" uses hostPorts 80, 8080))"},
    {"host ports of two", kBase, kLatest,
     R"({"containers":[{"name":"c","ports":[{"hostPort":80}]},
                       {"name":"d","ports":[{"hostPort":80}]}]})",
     R"(hostPort (containers "c", "d" use hostPort 80))"},
    {"probe host", kBase, 34,
     R"({"containers":[{"name":"c","livenessProbe":{"httpGet":{"host":"h","port":1}},
        "lifecycle":{"preStop":{"tcpSocket":{"host":"g","port":1}}}}]})",
     R"(probe or lifecycle host (container "c" uses probe or lifecycle hosts "g", "h"))"},
    {"probe host before 1.34", kBase, 33,
     R"({"containers":[{"name":"c","livenessProbe":{"httpGet":{"host":"h","port":1}}}]})", ""},
    {"proc mount", kBase, kLatest,
     R"({"containers":[{"name":"c","securityContext":{"procMount":"Unmasked"}},
                       {"name":"d","securityContext":{"procMount":"Default"}}]})",
     R"(procMount (container "c" must not set securityContext.procMount to "Unmasked"))"},
    {"proc mount with own users", kBase, 35,
     R"({"hostUsers":false,"containers":[{"name":"c","securityContext":{"procMount":"Unmasked"}}]})",
     ""},
    {"proc mount with own users before 1.35", kBase, 34,
     R"({"hostUsers":false,"containers":[{"name":"c","securityContext":{"procMount":"Unmasked"}}]})",
     R"(procMount (container "c" must not set securityContext.procMount to "Unmasked"))"},
    {"SELinux", kBase, kLatest,
     R"({"securityContext":{"seLinuxOptions":{"user":"u","type":"container_t"}},
         "containers":[{"name":"c","securityContext":{"seLinuxOptions":{"type":"x","role":"r"}}}]})",
     R"(seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: type "x"; )"
     R"(user may not be set; role may not be set))"},
    {"SELinux engine type", kBase, 31,
     R"({"securityContext":{"seLinuxOptions":{"type":"container_engine_t"}}})", ""},
    {"SELinux engine type before 1.31", kBase, 30,
     R"({"securityContext":{"seLinuxOptions":{"type":"container_engine_t"}}})",
     R"(seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "container_engine_t"))"},
    {"seccomp", kBase, kLatest,
     R"({"securityContext":{"seccompProfile":{"type":"Unconfined"}},
         "containers":[{"name":"c","securityContext":{"seccompProfile":{"type":"Unconfined"}}}]})",
     R"(seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to )"
     R"("Unconfined"))"},
    {"seccomp annotations before 1.19", kBase, 18, R"({"containers":[{"name":"c"},{"name":"d"}]})",
     R"(seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/c="x", )"
     R"(seccomp.security.alpha.kubernetes.io/pod="unconfined"))",
     R"({"seccomp.security.alpha.kubernetes.io/pod":"unconfined",
         "container.seccomp.security.alpha.kubernetes.io/c":"x",
         "container.seccomp.security.alpha.kubernetes.io/d":"localhost/p"})"},
    {"seccomp annotations from 1.19 on", kBase, 19, R"({"containers":[{"name":"c"}]})", "",
     R"({"seccomp.security.alpha.kubernetes.io/pod":"unconfined"})"},
    {"AppArmor field", kBase, kLatest,
     R"({"containers":[{"name":"c","securityContext":{"appArmorProfile":{"type":"Unconfined"}}},
                       {"name":"d","securityContext":{"appArmorProfile":{"type":"Localhost"}}}]})",
     R"(forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined"))"},
    {"AppArmor annotation", kBase, kLatest, R"({"containers":[{"name":"c"}]})",
     R"(forbidden AppArmor profile (annotation must not set AppArmor profile type to )"
     R"("container.apparmor.security.beta.kubernetes.io/c="unconfined""))",
     R"({"container.apparmor.security.beta.kubernetes.io/c":"unconfined",
         "container.apparmor.security.beta.kubernetes.io/d":"runtime/default"})"},
    {"sysctls", kBase, 28,
     R"({"securityContext":{"sysctls":[{"name":"net.ipv4.tcp_syncookies"},{"name":"kernel.msgmax"},
        {"name":"net.ipv4.ip_local_reserved_ports"},{"name":"net.ipv4.tcp_fin_timeout"}]}})",
     "forbidden sysctls (kernel.msgmax, net.ipv4.tcp_fin_timeout)"},
    {"sysctls of 1.32", kBase, kLatest,
     R"({"securityContext":{"sysctls":[{"name":"net.ipv4.tcp_rmem"},
        {"name":"net.ipv4.tcp_fin_timeout"}]}})",
     ""},
    {"host process", kBase, kLatest,
     R"({"securityContext":{"windowsOptions":{"hostProcess":true}},
         "containers":[{"name":"c","securityContext":{"windowsOptions":{"hostProcess":true}}}]})",
     R"(hostProcess (pod and container "c" must not set )"
     R"(securityContext.windowsOptions.hostProcess=true))"},

    {"good", kStrict, kLatest,
     "{" GOOD R"(,"containers":[{"name":"c","securityContext":{)" SAFE "}}]}", ""},
    {"plain pod, restricted", kStrict, kLatest, R"({"containers":[{"name":"c"},{"name":"d"}]})",
     R"(allowPrivilegeEscalation != false (containers "c", "d" must set )"
     R"(securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers "c", )"
     R"("d" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or )"
     R"(containers "c", "d" must set securityContext.runAsNonRoot=true), seccompProfile (pod or )"
     R"(containers "c", "d" must set securityContext.seccompProfile.type to "RuntimeDefault" or )"
     R"("Localhost"))"},
    {"plain pod at 1.0", kStrict, 0, R"({"containers":[{"name":"c"}]})",
     R"(runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true))"},
    {"plain pod at 1.8", kStrict, 8, "{" GOOD R"(,"containers":[{"name":"c"}]})",
     R"(allowPrivilegeEscalation != false (container "c" must set )"
     R"(securityContext.allowPrivilegeEscalation=false))"},
    {"Windows pod", kStrict, 25,
     R"({"os":{"name":"windows"},"securityContext":{"runAsNonRoot":true},
         "containers":[{"name":"c"}]})",
     ""},
    {"Windows pod before 1.25", kStrict, 24,
     R"({"os":{"name":"windows"},)" GOOD R"(,"containers":[{"name":"c","securityContext":{)"
     R"(
         "allowPrivilegeEscalation":false}}]})",
     R"(unrestricted capabilities (container "c" must set )"
     R"(securityContext.capabilities.drop=["ALL"]))"},
    {"volumes", kStrict, kLatest,
     "{" GOOD R"(,"volumes":[{"name":"h","hostPath":{"path":"/"}},{"name":"n","nfs":{}},
         {"name":"e","emptyDir":{}},{"name":"i","image":{}},{"name":"c","csi":{"driver":"d"}},
         {"name":"u"}]})",
     R"(restricted volume types (volumes "h", "n", "u" use restricted volume types "hostPath", "nfs", )"
     R"("unknown"))"},
    {"capabilities, restricted", kStrict, kLatest,
     "{" GOOD R"(,"containers":[{"name":"c","securityContext":{"allowPrivilegeEscalation":false,
         "capabilities":{"drop":["NET_RAW"],"add":["NET_BIND_SERVICE","CHOWN"]}}}]})",
     R"(unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; )"
     R"(container "c" must not include "CHOWN" in securityContext.capabilities.add))"},
    {"root", kStrict, kLatest,
     R"({"securityContext":{"runAsNonRoot":false,"runAsUser":0,
         "seccompProfile":{"type":"RuntimeDefault"}},
         "containers":[{"name":"c","securityContext":{"runAsUser":0,"runAsNonRoot":false,)" SAFE
     "}}]}",
     R"(runAsNonRoot != true (pod and container "c" must not set securityContext.runAsNonRoot=false), )"
     R"(runAsUser=0 (pod and container "c" must not set runAsUser=0))"},
    {"root before 1.23", kStrict, 22,
     "{" GOOD R"(,"containers":[{"name":"c","securityContext":{"runAsUser":0,)" SAFE "}}]}", ""},
    {"root with own users", kStrict, 35,
     R"({"hostUsers":false,"securityContext":{"runAsUser":0,"seccompProfile":{"type":"Localhost"}},
         "containers":[{"name":"c","securityContext":{)" SAFE "}}]}",
     ""},
    {"root with own users before 1.35", kStrict, 34,
     R"({"hostUsers":false,"securityContext":{"runAsUser":0,"seccompProfile":{"type":"Localhost"}},
         "containers":[{"name":"c","securityContext":{)" SAFE "}}]}",
     R"(runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), )"
     R"(runAsUser=0 (pod must not set runAsUser=0))"},
    {"proc mount with own users, restricted", kStrict, kLatest,
     R"({"hostUsers":false,)" GOOD R"(,"containers":[{"name":"c","securityContext":{
         "procMount":"Unmasked",)" SAFE "}}]}",
     R"(procMount (container "c" must not set securityContext.procMount to "Unmasked"))"},
    {"seccomp, restricted", kStrict, kLatest,
     R"({"securityContext":{"runAsNonRoot":true},"containers":[
         {"name":"c","securityContext":{"seccompProfile":{"type":"Localhost"},)" SAFE R"(}},
         {"name":"d","securityContext":{)" SAFE "}}]}",
     R"(seccompProfile (pod or container "d" must set securityContext.seccompProfile.type to )"
     R"("RuntimeDefault" or "Localhost"))"},
    {"seccomp annotations, restricted at 1.18", kStrict, 18,
     "{" GOOD R"(,"containers":[{"name":"c","securityContext":{)" SAFE "}}]}",
     R"(seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="x"))",
     R"({"seccomp.security.alpha.kubernetes.io/pod":"x"})"},
    {"a version that is yet to come", kStrict, 99, R"({"hostUsers":false})", ""},
};

TEST(PodSecurity, Checks) {
  for (const auto& row : kRows) {
    auto pod = podOf(std::string(R"({"metadata":{"annotations":)") + row.annotations +
                     "},\"spec\":" + row.spec + "}");
    EXPECT_EQ(detailsAt(row.level, row.minor, pod), row.violates) << row.name;
  }
}

TEST(PodSecurity, ReasonsAlone) {
  auto pod = podOf(R"({"spec":{"hostNetwork":true,"containers":[{"name":"c"}]}})");
  EXPECT_EQ(reasonsOf(evaluate({kStrict, {}}, pod.metadata, pod.spec)),
            "host namespaces, allowPrivilegeEscalation != false, unrestricted capabilities, "
            "runAsNonRoot != true, seccompProfile");
}

TEST(PodSecurity, Versions) {
  EXPECT_EQ(parseVersion("latest")->str(), "latest");
  EXPECT_EQ(parseVersion("v1.0")->str(), "v1.0");
  EXPECT_EQ(parseVersion("v1.25")->str(), "v1.25");
  for (const char* bad : {"", "v1", "v1.", "1.25", "v1.x", "v1.01", "v2.1", "v1.-1", "v1.25.1",
                          "v1.99999999999999999999", "v1.2147483647", "Latest"}) {
    EXPECT_FALSE(parseVersion(bad)) << bad;
  }
}

TEST(PodSecurity, PolicyOfLabels) {
  api::Map<std::string> labels;
  labels["pod-security.kubernetes.io/enforce"] = "baseline";
  labels["pod-security.kubernetes.io/enforce-version"] = "v1.20";
  labels["pod-security.kubernetes.io/warn"] = "restricted";
  Policy defaults;
  defaults.audit.level = kBase;
  api::FieldErrors errors;
  auto policy = policyOf(labels, defaults, &errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(policy.str(), "enforce=baseline:v1.20, audit=baseline:latest, warn=restricted:latest");
  EXPECT_FALSE(policy.allPrivileged());
  EXPECT_TRUE(policyOf({}, {}, nullptr).allPrivileged());

  labels["pod-security.kubernetes.io/enforce"] = "bogus";
  labels["pod-security.kubernetes.io/audit"] = "bogus";
  labels["pod-security.kubernetes.io/warn-version"] = "v9";
  policy = policyOf(labels, defaults, &errors);
  EXPECT_EQ(policy.enforce.level, kStrict);          // refuse rather than allow
  EXPECT_EQ(policy.audit.level, Level::Privileged);  // but do not tell tales
  EXPECT_EQ(policy.warn.str(), "restricted:latest");
  EXPECT_EQ(errors.size(), 3u);
  EXPECT_EQ(errors.toStatus("Namespace", "n").message(),
            "Namespace \"n\" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: "
            "Invalid value: \"bogus\": must be one of privileged, baseline, restricted, "
            "metadata.labels[pod-security.kubernetes.io/audit]: Invalid value: \"bogus\": must be "
            "one of privileged, baseline, restricted, "
            "metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"v9\": must "
            "be \"latest\" or \"v1.x\"]");
}

}  // namespace
}  // namespace coxswain::pod_security
