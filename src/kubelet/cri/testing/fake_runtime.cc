#include "kubelet/cri/testing/fake_runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/spawn.h"

namespace coxswain::kubelet::cri::testing {
namespace {

Status gone(std::string_view what, const std::string& id) {
  return Status(Reason::NotFound, 404,
                fmt::format("rpc error: code = NotFound desc = an error occurred when try to find "
                            "{} \"{}\": not found",
                            what, id));
}

bool carries(const api::Map<std::string>& labels, const api::Map<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    const std::string* value = labels.get(entry.first);
    return value && *value == entry.second;
  });
}

}  // namespace

struct FakeRuntime::Events {
  Channel<ContainerEvent> queue{1000};
};

class FakeRuntime::Stream final : public EventStream {
 public:
  explicit Stream(std::shared_ptr<Events> events) : events_(std::move(events)) {}
  ~Stream() override { events_->queue.close(); }
  Task<Result<ContainerEvent>> next(std::stop_token stop) override {
    auto event = co_await events_->queue.pop(stop);
    if (!event) co_return stop.stop_requested() ? canceled() : endOfStream();
    co_return std::move(*event);
  }

 private:
  std::shared_ptr<Events> events_;
};

void FakeRuntime::addImage(const std::string& name, uint64_t size) {
  Image image;
  image.id = "sha256:" + fmt::format("{:064x}", std::hash<std::string>()(name));
  image.repoTags = {name};
  image.repoDigests = {name.substr(0, name.find_last_of(':')) + "@" + image.id};
  image.size = size;
  images[name] = image;
}

FakeRuntime::FakeContainer* FakeRuntime::find(std::string_view pod, std::string_view container) {
  FakeContainer* newest = nullptr;
  for (auto& [id, c] : containers) {
    if (subjectOf(c) != fmt::format("{}/{}", pod, container)) continue;
    if (!newest || c.createdAt >= newest->createdAt) newest = &c;
  }
  return newest;
}

FakeRuntime::FakeSandbox* FakeRuntime::findSandbox(std::string_view pod) {
  FakeSandbox* newest = nullptr;
  for (auto& [id, s] : sandboxes) {
    if (s.config.metadata->name != pod) continue;
    if (!newest || s.createdAt >= newest->createdAt) newest = &s;
  }
  return newest;
}

void FakeRuntime::exit(FakeContainer& container, int32_t code, std::string reason) {
  end(container, code, std::move(reason));
}

size_t FakeRuntime::countCalls(std::string_view prefix) const {
  return static_cast<size_t>(std::count_if(calls.begin(), calls.end(), [&](const auto& call) {
    return std::string_view(call).starts_with(prefix);
  }));
}

Task<Status> FakeRuntime::arrive(std::string call, std::string subject, std::string more,
                                 std::stop_token stop) {
  CO_TRY_STATUS(co_await sleepFor(latency, stop));
  std::string text = call;
  if (!subject.empty()) text += " " + subject;
  if (!more.empty()) text += " " + more;
  calls.push_back(std::move(text));
  if (reaction) co_return reaction(call, subject);
  co_return Status();
}

void FakeRuntime::tell(const std::string& id, ContainerEventType type) {
  std::erase_if(streams_, [](const auto& s) { return s->queue.closed(); });
  for (auto& stream : streams_) {
    ContainerEvent event;
    event.containerId = id;
    event.type = type;
    if (!stream->queue.tryPush(std::move(event))) stream->queue.close();
  }
}

void FakeRuntime::end(FakeContainer& container, int32_t code, std::string reason) {
  if (container.state != CONTAINER_RUNNING) return;
  container.state = CONTAINER_EXITED;
  container.finishedAt = wallNanos();
  container.exitCode = code;
  container.reason = !reason.empty() ? std::move(reason) : code == 0 ? "Completed" : "Error";
  tell(container.id, CONTAINER_STOPPED_EVENT);
}

int64_t FakeRuntime::wallNanos() const {
  return executor_.wallNow().time_since_epoch().count();
}

