#include "kubelet/container/actions.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "kubelet/container/restart_backoff.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::Pod;

Container container(const char* name, const char* policy = nullptr) {
  Container c;
  c.name = name;
  c.image = "i";
  if (policy) c.restartPolicy = policy;
  return c;
}

std::shared_ptr<Pod> podOf(std::vector<Container> init, std::vector<Container> main,
                           const char* policy = "Always") {
  auto pod = std::make_shared<Pod>();
  pod->metadata.uid = "u";
  pod->spec.initContainers = std::move(init);
  pod->spec.containers = std::move(main);
  pod->spec.restartPolicy = policy;
  return pod;
}

/// "app=running", "app=exit0": in the order of their starts.
PodState state(const std::vector<std::pair<const char*, const char*>>& runs, bool ready = true) {
  PodState out;
  SandboxState sandbox;
  sandbox.id = "s";
  sandbox.ready = ready;
  sandbox.ips = {"10.0.0.1"};
  out.sandboxes.push_back(sandbox);
  int64_t at = 1;
  for (const auto& [name, what] : runs) {
    ContainerRun run;
    run.id = std::string(name) + std::to_string(at);
    run.name = name;
    run.sandboxId = "s";
    run.createdAt = at++;
    std::string text = what;
    if (text == "running") {
      run.state = cri::CONTAINER_RUNNING;
    } else if (text == "created") {
      run.state = cri::CONTAINER_CREATED;
    } else {
      run.state = cri::CONTAINER_EXITED;
      run.exitCode = std::stoi(text.substr(4));
    }
    out.containers.insert(out.containers.begin(), run);
  }
  return out;
}

std::string names(const PodActions& actions) {
  std::string out;
  if (actions.stopOldSandbox) out += "stop ";
  if (actions.createSandbox) out += "sandbox" + std::to_string(actions.attempt) + " ";
  for (const auto& kill : actions.kill) out += "kill:" + kill.id + " ";
  for (const auto& id : actions.remove) out += "remove:" + id + " ";
  for (const auto& c : actions.start) out += c.spec->name + " ";
  if (!out.empty()) out.pop_back();
  return out;
}

ContainerHealth fine(std::string_view) {
  return {};
}

