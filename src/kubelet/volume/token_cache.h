#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>

#include "base/time.h"
#include "client/client.h"
#include "client/resources.h"
#include "runtime/executor.h"

namespace coxswain::kubelet {

/// Service account tokens bound to pods: asked for once, again when 80 % of their life (or 24
/// hours) are over. One executor. Upstream: pkg/kubelet/token.
class TokenCache {
 public:
  struct Token {
    std::string token;
    WallTime refreshAt{};  ///< by the clock on the wall: it goes on while a laptop sleeps
    WallTime expires{};
  };

  TokenCache(client::Client& client, Executor& executor) : client_(client), executor_(executor) {}

  /// For the pod's service account. `audience` empty: the API server's own. While a refresh fails
  /// and the old token is valid, that one is answered, to be refreshed a minute later.
  Task<Result<Token>> get(std::shared_ptr<const api::core::v1::Pod> pod, std::string audience,
                          int64_t expirationSeconds, std::stop_token stop);
  void forgetPod(const std::string& uid);
  [[nodiscard]] size_t size() const { return tokens_.size(); }

 private:
  using Key = std::tuple<std::string, std::string, int64_t>;  // uid, audience, seconds
  Task<Result<Token>> request(std::shared_ptr<const api::core::v1::Pod> pod, std::string audience,
                              int64_t expirationSeconds, std::stop_token stop);

  client::Client& client_;
  Executor& executor_;
  std::map<Key, Token> tokens_;
};

}  // namespace coxswain::kubelet
