#include "kubelet/prober/prober.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/gen/core_v1.h"
#include "api/names/quote.h"
#include "kubelet/prober/url.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::Probe;

namespace {

constexpr size_t kOutputMax = 10 << 10;

std::string secondsText(Duration timeout) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(timeout).count()) + "s";
}

Prober::Answer answer(Prober::Outcome outcome, std::string output) {
  output.resize(std::min(output.size(), kOutputMax));
  return Prober::Answer{outcome, std::move(output)};
}

std::string healthName(int status) {
  switch (status) {
    case 0:
      return "UNKNOWN";
    case 1:
      return "SERVING";
    case 2:
      return "NOT_SERVING";
    case 3:
      return "SERVICE_UNKNOWN";
    default:
      return std::to_string(status);
  }
}

}  // namespace

std::string_view probeKindName(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::Startup:
      return "Startup";
    case ProbeKind::Readiness:
      return "Readiness";
    case ProbeKind::Liveness:
      return "Liveness";
  }
  return "";
}

const Probe* probeOf(const Container& container, ProbeKind kind) {
  switch (kind) {
    case ProbeKind::Startup:
      return container.startupProbe.get();
    case ProbeKind::Readiness:
      return container.readinessProbe.get();
    case ProbeKind::Liveness:
      return container.livenessProbe.get();
  }
  return nullptr;
}

Result<uint16_t> resolveContainerPort(const api::IntOrString& port, const Container& container) {
  int64_t number = port.intVal;
  if (port.isString()) {
    const auto named = std::find_if(container.ports.begin(), container.ports.end(),
                                    [&](const auto& p) { return p.name == port.strVal; });
    if (named != container.ports.end()) {
      number = named->containerPort;
    } else {
      const char* end = port.strVal.data() + port.strVal.size();
      const auto parsed = std::from_chars(port.strVal.data(), end, number);
      if (parsed.ec != std::errc() || parsed.ptr != end) {
        return badRequest("strconv.Atoi: parsing " + api::goQuote(port.strVal) +
                          ": invalid syntax");
      }
    }
  }
  if (number <= 0 || number > 65535) {
    return badRequest("invalid port number: " + std::to_string(number));
  }
  return static_cast<uint16_t>(number);
}

Task<Prober::Answer> Prober::probe(const Probe& spec, const Container& container,
                                   std::string containerId, std::string podIP,
                                   std::stop_token stop) {
  const Duration timeout = std::chrono::seconds(std::max(spec.timeoutSeconds, 1));
  const auto& handler = spec.handler;
  if (handler.exec) co_return co_await exec(spec, std::move(containerId), timeout, stop);
  if (handler.httpGet) co_return co_await http(spec, container, std::move(podIP), timeout, stop);
  if (handler.tcpSocket) {
    co_return co_await tcp(spec, container, std::move(podIP), timeout, stop);
  }
  if (handler.grpc) co_return co_await grpc(spec, std::move(podIP), timeout, stop);
  co_return answer(Outcome::Error, "missing probe handler for " + container.name);
}

Task<Prober::Answer> Prober::exec(const Probe& spec, std::string containerId, Duration timeout,
                                  std::stop_token stop) {
  const auto& command = spec.handler.exec->command;
  auto ran = co_await commands_.run(std::move(containerId), command, timeout, stop);
  if (!ran.ok()) {
    if (isTimeout(ran.status())) {
      co_return answer(
          Outcome::Failure,
          "command timed out: " + api::goQuote(fmt::format("{}", fmt::join(command, " "))) +
              " timed out after " + secondsText(timeout));
    }
    co_return answer(Outcome::Error, ran.status().message());
  }
  co_return answer(ran->exitCode == 0 ? Outcome::Success : Outcome::Failure,
                   std::move(ran->output));
}

