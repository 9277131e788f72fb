#pragma once

#include "net/http.h"

/// One accepted connection, after TLS. Inside of net only.
namespace coxswain::net {

struct ConnectionContext {
  Reactor& reactor;
  Handler& handler;
  const HttpLimits& limits;
  std::stop_token drain;  ///< finish what runs, take nothing new
  std::stop_token stop;   ///< end now
};

/// Serve until the connection ends.
Task<void> serveHttp1(ConnectionContext context, std::unique_ptr<Stream> stream);
Task<void> serveHttp2(ConnectionContext context, std::unique_ptr<Stream> stream);

/// Requests `source` when `parent` is requested.
struct ForwardStop {
  std::stop_source source;
  void operator()() { source.request_stop(); }
};

/// "/a?b" in its halves.
void splitTarget(std::string_view target, Request& out);
/// For the Date header; computed once a second on each thread.
std::string httpDate(WallTime now);

}  // namespace coxswain::net
