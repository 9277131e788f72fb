#include "kubelet/testing/kubelet_harness.h"

#include <algorithm>

#include "api/helpers/pods.h"
#include "base/assert.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::testing {
namespace {

using api::core::v1::Event;
using api::core::v1::Pod;

Task<void> startInto(Kubelet& kubelet, Status& out, bool& done) {
  out = co_await kubelet.start({});
  done = true;
}

Task<void> stopInto(Kubelet& kubelet, bool& done) {
  co_await kubelet.stop();
  done = true;
}

}  // namespace

KubeletHarness::KubeletHarness() {
  setLogLevel(LogLevel::Error);
  options.nodeName = "node-1";
  options.clusterDns = {"10.96.0.10"};
  options.clusterDomain = "cluster.local";
  runtime.addImage("registry.test/app:1");
  COXSWAIN_ASSERT(files.mkdirs("/etc").ok());
  COXSWAIN_ASSERT(files.write("/etc/resolv.conf", "nameserver 192.0.2.1\nsearch home.test\n").ok());
  COXSWAIN_ASSERT(files.write("/etc/hosts", "127.0.0.1 localhost\n").ok());
}

KubeletHarness::~KubeletHarness() {
  stop();
}

void KubeletHarness::start() {
  Kubelet::Dependencies deps{executor, client, runtime,   runtime, files,
                             mounter,  random, transport, cgroups, facts};
  if (withPlugins) {
    deps.watches = &watches;
    deps.plugins = &plugins;
  }
  kubelet = std::make_unique<Kubelet>(deps, options);
  Status status;
  bool done = false;
  spawn(executor, startInto(*kubelet, status, done));
  COXSWAIN_ASSERT(until([&] { return done; }));
  COXSWAIN_ASSERT(status.ok());
  COXSWAIN_ASSERT(until([&] { return kubelet->ready(); }));
}

void KubeletHarness::stop() {
  if (!kubelet) return;
  bool done = false;
  spawn(executor, stopInto(*kubelet, done));
  COXSWAIN_ASSERT(until([&] { return done; }));
  kubelet.reset();
}

Pod KubeletHarness::pod(const std::string& name, const std::vector<std::string>& containers) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "default";
  pod.metadata.uid = "uid-" + name;
  pod.spec.nodeName = "node-1";
  pod.spec.restartPolicy = "Always";
  pod.spec.dnsPolicy = "ClusterFirst";
  pod.spec.terminationGracePeriodSeconds = 30;
  pod.spec.enableServiceLinks = false;
  pod.status.phase = "Pending";
  for (const auto& container : containers) {
    auto& c = pod.spec.containers.emplace_back();
    c.name = container;
    c.image = "registry.test/app:1";
    c.imagePullPolicy = "IfNotPresent";
    c.terminationMessagePath = "/dev/termination-log";
    c.terminationMessagePolicy = "File";
  }
  return pod;
}

bool KubeletHarness::phaseIs(const std::string& name, const std::string& phase) {
  auto found = peek(name);
  return found && found->status.phase == phase;
}

const api::core::v1::ContainerStatus* KubeletHarness::statusOf(const std::string& pod,
                                                               const std::string& container) {
  held_ = peek(pod);
  return held_ ? api::findContainerStatus(held_->status, container) : nullptr;
}

std::vector<std::string> KubeletHarness::eventsOf(const std::string& pod) {
  std::vector<std::string> out;
  for (const auto& event : client.peekAll<Event>()) {
    if (event->involvedObject.name != pod) continue;
    out.push_back(event->type + " " + event->reason + " " + event->message);
  }
  return out;
}

bool KubeletHarness::hasEvent(const std::string& pod, const std::string& start) {
  auto all = eventsOf(pod);
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& text) { return text.starts_with(start); });
}

std::vector<std::string> KubeletHarness::changes() const {
  std::vector<std::string> out;
  for (const auto& call : runtime.calls) {
    for (const char* verb : {"RunPod", "Create", "Start", "Stop", "Remove", "Pull"}) {
      if (call.starts_with(verb)) {
        out.push_back(call);
        break;
      }
    }
  }
  return out;
}

}  // namespace coxswain::kubelet::testing
