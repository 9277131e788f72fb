#include "client/http/kubeconfig.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace coxswain::client {
namespace {

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "kubeconfig_" + std::to_string(::getpid());
    std::filesystem::create_directories(path_);
  }
  void TearDown() override {
    std::filesystem::remove_all(path_);
    ::unsetenv("KUBECONFIG");
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    ::unsetenv("KUBERNETES_SERVICE_PORT");
  }
  std::string write(const std::string& name, std::string_view text) {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  std::string path_;
};

constexpr const char* kOne = R"(apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c1
  cluster: {server: "https://one:6443", certificate-authority: ca.pem, x-unknown: 5}
users:
- name: u1
  user: {token: secret, as: bob, as-groups: [g1, g2]}
contexts:
- name: one
  context: {cluster: c1, user: u1, namespace: dev}
)";

constexpr const char* kTwo = R"(
clusters:
- name: c1
  cluster: {server: "https://hidden"}
- name: c2
  cluster:
    server: https://two/base
    certificate-authority-data: Q0E=
    insecure-skip-tls-verify: true
users:
- name: u2
  user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ, tokenFile: tok}
contexts:
- {name: two, context: {cluster: c2, user: u2}}
current-context: two
)";

TEST_F(Folder, FilesOfTheListAreMerged) {
  auto one = write("one", kOne);
  auto two = write("two", kTwo);
  write("ca.pem", "PEM");
  ::setenv("KUBECONFIG", (one + ":" + path_ + "/absent:" + two).c_str(), 1);
  auto config = KubeConfig::load(KubeConfigPaths::find(""));
  ASSERT_TRUE(config.ok()) << config.status().toString();
  auto first = resolveConfig(*config);
  ASSERT_TRUE(first.ok()) << first.status().toString();
  EXPECT_EQ(first->client.server, "https://one:6443");
  EXPECT_EQ(first->client.caPem, "PEM");  // beside the file that names it
  EXPECT_EQ(first->client.token, "secret");
  EXPECT_EQ(first->client.impersonateUser, "bob");
  EXPECT_EQ(first->client.impersonateGroups, (std::vector<std::string>{"g1", "g2"}));
  EXPECT_EQ(first->ns, "dev");
  EXPECT_FALSE(first->namespaceGiven);
  KubeConfigOverrides overrides;
  overrides.context = "two";
  overrides.ns = "kube-system";
  auto second = resolveConfig(*config, overrides);
  ASSERT_TRUE(second.ok()) << second.status().toString();
  EXPECT_EQ(second->client.server, "https://two/base");
  EXPECT_EQ(second->client.caPem, "CA");
  EXPECT_EQ(second->client.certificatePem, "CERT");
  EXPECT_EQ(second->client.keyPem, "KEY");
  EXPECT_EQ(second->client.tokenFile, path_ + "/tok");
  EXPECT_TRUE(second->client.insecureSkipVerify);
  EXPECT_EQ(second->ns, "kube-system");
}

TEST_F(Folder, AnExplicitFileMustBeThere) {
  auto config = KubeConfig::load(KubeConfigPaths::find(path_ + "/nowhere"));
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().message(), "stat " + path_ + "/nowhere: no such file or directory");
}

TEST(KubeConfig, NothingAtAllIsLocalhost) {
  auto resolved = resolveConfig(KubeConfig());
  ASSERT_TRUE(resolved.ok());
  EXPECT_EQ(resolved->client.server, "http://localhost:8080");
  EXPECT_EQ(resolved->ns, "default");
}

struct Bad {
  const char* text;
  const char* message;
};

TEST(KubeConfig, BadOnesSayWhy) {
  const Bad cases[] = {
      {"[]", "error loading config file \"f\": it is no map"},
      {"clusters: 3", "error loading config file \"f\": clusters is no list"},
      {"users: [x]", "error loading config file \"f\": users: an entry is no map"},
      {"contexts: [{name: x, context: 3}]",
       "error loading config file \"f\": contexts: \"x\" is no map"},
      {"current-context: yes",
       "error loading config file \"f\": json: cannot unmarshal bool into Go struct field "
       "Config.current-context of type string"},
      {"kind: Pod\napiVersion: v1",
       "error loading config file \"f\": no kind \"Pod\" is registered for version \"v1\" in "
       "scheme "
       "\"pkg/runtime/scheme.go:110\""},
  };
  for (const auto& bad : cases) {
    auto config = KubeConfig::parse(bad.text, "f");
    ASSERT_FALSE(config.ok()) << bad.text;
    EXPECT_EQ(config.status().message(), bad.message);
  }
  EXPECT_FALSE(KubeConfig::parse("a: [", "f").ok());
}

