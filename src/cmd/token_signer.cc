#include "cmd/token_signer.h"

#include "apiserver/authn/service_account_tokens.h"
#include "net/signing.h"

namespace coxswain::cmd {

Result<controllers::serviceaccounttokens::TokensController::Sign> tokenSigner(
    const std::string& keyPem) {
  TRY(auto key, net::SigningKey::parse(keyPem));
  return [key](std::string_view ns, std::string_view account, std::string_view uid,
               std::string_view secret) {
    return apiserver::signLegacyToken(key, ns, account, uid, secret);
  };
}

}  // namespace coxswain::cmd
