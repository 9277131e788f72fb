#include "kubelet/config/configuration.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"

namespace coxswain::kubelet {
namespace {

constexpr const char* kHead =
    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

std::string errorOf(const std::string& text) {
  KubeletConfiguration configuration;
  return readConfiguration(kHead + text, configuration).message();
}

TEST(Configuration, ReadsWhatItKnows) {
  KubeletConfiguration c;
  Status read = readConfiguration(std::string(kHead) +
                                      "port: 11250\n"
                                      "clusterDNS: [10.96.0.10]\n"
                                      "clusterDomain: k8s.test\n"
                                      "maxPods: 20\n"
                                      "syncFrequency: 30s\n"
                                      "kubeReserved: {cpu: 100m, memory: 1Gi}\n"
                                      "evictionHard: {memory.available: 5%}\n"
                                      "authentication: {x509: {clientCAFile: /ca}}\n"
                                      "registerWithTaints: [{key: a, effect: NoSchedule}]\n"
                                      "cpuCFSQuota: false\n",
                                  c);
  ASSERT_TRUE(read.ok()) << read.message();
  EXPECT_EQ(c.kubelet.port, 11250);
  EXPECT_EQ(c.kubelet.clusterDns, std::vector<std::string>{"10.96.0.10"});
  EXPECT_EQ(c.kubelet.maxPods, 20);
  EXPECT_EQ(c.kubelet.syncFrequency, 30s);
  EXPECT_EQ(c.kubelet.kubeReserved.at("memory").str(), "1Gi");
  EXPECT_EQ(c.kubelet.evictionHard.size(), 1U);
  EXPECT_EQ(c.server.clientCaFile, "/ca");
  EXPECT_EQ(c.kubelet.registerWithTaints[0].key, "a");
  EXPECT_FALSE(c.kubelet.cpuCfsQuota);
  EXPECT_NE(configurationJson(c.kubelet).find("\"clusterDomain\":\"k8s.test\""), std::string::npos);
}

TEST(Configuration, SaysWhatIsWrong) {
  EXPECT_EQ(errorOf("bogus: 1\n"), "unknown field \"bogus\"");
  EXPECT_EQ(errorOf("authentication: {x509: {file: a}}\n"),
            "unknown field \"authentication.x509.file\"");
  EXPECT_EQ(errorOf("maxPods: many\n"), "maxPods: must be a number from 1 to 2147483648");
  EXPECT_EQ(errorOf("syncFrequency: 10\n"), "syncFrequency: must be a duration such as \"10s\"");
  EXPECT_EQ(errorOf("cgroupDriver: systemd\n"),
            "cgroupDriver: \"systemd\" is not supported; one of: cgroupfs");
  EXPECT_EQ(errorOf("evictionHard: {pid.available: 5%}\n"),
            "evictionHard.pid.available: signal is not supported");
  KubeletConfiguration c;
  EXPECT_FALSE(readConfiguration("kind: Pod\n", c).ok());
  EXPECT_FALSE(readConfiguration("- a\n", c).ok());
  EXPECT_FALSE(readConfiguration("", c).ok());
}

TEST(Flags, ListsAreParsed) {
  auto taints = parseTaints("a=b:NoSchedule,c:NoExecute");
  ASSERT_TRUE(taints.ok());
  EXPECT_EQ((*taints)[0].value, "b");
  EXPECT_EQ((*taints)[1].key, "c");
  EXPECT_FALSE(parseTaints("a=b").ok());
  EXPECT_FALSE(parseTaints("a=b:Sometimes").ok());
  EXPECT_EQ(parseResourceList("cpu=1,memory=2Gi")->at("memory").str(), "2Gi");
  EXPECT_FALSE(parseResourceList("cpu").ok());
  EXPECT_FALSE(parseResourceList("cpu=x").ok());
  EXPECT_EQ(parsePairs("a=b,c=d")->size(), 2U);
  EXPECT_TRUE(parsePairs("")->empty());
}

}  // namespace
}  // namespace coxswain::kubelet
