#include "kubelet/prober/probe_manager.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::Event;
using api::core::v1::Pod;
using api::core::v1::Probe;

/// Containers as tests have them.
class FakeContainers final : public ProbeTransport, public CommandRunner {
 public:
  explicit FakeContainers(Executor& executor) : executor_(executor) {}

  Result<HttpGetAnswer> http{HttpGetAnswer{200, "ok"}};
  Status tcp;
  Result<int> grpc{1};
  Result<Output> command{Output{0, ""}};
  Duration takes = 1ms;
  std::vector<HttpGet> gets;
  std::vector<MonotonicTime> times;
  std::vector<std::string> ids;

  Task<Result<HttpGetAnswer>> get(HttpGet request, std::stop_token stop) override {
    gets.push_back(request);
    CO_TRY_STATUS(co_await pass(stop));
    co_return http;
  }
  Task<Status> connect(std::string, uint16_t, std::stop_token stop) override {
    CO_TRY_STATUS(co_await pass(stop));
    co_return tcp;
  }
  Task<Result<int>> grpcHealth(std::string, uint16_t, std::string, std::stop_token stop) override {
    CO_TRY_STATUS(co_await pass(stop));
    co_return grpc;
  }
  Task<Result<Output>> run(std::string id, std::vector<std::string>, Duration timeout,
                           std::stop_token stop) override {
    ids.push_back(id);
    const bool late = takes > timeout;
    CO_TRY_STATUS(co_await pass(stop));
    if (late) co_return Status(Reason::Timeout, 504, "context deadline exceeded");
    co_return command;
  }

 private:
  Task<Status> pass(std::stop_token stop) {
    times.push_back(executor_.now());
    co_return co_await sleepFor(takes, stop);
  }
  Executor& executor_;
};

class ProbeManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    pod.metadata.name = "web";
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "u1";
    pod.spec.containers.resize(1);
    container().name = "c";
    executor.runFor(1h);
  }
  void TearDown() override {
    bool done = false;
    spawn(executor, stopAll(done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
    EXPECT_EQ(manager.workers(), 0u);
  }
  Task<void> stopAll(bool& done) {
    co_await manager.stop();
    co_await events.stop();
    done = true;
  }
  Container& container() { return pod.spec.containers[0]; }
  static Probe execProbe() {
    Probe probe;
    probe.handler.exec.emplace().command = {"check", "it"};
    probe.periodSeconds = 10;
    probe.timeoutSeconds = 1;
    probe.failureThreshold = 3;
    probe.successThreshold = 1;
    return probe;
  }
  void start(const std::string& id = "id1", bool found = false) {
    ProbeManager::RunningContainer running;
    running.name = "c";
    running.id = id;
    running.podIP = "10.0.0.5";
    running.startedAt = executor.wallNow();
    running.foundRunning = found;
    manager.containerStarted(std::make_shared<Pod>(pod), running);
    began = executor.now();
  }
  void answer(int code, std::string output = "") {
    fake.command = CommandRunner::Output{code, std::move(output)};
  }
  std::string health() {
    const auto h = manager.health("u1", "c");
    return std::string(h.started ? "started" : "-") + (h.ready ? " ready" : "");
  }
  std::string eventText() {
    executor.runFor(100ms);
    std::string text;
    for (const auto& event : cluster.peekAll<Event>()) {
      text += event->reason + ": " + event->message + "\n";
      EXPECT_EQ(event->involvedObject.fieldPath, "spec.containers{c}");
    }
    return text;
  }

  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  SeededRandom random{1};
  FakeContainers fake{executor};
  Prober prober{fake, fake};
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  std::vector<ProbeUpdate> updates;
  ProbeManager manager{{executor, random, prober, events,
                        [this](const ProbeUpdate& update) { updates.push_back(update); }}};
  Pod pod;
  MonotonicTime began{};
};

TEST_F(ProbeManagerTest, WithoutProbesRunningIsReady) {
  EXPECT_EQ(health(), "-");
  start();
  EXPECT_EQ(health(), "started ready");
  EXPECT_EQ(manager.workers(), 0u);
  manager.containerStopped("u1", "c");
  EXPECT_EQ(health(), "-");
}

TEST_F(ProbeManagerTest, ReadinessComesAndGoes) {
  container().readinessProbe = execProbe();
  container().readinessProbe->initialDelaySeconds = 5;
  container().readinessProbe->successThreshold = 2;
  start();
  EXPECT_EQ(health(), "started");
  EXPECT_EQ(manager.result("u1", "c", ProbeKind::Readiness), ProbeResult::Failure);
  executor.runFor(4s);
  EXPECT_TRUE(fake.times.empty());
  executor.runFor(2s);
  EXPECT_EQ(fake.times.size(), 1u);
  EXPECT_EQ(health(), "started");
  executor.runFor(10s);
  EXPECT_EQ(health(), "started ready");
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].containerId, "id1");
  EXPECT_EQ(fake.times[1] - fake.times[0], 10s);

  answer(1, "down");
  executor.runFor(20s);
  EXPECT_EQ(health(), "started ready");
  executor.runFor(10s);
  EXPECT_EQ(health(), "started");
  EXPECT_EQ(updates.size(), 2u);
  EXPECT_EQ(updates[1].result, ProbeResult::Failure);
  EXPECT_EQ(eventText(), "Unhealthy: Readiness probe failed: down\n");
}

