#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "dns/cache.h"
#include "dns/message.h"
#include "runtime/random.h"
#include "runtime/reactor.h"
#include "runtime/sync.h"

namespace coxswain::dns {

struct ForwardOptions {
  std::vector<std::string> upstreams;  ///< "10.0.0.1:53"
  Duration timeout = 2s;               ///< of one try
  int rounds = 2;                      ///< each upstream is tried so often
  size_t queriesMax = 1000;            ///< at the same time; more are refused
  Cache::Limits cache;
};

/// Asks the upstream servers, over UDP from a random port with a random id, over TCP where the
/// answer was truncated; keeps answers. The same question is asked once at a time: who asks it
/// meanwhile gets the same answer, so that a loop of servers costs one query and not a storm. One
/// reactor; its calls have ended before it is destroyed.
class Forwarder {
 public:
  Forwarder(Reactor& reactor, Random& random, ForwardOptions options);

  struct Reply {
    AnswerPointer answer;
    uint32_t age = 0;
  };
  /// A kept answer; null: none.
  Reply cached(const Question& question, bool dnssecOk, bool checkingDisabled);
  /// Timeout: nobody answered; Unreachable; TooManyRequests; NotFound: no upstream is configured.
  Task<Result<Reply>> ask(Question question, bool dnssecOk, bool checkingDisabled,
                          std::stop_token stop);
  /// Other servers from now on; what the old ones said is forgotten.
  void setUpstreams(std::vector<std::string> upstreams);
  [[nodiscard]] bool hasUpstreams() const { return !options_.upstreams.empty(); }

 private:
  struct Flight {
    Event done;
    Result<AnswerPointer> result{canceled()};
  };
  struct Wanted {
    Question question;
    bool dnssecOk = false;
    bool checkingDisabled = false;
  };
  Task<Result<AnswerPointer>> askAll(Wanted wanted, std::stop_token stop);
  Task<Result<AnswerPointer>> askOne(const Wanted& wanted, const std::string& upstream,
                                     std::stop_token stop);
  Task<Result<AnswerPointer>> overUdp(const Wanted& wanted, const std::string& upstream,
                                      std::stop_token stop);
  Task<Result<AnswerPointer>> overTcp(const Wanted& wanted, const std::string& upstream,
                                      std::stop_token stop);

  Reactor& reactor_;
  Random& random_;
  ForwardOptions options_;
  Cache cache_;
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace coxswain::dns
