#include "kubelet/cri/invoke.h"

#include <algorithm>

namespace coxswain::kubelet::cri {
namespace {

constexpr std::string_view kCodeNames[] = {
    "OK",       "Canceled",        "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",   "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",      "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated",
};

}  // namespace

Status rpcError(const Status& status) {
  auto code = kCodeNames[static_cast<int>(net::grpc::toCode(status))];
  std::string text = "rpc error: code = " + std::string(code) + " desc = " + status.message();
  return Status(status.reason(), status.code(), std::move(text));
}

Task<Result<std::string>> invokeBytes(net::grpc::Channel& channel, std::string method,
                                      std::string message, Duration timeout, std::stop_token stop) {
  net::Headers metadata;
  if (timeout == Duration::zero()) {
    auto answer =
        co_await channel.call(std::move(method), std::move(message), std::move(metadata), stop);
    if (!answer.ok() && !stop.stop_requested()) co_return rpcError(answer.status());
    co_return answer;
  }
  // At most eight digits.
  auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  metadata.add("grpc-timeout", std::to_string(std::clamp<int64_t>(millis, 1, 99'999'999)) + "m");
  Deadline deadline(timeout, stop);
  auto answer = co_await channel.call(std::move(method), std::move(message), std::move(metadata),
                                      deadline.token());
  if (answer.ok()) co_return answer;
  if (deadline.expired()) co_return rpcError(timeoutError("context deadline exceeded"));
  if (stop.stop_requested()) co_return answer;
  co_return rpcError(answer.status());
}

}  // namespace coxswain::kubelet::cri
