#include "kubelet/lifecycle/handlers.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "base/log.h"
#include "kubelet/env/references.h"
#include "kubelet/prober/prober.h"
#include "kubelet/prober/url.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::LifecycleHandler;
using api::core::v1::Pod;

namespace {

const Logger kLog("lifecycle");

/// `Exec lifecycle hook ([a b]) for Container "c" in Pod "p_ns(uid)" failed - error: `.
std::string failureText(std::string_view what, std::string_view detail, const Pod& pod,
                        const Container& container) {
  const auto& meta = pod.metadata;
  const std::string name = meta.name + "_" + meta.namespace_ + "(" + meta.uid + ")";
  return std::string(what) + " lifecycle hook (" + std::string(detail) + ") for Container " +
         api::goQuote(container.name) + " in Pod " + api::goQuote(name) + " failed - error: ";
}

}  // namespace

Task<Status> LifecycleRunner::run(const LifecycleHandler& handler, const Pod& pod,
                                  const Container& container, std::string containerId,
                                  std::string podIP, std::stop_token stop) {
  if (handler.exec) {
    const auto& command = handler.exec->command;
    auto ran = co_await commands_.run(std::move(containerId), command, 0s, stop);
    if (ran.ok() && ran->exitCode == 0) co_return Status();
    const std::string words = fmt::format("{}", fmt::join(command, " "));
    const std::string why = ran.ok() ? "command '" + words + "' exited with " +
                                           std::to_string(ran->exitCode) + ": " + ran->output
                                     : ran.status().message();
    co_return badRequest(failureText("Exec", "[" + words + "]", pod, container) + why +
                         ", message: " + api::goQuote(ran.ok() ? ran->output : ""));
  }
  if (handler.httpGet) {
    const Status got = co_await httpGet(handler, container, std::move(podIP), stop);
    if (got.ok()) co_return got;
    co_return badRequest(failureText("HTTP", handler.httpGet->path, pod, container) +
                         got.message());
  }
  if (handler.sleep) {
    const Duration time = std::chrono::seconds(std::max<int64_t>(handler.sleep->seconds, 0));
    co_return co_await sleepFor(time, stop);
  }
  co_return badRequest("Cannot run handler: invalid handler");
}

Task<Status> LifecycleRunner::httpGet(const LifecycleHandler& handler, const Container& container,
                                      std::string podIP, std::stop_token stop) {
  const auto& action = *handler.httpGet;
  CO_TRY(const uint16_t port, resolveContainerPort(action.port, container));
  HttpGet request;
  request.scheme = action.scheme == "HTTPS" ? "https" : "http";
  request.host = action.host.empty() ? std::move(podIP) : action.host;
  request.port = port;
  request.target = action.path;
  for (const auto& header : action.httpHeaders) request.headers.add(header.name, header.value);
  if (!request.headers.has("user-agent")) request.headers.add("User-Agent", userAgent_);
  if (!request.headers.has("accept")) request.headers.add("Accept", "*/*");
  WebAddress shown;
  shown.scheme = request.scheme;
  shown.host = request.host;
  shown.port = port;
  shown.target = encodeTarget(request.target);
  // Any answer is a success: the hook was heard.
  auto got = co_await transport_.get(std::move(request), stop);
  if (got.ok()) co_return Status();
  co_return badRequest("Get " + api::goQuote(shown.str()) + ": " + got.status().message());
}

Task<Status> LifecycleRunner::postStart(PodPointer pod, ContainerPointer container,
                                        std::string containerId, std::string podIP,
                                        std::stop_token stop) {
  if (!container->lifecycle || !container->lifecycle->postStart) co_return Status();
  const Status ran = co_await run(*container->lifecycle->postStart, *pod, *container,
                                  std::move(containerId), std::move(podIP), stop);
  if (ran.ok()) co_return ran;
  if (stop.stop_requested()) co_return canceled();
  // The reason may hold secrets: it goes to the pod's status, not into events.
  events_.event(containerReference(*pod, container->name), client::kEventWarning,
                "FailedPostStartHook", "PostStartHook failed");
  co_return ran;
}

Task<Duration> LifecycleRunner::preStop(PodPointer pod, ContainerPointer container,
                                        std::string containerId, std::string podIP, Duration grace,
                                        std::stop_token stop) {
  if (!container->lifecycle || !container->lifecycle->preStop) co_return Duration(0);
  const MonotonicTime began = Executor::current()->now();
  Deadline deadline(grace, stop);
  const Status ran = co_await run(*container->lifecycle->preStop, *pod, *container,
                                  std::move(containerId), std::move(podIP), deadline.token());
  const Duration took = Executor::current()->now() - began;
  if (deadline.expired()) {
    kLog.info("a preStop hook took all of the grace period",
              {{"pod", pod->metadata.namespace_ + "/" + pod->metadata.name},
               {"container", container->name}});
  } else if (!ran.ok() && !stop.stop_requested()) {
    kLog.warn("a preStop hook failed",
              {{"pod", pod->metadata.namespace_ + "/" + pod->metadata.name}, {"error", ran}});
    events_.event(containerReference(*pod, container->name), client::kEventWarning,
                  "FailedPreStopHook", "PreStopHook failed");
  }
  co_return std::min(took, grace);
}

}  // namespace coxswain::kubelet
