#include "cli/cmd/rollout_status.h"

#include <charconv>

#include "api/names/quote.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

std::string number(int64_t value) {
  return std::to_string(value);
}

Result<RolloutStatus> ofDeployment(const json::value& object, int64_t revision) {
  const auto name = api::goQuote(nameOf(object));
  if (revision > 0) {
    auto text = textAt(object, {"metadata", "annotations", "deployment.kubernetes.io/revision"});
    int64_t now = 0;
    std::from_chars(text.data(), text.data() + text.size(), now);
    if (now != revision) {
      return fault("desired revision (" + number(revision) +
                   ") is different from the running revision (" + number(now) + ")");
    }
  }
  if (integerAt(object, {"metadata", "generation"}) >
      integerAt(object, {"status", "observedGeneration"})) {
    return RolloutStatus{"Waiting for deployment spec update to be observed...\n", false};
  }
  for (const auto& condition : arrayAt(object, {"status", "conditions"})) {
    if (textAt(condition, {"type"}) == "Progressing" &&
        textAt(condition, {"reason"}) == "ProgressDeadlineExceeded") {
      return fault("deployment " + name + " exceeded its progress deadline");
    }
  }
  const auto wanted = integerAt(object, {"spec", "replicas"}, 1);
  const auto updated = integerAt(object, {"status", "updatedReplicas"});
  const auto all = integerAt(object, {"status", "replicas"});
  const auto available = integerAt(object, {"status", "availableReplicas"});
  const auto waiting = "Waiting for deployment " + name + " rollout to finish: ";
  if (updated < wanted) {
    return RolloutStatus{waiting + number(updated) + " out of " + number(wanted) +
                             " new replicas have been updated...\n",
                         false};
  }
  if (all > updated) {
    return RolloutStatus{
        waiting + number(all - updated) + " old replicas are pending termination...\n", false};
  }
  if (available < updated) {
    return RolloutStatus{waiting + number(available) + " of " + number(updated) +
                             " updated replicas are available...\n",
                         false};
  }
  return RolloutStatus{"deployment " + name + " successfully rolled out\n", true};
}

Result<RolloutStatus> ofDaemonSet(const json::value& object) {
  const auto name = api::goQuote(nameOf(object));
  if (textAt(object, {"spec", "updateStrategy", "type"}) != "RollingUpdate") {
    return fault("rollout status is only available for RollingUpdate strategy type");
  }
  if (integerAt(object, {"metadata", "generation"}) >
      integerAt(object, {"status", "observedGeneration"})) {
    return RolloutStatus{"Waiting for daemon set spec update to be observed...\n", false};
  }
  const auto updated = integerAt(object, {"status", "updatedNumberScheduled"});
  const auto wanted = integerAt(object, {"status", "desiredNumberScheduled"});
  const auto available = integerAt(object, {"status", "numberAvailable"});
  const auto waiting = "Waiting for daemon set " + name + " rollout to finish: ";
  if (updated < wanted) {
    return RolloutStatus{waiting + number(updated) + " out of " + number(wanted) +
                             " new pods have been updated...\n",
                         false};
  }
  if (available < wanted) {
    return RolloutStatus{
        waiting + number(available) + " of " + number(wanted) + " updated pods are available...\n",
        false};
  }
  return RolloutStatus{"daemon set " + name + " successfully rolled out\n", true};
}

Result<RolloutStatus> ofStatefulSet(const json::value& object) {
  if (textAt(object, {"spec", "updateStrategy", "type"}) != "RollingUpdate") {
    return fault("rollout status is only available for RollingUpdate strategy type");
  }
  const auto observed = integerAt(object, {"status", "observedGeneration"});
  if (observed == 0 || integerAt(object, {"metadata", "generation"}) > observed) {
    return RolloutStatus{"Waiting for statefulset spec update to be observed...\n", false};
  }
  const auto wanted = integerAt(object, {"spec", "replicas"}, 1);
  const auto ready = integerAt(object, {"status", "readyReplicas"});
  const auto updated = integerAt(object, {"status", "updatedReplicas"});
  if (ready < wanted) {
    return RolloutStatus{"Waiting for " + number(wanted - ready) + " pods to be ready...\n", false};
  }
  if (at(object, {"spec", "updateStrategy", "rollingUpdate"})) {
    const auto partition =
        integerAt(object, {"spec", "updateStrategy", "rollingUpdate", "partition"});
    if (updated < wanted - partition) {
      return RolloutStatus{"Waiting for partitioned roll out to finish: " + number(updated) +
                               " out of " + number(wanted - partition) +
                               " new pods have been updated...\n",
                           false};
    }
    return RolloutStatus{
        "partitioned roll out complete: " + number(updated) + " new pods have been updated...\n",
        true};
  }
  const auto update = textAt(object, {"status", "updateRevision"});
  const auto current = textAt(object, {"status", "currentRevision"});
  if (update != current) {
    return RolloutStatus{"waiting for statefulset rolling update to complete " + number(updated) +
                             " pods at revision " + update + "...\n",
                         false};
  }
  return RolloutStatus{"statefulset rolling update complete " +
                           number(integerAt(object, {"status", "currentReplicas"})) +
                           " pods at revision " + current + "...\n",
                       true};
}

}  // namespace

Result<RolloutStatus> rolloutStatus(const json::value& object, int64_t revision) {
  auto kind = kindOf(object);
  if (kind == "Deployment") return ofDeployment(object, revision);
  if (kind == "DaemonSet") return ofDaemonSet(object);
  if (kind == "StatefulSet") return ofStatefulSet(object);
  const auto version = textAt(object, {"apiVersion"});
  const auto slash = version.find('/');
  return fault("no status viewer has been implemented for " + kind +
               (slash == std::string::npos ? "" : "." + version.substr(0, slash)));
}

}  // namespace coxswain::cli
