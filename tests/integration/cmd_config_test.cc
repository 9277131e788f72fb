// Configuration that src/cmd reads and writes itself.

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "cmd/cni_config.h"
#include "cmd/proxy_config.h"

namespace coxswain::cmd {
namespace {

TEST(CniConfig, IsWhatThePluginsTake) {
  CniOptions options;
  options.podCidr = "10.244.3.7/24";
  options.stateFolder = "/var/lib/x/cni";
  options.mtu = 1400;
  auto text = cniConfigList(options);
  ASSERT_TRUE(text.ok()) << text.status().toString();
  auto list = boost::json::parse(*text);
  EXPECT_EQ(list.at("name"), "coxswain");
  const auto& bridge = list.at("plugins").as_array().at(0);
  EXPECT_EQ(bridge.at("type"), "bridge");
  EXPECT_EQ(bridge.at("hairpinMode"), true);
  EXPECT_EQ(bridge.at("mtu"), 1400);
  const auto& ipam = bridge.at("ipam");
  EXPECT_EQ(ipam.at("ranges").as_array().at(0).as_array().at(0).at("subnet"), "10.244.3.0/24");
  EXPECT_EQ(ipam.at("routes").as_array().at(0).at("dst"), "0.0.0.0/0");
  EXPECT_EQ(ipam.at("dataDir"), "/var/lib/x/cni");
  EXPECT_EQ(list.at("plugins").as_array().at(1).at("type"), "portmap");
  EXPECT_EQ(boost::json::parse(cniLoopbackConfig()).at("type"), "loopback");
  options.podCidr = "fd00:10::/64";
  auto six = boost::json::parse(*cniConfigList(options));
  EXPECT_EQ(six.at("plugins").as_array().at(0).at("ipam").at("routes").as_array().at(0).at("dst"),
            "::/0");
}

TEST(CniConfig, BadNetworks) {
  for (const char* cidr : {"", "10.244.0.0", "10.244.0.0/33", "10.244.0.0/32", "x\",\"y/24"}) {
    CniOptions options;
    options.podCidr = cidr;
    EXPECT_FALSE(cniConfigList(options).ok()) << cidr;
  }
}

TEST(ProxyConfig, FieldsArriveWhereTheyBelong) {
  ProxySettings settings;
  Status read = readProxyConfig(R"(
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 10.0.0.1
clientConnection: {kubeconfig: /etc/kubeconfig, acceptContentTypes: "", burst: 0}
clusterCIDR: 10.244.0.0/16,fd00:10::/64
hostnameOverride: node-7
healthzBindAddress: 127.0.0.1:1
metricsBindAddress: ""
mode: nftables
nodePortAddresses: [192.0.2.0/24]
nftables: {masqueradeAll: true, minSyncPeriod: 2s, masqueradeBit: null}
winkernel: {enableDSR: false, networkName: ""}
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}}, verbosity: 0}
)",
                                settings);
  ASSERT_TRUE(read.ok()) << read.toString();
  EXPECT_EQ(settings.kubeconfig, "/etc/kubeconfig");
  EXPECT_EQ(settings.bindAddress, "10.0.0.1");
  EXPECT_EQ(settings.options.clusterCidrs,
            (std::vector<std::string>{"10.244.0.0/16", "fd00:10::/64"}));
  EXPECT_EQ(settings.options.nodeName, "node-7");
  EXPECT_EQ(settings.options.healthzAddress, "127.0.0.1:1");
  EXPECT_EQ(settings.options.nodePortAddresses, (std::vector<std::string>{"192.0.2.0/24"}));
  EXPECT_TRUE(settings.options.masqueradeAll);
  EXPECT_EQ(settings.options.minSyncPeriod, 2s);
  EXPECT_TRUE(checkProxyMode(settings.mode).ok());
}

TEST(ProxyConfig, NothingIsIgnored) {
  for (const char* text :
       {"kind: KubeletConfiguration", "apiVersion: kubeproxy.config.k8s.io/v2", "clusterCIDR: 7",
        "nodePortAddresses: x", "nftables: {masqueradeBit: 15}", "ipvs: {scheduler: rr}",
        "nftables: {minSyncPeriod: soon}", "detectLocalMode: NodeCIDR", "nonsense: true", "- list",
        "a: [", "nftables: yes"}) {
    ProxySettings settings;
    EXPECT_FALSE(readProxyConfig(text, settings).ok()) << text;
  }
  EXPECT_FALSE(checkProxyMode("iptables").ok());
}

}  // namespace
}  // namespace coxswain::cmd
