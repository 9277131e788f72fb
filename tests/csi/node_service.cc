#include "node_service.h"

#include "api/codec/protobuf.h"
#include "base/log.h"
#include "kubelet/csi/gen/plugin_registration.h"
#include "runtime/files.h"

namespace coxswain::csi_test {

using namespace kubelet::csi;  // NOLINT: the messages
using net::grpc::Code;

namespace {

const Logger kLog("csi-test");
constexpr int64_t kInlineBytes = 8 << 20;
constexpr const char* kEphemeral = "csi.storage.k8s.io/ephemeral";

Status refused(Code code, std::string why) {
  return net::grpc::toStatus(code, std::move(why));
}

/// A done call's answer, which has nothing to say.
template <typename Response>
Result<std::string> done(const Status& status) {
  if (!status.ok()) return refused(Code::Internal, status.message());
  return api::encodeProtobuf(Response());
}

}  // namespace

Task<Status> NodeService::serve(const std::string& method, net::grpc::ServerCall& call,
                                std::stop_token stop) {
  CO_TRY(auto message, co_await call.receive(stop));
  if (!message) co_return badRequest("no message");
  auto bytes = answer(method, *message);
  kLog.info("call", {{"method", method}, {"status", bytes.status()}});
  if (!bytes.ok()) co_return bytes.status();
  co_return co_await call.send(*bytes);
}

Result<std::string> NodeService::answer(const std::string& method, const std::string& message) {
  if (method == "GetPluginInfo") {
    GetPluginInfoResponse info;
    info.name = options_.name;
    info.vendorVersion = "test";
    return api::encodeProtobuf(info);
  }
  if (method == "NodeGetInfo") {
    NodeGetInfoResponse info;
    info.nodeId = options_.nodeId;
    info.maxVolumesPerNode = options_.volumesMax;
    info.accessibleTopology.getOrCreate().segments = {
        {"topology." + options_.name + "/node", options_.nodeId}};
    return api::encodeProtobuf(info);
  }
  if (method == "NodeGetCapabilities") {
    NodeGetCapabilitiesResponse all;
    for (const int32_t type : {STAGE_UNSTAGE_VOLUME, GET_VOLUME_STATS, EXPAND_VOLUME}) {
      all.capabilities.emplace_back().rpc.emplace().type = type;
    }
    return api::encodeProtobuf(all);
  }
  if (method == "NodeStageVolume") {
    TRY(const auto request, api::decodeProtobuf<NodeStageVolumeRequest>(message));
    return done<NodeStageVolumeResponse>(stage(request));
  }
  if (method == "NodeUnstageVolume") {
    TRY(const auto request, api::decodeProtobuf<NodeUnstageVolumeRequest>(message));
    return done<NodeUnstageVolumeResponse>(unbind(request.stagingTargetPath, false));
  }
  if (method == "NodePublishVolume") {
    TRY(const auto request, api::decodeProtobuf<NodePublishVolumeRequest>(message));
    return done<NodePublishVolumeResponse>(publish(request));
  }
  if (method == "NodeUnpublishVolume") {
    TRY(const auto request, api::decodeProtobuf<NodeUnpublishVolumeRequest>(message));
    return done<NodeUnpublishVolumeResponse>(unpublish(request));
  }
  if (method == "NodeExpandVolume") {
    TRY(const auto request, api::decodeProtobuf<NodeExpandVolumeRequest>(message));
    return done<NodeExpandVolumeResponse>(expand(request));
  }
  if (method == "NodeGetVolumeStats") {
    TRY(const auto request, api::decodeProtobuf<NodeGetVolumeStatsRequest>(message));
    return stats(request);
  }
  return refused(Code::Unimplemented, "unknown method " + method);
}

Status NodeService::stage(const NodeStageVolumeRequest& request) {
  if (!store_.has(request.volumeId)) return refused(Code::NotFound, "no such volume");
  // The attacher's word: nothing is staged that was not attached.
  if (!request.publishContext.contains("attachedBy")) {
    return refused(Code::FailedPrecondition, "the volume is not attached");
  }
  return bindAt(store_.path(request.volumeId), request.stagingTargetPath, false);
}

Status NodeService::publish(const NodePublishVolumeRequest& request) {
  const auto* ephemeral = request.volumeContext.get(kEphemeral);
  if (ephemeral == nullptr || *ephemeral != "true") {
    return bindAt(request.stagingTargetPath, request.targetPath, request.readonly);
  }
  TRY_STATUS(store_.create(request.volumeId, kInlineBytes));
  // What the pod is told of itself, to be looked at.
  std::string text;
  for (const auto& [key, value] : request.volumeContext) text += key + "=" + value + "\n";
  SystemFiles files;
  TRY_STATUS(files.write(store_.path(request.volumeId) + "/context", text));
  return bindAt(store_.path(request.volumeId), request.targetPath, request.readonly);
}

Status NodeService::unpublish(const NodeUnpublishVolumeRequest& request) {
  TRY_STATUS(unbind(request.targetPath, true));
  // Handles of inline volumes are made by kubelets.
  return request.volumeId.starts_with("csi-") ? store_.remove(request.volumeId) : Status();
}

Status NodeService::expand(const NodeExpandVolumeRequest& request) {
  if (!request.capacityRange) return refused(Code::InvalidArgument, "no capacity");
  return store_.grow(request.volumeId, request.capacityRange->requiredBytes);
}

Result<std::string> NodeService::stats(const NodeGetVolumeStatsRequest& request) {
  SystemFiles files;
  TRY(const auto fs, files.statfs(request.volumePath));
  NodeGetVolumeStatsResponse answer;
  auto& bytes = answer.usage.emplace_back();
  bytes.unit = BYTES;
  bytes.total = static_cast<int64_t>(fs.bytes);
  bytes.available = static_cast<int64_t>(fs.bytesAvailable);
  bytes.used = static_cast<int64_t>(fs.bytes - fs.bytesFree);
  return api::encodeProtobuf(answer);
}

Task<Status> RegistrationService::serve(const std::string& method, net::grpc::ServerCall& call,
                                        std::stop_token stop) {
  CO_TRY(auto message, co_await call.receive(stop));
  if (!message) co_return badRequest("no message");
  if (method == "GetInfo") {
    registration::PluginInfo info;
    info.type = "CSIPlugin";
    info.name = options_.name;
    info.endpoint = options_.socket;
    info.supportedVersions = {"1.0.0"};
    std::string bytes = api::encodeProtobuf(info);
    co_return co_await call.send(bytes);
  }
  if (method == "NotifyRegistrationStatus") {
    CO_TRY(const auto status, api::decodeProtobuf<registration::RegistrationStatus>(*message));
    kLog.info("registration", {{"registered", status.pluginRegistered}, {"error", status.error}});
    std::string bytes = api::encodeProtobuf(registration::RegistrationStatusResponse());
    co_return co_await call.send(bytes);
  }
  co_return refused(Code::Unimplemented, "unknown method " + method);
}

}  // namespace coxswain::csi_test
