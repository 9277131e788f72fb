#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/certs.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/signing.h"
#include "programs.h"
#include "runtime/reactor.h"

namespace coxswain::integration {

/// Plays an OpenID Connect provider and a webhook that knows tokens, over HTTPS.
class Provider final : public net::Handler {
 public:
  std::string url;                           ///< "https://127.0.0.1:4711"
  std::vector<net::SigningKey> keys;         ///< what the provider publishes
  std::map<std::string, std::string> known;  ///< user by token, for the webhook
  int reviews = 0;                           ///< that the webhook was asked

  /// A token of `subject`, signed by `key`.
  [[nodiscard]] std::string token(const net::SigningKey& key, const std::string& subject,
                                  WallTime now) const;
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override;
};

/// Who somebody is to the server: what a request carries.
struct Credentials {
  net::KeyPair keys = {};  ///< empty: no certificate
  net::Headers headers = {};
};

struct Reply {
  int code = 0;  ///< 0: no answer
  std::string body;
};

/// kube-apiserver and kube-controller-manager of $COXSWAIN_BIN with every way of authentication on,
/// in a folder of their own. stop() always.
class IdentityWorld {
 public:
  static Task<Result<std::unique_ptr<IdentityWorld>>> start(Reactor& reactor);
  ~IdentityWorld();
  IdentityWorld(const IdentityWorld&) = delete;
  IdentityWorld& operator=(const IdentityWorld&) = delete;
  Task<void> stop();

  Task<Reply> send(Credentials who, std::string method, std::string target, std::string body = "");
  /// "name [group group]", or the code of the refusal.
  Task<std::string> whoAmI(Credentials who);
  Task<Reply> asAdmin(std::string method, std::string target, std::string body = "");

  [[nodiscard]] net::KeyPair certificate(const net::KeyPair& ca, std::string name,
                                         std::vector<std::string> groups = {},
                                         Duration left = 1h) const;
  Status write(const std::string& name, const std::string& text) const;
  [[nodiscard]] WallTime now() const { return reactor_.wallNow(); }

  net::KeyPair clientCa;
  net::KeyPair proxyCa;
  Provider provider;

 private:
  explicit IdentityWorld(Reactor& reactor);
  Task<Status> launch();
  Status writeFiles();
  Task<Status> startProvider();
  Task<Status> waitServing();

  Reactor& reactor_;
  Programs programs_;
  uint16_t port_ = 0;
  std::string serverCa_;
  net::KeyPair providerCa_;
  std::unique_ptr<net::HttpServer> providerServer_;
};

inline Credentials bearer(const std::string& token) {
  return {{}, {{"Authorization", "Bearer " + token}}};
}

}  // namespace coxswain::integration
