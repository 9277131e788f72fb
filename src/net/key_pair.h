#pragma once

#include <string>
#include <string_view>

namespace coxswain::net {

/// Why the first certificate and the key of two PEM texts do not serve together, in Go's words
/// ("tls: private key does not match public key"); empty: they do. Any thread.
std::string keyPairFault(std::string_view certificatePem, std::string_view keyPem);

}  // namespace coxswain::net