TEST(Actions, Table) {
  auto plain = podOf({}, {container("a"), container("b")});
  auto never = podOf({}, {container("a"), container("b")}, "Never");
  auto onFailure = podOf({}, {container("a"), container("b")}, "OnFailure");
  auto init = podOf({container("i"), container("s", "Always"), container("j")}, {container("a")});
  auto initNever = podOf({container("i")}, {container("a")}, "Never");
  PodState none;
  struct Row {
    const char* name;
    PodPointer pod;
    PodState state;
    const char* expected;
  };
  const std::vector<Row> rows = {
      {"a new pod", plain, none, "sandbox0"},
      {"in its sandbox", plain, state({}), "a b"},
      {"one runs", plain, state({{"a", "running"}}), "b"},
      {"all run", plain, state({{"a", "running"}, {"b", "running"}}), ""},
      {"one ended", plain, state({{"a", "exit0"}, {"b", "running"}}), "a"},
      {"made but not started", plain, state({{"a", "created"}, {"b", "running"}}), "remove:a1 a"},
      {"never again", never, state({{"a", "exit1"}, {"b", "running"}}), ""},
      {"never, all ended", never, state({{"a", "exit1"}, {"b", "exit0"}}), ""},
      {"on failure", onFailure, state({{"a", "exit1"}, {"b", "exit0"}}), "a"},
      {"its sandbox died", plain, state({{"a", "exit137"}, {"b", "exit137"}}, false), "sandbox1"},
      {"a container outlives it", plain, state({{"a", "running"}}, false), "stop sandbox1"},
      {"it died after the end", never, state({{"a", "exit0"}, {"b", "exit1"}}, false), ""},
      {"init comes first", init, state({}), "i"},
      {"init runs", init, state({{"i", "running"}}), ""},
      {"the sidecar follows", init, state({{"i", "exit0"}}), "s"},
      {"the next one", init, state({{"i", "exit0"}, {"s", "running"}}), "j"},
      {"init again", init, state({{"i", "exit1"}}), "i"},
      {"the sidecar again", init, state({{"i", "exit0"}, {"s", "exit1"}}), "s"},
      {"then the main one", init, state({{"i", "exit0"}, {"s", "running"}, {"j", "exit0"}}), "a"},
      {"the sidecar beside", init,
       state({{"i", "exit0"}, {"s", "exit0"}, {"j", "exit0"}, {"a", "running"}}), "s"},
      {"init failed for good", initNever, state({{"i", "exit1"}}), ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(names(decideActions(row.pod, row.state, fine)), row.expected) << row.name;
  }
}

TEST(Actions, ASidecarThatHasNotStartedHoldsTheRestBack) {
  auto pod = podOf({container("s", "Always")}, {container("a")});
  auto slow = [](std::string_view) {
    ContainerHealth health;
    health.started = false;
    return health;
  };
  EXPECT_EQ(names(decideActions(pod, state({{"s", "running"}}), slow)), "");
  EXPECT_EQ(names(decideActions(pod, state({{"s", "running"}}), fine)), "a");
}

TEST(Actions, ProbesAndChangesKill) {
  auto pod = podOf({}, {container("a")});
  auto ill = [](std::string_view) {
    ContainerHealth health;
    health.livenessFailed = true;
    return health;
  };
  auto actions = decideActions(pod, state({{"a", "running"}}), ill);
  ASSERT_EQ(actions.kill.size(), 1U);
  EXPECT_EQ(actions.kill[0].message, "Container a failed liveness probe, will be restarted");
  auto other = state({{"a", "running"}});
  other.containers[0].hash = "0";
  other.containers[0].image = "old";
  actions = decideActions(pod, other, fine);
  ASSERT_EQ(actions.kill.size(), 1U);
  EXPECT_EQ(actions.kill[0].message, "Container a definition changed, will be restarted");
}

TEST(Actions, RulesOnExitCodes) {
  auto pod = podOf({}, {container("a")}, "Never");
  auto& rule = pod->spec.containers[0].restartPolicyRules.emplace_back();
  rule.action = "Restart";
  rule.exitCodes.emplace().operator_ = "In";
  rule.exitCodes->values = {42};
  EXPECT_EQ(names(decideActions(pod, state({{"a", "exit42"}}), fine)), "a");
  EXPECT_EQ(names(decideActions(pod, state({{"a", "exit1"}}), fine)), "");
}

TEST(Actions, EphemeralContainersStartOnce) {
  auto pod = podOf({}, {container("a")});
  auto& debug = pod->spec.ephemeralContainers.emplace_back();
  debug.ephemeralContainerCommon.name = "debug";
  debug.ephemeralContainerCommon.image = "i";
  debug.targetContainerName = "a";
  auto actions = decideActions(pod, state({{"a", "running"}}), fine);
  ASSERT_EQ(names(actions), "debug");
  EXPECT_EQ(actions.start[0].target, "a");
  EXPECT_EQ(containerFieldPath(actions.start[0]), "spec.ephemeralContainers{debug}");
  EXPECT_EQ(names(decideActions(pod, state({{"a", "running"}, {"debug", "exit1"}}), fine)), "");
}

TEST(RestartBackoff, DoublesAndForgets) {
  RestartBackoff backoff(300s);
  WallTime now{};
  now += 1h;
  EXPECT_EQ(backoff.left("u/a/h", now, now), 0s);
  for (int seconds : {10, 20, 40, 80, 160, 300, 300}) {
    backoff.restarted("u/a/h", now);
    now += 1s;
    EXPECT_EQ(backoff.left("u/a/h", now, now), std::chrono::seconds(seconds));
    now += std::chrono::seconds(seconds);
  }
  EXPECT_EQ(backoff.left("u/b/h", now, now), 0s) << "another container";
  now += 11min;
  EXPECT_EQ(backoff.left("u/a/h", now, now), 0s) << "it ran long enough";
  backoff.restarted("u/a/h", now);
  EXPECT_EQ(backoff.current("u/a/h"), 10s);
  backoff.forgetPod("u");
  EXPECT_EQ(backoff.current("u/a/h"), 0s);
}

}  // namespace
}  // namespace coxswain::kubelet
