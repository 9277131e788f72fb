#pragma once

#include <string>
#include <utility>

#include "api/codec/protobuf.h"
#include "base/result.h"
#include "kubelet/cri/grpc_services.h"
#include "net/grpc/grpc.h"
#include "runtime/spawn.h"

/// Typed calls over net::grpc: encode, call with a deadline, decode.
namespace coxswain::kubelet::cri {

/// Of a channel to the runtime's socket.
inline net::HttpClientOptions channelOptions(const GrpcOptions& options) {
  net::HttpClientOptions http;
  http.server = options.endpoint;
  http.host = "localhost";
  return http;
}

/// "rpc error: code = NotFound desc = ...", as Go's gRPC prints it and events show it.
Status rpcError(const Status& status);
/// Bytes of an answer, or a failure told in Go's words. `timeout` 0: no limit.
Task<Result<std::string>> invokeBytes(net::grpc::Channel& channel, std::string method,
                                      std::string message, Duration timeout, std::stop_token stop);

template <typename Response, typename Request>
Task<Result<Response>> invoke(net::grpc::Channel& channel, std::string method, Request request,
                              Duration timeout, std::stop_token stop) {
  std::string bytes = api::encodeProtobuf(request);
  CO_TRY(auto answer, co_await invokeBytes(channel, std::move(method), std::move(bytes), timeout,
                                           std::move(stop)));
  co_return api::decodeProtobuf<Response>(answer);
}

/// The same where the answer has nothing to say.
template <typename Response, typename Request>
Task<Status> invokeEmpty(net::grpc::Channel& channel, std::string method, Request request,
                         Duration timeout, std::stop_token stop) {
  auto answer = co_await invoke<Response>(channel, std::move(method), std::move(request), timeout,
                                          std::move(stop));
  co_return answer.ok() ? Status() : answer.status();
}

}  // namespace coxswain::kubelet::cri
