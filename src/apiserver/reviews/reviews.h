#pragma once

#include <vector>

#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/rules.h"
#include "apiserver/server/virtual_resources.h"

namespace coxswain::apiserver {

/// What reviews ask. All outlive them.
struct ReviewSources {
  const Authorizer& authorizer;
  std::vector<const RuleSource*> rules;  ///< for SelfSubjectRulesReview
};

/// Adds who may what: subjectaccessreviews and its self and local forms, selfsubjectrulesreviews.
void addReviews(VirtualResources& resources, const ReviewSources& sources);

}  // namespace coxswain::apiserver
