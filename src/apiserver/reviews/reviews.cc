#include "apiserver/reviews/reviews.h"

#include "api/gen/authorization_v1.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/reviews/access.h"
#include "apiserver/subresources/poster.h"

namespace coxswain::apiserver {
namespace {

using namespace api::authorization::v1;  // NOLINT

constexpr std::string_view kAuthorization = "authorization.k8s.io";

/// A review of type T, answered by `answer` (which may refuse it).
template <typename T>
class ReviewPoster final : public ObjectPoster {
 public:
  using Answer = Task<Status> (*)(const ReviewSources&, const RequestContext&, T&);
  ReviewPoster(const ReviewSources& sources, std::string_view group, Answer answer)
      : sources_(sources),
        group_(group),
        answer_(answer),
        fields_(T::info(), std::string(group) + "/v1", std::string(T::info().kind->kind)) {}

  [[nodiscard]] std::vector<BodyKind> bodies() const override {
    return {{group_, "v1", T::info().kind->kind, &T::info()}};
  }
  Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) override {
    // Kept nowhere, but answers and refusals tell who set what, as of any object.
    fields_.update(writerOf(context), nullptr, body, {}, registryNow());
    CO_TRY_STATUS(co_await answer_(sources_, context, *body.as<T>()));
    co_return api::ConstObject(std::move(body));
  }

 private:
  ReviewSources sources_;
  std::string_view group_;
  Answer answer_;
  FieldManager fields_;
};

Task<Status> mayWho(const ReviewSources& sources, const RequestContext& context,
                    SubjectAccessReview& review) {
  CO_TRY_STATUS(checkSubjectReview(review.metadata, review.spec));
  const auto user = subjectOf(review.spec);
  review.status = co_await decide(sources.authorizer, user, review.spec);
  co_return Status();
}

Task<Status> mayWhoHere(const ReviewSources& sources, const RequestContext& context,
                        LocalSubjectAccessReview& review) {
  CO_TRY_STATUS(checkLocalReview(review.metadata, review.spec, context.info.ns));
  const auto user = subjectOf(review.spec);
  review.status = co_await decide(sources.authorizer, user, review.spec);
  co_return Status();
}

Task<Status> mayI(const ReviewSources& sources, const RequestContext& context,
                  SelfSubjectAccessReview& review) {
  CO_TRY_STATUS(checkSelfReview(review.metadata, review.spec));
  review.status = co_await decide(sources.authorizer, context.user, review.spec);
  co_return Status();
}

Task<Status> whatMayI(const ReviewSources& sources, const RequestContext& context,
                      SelfSubjectRulesReview& review) {
  if (review.spec.namespace_.empty()) co_return badRequest("no namespace on request");
  RulesAnswer answer;
  for (const auto* source : sources.rules) {
    source->appendRules(context.user, review.spec.namespace_, answer);
  }
  // The answer is not the question filled in, but the rules alone.
  review = {};
  for (const auto& rule : answer.rules) appendRule(rule, review.status);
  review.status.incomplete = answer.incomplete;
  auto& failures = review.status.evaluationError;
  for (const auto& error : answer.errors) failures += (failures.empty() ? "" : ", ") + error;
  if (answer.errors.size() > 1) failures = "[" + failures + "]";
  co_return Status();
}

template <typename T>
void add(VirtualResources& resources, const ReviewSources& sources, std::string_view group,
         std::string plural,
         Task<Status> (*answer)(const ReviewSources&, const RequestContext&, T&),
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
  add<LocalSubjectAccessReview>(resources, sources, kAuthorization, "localsubjectaccessreviews",
                                mayWhoHere, true);
  add<SelfSubjectAccessReview>(resources, sources, kAuthorization, "selfsubjectaccessreviews",
                               mayI);
  add<SelfSubjectRulesReview>(resources, sources, kAuthorization, "selfsubjectrulesreviews",
                              whatMayI);
  add<SubjectAccessReview>(resources, sources, kAuthorization, "subjectaccessreviews", mayWho);
}

}  // namespace coxswain::apiserver
