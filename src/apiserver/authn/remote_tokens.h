#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/authn/secret_cache.h"
#include "apiserver/authn/token_authenticator.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/sync.h"

namespace coxswain::apiserver {

struct RemoteTokensOptions {
  Duration acceptedFor = 10s;  ///< how long a verdict is kept; 0: it is not
  Duration refusedFor = 10s;
  size_t entriesMax = 4096;   ///< verdicts that are kept
  size_t questionsMax = 256;  ///< at the same time; beyond: ServiceUnavailable
  Duration timeout = 30s;     ///< of a question
};

/// Remembers what somebody elsewhere said about tokens, and asks about a token once however many
/// requests bring it at the same time. One executor; close() before it stops.
/// Upstream: apiserver/pkg/authentication/token/cache.
class RemoteTokens {
 public:
  RemoteTokens(Executor& executor, Random& random,
               std::unique_ptr<RemoteTokenAuthenticator> authenticator,
               RemoteTokensOptions options);

  [[nodiscard]] bool concerns(std::string_view token) const {
    return authenticator_->concerns(token);
  }
  /// Nothing: ask().
  [[nodiscard]] std::optional<Recognition> remembered(std::string_view token,
                                                      const Audiences& audiences, WallTime now);
  Task<Recognition> ask(std::string token, Audiences audiences, std::stop_token stop);
  Task<void> close();

  struct Figures {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t answers = 0;
    uint64_t failures = 0;
    size_t asking = 0;  ///< now
  };
  [[nodiscard]] Figures figures() const;

 private:
  using Cache = SecretCache<Recognition>;
  struct Question {
    Event answered;
    std::optional<Recognition> answer;
  };
  [[nodiscard]] Cache::Key keyOf(std::string_view token, const Audiences& audiences) const;
  static Task<void> put(RemoteTokens& self, Gate::Pass pass, Cache::Key key, std::string token,
                        Audiences audiences, std::shared_ptr<Question> question);

  Executor& executor_;
  std::unique_ptr<RemoteTokenAuthenticator> authenticator_;
  RemoteTokensOptions options_;
  Cache accepted_;
  Cache refused_;  // apart, so that made up tokens push nobody out
  std::map<Cache::Key, std::shared_ptr<Question>> questions_;
  Figures figures_;
  std::stop_source stop_;
  Gate gate_;
};

}  // namespace coxswain::apiserver
