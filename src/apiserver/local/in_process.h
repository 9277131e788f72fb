#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "apiserver/generic/user_info.h"
#include "apiserver/server/api_server.h"
#include "client/client.h"
#include "client/path_reader.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// A request that goes through the server's pipeline as one over HTTP does, past authentication:
/// for what is not stored here (other servers' APIs, metrics), or is read as metadata only.
struct InProcessRequest {
  std::string method = "GET";
  std::string path;  ///< encoded
  client::PathQuery query;
  std::string accept = "application/json";
  std::string contentType;
  std::string body;
};

/// The answer's body. On the server's executor; the server outlives the task.
Task<Result<std::string>> ask(ApiServer& server, UserInfo user, InProcessRequest request,
                              std::stop_token stop);

/// The answer is a watch, whose objects are of `type`, which outlives it. A failure comes with the
/// first `next`. On the server's executor, to which `next` goes from wherever it is called.
std::unique_ptr<client::Watch> askToWatch(Executor& executor, ApiServer& server, UserInfo user,
                                          const client::ResourceType& type,
                                          InProcessRequest request);

}  // namespace coxswain::apiserver