std::string FakeRuntime::nextId() {
  return fmt::format("{:064x}", ++ids_);
}

std::string FakeRuntime::subjectOf(const FakeContainer& container) const {
  auto sandbox = sandboxes.find(container.sandboxId);
  std::string pod = sandbox == sandboxes.end() ? "?" : sandbox->second.config.metadata->name;
  return pod + "/" + container.config.metadata->name;
}

Task<Result<VersionResponse>> FakeRuntime::version(std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("Version", "", "", stop));
  VersionResponse response;
  response.version = "0.1.0";
  response.runtimeName = "fake";
  response.runtimeVersion = "1.0";
  response.runtimeApiVersion = "v1";
  co_return response;
}

Task<Result<StatusResponse>> FakeRuntime::status(bool verbose, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("Status", "", "", stop));
  StatusResponse response;
  auto& conditions = response.status.getOrCreate().conditions;
  RuntimeCondition condition;
  condition.type = "RuntimeReady";
  condition.status = ready;
  conditions.push_back(condition);
  condition.type = "NetworkReady";
  condition.status = networkReady;
  if (!networkReady) {
    condition.reason = "NetworkPluginNotReady";
    condition.message = "Network plugin returns error: cni plugin not initialized";
  }
  conditions.push_back(condition);
  if (verbose) response.info_["config"] = R"({"sandboxImage":")" + sandboxImage + R"("})";
  co_return response;
}

Task<Result<RuntimeConfigResponse>> FakeRuntime::runtimeConfig(std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("RuntimeConfig", "", "", stop));
  if (cgroupDriver.empty()) {
    co_return Status(Reason::Unknown, 501,
                     "rpc error: code = Unimplemented desc = unknown method RuntimeConfig");
  }
  RuntimeConfigResponse response;
  response.linux.getOrCreate().cgroupDriver = cgroupDriver == "systemd" ? SYSTEMD : CGROUPFS;
  co_return response;
}

Task<Status> FakeRuntime::updateRuntimeConfig(std::string podCidr, std::stop_token stop) {
  co_return co_await arrive("UpdateRuntimeConfig", podCidr, "", stop);
}

Task<Result<std::string>> FakeRuntime::runPodSandbox(PodSandboxConfig config, std::string handler,
                                                     std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("RunPodSandbox", config.metadata->name, "", stop));
  FakeSandbox sandbox;
  sandbox.id = nextId();
  sandbox.createdAt = wallNanos();
  bool hostNetwork = config.linux && config.linux->securityContext &&
                     config.linux->securityContext->namespaceOptions &&
                     config.linux->securityContext->namespaceOptions->network == NODE;
  if (!hostNetwork) sandbox.ip = fmt::format("10.88.{}.{}", ids_ / 250, ids_ % 250 + 2);
  sandbox.config = std::move(config);
  sandbox.handler = std::move(handler);
  std::string id = sandbox.id;
  sandboxes.emplace(id, std::move(sandbox));
  tell(id, CONTAINER_STARTED_EVENT);
  co_return id;
}

Task<Status> FakeRuntime::stopPodSandbox(std::string id, std::stop_token stop) {
  auto found = sandboxes.find(id);
  std::string name = found == sandboxes.end() ? id : found->second.config.metadata->name;
  CO_TRY_STATUS(co_await arrive("StopPodSandbox", name, "", stop));
  found = sandboxes.find(id);
  if (found == sandboxes.end()) co_return Status();
  for (auto& [cid, c] : containers) {
    if (c.sandboxId == id) end(c, 137, "Error");
  }
  if (found->second.state == SANDBOX_READY) {
    found->second.state = SANDBOX_NOTREADY;
    tell(id, CONTAINER_STOPPED_EVENT);
  }
  co_return Status();
}

Task<Status> FakeRuntime::removePodSandbox(std::string id, std::stop_token stop) {
  auto found = sandboxes.find(id);
  std::string name = found == sandboxes.end() ? id : found->second.config.metadata->name;
  CO_TRY_STATUS(co_await arrive("RemovePodSandbox", name, "", stop));
  CO_TRY_STATUS(co_await stopPodSandbox(id, stop));
  std::erase_if(containers, [&](const auto& entry) { return entry.second.sandboxId == id; });
  sandboxes.erase(id);
  co_return Status();
}

