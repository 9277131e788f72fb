#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::api::core::v1 {
struct Secret;
}

namespace coxswain::kubelet {

struct RegistryCredential {
  std::string username;
  std::string password;
  bool operator==(const RegistryCredential&) const = default;
};

/// Credentials by registry or part of one, as .dockerconfigjson and .dockercfg have them.
/// Upstream: pkg/credentialprovider/keyring.go.
class Keyring {
 public:
  /// From a pull secret; one of another type adds nothing. BadRequest where its text is broken:
  /// nothing of it was added then.
  Status add(const api::core::v1::Secret& secret);
  /// "https://index.docker.io/v1/", "quay.io/team", "*.example.com:5000".
  void add(std::string_view location, RegistryCredential credential);

  /// All that fit "docker.io/library/nginx", the most particular first.
  [[nodiscard]] std::vector<RegistryCredential> lookup(const std::string& repository) const;
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  std::map<std::string, std::vector<RegistryCredential>, std::greater<>> entries_;
};

/// Entries of a file: location -> credential. `config`: {"auths": {...}} (.dockerconfigjson), else
/// the bare map (.dockercfg). Entries without user and password are left out. BadRequest.
Result<std::vector<std::pair<std::string, RegistryCredential>>> parseDockerConfig(
    std::string_view text, bool config);

/// Does a key such as "*.example.com/team" fit a repository? Parts of the host match one by one.
bool matchesRepository(std::string_view key, std::string_view repository);

}  // namespace coxswain::kubelet
