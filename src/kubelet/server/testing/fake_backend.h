#pragma once

#include <map>

#include "api/gen/core_v1.h"
#include "kubelet/server/backend.h"

namespace coxswain::kubelet::server::testing {

/// A kubelet of maps. Streaming URLs are `streamUrl` and the command's first word.
class FakeBackend final : public Backend {
 public:
  [[nodiscard]] const std::string& nodeName() const override { return name; }
  [[nodiscard]] std::vector<PodPointer> pods() const override { return known; }
  [[nodiscard]] PodPointer findPod(std::string_view ns, std::string_view podName,
                                   std::string_view uid) const override {
    for (const auto& pod : known)
      if (pod->metadata.namespace_ == ns && pod->metadata.name == podName &&
          (uid.empty() || pod->metadata.uid == uid))
        return pod;
    return nullptr;
  }
  Task<Result<std::vector<PodPointer>>> runningPods(std::stop_token) override { co_return known; }

  Task<Result<RuntimeContainer>> containerStatus(std::string id, std::stop_token) override {
    auto it = containers.find(id);
    if (it == containers.end()) co_return notFound("containers", id);
    co_return it->second;
  }
  Task<Result<std::string>> findContainer(ContainerAddress address, std::stop_token) override {
    if (address.container == "web") co_return std::string("web-id");
    co_return Status(Reason::NotFound, 404, "container not found (\"" + address.container + "\")");
  }
  Task<Result<std::string>> findSandbox(std::string, std::string, std::string,
                                        std::stop_token) override {
    co_return std::string("sandbox-id");
  }
  Task<Result<std::string>> execUrl(std::string, std::vector<std::string> command,
                                    StreamFlags streams, std::stop_token) override {
    lastCommand = command;
    lastStreams = streams;
    co_return streamUrl + "/exec/" + command.front() + query(streams);
  }
  Task<Result<std::string>> attachUrl(std::string, StreamFlags streams, std::stop_token) override {
    co_return streamUrl + "/attach/cat" + query(streams);
  }
  Task<Result<std::string>> portForwardUrl(std::string, std::vector<int32_t>,
                                           std::stop_token) override {
    co_return streamUrl + "/portforward/TOKEN";
  }
  Task<Result<CommandOutput>> execSync(std::string, std::vector<std::string> command, Duration,
                                       std::stop_token) override {
    lastCommand = command;
    CommandOutput out;
    out.stdout_ = "output";
    out.stderr_ = "errors";
    out.exitCode = command.front() == "false" ? 1 : 0;
    co_return out;
  }

  [[nodiscard]] Status syncLoopHealthy() const override { return loop; }
  [[nodiscard]] std::string configJson() const override {
    return R"({"kubeletconfig":{"maxPods":110}})";
  }
  Task<Result<std::string>> metricsText(std::stop_token) override {
    co_return std::string("up 1\n");
  }
  Task<Result<std::string>> resourceMetrics(std::stop_token) override {
    co_return "node_cpu_usage_seconds_total 1\n";
  }
  Task<Result<std::string>> statsSummary(std::stop_token) override {
    co_return notFound("stats", "summary");
  }

  std::string name = "node-1";
  std::vector<PodPointer> known;
  std::map<std::string, RuntimeContainer> containers;
  std::string streamUrl;
  Status loop;
  std::vector<std::string> lastCommand;
  StreamFlags lastStreams;

 private:
  /// As FakeRuntime reads it.
  static std::string query(const StreamFlags& streams) {
    std::string out = "?";
    if (streams.stdin_) out += "input=1&";
    if (streams.stdout_) out += "output=1&";
    if (streams.stderr_) out += "error=1&";
    if (streams.tty) out += "tty=1&";
    return out;
  }
};

}  // namespace coxswain::kubelet::server::testing
