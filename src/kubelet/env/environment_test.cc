#include "kubelet/env/environment.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/informers.h"
#include "client/testing/fake_client.h"
#include "kubelet/env/field_ref.h"
#include "kubelet/env/references.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Container;
using api::core::v1::EnvFromSource;
using api::core::v1::EnvVar;
using api::core::v1::Event;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::core::v1::Service;
using api::core::v1::ServicePort;

TEST(Expand, ReplacesWhatIsDefined) {
  const EnvironmentMap variables{{"A", "1"}, {"B", "two words"}, {"EMPTY", ""}};
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::make_optional(found->second);
  };
  const std::pair<const char*, const char*> rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"$(A)", "1"},
      {"x$(A)y$(B)z", "x1ytwo wordsz"},
      {"$(EMPTY)|", "|"},
      {"$(NONE)", "$(NONE)"},
      {"$$(A)", "$(A)"},
      {"$$$(A)", "$1"},
      {"$$$$(A)", "$$(A)"},
      {"$A", "$A"},
      {"$", "$"},
      {"$(", "$("},
      {"$(A", "$(A"},
      {"$(A$(B)", "$(A$(B)"},
      {"$()", "$()"},
      {"a$", "a$"},
      {"$$", "$"},
  };
  for (const auto& [in, out] : rows) EXPECT_EQ(expandVariables(in, lookup), out) << in;
}

TEST(Expand, CommandsAndSubPaths) {
  const std::vector<EnvironmentVariable> env{{"A", "1"}};
  EXPECT_EQ(expandCommand({"echo", "$(A)", "$(B)"}, env),
            (std::vector<std::string>{"echo", "1", "$(B)"}));
  EXPECT_EQ(expandSubPath("d/$(A)", env).value(), "d/1");
  const auto missing = expandSubPath("d/$(B)", env);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().message(), "missing value for \"B\"");
}

class EnvironmentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    informers.of<Service>();
    informers.start();
    pod.metadata.name = "web";
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "u1";
    pod.metadata.labels = {{"app", "web"}, {"tier", "a\"b"}};
    pod.metadata.annotations = {{"note", "hi"}};
    pod.spec.nodeName = "n1";
    pod.spec.serviceAccountName = "robot";
    container.name = "c";
    facts.podIP = "10.0.0.5";
    facts.podIPs = {"10.0.0.5", "fd00::5"};
    facts.hostIP = "192.168.0.1";
    facts.hostIPs = {"192.168.0.1"};
    facts.nodeAllocatable = {{"cpu", api::Quantity::fromInt(4)},
                             {"memory", api::Quantity::parse("2Gi").value()}};
    executor.runFor(1s);
  }
  void TearDown() override {
    bool done = false;
    spawn(executor, stopAll(done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }
  Task<void> stopAll(bool& done) {
    co_await objects.stop();
    co_await events.stop();
    co_await informers.stop();
    done = true;
  }
  Task<void> makeInto(std::optional<Result<std::vector<EnvironmentVariable>>>& out) {
    auto made = co_await maker.make(std::make_shared<Pod>(pod),
                                    std::make_shared<Container>(container), facts, {});
    out.emplace(std::move(made));
  }
  Result<std::vector<EnvironmentVariable>> make() {
    pod.spec.containers = {container};
    std::optional<Result<std::vector<EnvironmentVariable>>> out;
    spawn(executor, makeInto(out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1min));
    return std::move(*out);
  }
  /// Lines "NAME=value"; a failure's message otherwise.
  std::string text(bool own = true) {
    auto made = make();
    if (!made.ok()) return made.status().message();
    std::string lines;
    for (const auto& v : *made) {
      if (own && v.name.starts_with("KUBERNETES_")) continue;
      lines += v.name + "=" + v.value + "\n";
    }
    return lines;
  }
  static EnvVar plain(std::string name, std::string value) {
    EnvVar v;
    v.name = std::move(name);
    v.value = std::move(value);
    return v;
  }
  static EnvVar field(std::string name, std::string path) {
    EnvVar v;
    v.name = std::move(name);
    v.valueFrom.emplace().fieldRef.emplace().fieldPath = std::move(path);
    return v;
  }
  static EnvVar mapKey(std::string name, std::string map, std::string key, bool optional = false) {
    EnvVar v;
    v.name = std::move(name);
    auto& reference = v.valueFrom.emplace().configMapKeyRef.emplace();
    reference.localObjectReference.name = std::move(map);
    reference.key = std::move(key);
    if (optional) reference.optional = true;
    return v;
  }
  static EnvVar secretKey(std::string name, std::string secret, std::string key,
                          bool optional = false) {
    EnvVar v;
    v.name = std::move(name);
    auto& reference = v.valueFrom.emplace().secretKeyRef.emplace();
    reference.localObjectReference.name = std::move(secret);
    reference.key = std::move(key);
    if (optional) reference.optional = true;
    return v;
  }
  static EnvVar resource(std::string name, std::string what, std::string divisor = "0") {
    EnvVar v;
    v.name = std::move(name);
    auto& reference = v.valueFrom.emplace().resourceFieldRef.emplace();
    reference.resource = std::move(what);
    reference.divisor = api::Quantity::parse(divisor).value();
    return v;
  }
  void putMap(const std::string& name, api::Map<std::string> data) {
    ConfigMap map;
    map.metadata.name = name;
    map.metadata.namespace_ = "ns";
    map.data = std::move(data);
    cluster.put(std::move(map));
  }
  void putSecret(const std::string& name, api::Map<api::Bytes> data) {
    Secret secret;
    secret.metadata.name = name;
    secret.metadata.namespace_ = "ns";
    secret.data = std::move(data);
    cluster.put(std::move(secret));
  }
  void putService(const std::string& ns, const std::string& name, const std::string& ip,
                  std::vector<std::pair<std::string, int>> ports) {
    Service service;
    service.metadata.name = name;
    service.metadata.namespace_ = ns;
    service.spec.clusterIP = ip;
    for (const auto& [portName, number] : ports) {
      ServicePort port;
      port.name = portName;
      port.port = number;
      port.protocol = portName == "dns" ? "UDP" : "TCP";
      service.spec.ports.push_back(port);
    }
    cluster.put(std::move(service));
    executor.runFor(1s);
  }

  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  client::Informers informers{cluster, executor};
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  ObjectCache objects{cluster, executor};
  EnvironmentMaker maker{objects, informers.of<Service>(), events};
  Pod pod;
  Container container;
  EnvironmentFacts facts;
};

TEST_F(EnvironmentTest, ValuesAndReferencesToEarlierOnes) {
  container.env = {plain("A", "1"), plain("B", "$(A)-$(C)-$$(A)"), plain("C", "3"),
                   plain("A", "$(B)")};
  EXPECT_EQ(text(), "A=1-$(C)-$(A)\nB=1-$(C)-$(A)\nC=3\n");
}

TEST_F(EnvironmentTest, Fields) {
  container.env = {field("NAME", "metadata.name"),
                   field("NS", "metadata.namespace"),
                   field("UID", "metadata.uid"),
                   field("LABEL", "metadata.labels['app']"),
                   field("NOLABEL", "metadata.labels['x']"),
                   field("NOTE", "metadata.annotations['note']"),
                   field("NODE", "spec.nodeName"),
                   field("SA", "spec.serviceAccountName"),
                   field("IP", "status.podIP"),
                   field("IPS", "status.podIPs"),
                   field("HOST", "status.hostIP"),
                   field("HOSTS", "status.hostIPs")};
  EXPECT_EQ(text(),
            "NAME=web\nNS=ns\nUID=u1\nLABEL=web\nNOLABEL=\nNOTE=hi\nNODE=n1\nSA=robot\n"
            "IP=10.0.0.5\nIPS=10.0.0.5,fd00::5\nHOST=192.168.0.1\nHOSTS=192.168.0.1\n");
  EXPECT_EQ(podFieldValue(pod, "metadata.labels", facts).value(), "app=\"web\"\ntier=\"a\\\"b\"");
  container.env = {field("X", "spec.hostname")};
  EXPECT_EQ(text(), "unsupported fieldPath: spec.hostname");
}

TEST_F(EnvironmentTest, Resources) {
  container.resources.limits = {{"cpu", api::Quantity::parse("1500m").value()}};
  container.resources.requests = {{"cpu", api::Quantity::parse("250m").value()},
                                  {"memory", api::Quantity::parse("100Mi").value()}};
  container.env = {resource("LIMIT", "limits.cpu"),
                   resource("MILLIS", "limits.cpu", "1m"),
                   resource("REQUEST", "requests.cpu"),
                   resource("MIB", "requests.memory", "1Mi"),
                   resource("ALLOCATABLE", "limits.memory", "1Gi"),
                   resource("NONE", "requests.ephemeral-storage")};
  EXPECT_EQ(text(), "LIMIT=2\nMILLIS=1500\nREQUEST=1\nMIB=100\nALLOCATABLE=2\nNONE=0\n");
  container.env = {resource("X", "limits.foo")};
  EXPECT_EQ(text(), "unsupported container resource : limits.foo");
}

TEST_F(EnvironmentTest, KeysOfConfigMapsAndSecrets) {
  putMap("m", {{"k", "v"}});
  putSecret("s", {{"p", "pw"}});
  container.env = {mapKey("A", "m", "k"), secretKey("B", "s", "p"), mapKey("C", "m", "no", true),
                   mapKey("D", "gone", "k", true), secretKey("E", "gone", "k", true)};
  EXPECT_EQ(text(), "A=v\nB=pw\n");
  container.env = {mapKey("A", "gone", "k")};
  EXPECT_EQ(text(), "configmap \"gone\" not found");
  container.env = {secretKey("A", "gone", "k")};
  EXPECT_EQ(text(), "secret \"gone\" not found");
  container.env = {mapKey("A", "m", "no")};
  EXPECT_EQ(text(), "couldn't find key no in ConfigMap ns/m");
  container.env = {secretKey("A", "s", "no")};
  EXPECT_EQ(text(), "couldn't find key no in Secret ns/s");
}

TEST_F(EnvironmentTest, WholeMapsWithPrefixBelowEnv) {
  putMap("m", {{"a", "1"}, {"b", "2"}, {"bad=key", "x"}});
  putSecret("s", {{"b", "3"}});
  EnvFromSource map;
  map.prefix = "P_";
  map.configMapRef.emplace().localObjectReference.name = "m";
  EnvFromSource secret;
  secret.prefix = "P_";
  secret.secretRef.emplace().localObjectReference.name = "s";
  EnvFromSource absent;
  absent.configMapRef.emplace().localObjectReference.name = "gone";
  absent.configMapRef->optional = true;
  container.envFrom = {map, secret, absent};
  container.env = {plain("P_a", "own"), plain("C", "$(P_b)")};
  EXPECT_EQ(text(), "P_a=own\nP_b=3\nC=3\n");
  executor.runFor(1s);
  ASSERT_EQ(cluster.peekAll<Event>().size(), 1u);
  EXPECT_EQ(cluster.peekAll<Event>()[0]->reason, "InvalidEnvironmentVariableNames");
  EXPECT_EQ(cluster.peekAll<Event>()[0]->message,
            "Keys [P_bad=key] from the EnvFrom configMap ns/m were skipped since they are "
            "considered invalid environment variable names.");
  container.envFrom[2].configMapRef->optional.reset();
  EXPECT_EQ(text(), "configmap \"gone\" not found");
}

TEST_F(EnvironmentTest, Services) {
  putService("default", "kubernetes", "10.96.0.1", {{"https", 443}});
  putService("ns", "my-db", "fd00::1", {{"", 5432}, {"dns", 53}});
  putService("ns", "headless", "None", {{"", 80}});
  putService("other", "far", "10.96.0.9", {{"", 80}});
  container.env = {plain("URL", "$(MY_DB_PORT)"), plain("KUBERNETES_PORT", "own")};
  EXPECT_EQ(text(false),
            "URL=tcp://[fd00::1]:5432\n"
            "KUBERNETES_PORT=own\n"
            "KUBERNETES_PORT_443_TCP=tcp://10.96.0.1:443\n"
            "KUBERNETES_PORT_443_TCP_ADDR=10.96.0.1\n"
            "KUBERNETES_PORT_443_TCP_PORT=443\n"
            "KUBERNETES_PORT_443_TCP_PROTO=tcp\n"
            "KUBERNETES_SERVICE_HOST=10.96.0.1\n"
            "KUBERNETES_SERVICE_PORT=443\n"
            "KUBERNETES_SERVICE_PORT_HTTPS=443\n"
            "MY_DB_PORT=tcp://[fd00::1]:5432\n"
            "MY_DB_PORT_53_UDP=udp://[fd00::1]:53\n"
            "MY_DB_PORT_53_UDP_ADDR=fd00::1\n"
            "MY_DB_PORT_53_UDP_PORT=53\n"
            "MY_DB_PORT_53_UDP_PROTO=udp\n"
            "MY_DB_PORT_5432_TCP=tcp://[fd00::1]:5432\n"
            "MY_DB_PORT_5432_TCP_ADDR=fd00::1\n"
            "MY_DB_PORT_5432_TCP_PORT=5432\n"
            "MY_DB_PORT_5432_TCP_PROTO=tcp\n"
            "MY_DB_SERVICE_HOST=fd00::1\n"
            "MY_DB_SERVICE_PORT=5432\n"
            "MY_DB_SERVICE_PORT_DNS=53\n");
  pod.spec.enableServiceLinks = false;
  container.env.clear();
  EXPECT_EQ(text(false).find("MY_DB"), std::string::npos);
  EXPECT_NE(text(false).find("KUBERNETES_SERVICE_HOST=10.96.0.1"), std::string::npos);
}

TEST_F(EnvironmentTest, FailsBeforeServicesAreKnown) {
  client::Informer unsynced(cluster, client::resourceOf<Service>(), {});
  EnvironmentMaker early(objects, unsynced, events);
  std::optional<Result<std::vector<EnvironmentVariable>>> out;
  struct Run {
    static Task<void> go(EnvironmentMaker& maker, std::shared_ptr<const Pod> pod,
                         std::optional<Result<std::vector<EnvironmentVariable>>>& out) {
      auto container = std::make_shared<const Container>();
      auto made = co_await maker.make(pod, container, {}, {});
      out.emplace(std::move(made));
    }
  };
  spawn(executor, Run::go(early, std::make_shared<Pod>(pod), out));
  executor.runFor(1s);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->status().message(),
            "services have not yet been read at least once, cannot construct envvars");
}

