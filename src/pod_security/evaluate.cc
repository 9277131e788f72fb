#include "pod_security/evaluate.h"

#include <algorithm>

#include "pod_security/checks.h"

namespace coxswain::pod_security {
namespace {

using namespace api::core::v1;  // NOLINT

constexpr int kNever = Version::kLatest;
/// The newest minor release in which a check changed: later ones are the same.
constexpr int kNewest = 35;

/// One check: in which levels and since when. A baseline check that restricted has a stricter form
/// of is left out there from the version on that has that form.
struct Entry {
  Check check;
  Level level;
  int since;
  int strictlySince = kNever;
};

/// In the order of upstream's names of checks, which is that of messages.
constexpr Entry kChecks[] = {
    {checkAppArmor, Level::Baseline, 0},
    {checkBaselineCapabilities, Level::Baseline, 0, 22},
    {checkHostNamespaces, Level::Baseline, 0},
    {checkHostPathVolumes, Level::Baseline, 0, 0},
    {checkHostPorts, Level::Baseline, 0},
    {checkHandlerHosts, Level::Baseline, 34},
    {checkPrivileged, Level::Baseline, 0},
    {checkBaselineProcMount, Level::Baseline, 0, 35},
    {checkSeLinux, Level::Baseline, 0},
    {checkBaselineSeccomp, Level::Baseline, 0, 19},
    {checkSysctls, Level::Baseline, 0},
    {checkWindowsHostProcess, Level::Baseline, 0},
    {checkPrivilegeEscalation, Level::Restricted, 8},
    {checkRestrictedCapabilities, Level::Restricted, 22},
    {checkRestrictedProcMount, Level::Restricted, 35},
    {checkRestrictedVolumes, Level::Restricted, 0},
    {checkRunAsNonRoot, Level::Restricted, 0},
    {checkRunAsUser, Level::Restricted, 23},
    {checkRestrictedSeccomp, Level::Restricted, 19},
};

template <typename T>
ContainerView viewOf(const T& container) {
  ContainerView view{};
  view.name = &container.name;
  view.security = container.securityContext.get();
  view.ports = &container.ports;
  view.probes[0] = container.livenessProbe.get();
  view.probes[1] = container.readinessProbe.get();
  view.probes[2] = container.startupProbe.get();
  if (const auto* lifecycle = container.lifecycle.get()) {
    view.hooks[0] = lifecycle->postStart.get();
    view.hooks[1] = lifecycle->preStop.get();
  }
  return view;
}

}  // namespace

std::vector<Violation> evaluate(const LevelVersion& level, const api::meta::v1::ObjectMeta& meta,
                                const PodSpec& spec) {
  std::vector<Violation> out;
  if (level.level == Level::Privileged) return out;
  PodView pod{meta, spec, spec.securityContext.get(), {}, std::min(level.version.minor, kNewest)};
  pod.containers.reserve(spec.initContainers.size() + spec.containers.size() +
                         spec.ephemeralContainers.size());
  for (const auto& one : spec.initContainers) pod.containers.push_back(viewOf(one));
  for (const auto& one : spec.containers) pod.containers.push_back(viewOf(one));
  for (const auto& one : spec.ephemeralContainers) {
    pod.containers.push_back(viewOf(one.ephemeralContainerCommon));
  }
  for (const auto& entry : kChecks) {
    if (pod.minor < entry.since || level.level < entry.level) continue;
    if (level.level == Level::Restricted && pod.minor >= entry.strictlySince) continue;
    if (auto found = entry.check(pod)) out.push_back(std::move(*found));
  }
  return out;
}

std::string reasonsOf(const std::vector<Violation>& violations) {
  std::string out;
  for (const auto& one : violations) out.append(out.empty() ? "" : ", ").append(one.reason);
  return out;
}

std::string detailsOf(const std::vector<Violation>& violations) {
  std::string out;
  for (const auto& one : violations) {
    out.append(out.empty() ? "" : ", ").append(one.reason);
    if (!one.detail.empty()) out.append(" (").append(one.detail).append(")");
  }
  return out;
}

}  // namespace coxswain::pod_security
