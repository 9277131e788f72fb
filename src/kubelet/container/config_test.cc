#include "kubelet/container/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "kubelet/container/hosts_file.h"
#include "kubelet/container/log_tail.h"
#include "kubelet/volume/volume_manager.h"
#include "runtime/sim/memory_files.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;
using ::testing::ElementsAre;

std::shared_ptr<Pod> webPod() {
  auto pod = std::make_shared<Pod>();
  pod->metadata.name = "web";
  pod->metadata.namespace_ = "shop";
  pod->metadata.uid = "u1";
  pod->metadata.labels["app"] = "web";
  pod->metadata.annotations["note"] = "x";
  pod->spec.dnsPolicy = "ClusterFirst";
  pod->spec.restartPolicy = "Always";
  auto& c = pod->spec.containers.emplace_back();
  c.name = "app";
  c.image = "app:1";
  c.terminationMessagePath = "/dev/termination-log";
  c.terminationMessagePolicy = "File";
  return pod;
}

NodeSettings node() {
  NodeSettings out;
  out.clusterDomain = out.dns.clusterDomain = "cluster.local";
  out.dns.clusterDns = {"10.96.0.10"};
  out.dns.host = parseResolvConf(
      "# ours\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.test b.test.\noptions edns0\n");
  out.memoryCapacity = int64_t{4} << 30;
  return out;
}

TEST(Dns, OfPolicies) {
  struct Row {
    const char* name;
    const char* policy;
    bool hostNetwork;
    std::vector<std::string> servers;
    std::vector<std::string> searches;
    std::vector<std::string> options;
  };
  const std::vector<std::string> cluster = {"shop.svc.cluster.local", "svc.cluster.local",
                                            "cluster.local", "a.test", "b.test"};
  const std::vector<Row> rows = {
      {"cluster", "ClusterFirst", false, {"10.96.0.10"}, cluster, {"ndots:5"}},
      {"host network falls back",
       "ClusterFirst",
       true,
       {"192.0.2.1", "192.0.2.2"},
       {"a.test", "b.test"},
       {"edns0"}},
      {"asked for", "ClusterFirstWithHostNet", true, {"10.96.0.10"}, cluster, {"ndots:5"}},
      {"default", "Default", false, {"192.0.2.1", "192.0.2.2"}, {"a.test", "b.test"}, {"edns0"}},
      {"none", "None", false, {}, {}, {}},
  };
  for (const auto& row : rows) {
    auto pod = webPod();
    pod->spec.dnsPolicy = row.policy;
    pod->spec.hostNetwork = row.hostNetwork;
    auto dns = podDns(*pod, node().dns);
    EXPECT_EQ(dns.config.servers, row.servers) << row.name;
    EXPECT_EQ(dns.config.searches, row.searches) << row.name;
    EXPECT_EQ(dns.config.options, row.options) << row.name;
    EXPECT_FALSE(dns.missingClusterDns) << row.name;
  }
}

TEST(Dns, OwnConfigIsAddedAndLimited) {
  auto pod = webPod();
  auto& own = pod->spec.dnsConfig.emplace();
  own.nameservers = {"1.1.1.1", "10.96.0.10", "2.2.2.2", "3.3.3.3"};
  own.searches = {"c.test", "cluster.local"};
  auto& ndots = own.options.emplace_back();
  ndots.name = "ndots";
  ndots.value = "2";
  own.options.emplace_back().name = "debug";
  auto dns = podDns(*pod, node().dns);
  EXPECT_THAT(dns.config.servers, ElementsAre("10.96.0.10", "1.1.1.1", "2.2.2.2"));
  EXPECT_EQ(dns.config.searches.back(), "c.test");
  EXPECT_THAT(dns.config.options, ElementsAre("ndots:2", "debug"));
  EXPECT_NE(dns.warning.find("Nameserver limits were exceeded"), std::string::npos);
  DnsSettings bare;
  EXPECT_TRUE(podDns(*webPod(), bare).missingClusterDns);
}

