#include "apiserver/reviews/reviews.h"

#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "apiserver/reviews/access.h"
#include "apiserver/subresources/poster.h"

namespace coxswain::apiserver {
namespace {

using namespace api::authentication::v1;  // NOLINT
using namespace api::authorization::v1;   // NOLINT

constexpr std::string_view kAuthentication = "authentication.k8s.io";
constexpr std::string_view kAuthorization = "authorization.k8s.io";

api::authentication::v1::UserInfo wireUser(const apiserver::UserInfo& user) {
  api::authentication::v1::UserInfo wire;
  wire.username = user.name;
  wire.uid = user.uid;
  wire.groups = user.groups;
  for (const auto& [key, values] : user.extra) wire.extra[key] = values;
  return wire;
}

/// A review of type T, answered by `answer` (which may refuse it).
template <typename T>
class ReviewPoster final : public ObjectPoster {
 public:
  using Answer = Status (*)(const ReviewSources&, const RequestContext&, T&);
  ReviewPoster(const ReviewSources& sources, std::string_view group, Answer answer)
      : sources_(sources), group_(group), answer_(answer) {}

  [[nodiscard]] std::vector<BodyKind> bodies() const override {
    return {{group_, "v1", T::info().kind->kind, &T::info()}};
  }
  Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) override {
    CO_TRY_STATUS(answer_(sources_, context, *body.as<T>()));
    co_return api::ConstObject(std::move(body));
  }

 private:
  ReviewSources sources_;
  std::string_view group_;
  Answer answer_;
};

Status whoAmI(const ReviewSources& sources, const RequestContext& context,
              SelfSubjectReview& review) {
  review.metadata = {};
  review.metadata.creationTimestamp = api::Time(sources.executor.wallNow());
  review.status.userInfo = wireUser(context.user);
  return {};
}

Status whoseToken(const ReviewSources& sources, const RequestContext& context,
                  TokenReview& review) {
  if (review.spec.token.empty()) {
    return badRequest("token is required for TokenReview in authentication");
  }
  review.status = {};
  auto verified = sources.authenticator.authenticateToken(review.spec.token, review.spec.audiences,
                                                          sources.executor.wallNow());
  if (!verified.ok()) {
    review.status.error = verified.status().message();
    return {};
  }
  review.status.authenticated = true;
  review.status.user = wireUser(verified->user);
  review.status.audiences = std::move(verified->audiences);
  return {};
}

Status mayWho(const ReviewSources& sources, const RequestContext& context,
              SubjectAccessReview& review) {
  TRY_STATUS(checkSubjectReview(review.metadata, review.spec));
  review.status = decide(sources.authorizer, subjectOf(review.spec), review.spec);
  return {};
}

Status mayWhoHere(const ReviewSources& sources, const RequestContext& context,
                  LocalSubjectAccessReview& review) {
  TRY_STATUS(checkLocalReview(review.metadata, review.spec, context.info.ns));
  review.status = decide(sources.authorizer, subjectOf(review.spec), review.spec);
  return {};
}

Status mayI(const ReviewSources& sources, const RequestContext& context,
            SelfSubjectAccessReview& review) {
  TRY_STATUS(checkSelfReview(review.metadata, review.spec));
  review.status = decide(sources.authorizer, context.user, review.spec);
  return {};
}

Status whatMayI(const ReviewSources& sources, const RequestContext& context,
                SelfSubjectRulesReview& review) {
  if (review.spec.namespace_.empty()) return badRequest("no namespace on request");
  review.metadata = {};
  review.status = {};
  Rules rules;
  for (const auto* source : sources.rules) {
    source->appendRules(context.user, review.spec.namespace_, rules);
  }
  for (const auto& rule : rules) appendRule(rule, review.status);
  // What nodes may do is no list.
  review.status.incomplete = context.user.inGroup("system:nodes");
  return {};
}

template <typename T>
void add(VirtualResources& resources, const ReviewSources& sources, std::string_view group,
         std::string plural, Status (*answer)(const ReviewSources&, const RequestContext&, T&),
         bool namespaced = false) {
  ServedResource served;
  served.group = group;
  served.version = "v1";
  served.kind = T::info().kind->kind;
  served.singular = plural.substr(0, plural.size() - 1);
  served.plural = std::move(plural);
  served.namespaced = namespaced;
  served.verbs = {"create"};
  auto poster = std::make_unique<ReviewPoster<T>>(sources, group, answer);
  resources.add(std::move(served), std::make_unique<PostHandler>(std::move(poster)));
}

}  // namespace

void addReviews(VirtualResources& resources, const ReviewSources& sources) {
  add<SelfSubjectReview>(resources, sources, kAuthentication, "selfsubjectreviews", whoAmI);
  add<TokenReview>(resources, sources, kAuthentication, "tokenreviews", whoseToken);
  add<LocalSubjectAccessReview>(resources, sources, kAuthorization, "localsubjectaccessreviews",
                                mayWhoHere, true);
  add<SelfSubjectAccessReview>(resources, sources, kAuthorization, "selfsubjectaccessreviews",
                               mayI);
  add<SelfSubjectRulesReview>(resources, sources, kAuthorization, "selfsubjectrulesreviews",
                              whatMayI);
  add<SubjectAccessReview>(resources, sources, kAuthorization, "subjectaccessreviews", mayWho);
}

}  // namespace coxswain::apiserver
