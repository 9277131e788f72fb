#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "api/codec/protobuf.h"
#include "base/result.h"
#include "base/time.h"
#include "runtime/task.h"

namespace coxswain::kubelet::csi {

/// Unary calls to one plugin. One executor. close() before destruction.
class PluginChannel {
 public:
  virtual ~PluginChannel() = default;
  /// `method` is "/csi.v1.Node/NodeGetInfo". Failures keep gRPC's code; their messages start with
  /// "rpc error: code = X desc = ", because events show them in these words.
  virtual Task<Result<std::string>> call(std::string method, std::string message, Duration timeout,
                                         std::stop_token stop) = 0;
  virtual Task<void> close() = 0;
};

/// Makes channels: a seam, so that tests have plugins in memory.
class PluginChannels {
 public:
  virtual ~PluginChannels() = default;
  /// To a socket's path. Connects when needed.
  virtual std::unique_ptr<PluginChannel> open(const std::string& socket) = 0;
};

template <typename Response, typename Request>
Task<Result<Response>> invoke(PluginChannel& channel, std::string method, Request request,
                              Duration timeout, std::stop_token stop) {
  std::string bytes = api::encodeProtobuf(request);
  CO_TRY(auto answer,
         co_await channel.call(std::move(method), std::move(bytes), timeout, std::move(stop)));
  co_return api::decodeProtobuf<Response>(answer);
}

}  // namespace coxswain::kubelet::csi
