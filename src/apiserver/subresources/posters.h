#pragma once

#include <memory>

#include "apiserver/authn/service_account_tokens.h"
#include "apiserver/generic/admission.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/subresources/poster.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

// All references outlive the poster; a null admission admits everything.

/// pods/binding, and bindings of a namespace: assigns a pod to a node.
std::unique_ptr<ObjectPoster> makeBindingPoster(Executor& executor, Admission* admission,
                                                GenericRegistry& pods);
/// pods/eviction: deletes a pod, if its disruption budget allows, having said in its status why.
std::unique_ptr<ObjectPoster> makeEvictionPoster(Executor& executor, Admission* admission,
                                                 GenericRegistry& budgets);
/// serviceaccounts/token: issues a token.
std::unique_ptr<ObjectPoster> makeTokenPoster(Executor& executor, Admission* admission,
                                              ServiceAccountTokens& tokens);

}  // namespace coxswain::apiserver