Task<Result<PodSandboxStatusResponse>> FakeRuntime::podSandboxStatus(std::string id, bool verbose,
                                                                     std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("PodSandboxStatus", "", "", stop));
  auto found = sandboxes.find(id);
  if (found == sandboxes.end()) co_return gone("sandbox", id);
  const auto& sandbox = found->second;
  PodSandboxStatusResponse response;
  auto& status = response.status.getOrCreate();
  status.id = id;
  status.metadata = sandbox.config.metadata;
  status.state = sandbox.state;
  status.createdAt = sandbox.createdAt;
  status.network.getOrCreate().ip = sandbox.state == SANDBOX_READY ? sandbox.ip : "";
  status.labels = sandbox.config.labels;
  status.annotations = sandbox.config.annotations;
  status.runtimeHandler = sandbox.handler;
  co_return response;
}

Task<Result<std::vector<PodSandbox>>> FakeRuntime::listPodSandbox(PodSandboxFilter filter,
                                                                  std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ListPodSandbox", "", "", stop));
  std::vector<PodSandbox> items;
  for (const auto& [id, sandbox] : sandboxes) {
    if (!filter.id.empty() && filter.id != id) continue;
    if (filter.state && filter.state->state != sandbox.state) continue;
    if (!carries(sandbox.config.labels, filter.labelSelector)) continue;
    PodSandbox item;
    item.id = id;
    item.metadata = sandbox.config.metadata;
    item.state = sandbox.state;
    item.createdAt = sandbox.createdAt;
    item.labels = sandbox.config.labels;
    item.annotations = sandbox.config.annotations;
    item.runtimeHandler = sandbox.handler;
    items.push_back(std::move(item));
  }
  co_return items;
}

Task<Result<std::string>> FakeRuntime::createContainer(std::string sandboxId,
                                                       ContainerConfig config,
                                                       PodSandboxConfig sandboxConfig,
                                                       std::stop_token stop) {
  std::string subject = sandboxConfig.metadata->name + "/" + config.metadata->name;
  CO_TRY_STATUS(co_await arrive("CreateContainer", subject, "", stop));
  auto sandbox = sandboxes.find(sandboxId);
  if (sandbox == sandboxes.end()) co_return gone("sandbox", sandboxId);
  FakeContainer container;
  container.id = nextId();
  container.sandboxId = std::move(sandboxId);
  container.config = std::move(config);
  container.createdAt = wallNanos();
  std::string id = container.id;
  containers.emplace(id, std::move(container));
  co_return id;
}

Task<Status> FakeRuntime::startContainer(std::string id, std::stop_token stop) {
  auto found = containers.find(id);
  std::string subject = found == containers.end() ? id : subjectOf(found->second);
  CO_TRY_STATUS(co_await arrive("StartContainer", subject, "", stop));
  found = containers.find(id);
  if (found == containers.end()) co_return gone("container", id);
  found->second.state = CONTAINER_RUNNING;
  found->second.startedAt = wallNanos();
  tell(id, CONTAINER_STARTED_EVENT);
  co_return Status();
}

Task<Status> FakeRuntime::stopContainer(std::string id, int64_t timeoutSeconds,
                                        std::stop_token stop) {
  auto found = containers.find(id);
  std::string subject = found == containers.end() ? id : subjectOf(found->second);
  CO_TRY_STATUS(co_await arrive("StopContainer", subject, std::to_string(timeoutSeconds), stop));
  if (!stopExitCode) {
    CO_TRY_STATUS(co_await sleepFor(std::chrono::seconds(timeoutSeconds), stop));
  }
  found = containers.find(id);
  if (found != containers.end()) end(found->second, stopExitCode.value_or(137), "");
  co_return Status();
}

