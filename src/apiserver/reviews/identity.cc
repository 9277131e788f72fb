#include "apiserver/reviews/identity.h"

#include "api/gen/authentication_v1.h"
#include "apiserver/subresources/poster.h"

namespace coxswain::apiserver {
namespace {

using api::authentication::v1::SelfSubjectReview;
using api::authentication::v1::TokenReview;

constexpr std::string_view kGroup = "authentication.k8s.io";

api::authentication::v1::UserInfo wireUser(const UserInfo& user) {
  api::authentication::v1::UserInfo wire;
  wire.username = user.name;
  wire.uid = user.uid;
  wire.groups = user.groups;
  for (const auto& [key, values] : user.extra) wire.extra[key] = values;
  return wire;
}

class SelfPoster final : public ObjectPoster {
 public:
  explicit SelfPoster(Executor& executor) : executor_(executor) {}
  [[nodiscard]] std::vector<BodyKind> bodies() const override {
    return {{kGroup, "v1", "SelfSubjectReview", &SelfSubjectReview::info()}};
  }
  Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) override {
    auto& review = *body.as<SelfSubjectReview>();
    review.metadata = {};
    review.metadata.creationTimestamp = api::Time(executor_.wallNow());
    review.status.userInfo = wireUser(context.user);
    co_return api::ConstObject(std::move(body));
  }

 private:
  Executor& executor_;
};

class TokenReviewPoster final : public ObjectPoster {
 public:
  TokenReviewPoster(Executor& executor, Authenticator& authenticator)
      : executor_(executor), authenticator_(authenticator) {}
  [[nodiscard]] std::vector<BodyKind> bodies() const override {
    return {{kGroup, "v1", "TokenReview", &TokenReview::info()}};
  }
  Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) override {
    auto& review = *body.as<TokenReview>();
    if (review.spec.token.empty()) {
      co_return badRequest("token is required for TokenReview in authentication");
    }
    review.status = {};
    auto known = co_await authenticator_.authenticateToken(review.spec.token, review.spec.audiences,
                                                           executor_.wallNow(), std::stop_token());
    if (known.ok()) {
      review.status.authenticated = true;
      review.status.user = wireUser(known->user);
      review.status.audiences = std::move(known->audiences);
      for (auto& warning : known->warnings) context.warnings.push_back(std::move(warning));
    } else {
      review.status.error = known.status().message();
    }
    co_return api::ConstObject(std::move(body));
  }

 private:
  Executor& executor_;
  Authenticator& authenticator_;
};

void add(VirtualResources& resources, const char* kind, const char* plural, const char* singular,
         std::unique_ptr<ObjectPoster> poster) {
  ServedResource served;
  served.group = kGroup;
  served.version = "v1";
  served.kind = kind;
  served.plural = plural;
  served.singular = singular;
  served.verbs = {"create"};
  resources.add(std::move(served), std::make_unique<PostHandler>(std::move(poster)));
}

}  // namespace

void addIdentityReviews(VirtualResources& resources, Executor& executor,
                        Authenticator& authenticator) {
  add(resources, "SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview",
      std::make_unique<SelfPoster>(executor));
  add(resources, "TokenReview", "tokenreviews", "tokenreview",
      std::make_unique<TokenReviewPoster>(executor, authenticator));
}

}  // namespace coxswain::apiserver
