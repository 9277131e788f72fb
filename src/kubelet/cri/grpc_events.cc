#include "api/codec/protobuf.h"
#include "kubelet/cri/gen/containerd_events.h"
#include "kubelet/cri/grpc_services.h"
#include "kubelet/cri/invoke.h"

namespace coxswain::kubelet::cri {
namespace {

/// The CRI's own events (containerd 1.7 and later, CRI-O).
class CriEvents final : public EventStream {
 public:
  CriEvents(std::unique_ptr<net::grpc::ClientCall> call, std::string first)
      : call_(std::move(call)), first_(std::move(first)) {}

  Task<Result<ContainerEvent>> next(std::stop_token stop) override {
    std::string bytes = std::move(first_);
    first_.clear();
    if (bytes.empty()) {
      CO_TRY(auto message, co_await call_->receive(stop));
      if (!message) co_return endOfStream();
      bytes = std::move(*message);
    }
    CO_TRY(auto response, api::decodeProtobuf<ContainerEventResponse>(bytes));
    ContainerEvent event;
    event.containerId = std::move(response.containerId);
    event.type = static_cast<ContainerEventType>(response.containerEventType);
    co_return event;
  }

 private:
  std::unique_ptr<net::grpc::ClientCall> call_;
  std::string first_;
};

/// containerd's: tasks are what runs of a container.
class ContainerdEvents final : public EventStream {
 public:
  explicit ContainerdEvents(std::unique_ptr<net::grpc::ClientCall> call) : call_(std::move(call)) {}

  Task<Result<ContainerEvent>> next(std::stop_token stop) override {
    while (true) {
      CO_TRY(auto message, co_await call_->receive(stop));
      if (!message) co_return endOfStream();
      CO_TRY(auto envelope, api::decodeProtobuf<containerd::Envelope>(*message));
      if (!envelope.event) continue;
      ContainerEvent event;
      if (envelope.topic == "/tasks/delete") {
        CO_TRY(auto task, api::decodeProtobuf<containerd::TaskDelete>(envelope.event->value));
        // An exec's end is told in the same words, with an id of its own.
        if (!task.id.empty() && task.id != task.containerId) continue;
        event.type = CONTAINER_STOPPED_EVENT;
        event.containerId = std::move(task.containerId);
      } else if (envelope.topic == "/tasks/start") {
        CO_TRY(auto task, api::decodeProtobuf<containerd::TaskStart>(envelope.event->value));
        event.type = CONTAINER_STARTED_EVENT;
        event.containerId = std::move(task.containerId);
      } else {
        continue;
      }
      co_return event;
    }
  }

 private:
  std::unique_ptr<net::grpc::ClientCall> call_;
};

}  // namespace

Task<Result<std::unique_ptr<EventStream>>> GrpcRuntimeService::events(std::stop_token stop) {
  if (criEvents_) {
    auto opened = co_await channel_.open("/runtime.v1.RuntimeService/GetContainerEvents",
                                         net::Headers(), stop);
    if (!opened.ok()) co_return opened.status();
    auto call = std::move(*opened);
    CO_TRY_STATUS(co_await call->send("", stop));
    CO_TRY_STATUS(call->finishSending());
    // A runtime without them refuses at once; one with them says nothing until something happens.
    Deadline patience(1s, stop);
    auto first = co_await call->receive(patience.token());
    if (first.ok()) {
      if (!*first) co_return endOfStream();
      co_return std::make_unique<CriEvents>(std::move(call), std::move(**first));
    }
    if (patience.expired()) co_return std::make_unique<CriEvents>(std::move(call), "");
    if (!net::grpc::isUnimplemented(first.status())) co_return first.status();
    criEvents_ = false;
  }
  auto opened = co_await channel_.open("/containerd.services.events.v1.Events/Subscribe",
                                       net::Headers(), stop);
  if (!opened.ok()) co_return opened.status();
  auto call = std::move(*opened);
  containerd::SubscribeRequest request;
  request.filters = {R"(namespace==k8s.io,topic=="/tasks/delete")",
                     R"(namespace==k8s.io,topic=="/tasks/start")"};
  std::string bytes = api::encodeProtobuf(request);
  CO_TRY_STATUS(co_await call->send(bytes, stop));
  CO_TRY_STATUS(call->finishSending());
  co_return std::make_unique<ContainerdEvents>(std::move(call));
}

}  // namespace coxswain::kubelet::cri
