#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "apiserver/authn/token_authenticator.h"
#include "base/result.h"
#include "net/certs.h"

namespace coxswain::apiserver {

/// Certificates of clients that lead to one bundle of CAs, with the usage of clients, now.
/// A chain that was verified is known by its leaf for some minutes. One executor.
/// Upstream: apiserver/pkg/authentication/request/x509.
class ClientCertificates {
 public:
  /// `caPem` empty: nobody is known.
  explicit ClientCertificates(std::string caPem = {}) : ca_(std::move(caPem)) {}

  [[nodiscard]] bool enabled() const { return !ca_.empty(); }
  [[nodiscard]] const std::string& caPem() const { return ca_; }
  /// From now on these CAs count. BadRequest, and nothing changes: no certificates.
  Status setCa(std::string caPem);

  /// The name of a leaf whose chain (DER, leaf first, intermediates in any order) is good;
  /// Unauthorized says why it is not. Null: there is no chain, or nobody is known.
  [[nodiscard]] Result<const std::string*> verifiedName(const std::vector<std::string>& chain,
                                                        WallTime now);
  /// Who a good chain speaks for: common name, organizations as groups, uid. Nothing: nobody.
  [[nodiscard]] Recognition recognise(const std::vector<std::string>& chain, WallTime now);

 private:
  struct Known {
    std::string commonName;
    Status problem;  ///< why it names no user, although it is good
    UserInfo user;
    WallTime until{};
  };
  [[nodiscard]] Result<const Known*> verified(const std::vector<std::string>& chain, WallTime now);

  std::string ca_;
  std::unordered_map<std::string, Known> known_;  ///< by the leaf's DER
};

}  // namespace coxswain::apiserver
