#include "kubelet/csi/driver.h"

#include <algorithm>
#include <charconv>

#include "api/names/quote.h"
#include "net/grpc/grpc.h"

namespace coxswain::kubelet::csi {
namespace {

/// Upstream's csiTimeout.
constexpr Duration kTimeout = 2min;
constexpr size_t kNameMax = 63;

std::string nodeMethod(std::string_view name) {
  return "/csi.v1.Node/" + std::string(name);
}

bool isAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

template <typename T>
Status statusOf(const Result<T>& answer) {
  return answer.ok() ? Status() : answer.status();
}

}  // namespace

Result<Version> parseVersion(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('v')) rest.remove_prefix(1);
  Version version;
  int* const parts[] = {&version.major, &version.minor, &version.patch};
  size_t count = 0;
  bool good = true;
  while (good && count < 3) {
    const auto [at, error] = std::from_chars(rest.data(), rest.data() + rest.size(), *parts[count]);
    good = error == std::errc() && *parts[count] >= 0 && rest.front() != '-';
    if (!good) break;
    ++count;
    rest.remove_prefix(static_cast<size_t>(at - rest.data()));
    if (!rest.starts_with('.')) break;
    rest.remove_prefix(1);
  }
  // What stands behind a third number ("-rc1") does not matter here.
  const bool ends = rest.empty() || (count == 3 && (rest.front() == '-' || rest.front() == '+'));
  if (!good || count < 2 || !ends) {
    return badRequest("could not parse " + api::goQuote(text) + " as version");
  }
  return version;
}

Result<Version> highestSupported(const std::vector<std::string>& versions) {
  if (versions.empty())
    return badRequest("CSI driver reporting empty array for supported versions");
  std::optional<Version> highest;
  Status failure;
  for (const auto& text : versions) {
    auto version = parseVersion(text);
    if (!version.ok()) {
      failure = version.status();
    } else if (version->major == 1 && (!highest || *highest < *version)) {
      highest = *version;
    }
  }
  if (highest) return *highest;
  if (!failure.ok()) return failure;
  return badRequest("none of the CSI versions reported by this driver are supported");
}

Status checkDriverName(std::string_view name) {
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return isAlphanumeric(c) || c == '-' || c == '.' || c == '_';
  });
  if (name.empty() || name.size() > kNameMax || !letters || !isAlphanumeric(name.front()) ||
      !isAlphanumeric(name.back())) {
    return badRequest("invalid driver name " + api::goQuote(name.substr(0, kNameMax + 1)));
  }
  return {};
}

bool isUncertain(const Status& status) {
  if (isCanceled(status)) return true;
  switch (net::grpc::toCode(status)) {
    case net::grpc::Code::Cancelled:
    case net::grpc::Code::DeadlineExceeded:
    case net::grpc::Code::Unavailable:
    case net::grpc::Code::ResourceExhausted:
    case net::grpc::Code::Aborted:
      return true;
    default:
      return false;
  }
}

bool isInfeasible(const Status& status) {
  const auto code = net::grpc::toCode(status);
  return !status.ok() && (code == net::grpc::Code::InvalidArgument ||
                          code == net::grpc::Code::OutOfRange || code == net::grpc::Code::NotFound);
}

Driver::Driver(std::string name, std::string endpoint, Version version,
               std::unique_ptr<PluginChannel> channel)
    : name_(std::move(name)),
      endpoint_(std::move(endpoint)),
      version_(version),
      channel_(std::move(channel)) {}

Task<Result<std::string>> Driver::pluginName(std::stop_token stop) {
  CO_TRY(auto info,
         co_await invoke<GetPluginInfoResponse>(*channel_, "/csi.v1.Identity/GetPluginInfo",
                                                GetPluginInfoRequest(), kTimeout, std::move(stop)));
  co_return std::move(info.name);
}

Task<Result<NodeGetInfoResponse>> Driver::nodeInfo(std::stop_token stop) {
  co_return co_await invoke<NodeGetInfoResponse>(*channel_, nodeMethod("NodeGetInfo"),
                                                 NodeGetInfoRequest(), kTimeout, std::move(stop));
}

Task<Result<std::set<int32_t>>> Driver::capabilities(std::stop_token stop) {
  if (capabilities_) co_return *capabilities_;
  CO_TRY(auto answer, co_await invoke<NodeGetCapabilitiesResponse>(
                          *channel_, nodeMethod("NodeGetCapabilities"),
                          NodeGetCapabilitiesRequest(), kTimeout, std::move(stop)));
  std::set<int32_t> known;
  for (const auto& capability : answer.capabilities) {
    if (capability.rpc) known.insert(capability.rpc->type);
  }
  capabilities_ = known;
  co_return known;
}

Task<Status> Driver::stage(NodeStageVolumeRequest request, std::stop_token stop) {
  auto answer = co_await invoke<NodeStageVolumeResponse>(
      *channel_, nodeMethod("NodeStageVolume"), std::move(request), kTimeout, std::move(stop));
  co_return statusOf(answer);
}

Task<Status> Driver::unstage(NodeUnstageVolumeRequest request, std::stop_token stop) {
  auto answer = co_await invoke<NodeUnstageVolumeResponse>(
      *channel_, nodeMethod("NodeUnstageVolume"), std::move(request), kTimeout, std::move(stop));
  co_return statusOf(answer);
}

Task<Status> Driver::publish(NodePublishVolumeRequest request, std::stop_token stop) {
  auto answer = co_await invoke<NodePublishVolumeResponse>(
      *channel_, nodeMethod("NodePublishVolume"), std::move(request), kTimeout, std::move(stop));
  co_return statusOf(answer);
}

Task<Status> Driver::unpublish(NodeUnpublishVolumeRequest request, std::stop_token stop) {
  auto answer = co_await invoke<NodeUnpublishVolumeResponse>(
      *channel_, nodeMethod("NodeUnpublishVolume"), std::move(request), kTimeout, std::move(stop));
  co_return statusOf(answer);
}

Task<Result<NodeGetVolumeStatsResponse>> Driver::stats(NodeGetVolumeStatsRequest request,
                                                       std::stop_token stop) {
  co_return co_await invoke<NodeGetVolumeStatsResponse>(
      *channel_, nodeMethod("NodeGetVolumeStats"), std::move(request), kTimeout, std::move(stop));
}

Task<Result<int64_t>> Driver::expand(NodeExpandVolumeRequest request, std::stop_token stop) {
  CO_TRY(auto answer,
         co_await invoke<NodeExpandVolumeResponse>(*channel_, nodeMethod("NodeExpandVolume"),
                                                   std::move(request), kTimeout, std::move(stop)));
  co_return answer.capacityBytes;
}

}  // namespace coxswain::kubelet::csi
