#pragma once

#include <array>
#include <string_view>

#include "apiserver/generic/admission.h"
#include "base/histogram.h"
#include "base/metric_sink.h"

namespace coxswain::apiserver {

/// In seconds; those of upstream's apiserver_admission_controller_admission_duration_seconds.
inline constexpr std::array<double, 6> kAdmissionSecondsBounds = {0.005, 0.025, 0.1, 0.5, 1.0, 2.5};

/// How long one plugin took, by what it was asked and what it answered. One executor.
class PluginTimes {
 public:
  using Seconds = Histogram<kAdmissionSecondsBounds>;
  enum class Phase : uint8_t { Admit, Validate };
  static constexpr std::array<std::string_view, 2> kPhases = {"admit", "validate"};
  static constexpr std::array<std::string_view, 4> kKinds = {"CREATE", "UPDATE", "DELETE",
                                                             "CONNECT"};

  void observe(Phase phase, WriteKind kind, bool rejected, Duration took) {
    of(phase, kind, rejected).observe(std::chrono::duration<double>(took).count());
  }
  [[nodiscard]] const Seconds& at(size_t phase, size_t kind, bool rejected) const {
    return all_[(phase * kKinds.size() + kind) * 2 + (rejected ? 1 : 0)];
  }

 private:
  Seconds& of(Phase phase, WriteKind kind, bool rejected) {
    return all_[(static_cast<size_t>(phase) * kKinds.size() + static_cast<size_t>(kind)) * 2 +
                (rejected ? 1 : 0)];
  }
  std::array<Seconds, 16> all_;
};

class AdmissionChain;
/// apiserver_admission_controller_admission_duration_seconds of what each plugin was asked.
void collect(const AdmissionChain& chain, MetricSink& sink);

}  // namespace coxswain::apiserver
