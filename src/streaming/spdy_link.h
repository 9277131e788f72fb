#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "net/spdy/spdy.h"
#include "streaming/upgrader.h"

namespace coxswain::streaming {

/// A SPDY connection together with the coroutine that reads it. finish() or close() is awaited
/// before it is destroyed. One executor.
class SpdyLink {
 public:
  using Role = net::spdy::Connection::Role;
  SpdyLink(std::unique_ptr<net::Stream> stream, Role role, std::string protocol);

  [[nodiscard]] net::spdy::Connection& connection() { return *connection_; }
  /// What both agreed on ("v4.channel.k8s.io"); empty for clients from before there was a choice.
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  /// Requested when the connection has ended.
  [[nodiscard]] std::stop_token gone() const { return state_->gone.get_token(); }
  /// Lets the peer read what was written, for up to `grace`.
  Task<void> finish(Duration grace);
  Task<void> close();

 private:
  struct State {
    std::stop_source stop;
    std::stop_source gone;
    Event ended;
  };
  static Task<void> run(std::shared_ptr<net::spdy::Connection> connection,
                        std::shared_ptr<State> state);
  std::shared_ptr<net::spdy::Connection> connection_;
  std::shared_ptr<State> state_;  // shared with the reading coroutine
  std::string protocol_;
};

/// Does the request ask for SPDY/3.1?
bool isSpdyRequest(const net::Request& request);

/// The server's upgrade: chooses the first of the client's X-Stream-Protocol-Version values that is
/// in `protocols` and answers 101. Otherwise answers 400 (no upgrade asked for) or 403 (no common
/// version), and fails with the text sent. Empty in `protocols` takes clients that name none.
Task<Result<std::unique_ptr<SpdyLink>>> acceptSpdy(net::Request& request,
                                                   net::ResponseWriter& response,
                                                   std::vector<std::string> protocols);

/// The client's. An answer other than 101 fails with its HTTP code and (short) body.
Task<Result<std::unique_ptr<SpdyLink>>> dialSpdy(Upgrader& client, net::ClientRequest request,
                                                 std::vector<std::string> protocols,
                                                 std::stop_token stop);

}  // namespace coxswain::streaming