TEST(Hosts, NamesAndAliases) {
  auto pod = webPod();
  EXPECT_EQ(podHostname(*pod, "cluster.local").shown, "web");
  pod->spec.subdomain = "sub";
  auto& alias = pod->spec.hostAliases.emplace_back();
  alias.ip = "1.2.3.4";
  alias.hostnames = {"one", "two"};
  auto name = podHostname(*pod, "cluster.local");
  auto text = hostsFile(*pod, {"10.0.0.5", "fd00::5"}, name);
  EXPECT_TRUE(text.starts_with("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
  EXPECT_NE(text.find("10.0.0.5\tweb.sub.shop.svc.cluster.local\tweb\n"
                      "fd00::5\tweb.sub.shop.svc.cluster.local\tweb\n\n"
                      "# Entries added by HostAliases.\n1.2.3.4\tone\ttwo\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(hostNetworkHostsFile(*pod, "127.0.0.1 localhost")
                  .starts_with("# Kubernetes-managed hosts file (host network).\n127.0.0.1 "
                               "localhost\n\n# Entries added"));
  pod->spec.setHostnameAsFQDN = true;
  EXPECT_EQ(podHostname(*pod, "cluster.local").shown, "web.sub.shop.svc.cluster.local");
  pod->metadata.name = std::string(70, 'a');
  EXPECT_EQ(podHostname(*pod, "cluster.local").hostname.size(), 63U);
  EXPECT_FALSE(podHostname(*pod, "cluster.local").error.empty());
  EXPECT_FALSE(sandboxConfig(*pod, 0, "", node()).ok());
}

TEST(Sandbox, SaysWhatThePodIs) {
  auto pod = webPod();
  auto& port = pod->spec.containers[0].ports.emplace_back();
  port.containerPort = 53;
  port.hostPort = 5353;
  port.protocol = "UDP";
  pod->spec.shareProcessNamespace = true;
  pod->spec.hostIPC = true;
  auto& security = pod->spec.securityContext.emplace();
  security.runAsUser = 7;
  security.fsGroup = 9;
  security.sysctls.emplace_back();
  security.sysctls[0].name = "net.core.somaxconn";
  security.sysctls[0].value = "1024";
  auto config = sandboxConfig(*pod, 2, "/kubepods/podu1", node());
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->metadata->attempt, 2U);
  EXPECT_EQ(config->hostname, "web");
  EXPECT_EQ(config->logDirectory, "/var/log/pods/shop_web_u1");
  EXPECT_EQ(config->labels.at("app"), "web");
  EXPECT_EQ(config->labels.at("io.kubernetes.pod.uid"), "u1");
  EXPECT_EQ(config->annotations.at("note"), "x");
  ASSERT_EQ(config->portMappings.size(), 1U);
  EXPECT_EQ(config->portMappings[0].hostPort, 5353);
  EXPECT_EQ(config->portMappings[0].protocol, cri::UDP);
  const auto& linux = *config->linux;
  EXPECT_EQ(linux.cgroupParent, "/kubepods/podu1");
  EXPECT_EQ(linux.sysctls.at("net.core.somaxconn"), "1024");
  EXPECT_EQ(linux.securityContext->namespaceOptions->pid, cri::POD);
  EXPECT_EQ(linux.securityContext->namespaceOptions->ipc, cri::NODE);
  EXPECT_EQ(linux.securityContext->runAsUser->value, 7);
  EXPECT_THAT(linux.securityContext->supplementalGroups, ElementsAre(9));
  pod->spec.hostUsers = false;
  EXPECT_FALSE(sandboxConfig(*pod, 0, "", node()).ok());
}

TEST(ContainerConfigs, SayWhatTheSpecAsksFor) {
  auto pod = webPod();
  auto& c = pod->spec.containers[0];
  c.command = {"run", "$(NAME)", "$$(NAME)"};
  c.args = {"$(MISSING)"};
  c.tty = c.stdin = true;
  c.resources.requests["cpu"] = *api::Quantity::parse("500m");
  c.resources.limits["cpu"] = *api::Quantity::parse("1");
  c.resources.limits["memory"] = *api::Quantity::parse("64Mi");
  auto& security = c.securityContext.emplace();
  security.allowPrivilegeEscalation = false;
  security.readOnlyRootFilesystem = true;
  security.capabilities.emplace().drop = {"ALL"};
  security.seccompProfile.emplace().type = "Localhost";
  security.seccompProfile->localhostProfile = "mine.json";
  c.lifecycle.emplace().stopSignal = "SIGUSR1";
  c.lifecycle->preStop.emplace().exec.emplace().command = {"bye"};
  ContainerInputs inputs;
  inputs.restartCount = 3;
  inputs.imageRef = "sha256:1";
  inputs.environment = {{"NAME", "x"}};
  inputs.hostsFile = "/pods/u1/etc-hosts";
  inputs.terminationLogFile = "/pods/u1/containers/app/1";
  ContainerMount mount;
  mount.hostPath = "/v";
  mount.containerPath = "/data";
  mount.readOnly = true;
  mount.propagation = "HostToContainer";
  inputs.mounts = {mount};
  auto config = containerConfig(*pod, podContainers(pod)[0], inputs, node());
  EXPECT_EQ(config.metadata->attempt, 3U);
  EXPECT_EQ(config.image->image, "sha256:1");
  EXPECT_EQ(config.image->userSpecifiedImage, "app:1");
  EXPECT_THAT(config.command, ElementsAre("run", "x", "$(NAME)"));
  EXPECT_THAT(config.args, ElementsAre("$(MISSING)"));
  EXPECT_EQ(config.logPath, "app/3.log");
  EXPECT_EQ(config.stopSignal, 29);
  ASSERT_EQ(config.mounts.size(), 3U);
  EXPECT_EQ(config.mounts[0].propagation, cri::PROPAGATION_HOST_TO_CONTAINER);
  EXPECT_EQ(config.mounts[1].containerPath, "/etc/hosts");
  EXPECT_EQ(config.mounts[2].containerPath, "/dev/termination-log");
  EXPECT_EQ(config.annotations.at("io.kubernetes.container.restartCount"), "3");
  EXPECT_EQ(config.annotations.at("io.kubernetes.container.preStopHandler"),
            R"({"exec":{"command":["bye"]}})");
  const auto& resources = *config.linux->resources;
  EXPECT_EQ(resources.cpuShares, 512);
  EXPECT_EQ(resources.cpuQuota, 100000);
  EXPECT_EQ(resources.memoryLimitInBytes, 64 << 20);
  const auto& context = *config.linux->securityContext;
  EXPECT_TRUE(context.noNewPrivs);
  EXPECT_TRUE(context.readonlyRootfs);
  EXPECT_THAT(context.capabilities->dropCapabilities, ElementsAre("ALL"));
  EXPECT_EQ(context.seccomp->profileType, cri::SecurityProfile_ProfileType_Localhost);
  EXPECT_EQ(context.seccomp->localhostRef, "/var/lib/kubelet/seccomp/mine.json");
  EXPECT_FALSE(context.maskedPaths.empty());
  // Its own mount at /etc/hosts wins.
  inputs.mounts[0].containerPath = "/etc/hosts";
  EXPECT_EQ(containerConfig(*pod, podContainers(pod)[0], inputs, node()).mounts.size(), 2U);
}

TEST(Security, PrivilegedAndUnmasked) {
  auto pod = webPod();
  auto& security = pod->spec.containers[0].securityContext.emplace();
  security.privileged = true;
  auto context = containerSecurity(*pod, pod->spec.containers[0], {}, "", "", false);
  EXPECT_TRUE(context.privileged);
  EXPECT_TRUE(context.maskedPaths.empty());
  EXPECT_TRUE(sandboxSecurity(*pod).privileged);
  security.privileged = false;
  EXPECT_EQ(containerSecurity(*pod, pod->spec.containers[0], {}, "", "", true).seccomp->profileType,
            cri::SecurityProfile_ProfileType_RuntimeDefault);
  EXPECT_EQ(
      containerSecurity(*pod, pod->spec.containers[0], {}, "", "", false).seccomp->profileType,
      cri::SecurityProfile_ProfileType_Unconfined);
  security.procMount = "Unmasked";
  EXPECT_TRUE(
      containerSecurity(*pod, pod->spec.containers[0], {}, "", "", false).maskedPaths.empty());
}

TEST(Security, NonRootIsVerified) {
  auto pod = webPod();
  auto& c = pod->spec.containers[0];
  c.securityContext.emplace().runAsNonRoot = true;
  auto verify = [&](std::optional<int64_t> uid, std::string name) {
    ImageUser user;
    user.uid = uid;
    user.username = std::move(name);
    return verifyNonRoot(*pod, c, user);
  };
  EXPECT_TRUE(verify(1000, "").ok());
  EXPECT_EQ(verify(0, "").message(),
            "container has runAsNonRoot and image will run as root (pod: \"web_shop(u1)\", "
            "container: app)");
  EXPECT_EQ(verify(std::nullopt, "www").message(),
            "container has runAsNonRoot and image has non-numeric user (www), cannot verify user "
            "is non-root (pod: \"web_shop(u1)\", container: app)");
  pod->spec.securityContext.emplace().runAsUser = 0;
  EXPECT_EQ(verify(1000, "").message(),
            "container's runAsUser breaks non-root policy (pod: \"web_shop(u1)\", container: app)");
  c.securityContext->runAsUser = 5;
  EXPECT_TRUE(verify(0, "").ok());
}

TEST(LogTail, OfTheLastLines) {
  sim::MemoryFiles files;
  ASSERT_TRUE(files.mkdirs("/l").ok());
  ASSERT_TRUE(files
                  .write("/l/0.log",
                         "2024-01-31T10:00:00.1Z stdout F one\n2024-01-31T10:00:00.2Z stderr F two "
                         "words\nbroken\n2024-01-31T10:00:00.3Z stdout F three\n")
                  .ok());
  EXPECT_EQ(logTail(files, "/l/0.log", 10, 1000), "one\ntwo words\n\nthree\n");
  EXPECT_EQ(logTail(files, "/l/0.log", 1, 1000), "three\n");
  EXPECT_EQ(logTail(files, "/l/0.log", 10, 4), "ree\n");
  EXPECT_EQ(logTail(files, "/l/none", 10, 4), "");
}

}  // namespace
}  // namespace coxswain::kubelet
