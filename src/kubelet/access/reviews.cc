#include "kubelet/access/reviews.h"

#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "client/resources.h"

namespace coxswain::kubelet {
namespace {

using api::authentication::v1::TokenReview;
using api::authorization::v1::SubjectAccessReview;

constexpr Duration kTokenKept = 2min;
constexpr Duration kAllowedKept = 5min;
constexpr Duration kDeniedKept = 30s;
/// More than this many answers are not kept.
constexpr size_t kKnownMax = 1000;

template <typename Map>
void makeRoom(Map& known, MonotonicTime now) {
  if (known.size() < kKnownMax) return;
  std::erase_if(known, [&](const auto& entry) { return entry.second.until <= now; });
  if (known.size() >= kKnownMax) known.clear();
}

}  // namespace

Task<Result<server::Caller>> ReviewAuthenticator::authenticate(std::string token,
                                                               std::stop_token stop) {
  auto now = executor_.now();
  if (auto found = known_.find(token); found != known_.end()) {
    if (found->second.until > now) co_return found->second.caller;
    known_.erase(found);
  }
  TokenReview review;
  review.spec.token = token;
  CO_TRY(auto answer,
         co_await client_.create(client::resourceOf<TokenReview>(), "", "", "",
                                 api::ConstObject(api::Object(std::move(review))), stop));
  const auto* told = answer.as<TokenReview>();
  if (!told || !told->status.authenticated) co_return unauthorized();
  server::Caller caller;
  caller.name = told->status.user.username;
  caller.uid = told->status.user.uid;
  caller.groups = told->status.user.groups;
  makeRoom(known_, now);
  known_[std::move(token)] = {caller, now + kTokenKept};
  co_return caller;
}

Task<Result<bool>> ReviewAuthorizer::ask(const server::AccessQuestion& question,
                                         std::string subresource, std::stop_token stop) {
  auto now = executor_.now();
  Key key{question.caller.name, question.verb, subresource};
  if (auto found = known_.find(key); found != known_.end()) {
    if (found->second.until > now && found->second.groups == question.caller.groups) {
      co_return found->second.allowed;
    }
    known_.erase(found);
  }
  SubjectAccessReview review;
  review.spec.user = question.caller.name;
  review.spec.uid = question.caller.uid;
  review.spec.groups = question.caller.groups;
  auto& attributes = review.spec.resourceAttributes.emplace();
  attributes.verb = question.verb;
  attributes.version = "v1";
  attributes.resource = "nodes";
  attributes.subresource = subresource;
  attributes.name = question.nodeName;
  auto groups = question.caller.groups;
  CO_TRY(auto answer,
         co_await client_.create(client::resourceOf<SubjectAccessReview>(), "", "", "",
                                 api::ConstObject(api::Object(std::move(review))), stop));
  const auto* told = answer.as<SubjectAccessReview>();
  bool allowed = told && told->status.allowed;
  makeRoom(known_, now);
  known_[std::move(key)] = {allowed, std::move(groups),
                            now + (allowed ? kAllowedKept : kDeniedKept)};
  co_return allowed;
}

Task<Status> ReviewAuthorizer::authorize(server::AccessQuestion question, std::stop_token stop) {
  for (const auto& subresource : question.subresources) {
    CO_TRY(auto allowed, co_await ask(question, subresource, stop));
    if (allowed) co_return Status();
  }
  co_return server::refusal(question);
}

}  // namespace coxswain::kubelet
