#include "kubelet/status/pod_status.h"

#include <gtest/gtest.h>

#include "api/helpers/pods.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;
using api::core::v1::PodStatus;

class PodStatuses : public ::testing::Test {
 protected:
  PodStatuses() {
    pod_ = std::make_shared<Pod>();
    pod_->metadata.generation = 3;
    pod_->spec.restartPolicy = "Always";
    pod_->spec.containers.emplace_back().name = "a";
    SandboxState sandbox;
    sandbox.id = "s";
    sandbox.ready = true;
    sandbox.ips = {"10.0.0.1", "fd00::1"};
    state_.sandboxes.push_back(sandbox);
  }

  ContainerRun& run(const char* name, cri::ContainerState state, int exitCode = 0) {
    ContainerRun r;
    r.id = std::string(name) + std::to_string(state_.containers.size());
    r.name = name;
    r.state = state;
    r.exitCode = exitCode;
    r.reason = exitCode == 0 ? "Completed" : "Error";
    r.startedAt = int64_t{1'700'000'000} * 1'000'000'000;
    r.finishedAt = r.startedAt;
    state_.containers.insert(state_.containers.begin(), r);
    return state_.containers.front();
  }

  PodStatus make() {
    PodPointer pointer = pod_;
    StatusInputs inputs{pointer,
                        last_,
                        state_,
                        waiting_,
                        [this](std::string_view) { return health_; },
                        "containerd",
                        {"192.0.2.9"},
                        terminating_,
                        failReason_,
                        "why",
                        api::Time::fromUnix(1'700'000'100)};
    return makePodStatus(inputs);
  }

  static std::string condition(const PodStatus& status, const char* type) {
    const auto* c = api::findPodCondition(status, type);
    if (!c) return "absent";
    return c->status + "|" + c->reason + "|" + c->message;
  }

  std::shared_ptr<Pod> pod_;
  PodState state_;
  PodStatus last_;
  WaitingReasons waiting_;
  ProbeManager::Health health_{true, true};
  bool terminating_ = false;
  std::string failReason_;
};

TEST_F(PodStatuses, OfANewPod) {
  state_ = PodState();
  auto status = make();
  EXPECT_EQ(status.phase, "Pending");
  EXPECT_EQ(status.containerStatuses[0].state.waiting->reason, "ContainerCreating");
  EXPECT_EQ(condition(status, "PodReadyToStartContainers"), "False||");
  EXPECT_EQ(condition(status, "Initialized"), "True||");
  EXPECT_EQ(condition(status, "Ready"),
            "False|ContainersNotReady|containers with unready status: [a]");
  EXPECT_EQ(status.observedGeneration, 3);
  EXPECT_EQ(status.conditions[0].observedGeneration, 3);
  EXPECT_EQ(status.startTime->unix(), 1'700'000'100);
  EXPECT_TRUE(status.podIP.empty());
}

TEST_F(PodStatuses, OfARunningOne) {
  run("a", cri::CONTAINER_RUNNING);
  auto status = make();
  EXPECT_EQ(status.phase, "Running");
  EXPECT_EQ(status.podIP, "10.0.0.1");
  ASSERT_EQ(status.podIPs.size(), 2U);
  EXPECT_EQ(status.hostIPs[0].ip, "192.0.2.9");
  EXPECT_EQ(condition(status, "Ready"), "True||");
  EXPECT_EQ(status.containerStatuses[0].containerID, "containerd://a0");
  health_.ready = false;
  auto unready = make();
  EXPECT_FALSE(unready.containerStatuses[0].ready);
  EXPECT_TRUE(*unready.containerStatuses[0].started);
  EXPECT_EQ(condition(unready, "ContainersReady"),
            "False|ContainersNotReady|containers with unready status: [a]");
}

TEST_F(PodStatuses, TransitionTimesStay) {
  run("a", cri::CONTAINER_RUNNING);
  last_ = make();
  last_.conditions[2].lastTransitionTime = api::Time::fromUnix(5);
  auto status = make();
  EXPECT_EQ(status.conditions[2].lastTransitionTime.unix(), 5);
  health_.ready = false;
  EXPECT_EQ(make().conditions[2].lastTransitionTime.unix(), 1'700'000'100);
}

TEST_F(PodStatuses, ReadinessGates) {
  run("a", cri::CONTAINER_RUNNING);
  pod_->spec.readinessGates.emplace_back().conditionType = "x/y";
  EXPECT_EQ(condition(make(), "Ready"),
            "False|ReadinessGatesNotReady|corresponding condition of pod readiness gate \"x/y\" "
            "does not exist.");
  auto& gate = pod_->status.conditions.emplace_back();
  gate.type = "x/y";
  gate.status = "False";
  EXPECT_EQ(condition(make(), "Ready"),
            "False|ReadinessGatesNotReady|the status of pod readiness gate \"x/y\" is not "
            "\"True\", but False");
  gate.status = "True";
  auto status = make();
  EXPECT_EQ(condition(status, "Ready"), "True||");
  EXPECT_EQ(condition(status, "x/y"), "True||") << "others' conditions stay";
}

TEST_F(PodStatuses, CrashLoops) {
  run("a", cri::CONTAINER_EXITED, 1);
  run("a", cri::CONTAINER_EXITED, 2).restartCount = 1;
  waiting_["a"] = {"CrashLoopBackOff", "back-off 10s"};
  auto status = make();
  EXPECT_EQ(status.phase, "Running");
  const auto& c = status.containerStatuses[0];
  EXPECT_EQ(c.restartCount, 1);
  EXPECT_EQ(c.state.waiting->reason, "CrashLoopBackOff");
  EXPECT_EQ(c.lastState.terminated->exitCode, 2);
  waiting_.clear();
  auto ended = make();
  EXPECT_EQ(ended.containerStatuses[0].state.terminated->exitCode, 2);
  EXPECT_EQ(ended.containerStatuses[0].lastState.terminated->exitCode, 1);
  EXPECT_EQ(ended.phase, "Running") << "it will be restarted";
}

TEST_F(PodStatuses, Phases) {
  struct Row {
    const char* name;
    const char* policy;
    int exitCode;
    bool terminating;
    const char* phase;
    const char* ready;
  };
  for (const Row& row :
       {Row{"never, well", "Never", 0, false, "Succeeded", "PodCompleted"},
        Row{"never, failed", "Never", 1, false, "Failed", "PodFailed"},
        Row{"on failure, well", "OnFailure", 0, false, "Succeeded", "PodCompleted"},
        Row{"on failure, failed", "OnFailure", 1, false, "Running", "ContainersNotReady"},
        Row{"always", "Always", 0, false, "Running", "ContainersNotReady"},
        Row{"deleted", "Always", 0, true, "Succeeded", "PodCompleted"},
        Row{"deleted by force", "Always", 137, true, "Failed", "PodFailed"}}) {
    state_.containers.clear();
    run("a", cri::CONTAINER_EXITED, row.exitCode);
    pod_->spec.restartPolicy = row.policy;
    terminating_ = row.terminating;
    auto status = make();
    EXPECT_EQ(status.phase, row.phase) << row.name;
    EXPECT_EQ(api::findPodCondition(status, "Ready")->reason, row.ready) << row.name;
  }
}

TEST_F(PodStatuses, InitContainers) {
  pod_->spec.initContainers.emplace_back().name = "i";
  auto status = make();
  EXPECT_EQ(status.containerStatuses[0].state.waiting->reason, "PodInitializing");
  EXPECT_EQ(condition(status, "Initialized"),
            "False|ContainersNotInitialized|containers with incomplete status: [i]");
  run("i", cri::CONTAINER_EXITED, 0);
  status = make();
  EXPECT_EQ(condition(status, "Initialized"), "True||");
  EXPECT_TRUE(status.initContainerStatuses[0].ready);
  state_.containers.clear();
  run("i", cri::CONTAINER_EXITED, 1);
  EXPECT_EQ(make().phase, "Pending");
  pod_->spec.restartPolicy = "Never";
  EXPECT_EQ(make().phase, "Failed");
}

TEST_F(PodStatuses, LostContainers) {
  run("a", cri::CONTAINER_RUNNING);
  last_ = make();
  state_.containers.clear();
  auto status = make();
  EXPECT_EQ(status.containerStatuses[0].restartCount, 1);
  EXPECT_EQ(status.containerStatuses[0].lastState.terminated->reason, "ContainerStatusUnknown");
  EXPECT_EQ(status.containerStatuses[0].lastState.terminated->exitCode, 137);
  terminating_ = true;
  pod_->metadata.deletionTimestamp = api::Time::fromUnix(9);
  EXPECT_EQ(make().containerStatuses[0].state.terminated->message,
            "The container could not be located when the pod was deleted.  The container used to "
            "be Running");
}

TEST_F(PodStatuses, AFailureIsFinal) {
  run("a", cri::CONTAINER_RUNNING);
  failReason_ = "DeadlineExceeded";
  auto status = make();
  EXPECT_EQ(status.phase, "Failed");
  EXPECT_EQ(status.reason, "DeadlineExceeded");
  EXPECT_EQ(status.message, "why");
  last_ = status;
  failReason_.clear();
  EXPECT_EQ(make().phase, "Failed");
  EXPECT_EQ(make().reason, "DeadlineExceeded");
}

}  // namespace
}  // namespace coxswain::kubelet
