#pragma once

#include <string>

#include "base/result.h"
#include "controllers/serviceaccounttokens/controller.h"

namespace coxswain::cmd {

/// Signs tokens of service accounts that are kept in secrets. BadRequest: no private key.
Result<controllers::serviceaccounttokens::TokensController::Sign> tokenSigner(
    const std::string& keyPem);

}  // namespace coxswain::cmd