Task<Prober::Answer> Prober::http(const Probe& spec, const Container& container, std::string podIP,
                                  Duration timeout, std::stop_token stop) {
  const auto& action = *spec.handler.httpGet;
  const auto port = resolveContainerPort(action.port, container);
  if (!port.ok()) co_return answer(Outcome::Error, port.status().message());
  HttpGet request;
  request.scheme = action.scheme == "HTTPS" ? "https" : "http";
  request.host = action.host.empty() ? std::move(podIP) : action.host;
  request.port = *port;
  request.target = action.path;
  for (const auto& header : action.httpHeaders) request.headers.add(header.name, header.value);
  if (!request.headers.has("user-agent")) request.headers.add("User-Agent", userAgent_);
  if (!request.headers.has("accept")) request.headers.add("Accept", "*/*");
  WebAddress shown;
  shown.scheme = request.scheme;
  shown.host = request.host;
  shown.port = request.port;
  shown.target = encodeTarget(request.target);

  Deadline deadline(timeout, stop);
  auto got = co_await transport_.get(std::move(request), deadline.token());
  if (!got.ok()) {
    const std::string why =
        deadline.expired()
            ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            : got.status().message();
    co_return answer(stop.stop_requested() ? Outcome::Error : Outcome::Failure,
                     "Get " + api::goQuote(shown.str()) + ": " + why);
  }
  if (got->status >= 200 && got->status < 300) {
    co_return answer(Outcome::Success, std::move(got->body));
  }
  if (got->status >= 300 && got->status < 400) {
    co_return answer(Outcome::Warning, "Probe terminated redirects, Response body: " + got->body);
  }
  co_return answer(Outcome::Failure,
                   "HTTP probe failed with statuscode: " + std::to_string(got->status));
}

Task<Prober::Answer> Prober::tcp(const Probe& spec, const Container& container, std::string podIP,
                                 Duration timeout, std::stop_token stop) {
  const auto& action = *spec.handler.tcpSocket;
  const auto port = resolveContainerPort(action.port, container);
  if (!port.ok()) co_return answer(Outcome::Error, port.status().message());
  WebAddress address;
  address.host = action.host.empty() ? std::move(podIP) : action.host;
  address.port = *port;
  Deadline deadline(timeout, stop);
  const Status status = co_await transport_.connect(address.host, *port, deadline.token());
  if (status.ok()) co_return answer(Outcome::Success, "");
  if (deadline.expired()) {
    co_return answer(Outcome::Failure, "dial tcp " + address.authority() + ": i/o timeout");
  }
  co_return answer(stop.stop_requested() ? Outcome::Error : Outcome::Failure, status.message());
}

Task<Prober::Answer> Prober::grpc(const Probe& spec, std::string podIP, Duration timeout,
                                  std::stop_token stop) {
  const auto& action = *spec.handler.grpc;
  if (action.port <= 0 || action.port > 65535) {
    co_return answer(Outcome::Error, "invalid port number: " + std::to_string(action.port));
  }
  WebAddress address;
  address.host = std::move(podIP);
  address.port = static_cast<uint16_t>(action.port);
  Deadline deadline(timeout, stop);
  const auto status = co_await transport_.grpcHealth(address.host, address.port,
                                                     action.service.value_or(""), deadline.token());
  if (status.ok()) {
    if (*status == 1) co_return answer(Outcome::Success, "service healthy");
    co_return answer(Outcome::Failure, "service unhealthy (responded with " +
                                           api::goQuote(healthName(*status)) + ")");
  }
  const Status failure = status.status();
  if (stop.stop_requested()) co_return answer(Outcome::Error, failure.message());
  if (deadline.expired()) {
    co_return answer(Outcome::Failure, "timeout: failed to connect service " +
                                           api::goQuote(address.authority()) + " within " +
                                           secondsText(timeout) + ": context deadline exceeded");
  }
  if (failure.code() == 501) {
    co_return answer(Outcome::Failure,
                     "error: this server does not implement the grpc health protocol "
                     "(grpc.health.v1.Health): " +
                         failure.message());
  }
  if (isUnreachable(failure)) {
    co_return answer(Outcome::Failure, "error: failed to connect service at " +
                                           api::goQuote(address.authority()) + ": " +
                                           failure.message());
  }
  co_return answer(Outcome::Failure, "error: health rpc probe failed: " + failure.message());
}

}  // namespace coxswain::kubelet
