#include "apiserver/authz/webhook_authorizer.h"

#include "api/codec/json.h"
#include "api/gen/authorization_v1.h"
#include "api/select/fields.h"
#include "api/select/labels.h"
#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using namespace api::authorization::v1;  // NOLINT

const Logger kLog("apiserver.authz");

constexpr size_t kKnownMax = 8192;
constexpr size_t kReviewBytesMax = 10'000;  // longer ones are not remembered
constexpr int kAttempts = 5;

/// As reviews name it; null: they have no such.
const char* operatorName(api::LabelRequirement::Op op) {
  using Op = api::LabelRequirement::Op;
  switch (op) {
    case Op::Equals:
    case Op::DoubleEquals:
    case Op::In:
      return "In";
    case Op::NotEquals:
    case Op::NotIn:
      return "NotIn";
    case Op::Exists:
      return "Exists";
    case Op::DoesNotExist:
      return "DoesNotExist";
    case Op::GreaterThan:
    case Op::LessThan:
      break;
  }
  return nullptr;
}

void setSelectors(const Attributes& attributes, ResourceAttributes& to) {
  if (!attributes.fieldSelector.empty()) {
    auto parsed = api::FieldSelector::parse(attributes.fieldSelector);
    if (parsed.ok() && !parsed->isEverything()) {
      auto& selector = to.fieldSelector.emplace();
      for (const auto& one : parsed->requirements()) {
        auto& wire = selector.requirements.emplace_back();
        wire.key = one.field;
        wire.operator_ = one.equals ? "In" : "NotIn";
        wire.values = {one.value};
      }
    }
  }
  if (attributes.labelSelector.empty()) return;
  auto parsed = api::LabelSelector::parse(attributes.labelSelector);
  if (!parsed.ok()) return;
  for (const auto& one : parsed->requirements()) {
    const auto* name = operatorName(one.op());
    if (!name) continue;
    if (!to.labelSelector) to.labelSelector.emplace();
    auto& wire = to.labelSelector->requirements.emplace_back();
    wire.key = one.key();
    wire.operator_ = name;
    wire.values = one.values();
  }
}

SubjectAccessReviewSpec specOf(const Attributes& attributes) {
  SubjectAccessReviewSpec spec;
  const auto& info = attributes.info;
  if (info.isResource) {
    auto& resource = spec.resourceAttributes.emplace();
    resource.namespace_ = attributes.ns();
    resource.verb = info.verb;
    resource.group = info.group;
    resource.version = info.version;
    resource.resource = info.resource;
    resource.subresource = info.subresource;
    resource.name = attributes.name();
    setSelectors(attributes, resource);
  } else {
    auto& path = spec.nonResourceAttributes.emplace();
    path.path = info.path;
    path.verb = info.verb;
  }
  spec.user = attributes.user.name;
  spec.uid = attributes.user.uid;
  spec.groups = attributes.user.groups;
  for (const auto& [key, values] : attributes.user.extra) spec.extra[key] = values;
  return spec;
}

/// Worth asking again: nobody answered, or he was too busy.
bool mayPass(const Status& status) {
  return status.reason() == Reason::Unreachable || status.code() == 429 || status.code() >= 500;
}

}  // namespace

std::string reviewOf(const Attributes& attributes, std::string_view version) {
  auto spec = specOf(attributes);
  std::string groups;
  // Until v1 groups were called group.
  if (version != "v1" && !spec.groups.empty()) {
    groups = "\"group\":[";
    for (size_t i = 0; i < spec.groups.size(); ++i) {
      if (i > 0) groups += ",";
      api::appendJsonQuoted(groups, spec.groups[i]);
    }
    groups += "],";
    spec.groups.clear();
  }
  auto text = api::encodeJson(spec);  // {...}, not empty
  text.insert(1, groups);
  return R"({"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/)" +
         std::string(version) + R"(","metadata":{"creationTimestamp":null},"spec":)" + text +
         R"(,"status":{"allowed":false}})";
}

Result<Verdict> parseReviewAnswer(std::string_view body) {
  TRY(auto review, api::decodeJson<SubjectAccessReview>(body));
  const auto& status = review.status;
  if (status.denied && status.allowed) {
    return badRequest("webhook subject access review returned both allow and deny response");
  }
  Verdict verdict;
  if (status.allowed) verdict.decision = Decision::Allow;
  if (status.denied) verdict.decision = Decision::Deny;
  verdict.reason = status.reason;
  return verdict;
}

Status WebhookAuthorizer::check(const WebhookAuthorizerOptions& options) {
  if (options.version == "v1" || options.version == "v1beta1") return {};
  return badRequest("--authorization-webhook-version must be v1 or v1beta1, not \"" +
                    options.version + "\"");
}

WebhookAuthorizer::WebhookAuthorizer(Executor& executor, WebhookAuthorizerOptions options)
    : executor_(executor), options_(std::move(options)) {}

const Verdict* WebhookAuthorizer::find(std::string_view review) const {
  auto found = byReview_.find(review);
  if (found == byReview_.end()) return nullptr;
  auto at = found->second;
  if (at->until <= executor_.now()) {
    byReview_.erase(found);
    known_.erase(at);
    return nullptr;
  }
  known_.splice(known_.begin(), known_, at);
  return &at->verdict;
}

void WebhookAuthorizer::remember(std::string review, const Verdict& verdict) const {
  const auto ttl = verdict.allowed() ? options_.authorizedTtl : options_.unauthorizedTtl;
  if (ttl <= Duration() || review.size() > kReviewBytesMax) return;
  if (auto found = byReview_.find(review); found != byReview_.end()) {
    known_.erase(found->second);
    byReview_.erase(found);
  }
  known_.push_front({std::move(review), verdict, executor_.now() + ttl});
  byReview_.emplace(known_.front().review, known_.begin());
  if (known_.size() <= kKnownMax) return;
  byReview_.erase(known_.back().review);
  known_.pop_back();
}

Verdict WebhookAuthorizer::authorize(const Attributes& attributes) const {
  const auto* known = find(reviewOf(attributes, options_.version));
  return known ? *known : Verdict{Decision::Ask};
}

Task<Result<std::string>> WebhookAuthorizer::post(std::string body, std::stop_token stop) const {
  auto wait = options_.retryFirstAfter;
  for (int attempt = 1;; ++attempt) {
    auto answer = co_await options_.call(body, stop);
    if (answer.ok() || attempt == kAttempts || !mayPass(answer.status())) co_return answer;
    Status slept = co_await sleepFor(wait, stop);
    if (!slept.ok()) co_return slept;
    wait += wait / 2;
  }
}

Task<Verdict> WebhookAuthorizer::ask(Attributes attributes, std::stop_token stop) const {
  auto review = reviewOf(attributes, options_.version);
  if (const auto* known = find(review)) co_return *known;
  Result<Verdict> verdict = Verdict();
  auto answer = co_await post(review, stop);
  if (answer.ok()) {
    verdict = parseReviewAnswer(*answer);
  } else {
    verdict = answer.status();
  }
  if (!verdict.ok()) {
    kLog.warn("the authorization webhook gave no answer", {{"why", verdict.status()}});
    Verdict none;
    none.failure = verdict.status().message();
    co_return none;
  }
  remember(std::move(review), *verdict);
  co_return *verdict;
}

void WebhookAuthorizer::appendRules(const UserInfo& user, std::string_view ns,
                                    RulesAnswer& to) const {
  to.incomplete = true;
  to.errors.emplace_back("webhook authorizer does not support user rule resolution");
}

}  // namespace coxswain::apiserver
