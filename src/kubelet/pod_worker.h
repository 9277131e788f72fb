#pragma once

#include "kubelet/pod_workers.h"

namespace coxswain::kubelet {

/// What a pod's coroutine knows.
struct PodWorkers::Worker {
  std::string uid;
  PodPointer pod;  ///< the newest
  Phase phase = Phase::Sync;

  PodState state;
  bool stale = true;    ///< `state` must be read again
  bool looked = false;  ///< it was read once
  WaitingReasons waiting;
  bool admitted = false;
  bool quiet = false;  ///< its last status is with the API server already
  bool orphan = false;
  uint64_t shares = 0;   ///< of its cgroup, when it is burstable
  PodPointer cgroupFor;  ///< the object its cgroup was made for

  bool ending = false;           ///< is to terminate
  std::optional<int64_t> grace;  ///< overrides the pod's
  std::string failReason;
  std::string failMessage;
  bool forgotten = false;  ///< its source has it no more

  bool dirty = true;        ///< a step is due now
  bool reportOnly = false;  ///< the next step looks and reports, and does nothing
  std::optional<MonotonicTime> wakeAt;
  Duration retryDelay = 0s;
  Event wake;
  std::stop_source stepStop;  ///< of what it is doing
};

}  // namespace coxswain::kubelet
