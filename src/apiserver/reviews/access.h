#pragma once

#include <string_view>

#include "api/gen/authorization_v1.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/rules.h"
#include "base/status.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

// Access reviews, past their transport. Checks are Invalid with upstream's texts.

Status checkSelfReview(const api::meta::v1::ObjectMeta& metadata,
                       const api::authorization::v1::SelfSubjectAccessReviewSpec& spec);
Status checkSubjectReview(const api::meta::v1::ObjectMeta& metadata,
                          const api::authorization::v1::SubjectAccessReviewSpec& spec);
Status checkLocalReview(const api::meta::v1::ObjectMeta& metadata,
                        const api::authorization::v1::SubjectAccessReviewSpec& spec,
                        std::string_view ns);

UserInfo subjectOf(const api::authorization::v1::SubjectAccessReviewSpec& spec);

/// Whom exactly one of the attributes is asked for. What is referred to outlives the task.
Task<api::authorization::v1::SubjectAccessReviewStatus> decide(
    const Authorizer& authorizer, const UserInfo& user,
    const api::authorization::v1::SubjectAccessReviewSpec& spec);
Task<api::authorization::v1::SubjectAccessReviewStatus> decide(
    const Authorizer& authorizer, const UserInfo& user,
    const api::authorization::v1::SelfSubjectAccessReviewSpec& spec);

void appendRule(const api::rbac::v1::PolicyRule& rule,
                api::authorization::v1::SubjectRulesReviewStatus& to);

}  // namespace coxswain::apiserver
