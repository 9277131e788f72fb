#include "api/gen/core_v1.h"
#include "kubelet/logs/log_reader.h"
#include "kubelet/server/answers.h"
#include "kubelet/server/container_route.h"
#include "net/url.h"

namespace coxswain::kubelet::server {
namespace {

namespace core = api::core::v1;

const core::ContainerStatus* findStatus(const core::PodStatus& status, std::string_view name) {
  for (const auto* list : {&status.containerStatuses, &status.initContainerStatuses,
                           &status.ephemeralContainerStatuses})
    for (const auto& entry : *list)
      if (entry.name == name) return &entry;
  return nullptr;
}

bool inSpec(const core::PodSpec& spec, std::string_view name) {
  for (const auto* list : {&spec.initContainers, &spec.containers})
    for (const auto& container : *list)
      if (container.name == name) return true;
  for (const auto& container : spec.ephemeralContainers)
    if (container.ephemeralContainerCommon.name == name) return true;
  return false;
}

std::string waitingText(const std::string& reason) {
  if (reason == "ErrImagePull") return "image can't be pulled";
  if (reason == "ImagePullBackOff") return "trying and failing to pull image";
  return reason;
}

class ResponseSink final : public logs::LogSink {
 public:
  explicit ResponseSink(net::ResponseWriter& response) : response_(response) {}
  Task<Status> write(std::string_view text) override { return response_.write(text); }

 private:
  net::ResponseWriter& response_;
};

class BackendCheck final : public logs::RunningCheck {
 public:
  BackendCheck(Backend& backend, std::string id) : backend_(backend), id_(std::move(id)) {}
  Task<Result<bool>> running(std::stop_token stop) override {
    CO_TRY(auto container, co_await backend_.containerStatus(id_, stop));
    co_return container.running;
  }

 private:
  Backend& backend_;
  std::string id_;
};

/// "containerd://ID" -> "ID".
std::string withoutScheme(const std::string& id) {
  auto at = id.find("://");
  return at == std::string::npos ? id : id.substr(at + 3);
}

}  // namespace

Result<std::string> logContainerId(const core::Pod& pod, const std::string& container,
                                   bool previous) {
  const auto subject = "container \"" + container + "\" in pod \"" + pod.metadata.name + "\"";
  const auto* status = findStatus(pod.status, container);
  if (!status) return badRequest(subject + " is not available");
  const auto& state = status->state;
  const std::string lastId =
      status->lastState.terminated ? status->lastState.terminated->containerID : std::string();
  if (previous) {
    if (lastId.empty()) return badRequest("previous terminated " + subject + " not found");
    return withoutScheme(lastId);
  }
  if (state.running) return withoutScheme(status->containerID);
  if (state.terminated || status->lastState.terminated) {
    // Where the next container did not start, the last one's log is what there is.
    auto id = state.terminated && !state.terminated->containerID.empty()
                  ? state.terminated->containerID
                  : lastId;
    if (id.empty()) return badRequest(subject + " is terminated");
    return withoutScheme(id);
  }
  if (state.waiting)
    return badRequest(subject + " is waiting to start: " + waitingText(state.waiting->reason));
  return badRequest(subject + " is waiting to start - no logs yet");
}

Task<Status> serveLogs(RouteContext context, ContainerAddress address) {
  auto& request = context.request;
  auto stop = request.stop;
  // Read to its end, so that a client that leaves is noticed.
  CO_TRY(auto ignored, co_await request.body->readAll(64 * 1024, stop));
  CO_TRY(auto query, net::Query::parse(request.query));
  auto options = logs::LogOptions::parse(query, context.reactor.wallNow());
  if (!options.ok()) co_return options.status();
  auto pod = context.backend.findPod(address.podNamespace, address.podName, "");
  if (!pod)
    co_return Status(Reason::NotFound, 404, "pod \"" + address.podName + "\" does not exist\n");
  if (!inSpec(pod->spec, address.container))
    co_return Status(
        Reason::NotFound, 404,
        "container \"" + address.container + "\" not found in pod \"" + address.podName + "\"\n");
  CO_TRY(auto id, logContainerId(*pod, address.container, options->previous));
  auto container = co_await context.backend.containerStatus(id, stop);
  if (!container.ok())
    co_return badRequest("unable to retrieve container logs for " + id + ": " +
                         container.status().message());
  if (container->logPath.empty())
    co_return badRequest("the runtime keeps no log of container " + id);
  auto file = logs::LogFile::open(container->logPath);
  if (!file.ok()) co_return badRequest(file.status().message());
  net::Headers headers;
  headers.add("Content-Type", "text/plain; charset=utf-8");
  CO_TRY_STATUS(co_await context.response.start(200, std::move(headers)));
  ResponseSink sink(context.response);
  BackendCheck check(context.backend, id);
  Status read =
      co_await logs::readLog(context.reactor, std::move(*file), *options, check, sink, stop);
  // Otherwise the answer is broken off, which tells the client that it is not whole.
  if (read.ok()) read = co_await context.response.end();
  co_return read;
}

}  // namespace coxswain::kubelet::server