TEST_F(ProbeManagerTest, LivenessFailureIsToldOnce) {
  container().livenessProbe = execProbe();
  answer(3, "dead");
  start();
  EXPECT_EQ(manager.result("u1", "c", ProbeKind::Liveness), ProbeResult::Success);
  executor.runFor(19s);
  EXPECT_TRUE(updates.empty());
  executor.runFor(100s);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].kind, ProbeKind::Liveness);
  EXPECT_EQ(updates[0].result, ProbeResult::Failure);
  EXPECT_EQ(fake.times.size(), 3u);
  EXPECT_EQ(manager.workers(), 0u);
  EXPECT_EQ(health(), "started ready");
  // Its next life is probed again.
  answer(0);
  start("id2");
  EXPECT_EQ(manager.result("u1", "c", ProbeKind::Liveness), ProbeResult::Success);
  executor.runFor(5s);
  EXPECT_EQ(fake.ids.back(), "id2");
  EXPECT_EQ(manager.workers(), 1u);
}

TEST_F(ProbeManagerTest, StartupHoldsTheOthersBack) {
  container().startupProbe = execProbe();
  container().startupProbe->periodSeconds = 2;
  container().startupProbe->failureThreshold = 30;
  container().readinessProbe = execProbe();
  container().livenessProbe = execProbe();
  answer(1, "booting");
  start();
  executor.runFor(21s);
  EXPECT_EQ(health(), "-");
  EXPECT_EQ(fake.times.size(), 11u);
  answer(0);
  executor.runFor(2s);
  // Readiness comes at once, not a period later.
  EXPECT_EQ(health(), "started ready");
  EXPECT_EQ(manager.workers(), 2u);
  EXPECT_EQ(manager.result("u1", "c", ProbeKind::Startup), ProbeResult::Success);
}

TEST_F(ProbeManagerTest, StartupFailureEnds) {
  container().startupProbe = execProbe();
  container().livenessProbe = execProbe();
  answer(1);
  start();
  executor.runFor(1min);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].kind, ProbeKind::Startup);
  EXPECT_EQ(updates[0].result, ProbeResult::Failure);
  EXPECT_EQ(fake.times.size(), 3u);
  EXPECT_EQ(health(), "-");
  manager.removePod("u1");
  executor.runFor(1s);
  EXPECT_EQ(manager.workers(), 0u);
}

TEST_F(ProbeManagerTest, ErrorsAreNotCounted) {
  container().livenessProbe = execProbe();
  container().livenessProbe->failureThreshold = 1;
  fake.command = internalError("no such container");
  start();
  executor.runFor(55s);
  EXPECT_TRUE(updates.empty());
  EXPECT_EQ(fake.times.size(), 18u);  // three tries each
  EXPECT_TRUE(
      eventText().starts_with("Unhealthy: Liveness probe errored and resulted in unknown "
                              "state: "));
}

TEST_F(ProbeManagerTest, TerminatingPodsAreNotKilledAgain) {
  container().livenessProbe = execProbe();
  container().readinessProbe = execProbe();
  start();
  executor.runFor(1s);
  EXPECT_EQ(health(), "started ready");
  manager.podTerminating("u1");
  executor.runFor(1s);
  EXPECT_EQ(manager.workers(), 1u);
  answer(1);
  executor.runFor(1min);
  EXPECT_EQ(health(), "started");
  EXPECT_EQ(updates.back().kind, ProbeKind::Readiness);
}

TEST_F(ProbeManagerTest, FoundRunningIsSpreadAndKeepsItsState) {
  container().startupProbe = execProbe();
  container().readinessProbe = execProbe();
  pod.status.containerStatuses.resize(1);
  pod.status.containerStatuses[0].name = "c";
  pod.status.containerStatuses[0].ready = true;
  start("id1", true);
  EXPECT_EQ(health(), "started ready");
  EXPECT_TRUE(fake.times.empty());
  executor.runFor(10s);
  EXPECT_EQ(fake.times.size(), 1u);
  EXPECT_GT(fake.times[0], began);
  EXPECT_EQ(health(), "started ready");
  EXPECT_TRUE(updates.empty());
  // Told again of the same container: nothing restarts.
  start("id1");
  executor.runFor(1s);
  EXPECT_EQ(manager.workers(), 1u);
}

