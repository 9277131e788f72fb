#pragma once

namespace coxswain::client {
class Informers;
}

namespace coxswain::scheduler {

/// Lets the caches of a process that runs nothing but the scheduler keep what it reads: of nodes,
/// of what owns pods, of services, budgets and namespaces. Before they are used. Claims and volumes
/// stay whole, for the scheduler writes them; so do nodes if extenders are shown them. For pods see
/// cache/pod_record.h.
void trimForScheduler(client::Informers& informers, bool wholeNodes = false);

}  // namespace coxswain::scheduler
