#include "kubelet/csi/testing/fake_plugin.h"

#include <algorithm>

#include "kubelet/cri/invoke.h"

namespace coxswain::kubelet::csi::testing {
namespace {

template <typename Message>
Result<std::string> encoded(const Message& message) {
  return api::encodeProtobuf(message);
}

class FakeChannel final : public PluginChannel {
 public:
  FakeChannel(FakePluginChannels& all, std::string socket) : all_(all), socket_(std::move(socket)) {
    ++all_.openChannels;
  }
  ~FakeChannel() override { --all_.openChannels; }

  Task<Result<std::string>> call(std::string method, std::string message, Duration timeout,
                                 std::stop_token stop) override {
    const auto found = all_.plugins.find(socket_);
    if (found == all_.plugins.end()) {
      co_return cri::rpcError(unreachable("connect " + socket_ + ": Connection refused"));
    }
    Deadline deadline(timeout, stop);
    auto answer =
        co_await found->second->serve(std::move(method), std::move(message), deadline.token());
    if (deadline.expired()) co_return cri::rpcError(timeoutError("context deadline exceeded"));
    if (stop.stop_requested()) co_return canceled();
    if (!answer.ok()) co_return cri::rpcError(answer.status());
    co_return answer;
  }
  Task<void> close() override { co_return; }

 private:
  FakePluginChannels& all_;
  std::string socket_;
};

}  // namespace

FakePlugin::FakePlugin(std::string name, Files& files, Mounter& mounter)
    : pluginName(std::move(name)), files_(files), mounter_(mounter) {
  info.type = "CSIPlugin";
  info.name = pluginName;
  info.supportedVersions = {"1.0.0"};
  node.nodeId = "node-id-1";
}

size_t FakePlugin::count(const std::string& call) const {
  return static_cast<size_t>(std::count(calls.begin(), calls.end(), call));
}

Status FakePlugin::unmountAndRemove(const std::string& path) {
  TRY_STATUS(mounter_.unmount(path));
  return files_.remove(path);
}

Task<Result<std::string>> FakePlugin::serve(std::string method, std::string message,
                                            std::stop_token stop) {
  if (!fault) co_return co_await answer(std::move(method), std::move(message), std::move(stop));
  CO_TRY_STATUS(fault(method));
  auto done = co_await answer(method, std::move(message), std::move(stop));
  CO_TRY_STATUS(fault(method));
  co_return done;
}

Task<Result<std::string>> FakePlugin::answer(std::string method, std::string message,
                                             std::stop_token stop) {
  CO_TRY_STATUS(co_await sleepFor(latency, stop));
  const std::string name(baseName(method));
  const auto note = [&](const std::string& volume) { calls.push_back(name + " " + volume); };
  if (const auto failure = failures.find(name); failure != failures.end()) {
    calls.push_back(name + " failed");
    co_return failure->second;
  }
  if (name == "GetInfo") {
    calls.push_back(name);
    co_return encoded(info);
  }
  if (name == "NotifyRegistrationStatus") {
    calls.push_back(name);
    CO_TRY(registered, api::decodeProtobuf<registration::RegistrationStatus>(message));
    co_return encoded(registration::RegistrationStatusResponse());
  }
  if (name == "GetPluginInfo") {
    GetPluginInfoResponse answer;
    answer.name = pluginName;
    co_return encoded(answer);
  }
  if (name == "NodeGetInfo") co_return encoded(node);
  if (name == "NodeGetCapabilities") {
    NodeGetCapabilitiesResponse answer;
    for (const int32_t type : capabilities) {
      answer.capabilities.emplace_back().rpc.emplace().type = type;
    }
    co_return encoded(answer);
  }
  if (name == "NodeStageVolume") {
    CO_TRY(staged, api::decodeProtobuf<NodeStageVolumeRequest>(message));
    note(staged.volumeId);
    CO_TRY(const bool there, mounter_.isMountPoint(staged.stagingTargetPath));
    if (!there) CO_TRY_STATUS(mounter_.tmpfs(staged.stagingTargetPath, 0, 0755));
    mounted[staged.volumeId];
    co_return encoded(NodeStageVolumeResponse());
  }
  if (name == "NodeUnstageVolume") {
    CO_TRY(const auto request, api::decodeProtobuf<NodeUnstageVolumeRequest>(message));
    note(request.volumeId);
    CO_TRY_STATUS(mounter_.unmount(request.stagingTargetPath));
    if (const auto known = mounted.find(request.volumeId); known != mounted.end()) {
      if (!known->second.empty()) violations.push_back("unstaged while published");
      mounted.erase(known);
    }
    co_return encoded(NodeUnstageVolumeResponse());
  }
  if (name == "NodePublishVolume") {
    CO_TRY(published, api::decodeProtobuf<NodePublishVolumeRequest>(message));
    note(published.volumeId);
    if (!published.stagingTargetPath.empty() && !mounted.contains(published.volumeId)) {
      violations.push_back("published before it is staged");
    }
    mounted[published.volumeId].insert(published.targetPath);
    if (published.volumeCapability && published.volumeCapability->block) {
      CO_TRY_STATUS(files_.write(published.targetPath, "device"));
      co_return encoded(NodePublishVolumeResponse());
    }
    CO_TRY_STATUS(files_.mkdirs(published.targetPath, 0755));
    CO_TRY(const bool there, mounter_.isMountPoint(published.targetPath));
    if (!there) CO_TRY_STATUS(mounter_.tmpfs(published.targetPath, 0, 0755));
    co_return encoded(NodePublishVolumeResponse());
  }
  if (name == "NodeUnpublishVolume") {
    CO_TRY(const auto request, api::decodeProtobuf<NodeUnpublishVolumeRequest>(message));
    note(request.volumeId);
    CO_TRY_STATUS(unmountAndRemove(request.targetPath));
    if (const auto known = mounted.find(request.volumeId); known != mounted.end()) {
      known->second.erase(request.targetPath);
    }
    co_return encoded(NodeUnpublishVolumeResponse());
  }
  if (name == "NodeGetVolumeStats") co_return encoded(stats);
  if (name == "NodeExpandVolume") {
    CO_TRY(expanded, api::decodeProtobuf<NodeExpandVolumeRequest>(message));
    note(expanded.volumeId);
    NodeExpandVolumeResponse answer;
    answer.capacityBytes = expanded.capacityRange ? expanded.capacityRange->requiredBytes : 0;
    co_return encoded(answer);
  }
  co_return net::grpc::toStatus(net::grpc::Code::Unimplemented, "unknown method " + name);
}

std::unique_ptr<PluginChannel> FakePluginChannels::open(const std::string& socket) {
  return std::make_unique<FakeChannel>(*this, socket);
}

}  // namespace coxswain::kubelet::csi::testing
