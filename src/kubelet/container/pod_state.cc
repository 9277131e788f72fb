#include "kubelet/container/pod_state.h"

#include <algorithm>
#include <charconv>

#include "kubelet/container/log_tail.h"
#include "kubelet/container/names.h"
#include "runtime/files.h"

namespace coxswain::kubelet {
namespace {

constexpr size_t kMessageBytesMax = 4096;

std::string valueOf(const api::Map<std::string>& map, std::string_view key) {
  const auto* found = map.get(key);
  return found ? *found : std::string();
}

bool newer(const SandboxState& a, const SandboxState& b) {
  return a.createdAt > b.createdAt;
}
bool newerRun(const ContainerRun& a, const ContainerRun& b) {
  return a.createdAt > b.createdAt;
}

std::vector<std::string> ipsOf(const cri::PodSandboxStatus& status) {
  std::vector<std::string> ips;
  if (!status.network) return ips;
  if (!status.network->ip.empty()) ips.push_back(status.network->ip);
  for (const auto& more : status.network->additionalIps) ips.push_back(more.ip);
  return ips;
}

bool onHostNetwork(const cri::PodSandboxStatus& status) {
  return status.linux && status.linux->namespaces && status.linux->namespaces->options &&
         status.linux->namespaces->options->network == cri::NODE;
}

}  // namespace

const ContainerRun* PodState::run(std::string_view container, size_t age) const {
  for (const auto& r : containers) {
    if (r.name == container && age-- == 0) return &r;
  }
  return nullptr;
}

const ContainerRun* PodState::runById(std::string_view id) const {
  for (const auto& r : containers) {
    if (r.id == id) return &r;
  }
  return nullptr;
}

bool PodState::anyRunning() const {
  return std::any_of(containers.begin(), containers.end(),
                     [](const auto& r) { return r.running(); });
}

std::vector<std::string> PodState::ips() const {
  return sandboxes.empty() ? std::vector<std::string>() : sandboxes.front().ips;
}

Task<Result<PodState>> PodStateReader::read(std::string uid, std::stop_token stop) {
  PodState state;
  state.uid = uid;
  cri::PodSandboxFilter sandboxFilter;
  sandboxFilter.labelSelector[kPodUidLabel] = uid;
  CO_TRY(auto sandboxes, co_await runtime_.listPodSandbox(std::move(sandboxFilter), stop));
  for (const auto& listed : sandboxes) {
    SandboxState sandbox;
    sandbox.id = listed.id;
    sandbox.ready = listed.state == cri::SANDBOX_READY;
    sandbox.createdAt = listed.createdAt;
    if (listed.metadata) {
      sandbox.attempt = listed.metadata->attempt;
      state.name = listed.metadata->name;
      state.ns = listed.metadata->namespace_;
    }
    state.sandboxes.push_back(std::move(sandbox));
  }
  std::sort(state.sandboxes.begin(), state.sandboxes.end(), newer);
  if (!state.sandboxes.empty() && state.sandboxes.front().ready) {
    auto status = co_await runtime_.podSandboxStatus(state.sandboxes.front().id, false, stop);
    if (status.ok() && status->status) {
      state.sandboxes.front().ips = ipsOf(*status->status);
      state.sandboxes.front().hostNetwork = onHostNetwork(*status->status);
    } else if (!status.ok() && !isNotFound(status.status())) {
      co_return status.status();
    }
  }
  cri::ContainerFilter filter;
  filter.labelSelector[kPodUidLabel] = uid;
  CO_TRY(auto listed, co_await runtime_.listContainers(std::move(filter), stop));
  std::map<std::string, ContainerRun> finished;
  for (auto& container : listed) {
    auto known = finished_[uid].find(container.id);
    if (known != finished_[uid].end()) {
      finished.emplace(container.id, known->second);
      state.containers.push_back(known->second);
      continue;
    }
    auto run = co_await readRun(container, stop);
    if (!run.ok()) {
      if (isNotFound(run.status())) continue;  // removed in between
      co_return run.status();
    }
    if (run->exited()) finished.emplace(run->id, *run);
    state.containers.push_back(std::move(*run));
  }
  if (finished.empty()) {
    finished_.erase(uid);
  } else {
    finished_[uid] = std::move(finished);
  }
  std::sort(state.containers.begin(), state.containers.end(), newerRun);
  co_return state;
}

Task<Result<ContainerRun>> PodStateReader::readRun(cri::Container listed, std::stop_token stop) {
  CO_TRY(auto answer, co_await runtime_.containerStatus(listed.id, false, stop));
  if (!answer.status) co_return notFound("containers", listed.id);
  const auto& status = *answer.status;
  ContainerRun run;
  run.id = status.id;
  run.name = valueOf(status.labels, kContainerNameLabel);
  run.sandboxId = listed.podSandboxId;
  run.image = status.image ? status.image->image : "";
  run.imageRef = status.imageRef;
  run.state = static_cast<cri::ContainerState>(status.state);
  run.createdAt = status.createdAt;
  run.startedAt = status.startedAt;
  run.finishedAt = status.finishedAt;
  run.exitCode = status.exitCode;
  run.reason = status.reason;
  run.message = status.message;
  run.hash = valueOf(status.annotations, kContainerHash);
  run.logPath = status.logPath;
  run.user = status.user;
  std::string count = valueOf(status.annotations, kContainerRestartCount);
  std::from_chars(count.data(), count.data() + count.size(), run.restartCount);
  if (run.exited()) {
    auto told = terminationMessage(status);
    if (!told.empty()) run.message = std::move(told);
  }
  co_return run;
}

/// What the container wrote for us, or the end of its log where it asks for that.
std::string PodStateReader::terminationMessage(const cri::ContainerStatus& status) const {
  std::string path = valueOf(status.annotations, kTerminationMessagePath);
  if (path.empty()) return {};
  std::string text;
  for (const auto& mount : status.mounts) {
    if (mount.containerPath != path) continue;
    auto content = files_.read(mount.hostPath, 1 << 20);
    if (content.ok()) {
      text = content->substr(0, kMessageBytesMax);
    } else if (!isNotFound(content.status())) {
      text =
          "Error on reading termination log " + mount.hostPath + ": " + content.status().message();
    }
    break;
  }
  bool fallBack =
      valueOf(status.annotations, kTerminationMessagePolicy) == "FallbackToLogsOnError" &&
      status.exitCode != 0;
  if (text.empty() && fallBack) text = logTail(files_, status.logPath, 80, 2048);
  return text;
}

}  // namespace coxswain::kubelet
