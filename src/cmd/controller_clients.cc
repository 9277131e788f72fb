#include "cmd/controller_clients.h"

namespace coxswain::cmd {

Result<std::unique_ptr<ControllerClients>> ControllerClients::create(
    Reactor& reactor, client::Client& issuer, const client::ClientConfig& config) {
  auto nobody = config;
  nobody.certificatePem.clear();
  nobody.keyPem.clear();
  nobody.tokenFile.clear();
  nobody.token.clear();
  nobody.username.clear();
  nobody.password.clear();
  TRY(auto rest, client::RestClient::create(reactor, std::move(nobody)));
  return std::unique_ptr<ControllerClients>(
      new ControllerClients(reactor, issuer, std::move(rest)));
}

client::Client& ControllerClients::of(std::string_view account) {
  auto found = identities_.find(account);
  if (found == identities_.end()) {
    auto made = std::make_unique<Identity>(issuer_, reactor_, *rest_, std::string(account));
    found = identities_.emplace(std::string(account), std::move(made)).first;
  }
  return found->second->client;
}

Task<void> ControllerClients::close() {
  co_await rest_->close();
}

}  // namespace coxswain::cmd
