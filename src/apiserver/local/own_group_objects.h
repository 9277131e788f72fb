#pragma once

#include <stop_token>

#include "apiserver/server/own_groups.h"
#include "client/client.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// The objects that go with group versions which this server answers in ways of its own: an
/// APIService without a service for each, unless there is one (of another server, which is then
/// asked), and for metrics.k8s.io the role that lets whoever may view pods read it. APIServices
/// that an earlier start made, of groups which are off now, are removed. `client` may do
/// everything.
Task<Status> ensureOwnGroupObjects(client::Client& client, const OwnGroups& groups,
                                   std::stop_token stop);

}  // namespace coxswain::apiserver
