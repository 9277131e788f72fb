#include "base/log.h"
#include "kubelet/kubelet_impl.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");

}  // namespace

/// After each list of the runtime: what no source asks for goes. Before the sources have told what
/// they want, nothing is an orphan.
void Kubelet::Impl::runtimeListed(const std::map<std::string, std::string>& pods) {
  runtimePods.clear();
  for (const auto& [uid, look] : pods) runtimePods.insert(uid);
  spawn(deps.executor, cleanOrphans(*this, gate.enter(), stopping.get_token()));
}

Task<void> Kubelet::Impl::cleanOrphans(Impl& self, Gate::Pass pass, std::stop_token stop) {
  if (!pass) co_return;
  if (!self.sourcesReady()) {
    // The first list comes before the first answer of the API server.
    Status synced = co_await self.podInformer.waitSynced(stop);
    if (!synced.ok() || !self.sourcesReady()) co_return;
  }
  for (auto& uid : std::vector<std::string>(self.runtimePods.begin(), self.runtimePods.end())) {
    if (self.workers->knows(uid)) continue;
    auto pod = co_await self.runtime->restorePod(uid, stop);
    if (pod.ok()) self.workers->orphan(*pod);
  }
  // What the runtime forgot may have left folders and groups.
  auto onDisk = self.volumes.podsOnDisk();
  auto inGroups = self.deps.cgroups.pods();
  std::set<std::string> rest(onDisk.begin(), onDisk.end());
  rest.insert(inGroups.begin(), inGroups.end());
  for (auto& uid : std::vector<std::string>(rest.begin(), rest.end())) {
    if (self.workers->knows(uid) || stop.stop_requested()) continue;
    co_await self.removeOrphan(uid, stop);
  }
}

Task<void> Kubelet::Impl::removeOrphan(std::string uid, std::stop_token stop) {
  if (!cleaning.insert(uid).second) co_return;
  Status done = co_await volumes.unmountPod(uid, stop);
  if (done.ok()) done = deps.cgroups.removePod(uid);
  if (done.ok()) {
    log.info("removed what was left of a pod", {{"uid", uid}});
  } else if (!stop.stop_requested()) {
    log.warn("removing what was left of a pod failed", {{"uid", uid}, {"error", done}});
  }
  cleaning.erase(uid);
}

}  // namespace coxswain::kubelet