Task<Status> FakeRuntime::removeContainer(std::string id, std::stop_token stop) {
  auto found = containers.find(id);
  std::string subject = found == containers.end() ? id : subjectOf(found->second);
  CO_TRY_STATUS(co_await arrive("RemoveContainer", subject, "", stop));
  containers.erase(id);
  tell(id, CONTAINER_DELETED_EVENT);
  co_return Status();
}

Task<Result<std::vector<Container>>> FakeRuntime::listContainers(ContainerFilter filter,
                                                                 std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ListContainers", "", "", stop));
  std::vector<Container> items;
  for (const auto& [id, c] : containers) {
    if (!filter.id.empty() && filter.id != id) continue;
    if (!filter.podSandboxId.empty() && filter.podSandboxId != c.sandboxId) continue;
    if (filter.state && filter.state->state != c.state) continue;
    if (!carries(c.config.labels, filter.labelSelector)) continue;
    Container item;
    item.id = id;
    item.podSandboxId = c.sandboxId;
    item.metadata = c.config.metadata;
    item.image = c.config.image;
    item.imageRef = c.config.image ? c.config.image->image : "";
    item.state = c.state;
    item.createdAt = c.createdAt;
    item.labels = c.config.labels;
    item.annotations = c.config.annotations;
    items.push_back(std::move(item));
  }
  co_return items;
}

Task<Result<ContainerStatusResponse>> FakeRuntime::containerStatus(std::string id, bool verbose,
                                                                   std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ContainerStatus", "", "", stop));
  auto found = containers.find(id);
  if (found == containers.end()) co_return gone("container", id);
  const auto& c = found->second;
  ContainerStatusResponse response;
  auto& status = response.status.getOrCreate();
  status.id = id;
  status.metadata = c.config.metadata;
  status.state = c.state;
  status.createdAt = c.createdAt;
  status.startedAt = c.startedAt;
  status.finishedAt = c.finishedAt;
  status.exitCode = c.exitCode;
  status.image = c.config.image;
  status.imageRef = c.config.image ? c.config.image->image : "";
  status.reason = c.reason;
  status.message = c.message;
  status.labels = c.config.labels;
  status.annotations = c.config.annotations;
  auto sandbox = sandboxes.find(c.sandboxId);
  if (sandbox != sandboxes.end()) {
    status.logPath = sandbox->second.config.logDirectory + "/" + c.config.logPath;
  }
  co_return response;
}

Task<Status> FakeRuntime::updateContainerResources(UpdateContainerResourcesRequest request,
                                                   std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("UpdateContainerResources", request.containerId, "", stop));
  auto found = containers.find(request.containerId);
  if (found == containers.end()) co_return gone("container", request.containerId);
  if (request.linux) found->second.config.linux.getOrCreate().resources = *request.linux;
  co_return Status();
}

Task<Status> FakeRuntime::reopenContainerLog(std::string id, std::stop_token stop) {
  co_return co_await arrive("ReopenContainerLog", id, "", stop);
}

Task<Result<ExecSyncResponse>> FakeRuntime::execSync(std::string id,
                                                     std::vector<std::string> command,
                                                     std::chrono::seconds timeout,
                                                     std::stop_token stop) {
  auto found = containers.find(id);
  std::string subject = found == containers.end() ? id : subjectOf(found->second);
  CO_TRY_STATUS(co_await arrive("ExecSync", subject, "", stop));
  found = containers.find(id);
  if (found == containers.end()) co_return gone("container", id);
  if (onExec) co_return onExec(found->second, command);
  co_return ExecSyncResponse();
}

Task<Result<std::string>> FakeRuntime::exec(ExecRequest request, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("Exec", request.containerId, "", stop));
  co_return "http://127.0.0.1:1/exec/" + request.containerId;
}

Task<Result<std::string>> FakeRuntime::attach(AttachRequest request, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("Attach", request.containerId, "", stop));
  co_return "http://127.0.0.1:1/attach/" + request.containerId;
}

