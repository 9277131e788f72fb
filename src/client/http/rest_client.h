#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "client/http/client_config.h"
#include "net/http_client.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::client {

/// Everything outside letters, digits and "-._~" as %XX.
std::string percentEncode(std::string_view text);

struct RestRequest {
  std::string method = "GET";
  std::string path = "/";  ///< encoded where it needs it; the server's own path comes before
  std::vector<std::pair<std::string, std::string>> query;  ///< not encoded
  net::Headers headers;
  std::string body;
  /// Until headers are here; unset: the config's. 0: none.
  std::optional<Duration> timeout;
};

struct RestResponse {
  int status = 0;
  net::Headers headers;
  std::string body;
};

/// Requests to one API server by method and path, authenticated by its config, over one shared
/// HTTP/2 connection. Answers of 400 and more become their Status, whether the server sent one or
/// not. 429 (and 5xx with Retry-After) are asked again after the time the server names, ten times
/// at most; a GET whose connection broke is sent once more. Failures without an answer are
/// Unreachable; the request may have happened.
///
/// Methods belong to the reactor. close() before the reactor stops.
class RestClient {
 public:
  /// BadRequest: the config's certificates, keys or server cannot be used.
  static Result<std::unique_ptr<RestClient>> create(Reactor& reactor, ClientConfig config);
  ~RestClient();
  RestClient(const RestClient&) = delete;
  RestClient& operator=(const RestClient&) = delete;

  /// The whole answer, at most 1 GiB.
  Task<Result<RestResponse>> call(RestRequest request, std::stop_token stop);
  /// An answer whose body still comes.
  Task<Result<std::unique_ptr<net::ClientResponse>>> stream(RestRequest request,
                                                            std::stop_token stop);
  /// Asks for an upgrade (the caller sets Connection, Upgrade and its protocol's headers), over a
  /// connection of its own. The answer has status 101 and gives its stream by takeStream(); any
  /// other answer is a failure.
  Task<Result<std::unique_ptr<net::ClientResponse>>> upgrade(RestRequest request,
                                                             std::stop_token stop);
  Task<void> close();

  [[nodiscard]] const ClientConfig& config() const { return config_; }
  [[nodiscard]] Reactor& reactor() const { return reactor_; }

 private:
  RestClient(Reactor& reactor, ClientConfig config, net::HttpClientOptions options,
             std::string prefix);
  Result<net::ClientRequest> prepare(const RestRequest& request);
  Result<std::string> authorization();
  Task<Result<std::unique_ptr<net::ClientResponse>>> attempt(const RestRequest& request,
                                                             bool upgrade, std::stop_token stop);
  Task<Result<std::unique_ptr<net::ClientResponse>>> attempts(RestRequest request, bool upgrade,
                                                              std::stop_token stop);

  Reactor& reactor_;
  ClientConfig config_;
  std::string prefix_;  ///< path of the server's URL, without "/" at its end
  net::HttpClient http_;
  std::string fileToken_;
  std::optional<MonotonicTime> fileTokenRead_;
};

/// The failure that an answer (400 and more) means: the Status in its body, else one by its code.
Status statusOfAnswer(int code, std::string_view method, std::string_view contentType,
                      std::string_view body, int retryAfterSeconds);

}  // namespace coxswain::client
