#include "apiserver/authn/authenticator.h"

#include <algorithm>

#include "apiserver/authn/bearer_token.h"
#include "base/log.h"

namespace coxswain::apiserver {
namespace {

const Logger kLog("apiserver.authn");

constexpr std::string_view kAuthenticated = "system:authenticated";
constexpr std::string_view kUnauthenticated = "system:unauthenticated";
constexpr const char* kAnonymous = "system:anonymous";
constexpr const char* kInvalidToken = "invalid bearer token";

/// Every user is in one of two groups.
void completeGroups(UserInfo& user) {
  if (user.inGroup(kAuthenticated) || user.inGroup(kUnauthenticated)) return;
  user.groups.emplace_back(user.name == kAnonymous ? kUnauthenticated : kAuthenticated);
}

/// "a", or "[a, b]"; each once.
std::string joined(const std::vector<std::string>& problems) {
  std::vector<std::string_view> unique;
  for (const auto& one : problems) {
    if (std::find(unique.begin(), unique.end(), one) == unique.end()) unique.push_back(one);
  }
  if (unique.size() == 1) return std::string(unique.front());
  std::string out;
  for (auto one : unique) out.append(out.empty() ? "" : ", ").append(one);
  return "[" + out + "]";
}

/// True: found.
bool take(Recognition known, std::optional<Authenticated>& found,
          std::vector<std::string>& problems) {
  if (!known.ok()) {
    problems.push_back(known.status().message());
    return false;
  }
  if (!known->has_value()) return false;
  found = std::move(**known);
  return true;
}

}  // namespace

Audiences intersection(const Audiences& a, const Audiences& b) {
  Audiences both;
  for (const auto& one : a) {
    if (std::find(b.begin(), b.end(), one) != b.end()) both.push_back(one);
  }
  return both;
}

Authenticator::Authenticator(Options options)
    : options_(std::move(options)),
      certificates_(std::move(options_.clientCaPem)),
      requestHeaders_(std::move(options_.requestHeaders)) {
  if (options_.audiences.empty() && options_.accounts) {
    options_.audiences = options_.accounts->audiences();
  }
}

Recognition Authenticator::byStaticToken(std::string_view token, const Audiences& audiences) {
  const auto* user = options_.tokens.find(token);
  if (!user) return std::nullopt;
  Authenticated out;
  out.user = *user;
  if (&audiences != &options_.audiences) out.audiences = audiences;
  return out;
}

/// By what is known here. `audiences`: what the token should be for; the options' own for requests,
/// which do not look at those of the answer.
void Authenticator::attemptToken(Attempt& attempt, const Audiences& audiences, WallTime now) {
  auto& found = attempt.found;
  auto& problems = attempt.problems;
  const std::string_view token = attempt.token;
  // Tokens that name no audience are for this API server.
  Audiences both;
  const bool same = options_.audiences.empty() || &audiences == &options_.audiences;
  if (!same) both = intersection(audiences, options_.audiences);
  const auto& ours = same ? audiences : both;
  const bool forUs = same || !ours.empty();
  if (forUs && take(byStaticToken(token, ours), found, problems)) return;
  if (options_.accounts &&
      take(options_.accounts->recognise(token, audiences, now), found, problems)) {
    return;
  }
  if (forUs && options_.bootstrap &&
      take(options_.bootstrap->recognise(token, ours, now), found, problems)) {
    return;
  }
  for (const auto& remote : options_.remotes) {
    if (!remote->concerns(token)) continue;
    auto known = remote->remembered(token, audiences, now);
    if (!known) {
      attempt.pending = true;
      return;
    }
    if (take(std::move(*known), found, problems)) return;
  }
}

/// All that may know the token, in their order.
Task<void> Authenticator::askElsewhere(Attempt& attempt, Audiences audiences, WallTime now,
                                       std::stop_token stop) {
  for (const auto& remote : options_.remotes) {
    if (!remote->concerns(attempt.token)) continue;
    auto known = remote->remembered(attempt.token, audiences, now);
    if (!known) known = co_await remote->ask(attempt.token, audiences, stop);
    if (take(std::move(*known), attempt.found, attempt.problems)) co_return;
  }
}

Authenticator::Attempt Authenticator::attempt(net::Request& request, WallTime now) {
  Attempt out;
  if (request.tls && !request.tls->peerCertificates.empty()) {
    if (take(requestHeaders_.recognise(request, now), out.found, out.problems)) return out;
    const auto& chain = request.tls->peerCertificates;
    if (take(certificates_.recognise(chain, now), out.found, out.problems)) return out;
  }
  auto token = bearerToken(request.headers);
  if (!token.ok()) {
    out.problems.push_back(token.status().message());
  } else if (!token->empty()) {
    out.token = std::move(*token);
    attemptToken(out, options_.audiences, now);
  }
  return out;
}

/// It is known who asks: what else was said about that is for nobody behind us.
void Authenticator::removeCredentials(net::Headers& headers) const {
  headers.remove("Authorization");
  requestHeaders_.remove(headers);
}

Result<Authenticated> Authenticator::conclude(Attempt attempt, net::Request& request) const {
  if (attempt.found) {
    if (!attempt.token.empty()) removeBearerToken(request.headers);
    removeCredentials(request.headers);
    completeGroups(attempt.found->user);
    return std::move(*attempt.found);
  }
  if (!attempt.token.empty() && attempt.problems.empty()) {
    attempt.problems.emplace_back(kInvalidToken);
  }
  if (!attempt.problems.empty()) {
    // Why not is nobody's business who has no valid credential.
    if (kLog.enabled(LogLevel::Debug)) {
      kLog.debug("request not authenticated",
                 {{"from", request.peerAddress}, {"why", joined(attempt.problems)}});
    }
    return unauthorized();
  }
  if (!options_.anonymous) return unauthorized();
  removeCredentials(request.headers);
  return Authenticated{{kAnonymous, "", {std::string(kUnauthenticated)}, {}}};
}

std::optional<Result<Authenticated>> Authenticator::authenticateNow(net::Request& request,
                                                                    WallTime now) {
  auto done = attempt(request, now);
  if (!done.found && done.pending) return std::nullopt;
  return conclude(std::move(done), request);
}

Task<Result<Authenticated>> Authenticator::authenticate(net::Request& request, WallTime now) {
  auto done = attempt(request, now);
  if (!done.found && done.pending) {
    co_await askElsewhere(done, options_.audiences, now, request.stop);
  }
  co_return conclude(std::move(done), request);
}

Task<Result<Authenticated>> Authenticator::authenticateToken(std::string token, Audiences audiences,
                                                             WallTime now, std::stop_token stop) {
  if (audiences.empty()) audiences = options_.audiences;
  Attempt attempt;
  attempt.token = std::move(token);
  attemptToken(attempt, audiences, now);
  if (!attempt.found && attempt.pending) {
    co_await askElsewhere(attempt, audiences, now, std::move(stop));
  }
  if (attempt.found) {
    completeGroups(attempt.found->user);
    co_return std::move(*attempt.found);
  }
  // Upstream's server has a token of its own, and says first that this is not it.
  attempt.problems.insert(attempt.problems.begin(), kInvalidToken);
  co_return unauthorized(joined(attempt.problems));
}

void Authenticator::tell(MetricSink& sink) const {
  if (options_.accounts) options_.accounts->tell(sink);
  if (options_.remotes.empty()) return;
  RemoteTokens::Figures all;
  for (const auto& remote : options_.remotes) {
    const auto one = remote->figures();
    all.hits += one.hits;
    all.misses += one.misses;
    all.answers += one.answers;
    all.failures += one.failures;
    all.asking += one.asking;
  }
  const auto count = [&sink](const char* name, const char* help, const char* status,
                             uint64_t value) {
    sink.counter(name, help, {{"status", status}}, static_cast<double>(value));
  };
  constexpr const char* kRequests = "authentication_token_cache_request_total";
  constexpr const char* kFetches = "authentication_token_cache_fetch_total";
  count(kRequests, "Tokens that others know, by whether they were known here", "hit", all.hits);
  count(kRequests, "Tokens that others know, by whether they were known here", "miss", all.misses);
  count(kFetches, "Questions about tokens, by whether they were answered", "ok", all.answers);
  count(kFetches, "Questions about tokens, by whether they were answered", "error", all.failures);
  sink.gauge("authentication_token_cache_active_fetch_count", "Questions about tokens under way",
             {{"status", "in_flight"}}, static_cast<double>(all.asking));
}

Task<void> Authenticator::close() {
  for (const auto& remote : options_.remotes) co_await remote->close();
}

}  // namespace coxswain::apiserver
