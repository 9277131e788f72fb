#pragma once

#include <vector>

#include "apiserver/authn/authenticator.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/rules.h"
#include "apiserver/server/virtual_resources.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// What reviews ask. All outlive them.
struct ReviewSources {
  Executor& executor;
  Authenticator& authenticator;
  const Authorizer& authorizer;
  std::vector<const RuleSource*> rules;  ///< for SelfSubjectRulesReview
};

/// Adds who am I and who may what: selfsubjectreviews, tokenreviews, subjectaccessreviews and its
/// self and local forms, selfsubjectrulesreviews.
void addReviews(VirtualResources& resources, const ReviewSources& sources);

}  // namespace coxswain::apiserver
