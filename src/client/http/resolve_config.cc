#include <boost/json/object.hpp>
#include <filesystem>

#include "api/meta/base64.h"
#include "client/http/kubeconfig.h"

namespace coxswain::client {

namespace {

std::string besides(const KubeConfigEntry& entry, const std::string& path) {
  if (path.starts_with('/') || entry.file.empty()) return path;
  return (std::filesystem::path(entry.file).parent_path() / path).lexically_normal().string();
}

/// The inline data of an entry, or its file's contents; empty: it has neither.
Result<std::string> dataOrFile(const KubeConfigEntry& entry, const std::string& key) {
  auto data = entry.text(key + "-data");
  if (!data.empty()) {
    auto bytes = api::base64Decode(data);
    if (!bytes) {
      return badRequest("illegal base64 data in " + key + "-data of \"" + entry.name + "\"");
    }
    return std::move(*bytes);
  }
  auto path = entry.text(key);
  if (path.empty()) return std::string();
  auto text = readWholeFile(besides(entry, path));
  if (!text.ok()) {
    return badRequest("unable to read " + key + " " + path + " for " + entry.name + " due to " +
                      text.status().message());
  }
  return text;
}

Status applyCluster(const KubeConfigEntry& cluster, ClientConfig& client) {
  client.server = cluster.text("server");
  client.insecureSkipVerify = cluster.flag("insecure-skip-tls-verify");
  client.tlsServerName = cluster.text("tls-server-name");
  if (!cluster.text("proxy-url").empty()) {
    return badRequest("cluster \"" + cluster.name + "\": proxy-url is not supported");
  }
  TRY(client.caPem, dataOrFile(cluster, "certificate-authority"));
  return {};
}

Status applyUser(const KubeConfigEntry& user, ClientConfig& client) {
  for (const char* plugin : {"exec", "auth-provider"}) {
    if (user.body.contains(plugin)) {
      return badRequest("user \"" + user.name + "\": credentials by " + plugin +
                        " are not supported; use a token or a client certificate");
    }
  }
  TRY(client.certificatePem, dataOrFile(user, "client-certificate"));
  TRY(client.keyPem, dataOrFile(user, "client-key"));
  client.token = user.text("token");
  if (auto file = user.text("tokenFile"); !file.empty()) client.tokenFile = besides(user, file);
  client.username = user.text("username");
  client.password = user.text("password");
  client.impersonateUser = user.text("as");
  client.impersonateUid = user.text("as-uid");
  if (const auto* groups = user.body.if_contains("as-groups"); groups && groups->is_array()) {
    for (const auto& group : groups->get_array()) {
      if (group.is_string()) client.impersonateGroups.emplace_back(group.get_string().c_str());
    }
  }
  return {};
}

Status applyOverrides(const KubeConfigOverrides& overrides, ClientConfig& client) {
  const auto take = [](const std::string& from, std::string& to) {
    if (!from.empty()) to = from;
  };
  take(overrides.server, client.server);
  take(overrides.tlsServerName, client.tlsServerName);
  if (overrides.insecure) {
    client.insecureSkipVerify = true;
    client.caPem.clear();
  }
  if (!overrides.caFile.empty()) {
    TRY(client.caPem, readWholeFile(overrides.caFile));
  }
  if (!overrides.certificateFile.empty()) {
    TRY(client.certificatePem, readWholeFile(overrides.certificateFile));
  }
  if (!overrides.keyFile.empty()) {
    TRY(client.keyPem, readWholeFile(overrides.keyFile));
  }
  if (!overrides.token.empty()) {
    client.token = overrides.token;
    client.tokenFile.clear();
  }
  take(overrides.username, client.username);
  take(overrides.password, client.password);
  take(overrides.impersonateUser, client.impersonateUser);
  take(overrides.impersonateUid, client.impersonateUid);
  if (!overrides.impersonateGroups.empty()) client.impersonateGroups = overrides.impersonateGroups;
  return {};
}

}  // namespace

Result<ResolvedConfig> resolveConfig(const KubeConfig& config,
                                     const KubeConfigOverrides& overrides) {
  ResolvedConfig out;
  auto name = overrides.context.empty() ? config.currentContext : overrides.context;
  std::string cluster;
  std::string user;
  if (!name.empty()) {
    const auto* context = KubeConfig::find(config.contexts, name);
    if (context) {
      cluster = context->text("cluster");
      user = context->text("user");
      if (auto ns = context->text("namespace"); !ns.empty()) out.ns = std::move(ns);
    } else if (!overrides.context.empty()) {
      return badRequest("context \"" + name + "\" does not exist");
    } else {
      return badRequest("context was not found for specified context: " + name);
    }
  }
  if (!overrides.cluster.empty()) cluster = overrides.cluster;
  if (!overrides.user.empty()) user = overrides.user;
  if (!overrides.ns.empty()) {
    out.ns = overrides.ns;
    out.namespaceGiven = true;
  }
  out.client.server.clear();
  if (!cluster.empty()) {
    const auto* entry = KubeConfig::find(config.clusters, cluster);
    if (!entry) return badRequest("cluster \"" + cluster + "\" does not exist");
    TRY_STATUS(applyCluster(*entry, out.client));
  }
  if (!user.empty()) {
    const auto* entry = KubeConfig::find(config.users, user);
    if (!entry) return badRequest("auth info \"" + user + "\" does not exist");
    TRY_STATUS(applyUser(*entry, out.client));
  }
  TRY_STATUS(applyOverrides(overrides, out.client));
  auto& server = out.client.server;
  if (server.empty()) server = "http://localhost:8080";
  if (server.find("://") == std::string::npos) server = "http://" + server;
  return out;
}

}  // namespace coxswain::client
