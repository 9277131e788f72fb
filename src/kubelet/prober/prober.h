#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "kubelet/prober/transport.h"

namespace coxswain::api::core::v1 {
struct Pod;
struct Container;
struct Probe;
}  // namespace coxswain::api::core::v1
namespace coxswain::api {
struct IntOrString;
}

namespace coxswain::kubelet {

enum class ProbeKind : uint8_t { Startup, Readiness, Liveness };
enum class ProbeResult : uint8_t { Unknown, Success, Failure };

/// "Startup", "Readiness", "Liveness": as events have them.
std::string_view probeKindName(ProbeKind kind);
/// Null: the container has none of that kind.
const api::core::v1::Probe* probeOf(const api::core::v1::Container& container, ProbeKind kind);

/// A port's number, or the number of the container's port of that name; the messages are
/// upstream's.
Result<uint16_t> resolveContainerPort(const api::IntOrString& port,
                                      const api::core::v1::Container& container);

/// Does one probe once. One executor.
class Prober {
 public:
  enum class Outcome : uint8_t {
    Success,
    Warning,  ///< success, with something to tell
    Failure,
    Error,  ///< it could not be done: not counted
  };
  struct Answer {
    Outcome outcome = Outcome::Error;
    std::string output;  ///< what events say behind "Liveness probe failed: "
  };

  Prober(ProbeTransport& transport, CommandRunner& commands, std::string version = "1.36")
      : transport_(transport), commands_(commands), userAgent_("kube-probe/" + version) {}

  /// Takes at most the probe's timeoutSeconds (1 where unset).
  Task<Answer> probe(const api::core::v1::Probe& spec, const api::core::v1::Container& container,
                     std::string containerId, std::string podIP, std::stop_token stop);

 private:
  Task<Answer> exec(const api::core::v1::Probe& spec, std::string containerId, Duration timeout,
                    std::stop_token stop);
  Task<Answer> http(const api::core::v1::Probe& spec, const api::core::v1::Container& container,
                    std::string podIP, Duration timeout, std::stop_token stop);
  Task<Answer> tcp(const api::core::v1::Probe& spec, const api::core::v1::Container& container,
                   std::string podIP, Duration timeout, std::stop_token stop);
  Task<Answer> grpc(const api::core::v1::Probe& spec, std::string podIP, Duration timeout,
                    std::stop_token stop);

  ProbeTransport& transport_;
  CommandRunner& commands_;
  std::string userAgent_;
};

}  // namespace coxswain::kubelet
