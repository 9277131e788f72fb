#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "client/event_recorder.h"
#include "kubelet/prober/transport.h"

namespace coxswain::api::core::v1 {
struct Pod;
struct Container;
struct LifecycleHandler;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet {

/// Runs postStart and preStop hooks: exec, httpGet, tcpSocket (refused by upstream too: an error),
/// sleep. One executor. Upstream: pkg/kubelet/lifecycle/handlers.go.
class LifecycleRunner {
 public:
  using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
  using ContainerPointer = std::shared_ptr<const api::core::v1::Container>;

  LifecycleRunner(ProbeTransport& transport, CommandRunner& commands, client::EventRecorder& events,
                  std::string version = "1.36")
      : transport_(transport),
        commands_(commands),
        events_(events),
        userAgent_("kube-lifecycle/" + version) {}

  /// Nothing to do is a success. Failed: event FailedPostStartHook has been written; the caller
  /// kills the container ("FailedPostStartHook") and waits with reason PostStartHookError and the
  /// failure's message. Takes as long as the hook does.
  Task<Status> postStart(PodPointer pod, ContainerPointer container, std::string containerId,
                         std::string podIP, std::stop_token stop);
  /// Takes at most `grace`; returns how long it took, so that StopContainer gets what is left.
  /// Failed or late: event FailedPreStopHook has been written, killing goes on.
  Task<Duration> preStop(PodPointer pod, ContainerPointer container, std::string containerId,
                         std::string podIP, Duration grace, std::stop_token stop);

 private:
  Task<Status> run(const api::core::v1::LifecycleHandler& handler, const api::core::v1::Pod& pod,
                   const api::core::v1::Container& container, std::string containerId,
                   std::string podIP, std::stop_token stop);
  Task<Status> httpGet(const api::core::v1::LifecycleHandler& handler,
                       const api::core::v1::Container& container, std::string podIP,
                       std::stop_token stop);

  ProbeTransport& transport_;
  CommandRunner& commands_;
  client::EventRecorder& events_;
  std::string userAgent_;
};

}  // namespace coxswain::kubelet