TEST(KubeConfig, ResolvingSaysWhatIsMissing) {
  const Bad cases[] = {
      {"contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x",
       "cluster \"c\" does not exist"},
      {"contexts: [{name: x, context: {user: u}}]\ncurrent-context: x",
       "auth info \"u\" does not exist"},
      {"contexts: [{name: x}]\ncurrent-context: other",
       "context was not found for specified context: other"},
      {"contexts: [{name: x, context: {user: u}}]\ncurrent-context: x\n"
       "users: [{name: u, user: {exec: {command: aws}}}]",
       "user \"u\": credentials by exec are not supported; use a token or a client certificate"},
      {"contexts: [{name: x, context: {user: u}}]\ncurrent-context: x\n"
       "users: [{name: u, user: {client-key-data: '***'}}]",
       "illegal base64 data in client-key-data of \"u\""},
  };
  for (const auto& bad : cases) {
    auto config = KubeConfig::parse(bad.text, "f");
    ASSERT_TRUE(config.ok()) << config.status().toString();
    auto resolved = resolveConfig(*config);
    ASSERT_FALSE(resolved.ok()) << bad.text;
    EXPECT_EQ(resolved.status().message(), bad.message);
  }
}

TEST_F(Folder, WritingKeepsWhatWeDoNotKnow) {
  auto file = write("one", kOne);
  auto config = KubeConfig::load(KubeConfigPaths::find(file));
  ASSERT_TRUE(config.ok());
  config->currentContext = "other";
  auto target = path_ + "/sub/new";
  ASSERT_TRUE(writeKubeConfigFile(target, *config).ok());
  auto again = readWholeFile(target);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, R"(apiVersion: v1
clusters:
- cluster:
    certificate-authority: ca.pem
    server: https://one:6443
    x-unknown: 5
  name: c1
contexts:
- context:
    cluster: c1
    namespace: dev
    user: u1
  name: one
current-context: other
kind: Config
users:
- name: u1
  user:
    as: bob
    as-groups:
    - g1
    - g2
    token: secret
)");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(target).permissions(), perms::owner_read | perms::owner_write);
}

TEST_F(Folder, MinifyFlattenRedact) {
  auto one = write("one", kOne);
  auto two = write("two", kTwo);
  write("ca.pem", "PEM");
  ::setenv("KUBECONFIG", (one + ":" + two).c_str(), 1);
  auto config = KubeConfig::load(KubeConfigPaths::find(""));
  ASSERT_TRUE(config.ok());
  ASSERT_TRUE(config->minify().ok());
  EXPECT_EQ(config->clusters.size(), 1U);
  ASSERT_TRUE(config->flatten().ok());
  EXPECT_EQ(config->clusters[0].text("certificate-authority-data"), "UEVN");
  EXPECT_EQ(config->clusters[0].text("certificate-authority"), "");
  config->redact();
  EXPECT_EQ(config->clusters[0].text("certificate-authority-data"), "DATA+OMITTED");
  EXPECT_EQ(config->users[0].text("token"), "REDACTED");
}

TEST_F(Folder, TheLockIsOneAtATime) {
  auto file = path_ + "/config";
  {
    auto first = KubeConfigLock::take(file);
    ASSERT_TRUE(first.ok());
    EXPECT_FALSE(KubeConfigLock::take(file).ok());
  }
  EXPECT_TRUE(KubeConfigLock::take(file).ok());
}

TEST_F(Folder, InCluster) {
  EXPECT_FALSE(inClusterConfig(path_).ok());
  ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  ::setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  EXPECT_FALSE(inClusterConfig(path_).ok());
  write("token", "abc\n");
  write("ca.crt", "PEM");
  auto config = inClusterConfig(path_);
  ASSERT_TRUE(config.ok()) << config.status().toString();
  EXPECT_EQ(config->server, "https://[fd00::1]:443");
  EXPECT_EQ(config->caPem, "PEM");
}

}  // namespace
}  // namespace coxswain::client