Task<Result<std::string>> FakeRuntime::portForward(PortForwardRequest request,
                                                   std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("PortForward", request.podSandboxId, "", stop));
  co_return "http://127.0.0.1:1/portforward/" + request.podSandboxId;
}

ContainerStats FakeRuntime::statsOf(const FakeContainer& container) const {
  ContainerStats stats;
  auto& attributes = stats.attributes.getOrCreate();
  attributes.id = container.id;
  attributes.metadata = container.config.metadata;
  attributes.labels = container.config.labels;
  return stats;
}

Task<Result<ContainerStats>> FakeRuntime::containerStats(std::string id, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ContainerStats", "", "", stop));
  auto found = containers.find(id);
  if (found == containers.end()) co_return gone("container", id);
  co_return statsOf(found->second);
}

Task<Result<std::vector<ContainerStats>>> FakeRuntime::listContainerStats(
    ContainerStatsFilter filter, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ListContainerStats", "", "", stop));
  std::vector<ContainerStats> items;
  for (const auto& [id, c] : containers) {
    if (c.state == CONTAINER_RUNNING) items.push_back(statsOf(c));
  }
  co_return items;
}

Task<Result<std::vector<PodSandboxStats>>> FakeRuntime::listPodSandboxStats(
    PodSandboxStatsFilter filter, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ListPodSandboxStats", "", "", stop));
  std::vector<PodSandboxStats> items;
  for (const auto& [id, s] : sandboxes) {
    if (s.state != SANDBOX_READY) continue;
    PodSandboxStats stats;
    auto& attributes = stats.attributes.getOrCreate();
    attributes.id = id;
    attributes.metadata = s.config.metadata;
    attributes.labels = s.config.labels;
    items.push_back(std::move(stats));
  }
  co_return items;
}

Task<Result<std::unique_ptr<EventStream>>> FakeRuntime::events(std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("GetContainerEvents", "", "", stop));
  auto stream = std::make_shared<Events>();
  streams_.push_back(stream);
  std::unique_ptr<EventStream> out = std::make_unique<Stream>(std::move(stream));
  co_return out;
}

Task<Result<std::vector<Image>>> FakeRuntime::listImages(ImageFilter filter, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ListImages", "", "", stop));
  std::vector<Image> items;
  for (const auto& [name, image] : images) {
    if (filter.image && !filter.image->image.empty() && filter.image->image != name) continue;
    items.push_back(image);
  }
  co_return items;
}

Task<Result<std::optional<Image>>> FakeRuntime::imageStatus(ImageSpec image, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ImageStatus", image.image, "", stop));
  for (const auto& [name, present] : images) {
    if (name == image.image || present.id == image.image) co_return std::optional<Image>(present);
  }
  co_return std::optional<Image>();
}

Task<Result<std::string>> FakeRuntime::pullImage(ImageSpec image, std::optional<AuthConfig> auth,
                                                 PodSandboxConfig sandboxConfig,
                                                 std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("PullImage", image.image, auth ? auth->username : "", stop));
  bool known = images.contains(image.image) ||
               std::find(pullable.begin(), pullable.end(), image.image) != pullable.end();
  if (!known) co_return gone("image", image.image);
  if (!images.contains(image.image)) addImage(image.image);
  co_return images[image.image].id;
}

Task<Status> FakeRuntime::removeImage(ImageSpec image, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("RemoveImage", image.image, "", stop));
  std::erase_if(images, [&](const auto& entry) {
    return entry.first == image.image || entry.second.id == image.image;
  });
  co_return Status();
}

Task<Result<std::vector<FilesystemUsage>>> FakeRuntime::imageFsInfo(std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive("ImageFsInfo", "", "", stop));
  FilesystemUsage usage;
  usage.timestamp = wallNanos();
  usage.fsId.getOrCreate().mountpoint = "/";
  uint64_t bytes = 0;
  for (const auto& [name, image] : images) bytes += image.size;
  usage.usedBytes.getOrCreate().value = bytes;
  std::vector<FilesystemUsage> all;
  all.push_back(std::move(usage));
  co_return all;
}

}  // namespace coxswain::kubelet::cri::testing
