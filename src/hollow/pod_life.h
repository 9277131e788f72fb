#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::hollow {

/// How pretended containers live. Shares (0 to 1) pick pods by a hash of their uid and `seed`, so
/// that the same pods are picked again after a restart.
struct PodBehaviour {
  Duration start = 1s;           ///< from being bound to running
  Duration ready = Duration(0);  ///< from running to ready
  Duration end = 500ms;          ///< from being deleted to ended; at most its grace period
  Duration run = 5s;             ///< of pods that end (restartPolicy is not Always); see kRunFor
  double failShare = 0;          ///< of pods that end: with exit code 1; see kExitCode
  double crashShare = 0;         ///< of pods that run on: crash again and again, ...
  Duration crashAfter = 30s;     ///< ... so long after they became ready
  uint64_t seed = 1;
};

/// Annotations of a pod that say it for this one: a Go duration; a number.
inline constexpr std::string_view kRunFor = "hollow.coxswain.dev/run-for";
inline constexpr std::string_view kExitCode = "hollow.coxswain.dev/exit-code";

enum class Step : uint8_t {
  None,       ///< until something else changes
  Start,      ///< Pending → Running
  MakeReady,  ///< containers and pod become ready
  Judge,      ///< readiness gates changed: condition Ready follows them
  Finish,     ///< containers end by themselves
  Crash,      ///< a container ends with exit code 1, and waits to be started again
  Restart,    ///< it is started again
  End,        ///< containers end because the pod is deleted
  Remove,     ///< ended and deleted: the object goes
};

struct Plan {
  Step step = Step::None;
  Duration after{};  ///< since the pod came into its present state
};

/// What a kubelet would do next with a pod that is bound to its node, as it stands. Pure.
Plan planFor(const api::core::v1::Pod& pod, const PodBehaviour& behaviour);

struct Addresses {
  std::string pod;
  std::string host;
};

/// Changes status as the step says (any but None and Remove). `addresses` are used by Start.
void carryOut(Step step, api::core::v1::Pod& pod, const PodBehaviour& behaviour,
              const Addresses& addresses, WallTime now);

}  // namespace coxswain::hollow
