#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "client/client.h"
#include "client/http/account_tokens.h"
#include "client/http/http_client.h"
#include "client/http/rest_client.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// A client for each service account of kube-system that a controller acts as, by tokens that
/// kube-controller-manager's own client asks for. All share one connection, which shows no
/// certificate. One reactor; close() when the users have stopped.
class ControllerClients {
 public:
  /// `issuer`, whose config `config` is, and `reactor` outlive it.
  static Result<std::unique_ptr<ControllerClients>> create(Reactor& reactor, client::Client& issuer,
                                                           const client::ClientConfig& config);
  /// Made on first use; lives as long as this.
  client::Client& of(std::string_view account);
  Task<void> close();

 private:
  struct Identity {
    Identity(client::Client& issuer, Reactor& reactor, client::RestClient& rest, std::string name)
        : tokens(issuer, reactor, "kube-system", std::move(name)), client(rest, &tokens) {}
    client::AccountTokens tokens;
    client::HttpClient client;
  };
  ControllerClients(Reactor& reactor, client::Client& issuer,
                    std::unique_ptr<client::RestClient> rest)
      : reactor_(reactor), issuer_(issuer), rest_(std::move(rest)) {}

  Reactor& reactor_;
  client::Client& issuer_;
  std::unique_ptr<client::RestClient> rest_;
  std::map<std::string, std::unique_ptr<Identity>, std::less<>> identities_;
};

}  // namespace coxswain::cmd
