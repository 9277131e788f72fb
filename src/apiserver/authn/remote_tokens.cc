#include "apiserver/authn/remote_tokens.h"

#include <utility>

#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

bool isVerdict(const Recognition& answer) {
  if (answer.ok()) return true;
  switch (answer.status().reason()) {
    case Reason::Unreachable:
    case Reason::ServiceUnavailable:
    case Reason::Timeout:
    case Reason::Canceled:
      return false;
    default:
      return true;
  }
}

}  // namespace

RemoteTokens::RemoteTokens(Executor& executor, Random& random,
                           std::unique_ptr<RemoteTokenAuthenticator> authenticator,
                           RemoteTokensOptions options)
    : executor_(executor),
      authenticator_(std::move(authenticator)),
      options_(options),
      accepted_(random, options.entriesMax),
      refused_(random, options.entriesMax) {}

RemoteTokens::Cache::Key RemoteTokens::keyOf(std::string_view token,
                                             const Audiences& audiences) const {
  std::string context;
  for (const auto& one : audiences) context.append(std::to_string(one.size())).append(":" + one);
  return accepted_.keyOf(token, context);
}

std::optional<Recognition> RemoteTokens::remembered(std::string_view token,
                                                    const Audiences& audiences, WallTime now) {
  const auto key = keyOf(token, audiences);
  const auto* known = accepted_.find(key, now);
  if (!known) known = refused_.find(key, now);
  if (!known) return std::nullopt;
  ++figures_.hits;
  return *known;
}

Task<void> RemoteTokens::put(RemoteTokens& self, Gate::Pass pass, Cache::Key key, std::string token,
                             Audiences audiences, std::shared_ptr<Question> question) {
  {
    Deadline deadline(self.options_.timeout, self.stop_.get_token());
    auto answer =
        co_await self.authenticator_->ask(std::move(token), std::move(audiences), deadline.token());
    if (deadline.expired() && !answer.ok()) answer = timeoutError("no answer about the token");
    question->answer = std::move(answer);
  }
  const auto& answer = *question->answer;
  const auto now = self.executor_.wallNow();
  const bool accepted = answer.ok() && answer->has_value();
  const auto keepFor = accepted ? self.options_.acceptedFor : self.options_.refusedFor;
  if (keepFor > Duration(0) && isVerdict(answer)) {
    (accepted ? self.accepted_ : self.refused_).put(key, answer, now + keepFor);
  }
  ++(isVerdict(answer) ? self.figures_.answers : self.figures_.failures);
  self.questions_.erase(key);
  question->answered.set();
}

Task<Recognition> RemoteTokens::ask(std::string token, Audiences audiences, std::stop_token stop) {
  const auto key = keyOf(token, audiences);
  ++figures_.misses;
  std::shared_ptr<Question> question;
  if (auto found = questions_.find(key); found != questions_.end()) {
    question = found->second;
  } else {
    if (questions_.size() >= options_.questionsMax) {
      co_return serviceUnavailable("too many tokens are being asked about");
    }
    auto pass = gate_.enter();
    if (!pass) co_return canceled();
    question = std::make_shared<Question>();
    questions_.emplace(key, question);
    // Of its own, so that a client that leaves takes nothing from the others.
    spawn(executor_,
          put(*this, std::move(pass), key, std::move(token), std::move(audiences), question));
  }
  CO_TRY_STATUS(co_await question->answered.wait(stop));
  co_return *question->answer;
}

RemoteTokens::Figures RemoteTokens::figures() const {
  auto out = figures_;
  out.asking = questions_.size();
  return out;
}

Task<void> RemoteTokens::close() {
  stop_.request_stop();
  co_await gate_.close();
  co_await authenticator_->close();
}

}  // namespace coxswain::apiserver
