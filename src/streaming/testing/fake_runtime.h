#pragma once

#include "net/http.h"
#include "net/url.h"
#include "runtime/sync.h"
#include "streaming/port_forward.h"
#include "streaming/remote_command.h"

namespace coxswain::streaming::testing {

/// Stands in for a container runtime's streaming server. /exec/SCRIPT and /attach/SCRIPT, streams
/// by the kubelet's query:
///   cat      stdin to stdout until it ends; exit code 0
///   fail     "out" and "err"; exit code 3
///   broken   cannot be run
///   big      4 MiB of pattern(); exit code 0
///   sizes    each resize as "80x24\n" until stdin ends
///   wait     until the client is gone
///   vanish   hangs up without a word
///   deaf     never reads stdin; exits with 7 when `release` is set
/// /portforward: ports answer as `connector` says.
class FakeRuntime final : public net::Handler {
 public:
  explicit FakeRuntime(PortConnector* connector = nullptr) : connector_(connector) {}
  Task<void> serve(net::Request& request, net::ResponseWriter& response) override;

  int sessions = 0;      ///< open now
  bool sawGone = false;  ///< by "wait"
  Event gone;
  Event started;
  Event release;
  /// Of the last session request.
  std::string lastUpgrade;
  std::string lastTarget;

 private:
  Task<void> run(std::string script, std::unique_ptr<ServerSession> session, std::stop_token stop);
  Task<Outcome> script(std::string name, ServerSession& session, std::stop_token stop);
  PortConnector* connector_;
};

/// `size` bytes that differ from their neighbours.
std::string pattern(size_t size);

/// What a client session brought.
struct Gathered {
  std::string out;
  std::string err;
  Outcome outcome;
  std::string failure;  ///< of outcome()
};

/// Sends `input`, ends stdin (unless `keepOpen`), reads everything, closes.
Task<Gathered> gather(ClientSession& session, std::string input, bool keepOpen,
                      std::stop_token stop);

}  // namespace coxswain::streaming::testing