TEST_F(EnvironmentTest, OneWatchAnObjectUntilNobodyRefersToIt) {
  std::vector<std::string> changes;
  objects.onChange([&](const ObjectKey& key) { changes.push_back(key.name); });
  putMap("m", {{"k", "old"}});
  container.env = {mapKey("A", "m", "k"), secretKey("B", "later", "k", true)};
  pod.spec.containers = {container};
  objects.addPod(pod);
  Pod second = pod;
  second.metadata.uid = "u2";
  objects.addPod(second);
  executor.runFor(1s);
  EXPECT_EQ(objects.watches(), 2u);
  EXPECT_EQ(text(), "A=old\n");
  EXPECT_EQ(changes, std::vector<std::string>{"m"});

  cluster.change<ConfigMap>("ns", "m", [](ConfigMap& m) { m.data["k"] = "new"; });
  putSecret("later", {{"k", "s"}});
  executor.runFor(1s);
  EXPECT_EQ(changes, (std::vector<std::string>{"m", "m", "later"}));
  EXPECT_EQ(text(), "A=new\nB=s\n");

  cluster.change<ConfigMap>("ns", "m", [](ConfigMap& m) { m.immutable = true; });
  executor.runFor(1s);
  EXPECT_EQ(objects.watches(), 1u);
  EXPECT_EQ(text(), "A=new\nB=s\n");

  objects.removePod("u1");
  EXPECT_EQ(objects.watches(), 1u);
  objects.removePod("u2");
  EXPECT_EQ(objects.watches(), 0u);
  executor.runFor(1s);
  // Without a watch, the server is asked.
  EXPECT_EQ(text(), "A=new\nB=s\n");
}

TEST(References, NameTheContainer) {
  Pod pod;
  pod.metadata.name = "p";
  pod.spec.containers.resize(1);
  pod.spec.containers[0].name = "c";
  pod.spec.initContainers.resize(1);
  pod.spec.initContainers[0].name = "i";
  EXPECT_EQ(containerReference(pod, "c").fieldPath, "spec.containers{c}");
  EXPECT_EQ(containerReference(pod, "i").fieldPath, "spec.initContainers{i}");
  EXPECT_EQ(containerReference(pod, "x").fieldPath, "");
  EXPECT_EQ(podReference(pod).kind, "Pod");
}

}  // namespace
}  // namespace coxswain::kubelet
