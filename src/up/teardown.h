#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/cri/services.h"
#include "runtime/process.h"
#include "runtime/task.h"

namespace coxswain::up {

/// Ends every pod that the runtime knows: its containers get `graceSeconds` to end, all pods at
/// once; then their sandboxes (with their network) are stopped and, with `remove`, removed. The
/// first failure is reported after all were tried.
Task<Status> endPods(kubelet::cri::RuntimeService& runtime, int64_t graceSeconds, bool remove,
                     std::stop_token stop);

/// Mount points at or below `folder` out of a mountinfo text, innermost first.
std::vector<std::string> mountsBelow(std::string_view mountinfo, std::string_view folder);
/// Unmounts them all. The folder's own files stay.
Status unmountBelow(const std::string& folder);

/// Pids of container shims that serve the containerd at `socket`: what is left of pods when their
/// containerd was killed.
std::vector<pid_t> shimsOf(const std::string& socket);

/// Removes what CNI's bridge and portmap plugins left on this network: the bridge and the portmap
/// chains. What is not there is no failure.
Task<void> removeCniTraces(ProcessRunner& processes, std::string bridge, std::stop_token stop);

/// Removes the empty cgroups named `name` ("kubepods") with all below, in every hierarchy under
/// `root` ("/sys/fs/cgroup"). Those with processes stay.
void removeCgroups(const std::string& root, const std::string& name);

}  // namespace coxswain::up