TEST_F(ProbeManagerTest, Texts) {
  struct Row {
    const char* name;
    std::function<void(Probe&)> handler;
    std::function<void()> world;
    const char* event;  ///< empty: success without one
  };
  const auto http = [](Probe& p) {
    auto& action = p.handler.httpGet.emplace();
    action.path = "healthz?full=1";
    action.port = api::IntOrString("web");
  };
  const auto tcp = [](Probe& p) { p.handler.tcpSocket.emplace().port = api::IntOrString(81); };
  const auto grpc = [](Probe& p) { p.handler.grpc.emplace().port = 82; };
  const auto exec = [](Probe& p) { p.handler.exec.emplace().command = {"check", "it"}; };
  const Row rows[] = {
      {"http", http, [] {}, ""},
      {"http 500", http,
       [&] {
         fake.http = HttpGetAnswer{500, "no"};
       },
       "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500\n"},
      {"http 302", http,
       [&] {
         fake.http = HttpGetAnswer{302, "away"};
       },
       "ProbeWarning: Liveness probe warning: Probe terminated redirects, Response body: away\n"},
      {"http refused", http,
       [&] { fake.http = unreachable("dial tcp 10.0.0.5:8080: connect: connection refused"); },
       "Unhealthy: Liveness probe failed: Get \"http://10.0.0.5:8080/healthz?full=1\": dial tcp "
       "10.0.0.5:8080: connect: connection refused\n"},
      {"http slow", http, [&] { fake.takes = 1min; },
       "Unhealthy: Liveness probe failed: Get \"http://10.0.0.5:8080/healthz?full=1\": context "
       "deadline exceeded (Client.Timeout exceeded while awaiting headers)\n"},
      {"tcp", tcp, [] {}, ""},
      {"tcp refused", tcp,
       [&] { fake.tcp = unreachable("dial tcp 10.0.0.5:81: connect: connection refused"); },
       "Unhealthy: Liveness probe failed: dial tcp 10.0.0.5:81: connect: connection refused\n"},
      {"tcp slow", tcp, [&] { fake.takes = 1min; },
       "Unhealthy: Liveness probe failed: dial tcp 10.0.0.5:81: i/o timeout\n"},
      {"grpc", grpc, [] {}, ""},
      {"grpc not serving", grpc, [&] { fake.grpc = 2; },
       "Unhealthy: Liveness probe failed: service unhealthy (responded with \"NOT_SERVING\")\n"},
      {"grpc slow", grpc, [&] { fake.takes = 1min; },
       "Unhealthy: Liveness probe failed: timeout: failed to connect service \"10.0.0.5:82\" "
       "within 2s: context deadline exceeded\n"},
      {"exec", exec, [] {}, ""},
      {"exec fails", exec, [&] { answer(1, "bad\n"); },
       "Unhealthy: Liveness probe failed: bad\n\n"},
      {"exec slow", exec, [&] { fake.takes = 1min; },
       "Unhealthy: Liveness probe failed: command timed out: \"check it\" timed out after 2s\n"},
      {"bad port", [](Probe& p) { p.handler.tcpSocket.emplace().port = api::IntOrString("nope"); },
       [] {},
       "Unhealthy: Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "
       "\"nope\": invalid syntax\n"},
      {"no handler", [](Probe&) {}, [] {},
       "Unhealthy: Liveness probe errored and resulted in unknown state: missing probe handler "
       "for c\n"},
  };
  container().ports.resize(1);
  container().ports[0].name = "web";
  container().ports[0].containerPort = 8080;
  for (const auto& row : rows) {
    fake.http = HttpGetAnswer{200, "ok"};
    fake.tcp = Status();
    fake.grpc = 1;
    fake.takes = 1ms;
    answer(0);
    row.world();
    Probe probe;
    row.handler(probe);
    probe.periodSeconds = 600;
    probe.timeoutSeconds = 2;
    container().livenessProbe = probe;
    pod.metadata.name = std::string("p") + std::to_string(&row - rows);
    pod.metadata.uid = pod.metadata.name;
    start();
    executor.runFor(70s);
    std::string text;
    for (const auto& event : cluster.peekAll<Event>()) {
      if (event->involvedObject.uid != pod.metadata.uid) continue;
      text += event->reason + ": " + event->message + "\n";
    }
    EXPECT_EQ(text, row.event) << row.name;
    manager.removePod(pod.metadata.uid);
  }
  ASSERT_FALSE(fake.gets.empty());
  EXPECT_EQ(fake.gets[0].headers.get("user-agent"), "kube-probe/1.36");
  EXPECT_EQ(fake.gets[0].headers.get("accept"), "*/*");
}

TEST(Probes, KillMessagesAndGrace) {
  EXPECT_EQ(probeKillMessage("c", ProbeKind::Liveness, true),
            "Container c failed liveness probe, will be restarted");
  EXPECT_EQ(probeKillMessage("c", ProbeKind::Startup, false), "Container c failed startup probe");
  Pod pod;
  Container container;
  EXPECT_EQ(probeGracePeriod(pod, container, ProbeKind::Liveness), 30);
  pod.spec.terminationGracePeriodSeconds = 60;
  EXPECT_EQ(probeGracePeriod(pod, container, ProbeKind::Liveness), 60);
  container.livenessProbe.emplace().terminationGracePeriodSeconds = 5;
  EXPECT_EQ(probeGracePeriod(pod, container, ProbeKind::Liveness), 5);
}

}  // namespace
}  // namespace coxswain::kubelet
