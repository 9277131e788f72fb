#include "identity_world.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>

#include "api/codec/value.h"
#include "api/meta/base64.h"
#include "net/testing/free_port.h"
#include "runtime/spawn.h"

namespace coxswain::integration {
namespace {

namespace json = boost::json;

constexpr Duration kPatience = 240s;

std::string keySet(const std::vector<net::SigningKey>& keys) {
  json::array list;
  for (const auto& key : keys) {
    json::object one{{"kty", key.publicKey().keyType()}, {"kid", key.publicKey().keyId()}};
    for (const auto& [name, value] : key.publicKey().parameters()) one[name] = value;
    list.push_back(std::move(one));
  }
  return api::writeJsonValue(json::object{{"keys", std::move(list)}});
}

}  // namespace

std::string Provider::token(const net::SigningKey& key, const std::string& subject,
                            WallTime now) const {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const json::object header{{"alg", key.publicKey().algorithm()}, {"kid", key.publicKey().keyId()}};
  const json::object claims{{"iss", url},
                            {"aud", "cluster"},
                            {"exp", seconds + 600},
                            {"sub", subject},
                            {"groups", json::array{"dev", "ops"}}};
  auto text = api::base64UrlEncode(api::writeJsonValue(header)) + "." +
              api::base64UrlEncode(api::writeJsonValue(claims));
  return text + "." + api::base64UrlEncode(*key.sign(text));
}

Task<void> Provider::serve(net::Request& request, net::ResponseWriter& response) {
  std::string answer;
  if (request.path == "/.well-known/openid-configuration") {
    answer = api::writeJsonValue(json::object{{"issuer", url}, {"jwks_uri", url + "/keys"}});
  } else if (request.path == "/keys") {
    answer = keySet(keys);
  } else if (request.path == "/review") {
    ++reviews;
    auto body = co_await request.body->readAll(1 << 20, request.stop);
    auto review = body.ok() ? api::parseJsonValue(*body) : Result<json::value>(body.status());
    json::object status;
    if (review.ok()) {
      auto found = known.find(std::string(review->at("spec").at("token").as_string()));
      if (found != known.end()) {
        status["authenticated"] = true;
        status["user"] = json::object{{"username", found->second}, {"groups", json::array{"hook"}}};
      }
    }
    answer = api::writeJsonValue(json::object{{"kind", "TokenReview"},
                                              {"apiVersion", "authentication.k8s.io/v1"},
                                              {"status", std::move(status)}});
  }
  net::Headers headers{{"Content-Type", "application/json"}};
  const int code = answer.empty() ? 404 : 200;
  Status sent = co_await response.respond(code, std::move(headers), std::move(answer));
  if (!sent.ok()) co_return;  // the server left
}

IdentityWorld::IdentityWorld(Reactor& reactor) : reactor_(reactor), programs_(reactor) {}

IdentityWorld::~IdentityWorld() = default;

Task<Result<std::unique_ptr<IdentityWorld>>> IdentityWorld::start(Reactor& reactor) {
  auto world = std::unique_ptr<IdentityWorld>(new IdentityWorld(reactor));
  Status launched = co_await world->launch();
  if (launched.ok()) co_return world;
  world->programs_.printLogs();
  co_await world->stop();
  co_return launched;
}

Status IdentityWorld::write(const std::string& name, const std::string& text) const {
  const auto path = programs_.path(name);
  std::ofstream(path + ".new") << text;
  std::error_code error;
  std::filesystem::rename(path + ".new", path, error);
  return error ? internalError(path + ": " + error.message()) : Status();
}

net::KeyPair IdentityWorld::certificate(const net::KeyPair& ca, std::string name,
                                        std::vector<std::string> groups, Duration left) const {
  net::CertificateRequest wanted;
  wanted.commonName = std::move(name);
  wanted.organizations = std::move(groups);
  wanted.client = true;
  wanted.notBefore = now() - 2h;
  wanted.notAfter = now() + left;
  auto made = net::issueCertificate(ca, wanted);
  return made.ok() ? std::move(*made) : net::KeyPair();
}

Status IdentityWorld::writeFiles() {
  TRY(clientCa, net::createCa("clients", now() - 3h, now() + 24h));
  TRY(proxyCa, net::createCa("proxies", now() - 3h, now() + 24h));
  TRY(providerCa_, net::createCa("providers", now() - 3h, now() + 24h));
  TRY_STATUS(write("clients.crt", clientCa.certificatePem));
  TRY_STATUS(write("proxies.crt", proxyCa.certificatePem));
  TRY_STATUS(write("providers.crt", providerCa_.certificatePem));
  return write("tokens.csv", "admin-token,admin,1,\"system:masters\"\n");
}

Task<Status> IdentityWorld::startProvider() {
  net::CertificateRequest wanted;
  wanted.commonName = "provider";
  wanted.ipAddresses = {"127.0.0.1"};
  wanted.server = true;
  wanted.notBefore = now() - 1h;
  wanted.notAfter = now() + 1h;
  CO_TRY(auto keys, net::issueCertificate(providerCa_, wanted));
  net::TlsServerOptions tls;
  tls.certificatePem = keys.certificatePem;
  tls.keyPem = keys.keyPem;
  net::HttpServerOptions options;
  CO_TRY(options.tls, net::TlsContext::server(tls));
  CO_TRY(providerServer_, net::HttpServer::start(reactor_, std::move(options), provider));
  provider.url = "https://" + providerServer_->address();
  CO_TRY(auto pem, net::createKeyPem());
  CO_TRY(auto key, net::SigningKey::parse(pem));
  provider.keys.push_back(std::move(key));
  co_return write("webhook.conf",
                  "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                  "clusters: [{name: c, cluster: {server: \"" +
                      provider.url + "/review\", certificate-authority: \"" +
                      programs_.path("providers.crt") +
                      "\"}}]\n"
                      "users: [{name: u, user: {}}]\n"
                      "contexts: [{name: c, context: {cluster: c, user: u}}]\n");
}

Task<Status> IdentityWorld::launch() {
  CO_TRY_STATUS(programs_.open());
  CO_TRY_STATUS(writeFiles());
  CO_TRY_STATUS(co_await startProvider());
  port_ = net::testing::freePort(reactor_);
  const auto file = [this](const char* name) { return programs_.path(name); };
  const std::vector<std::pair<std::string, std::string>> flags = {
      {"bind-address", "127.0.0.1"},
      {"secure-port", std::to_string(port_)},
      {"data-dir", file("data")},
      {"kubeconfig-dir", file("conf")},
      {"client-ca-file", file("clients.crt")},
      {"token-auth-file", file("tokens.csv")},
      {"enable-bootstrap-token-auth", "true"},
      {"requestheader-client-ca-file", file("proxies.crt")},
      {"requestheader-allowed-names", "front"},
      {"requestheader-username-headers", "X-Remote-User"},
      {"requestheader-group-headers", "X-Remote-Group"},
      {"requestheader-extra-headers-prefix", "X-Remote-Extra-"},
      {"service-account-issuer", "https://issuer.example"},
      {"oidc-issuer-url", provider.url},
      {"oidc-client-id", "cluster"},
      {"oidc-ca-file", file("providers.crt")},
      {"oidc-signing-algs", "RS256,ES256"},
      {"oidc-username-prefix", "oidc:"},
      {"oidc-groups-claim", "groups"},
      {"authentication-token-webhook-config-file", file("webhook.conf")},
      {"authentication-token-webhook-version", "v1"},
  };
  std::vector<std::string> server;
  for (const auto& [name, value] : flags) server.push_back("--" + name + "=" + value);
  CO_TRY_STATUS(programs_.start("kube-apiserver", std::move(server)));
  CO_TRY_STATUS(co_await waitServing());
  // The keys that the server made for the others are its own CA's, which does not count here.
  const auto manager = certificate(clientCa, "system:kube-controller-manager");
  CO_TRY_STATUS(write("manager.crt", manager.certificatePem));
  CO_TRY_STATUS(write("manager.key", manager.keyPem));
  CO_TRY_STATUS(write("manager.conf",
                      "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                      "clusters: [{name: c, cluster: {server: \"https://127.0.0.1:" +
                          std::to_string(port_) + "\", certificate-authority: \"" +
                          file("data/pki/ca.crt") +
                          "\"}}]\nusers: [{name: u, user: {client-certificate: \"" +
                          file("manager.crt") + "\", client-key: \"" + file("manager.key") +
                          "\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"));
  std::vector<std::string> flagsOfManager{"--secure-port",
                                          "0",
                                          "--kubeconfig",
                                          file("manager.conf"),
                                          "--root-ca-file",
                                          file("data/pki/ca.crt"),
                                          "--service-account-private-key-file",
                                          file("data/pki/sa.key")};
  co_return programs_.start("kube-controller-manager", std::move(flagsOfManager));
}

Task<Status> IdentityWorld::waitServing() {
  const auto end = reactor_.now() + kPatience;
  while (reactor_.now() < end) {
    serverCa_ = readAll(programs_.path("data/pki/ca.crt"));
    if (!serverCa_.empty()) {
      auto reply = co_await send({}, "GET", "/readyz");
      if (reply.code == 200) co_return Status();
    }
    CO_TRY_STATUS(co_await sleepFor(20ms));
  }
  co_return unreachable("kube-apiserver does not serve");
}

Task<Reply> IdentityWorld::send(Credentials who, std::string method, std::string target,
                                std::string body) {
  net::TlsClientOptions tls;
  tls.caPem = serverCa_;
  tls.certificatePem = who.keys.certificatePem;
  tls.keyPem = who.keys.keyPem;
  Reply reply;
  auto context = net::TlsContext::client(tls);
  if (!context.ok()) co_return reply;
  net::HttpClientOptions options;
  options.server = "https://127.0.0.1:" + std::to_string(port_);
  options.tls = *context;
  net::HttpClient client(reactor_, std::move(options));
  net::ClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers = std::move(who.headers);
  request.headers.add("Content-Type", request.method == "PATCH" ? "application/merge-patch+json"
                                                                : "application/json");
  request.body = std::move(body);
  {
    Deadline deadline(kPatience, {});
    auto response = co_await client.send(std::move(request), deadline.token());
    if (response.ok()) {
      auto text = co_await (*response)->body().readAll(1 << 20, deadline.token());
      reply.code = (*response)->status;
      if (text.ok()) reply.body = std::move(*text);
    }
  }
  co_await client.close();
  co_return reply;
}

Task<Reply> IdentityWorld::asAdmin(std::string method, std::string target, std::string body) {
  auto admin = bearer("admin-token");
  co_return co_await send(std::move(admin), std::move(method), std::move(target), std::move(body));
}

Task<std::string> IdentityWorld::whoAmI(Credentials who) {
  auto reply =
      co_await send(std::move(who), "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                    R"({"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"})");
  if (reply.code != 201) co_return std::to_string(reply.code);
  auto value = api::parseJsonValue(reply.body);
  if (!value.ok()) co_return "unreadable";
  const auto& user = value->at("status").at("userInfo").as_object();
  std::string out(user.at("username").as_string());
  out += " [";
  if (const auto* groups = user.if_contains("groups")) {
    for (const auto& group : groups->as_array()) {
      if (!out.ends_with('[')) out += " ";
      out += group.as_string();
    }
  }
  co_return out + "]";
}

Task<void> IdentityWorld::stop() {
  co_await programs_.stop();
  if (providerServer_) co_await providerServer_->stop(1s);
}

}  // namespace coxswain::integration
