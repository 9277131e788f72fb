#pragma once

#include "cli/framework/command.h"

namespace coxswain::cli {

/// `kubectl auth reconcile`: brings RBAC objects up to what files say, without taking away what is
/// there unless asked to. Upstream: kubectl's auth/reconcile.go, component-helpers' reconciliation.
Command reconcileCommand();

}  // namespace coxswain::cli
