#include "kubelet/lifecycle/handlers.h"

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

class FakeContainers final : public ProbeTransport, public CommandRunner {
 public:
  Result<HttpGetAnswer> http{HttpGetAnswer{500, ""}};
  Result<Output> command{Output{0, ""}};
  Duration takes = 1s;
  std::vector<HttpGet> gets;
  std::vector<std::vector<std::string>> commands;

  Task<Result<HttpGetAnswer>> get(HttpGet request, std::stop_token stop) override {
    gets.push_back(request);
    CO_TRY_STATUS(co_await sleepFor(takes, stop));
    co_return http;
  }
  Task<Status> connect(std::string, uint16_t, std::stop_token) override { co_return Status(); }
  Task<Result<int>> grpcHealth(std::string, uint16_t, std::string, std::stop_token) override {
    co_return 1;
  }
  Task<Result<Output>> run(std::string, std::vector<std::string> words, Duration,
                           std::stop_token stop) override {
    commands.push_back(std::move(words));
    CO_TRY_STATUS(co_await sleepFor(takes, stop));
    co_return command;
  }
};

class LifecycleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    pod.metadata.name = "web";
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "u1";
    pod.spec.containers.resize(1);
    container().name = "c";
    container().lifecycle.emplace();
  }
  void TearDown() override {
    bool done = false;
    spawn(executor, stopAll(done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }
  Task<void> stopAll(bool& done) {
    co_await events.stop();
    done = true;
  }
  Container& container() { return pod.spec.containers[0]; }
  Task<void> postStartInto(std::optional<Status>& out) {
    auto shared = std::make_shared<Pod>(pod);
    auto which = std::make_shared<Container>(container());
    out = co_await runner.postStart(shared, which, "id1", "10.0.0.5", {});
  }
  Status postStart() {
    std::optional<Status> out;
    spawn(executor, postStartInto(out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1h));
    return *out;
  }
  Task<void> preStopInto(Duration grace, std::optional<Duration>& out) {
    auto shared = std::make_shared<Pod>(pod);
    auto which = std::make_shared<Container>(container());
    out = co_await runner.preStop(shared, which, "id1", "10.0.0.5", grace, {});
  }
  Duration preStop(Duration grace) {
    std::optional<Duration> out;
    spawn(executor, preStopInto(grace, out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1h));
    return *out;
  }
  std::string eventText() {
    executor.runFor(1s);
    std::string text;
    for (const auto& event : cluster.peekAll<Event>()) {
      text += event->reason + ": " + event->message + "\n";
      EXPECT_EQ(event->involvedObject.fieldPath, "spec.containers{c}");
    }
    return text;
  }

  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  FakeContainers fake;
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  LifecycleRunner runner{fake, fake, events};
  Pod pod;
};

TEST_F(LifecycleTest, NoHookIsASuccess) {
  EXPECT_TRUE(postStart().ok());
  EXPECT_EQ(preStop(30s), 0s);
  container().lifecycle.reset();
  EXPECT_TRUE(postStart().ok());
  EXPECT_EQ(preStop(30s), 0s);
}

TEST_F(LifecycleTest, PostStartCommand) {
  container().lifecycle->postStart.emplace().exec.emplace().command = {"/bin/sh", "-c", "x"};
  EXPECT_TRUE(postStart().ok());
  EXPECT_EQ(fake.commands[0], (std::vector<std::string>{"/bin/sh", "-c", "x"}));
  EXPECT_EQ(eventText(), "");
  fake.command = CommandRunner::Output{7, "oops"};
  EXPECT_EQ(postStart().message(),
            "Exec lifecycle hook ([/bin/sh -c x]) for Container \"c\" in Pod \"web_ns(u1)\" failed "
            "- error: command '/bin/sh -c x' exited with 7: oops, message: \"oops\"");
  EXPECT_EQ(eventText(), "FailedPostStartHook: PostStartHook failed\n");
}

TEST_F(LifecycleTest, HttpIsHeardWhateverItAnswers) {
  auto& action = container().lifecycle->postStart.emplace().httpGet.emplace();
  action.path = "/hook";
  action.port = api::IntOrString(8080);
  action.httpHeaders.resize(1);
  action.httpHeaders[0].name = "X-A";
  action.httpHeaders[0].value = "1";
  EXPECT_TRUE(postStart().ok());
  EXPECT_EQ(fake.gets[0].host, "10.0.0.5");
  EXPECT_EQ(fake.gets[0].port, 8080);
  EXPECT_EQ(fake.gets[0].headers.get("user-agent"), "kube-lifecycle/1.36");
  EXPECT_EQ(fake.gets[0].headers.get("x-a"), "1");
  fake.http = unreachable("dial tcp 10.0.0.5:8080: connect: connection refused");
  EXPECT_EQ(postStart().message(),
            "HTTP lifecycle hook (/hook) for Container \"c\" in Pod \"web_ns(u1)\" failed - error: "
            "Get \"http://10.0.0.5:8080/hook\": dial tcp 10.0.0.5:8080: connect: connection "
            "refused");
}

TEST_F(LifecycleTest, PreStopTakesFromTheGracePeriod) {
  container().lifecycle->preStop.emplace().sleep.emplace().seconds = 5;
  EXPECT_EQ(preStop(30s), 5s);
  EXPECT_EQ(preStop(3s), 3s);
  EXPECT_EQ(eventText(), "");
  container().lifecycle->preStop.emplace().exec.emplace().command = {"x"};
  fake.takes = 2s;
  EXPECT_EQ(preStop(30s), 2s);
  fake.command = CommandRunner::Output{1, ""};
  EXPECT_EQ(preStop(30s), 2s);
  EXPECT_EQ(eventText(), "FailedPreStopHook: PreStopHook failed\n");
}

TEST_F(LifecycleTest, TcpSocketIsRefused) {
  container().lifecycle->postStart.emplace().tcpSocket.emplace().port = api::IntOrString(80);
  EXPECT_EQ(postStart().message(), "Cannot run handler: invalid handler");
}

}  // namespace
}  // namespace coxswain::kubelet
