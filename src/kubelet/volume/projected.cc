#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "kubelet/volume/payload_plugins.h"
#include "kubelet/volume/payloads.h"

namespace coxswain::kubelet {

using api::core::v1::ServiceAccountTokenProjection;
using api::core::v1::Volume;
using api::core::v1::VolumeProjection;

namespace {

constexpr int32_t kDefaultMode = 0644;
constexpr int64_t kDefaultTokenSeconds = 3600;

/// Collects the sources of one volume: all are tried, and all that failed are told of.
class Collector {
 public:
  Collector(const VolumeHost& host, const VolumeRequest& request)
      : host_(host),
        request_(request),
        mode_(request.volume->volumeSource.projected->defaultMode.value_or(kDefaultMode)) {}

  Task<void> add(const VolumeProjection& source, std::stop_token stop) {
    Status status;
    if (source.secret) {
      status = co_await addSecret(source, stop);
    } else if (source.configMap) {
      status = co_await addConfigMap(source, stop);
    } else if (source.downwardAPI) {
      status = addDownwardPayload(*request_.pod, source.downwardAPI->items, mode_, request_.facts,
                                  payload_);
    } else if (source.serviceAccountToken) {
      status = co_await addToken(*source.serviceAccountToken, stop);
    } else if (source.clusterTrustBundle) {
      status = badRequest("clusterTrustBundle sources are not supported by this kubelet");
    } else if (source.podCertificate) {
      status = badRequest("podCertificate sources are not supported by this kubelet");
    }
    if (!status.ok()) failures_.push_back(std::move(status));
  }

  /// One failure as it is; several as "[a, b]".
  [[nodiscard]] Status status() const {
    if (failures_.empty()) return {};
    if (failures_.size() == 1) return failures_.front();
    std::string text = "[";
    for (const auto& failure : failures_) {
      if (text.size() > 1) text += ", ";
      text += failure.message();
    }
    return badRequest(text + "]");
  }
  [[nodiscard]] const Payload& payload() const { return payload_; }
  [[nodiscard]] std::optional<WallTime> refreshAt() const { return refreshAt_; }

 private:
  Task<Status> addSecret(const VolumeProjection& source, std::stop_token stop) {
    const auto& projection = *source.secret;
    const bool optional = projection.optional.value_or(false);
    auto secret = co_await host_.objects.secret(request_.pod->metadata.namespace_,
                                                projection.localObjectReference.name, stop);
    if (!secret.ok()) {
      co_return optional&& isNotFound(secret.status()) ? Status() : secret.status();
    }
    co_return addSecretPayload(**secret, projection.items, mode_, optional, payload_);
  }

  Task<Status> addConfigMap(const VolumeProjection& source, std::stop_token stop) {
    const auto& projection = *source.configMap;
    const bool optional = projection.optional.value_or(false);
    auto map = co_await host_.objects.configMap(request_.pod->metadata.namespace_,
                                                projection.localObjectReference.name, stop);
    if (!map.ok()) co_return optional&& isNotFound(map.status()) ? Status() : map.status();
    co_return addConfigMapPayload(**map, projection.items, mode_, optional, payload_);
  }

  Task<Status> addToken(const ServiceAccountTokenProjection& source, std::stop_token stop) {
    auto token =
        co_await host_.tokens.get(request_.pod, source.audience,
                                  source.expirationSeconds.value_or(kDefaultTokenSeconds), stop);
    if (!token.ok()) co_return token.status().withContext("failed to fetch token");
    const auto& context = request_.pod->spec.securityContext;
    const bool grouped = context && context->fsGroup;
    FileProjection file;
    file.data = std::move(token->token);
    file.user = grouped ? std::nullopt : commonUser(*request_.pod);
    file.mode = grouped || file.user ? 0600 : static_cast<uint32_t>(mode_) & 0777;
    payload_[source.path] = std::move(file);
    refreshAt_ = std::min(refreshAt_.value_or(token->refreshAt), token->refreshAt);
    co_return Status();
  }

  const VolumeHost& host_;
  const VolumeRequest& request_;
  int32_t mode_;
  Payload payload_;
  std::vector<Status> failures_;
  std::optional<WallTime> refreshAt_;
};

}  // namespace

bool ProjectedPlugin::handles(const Volume& volume) const {
  return volume.volumeSource.projected.has_value();
}

bool ProjectedPlugin::followsPod(const Volume& volume) const {
  const auto& sources = volume.volumeSource.projected->sources;
  return std::any_of(sources.begin(), sources.end(),
                     [](const auto& source) { return source.downwardAPI.has_value(); });
}

Task<Result<VolumeReady>> ProjectedPlugin::setUp(VolumeRequest request, std::stop_token stop) {
  Collector collector(host_, request);
  for (const auto& source : request.volume->volumeSource.projected->sources) {
    co_await collector.add(source, stop);
  }
  CO_TRY_STATUS(collector.status());
  CO_TRY(const auto folder, makeVolumeDir(host_, request, *this, 0777));
  CO_TRY_STATUS(ensureTmpfs(host_, folder, 0));
  CO_TRY(VolumeReady ready, projectPayload(host_, request, folder, collector.payload()));
  ready.refreshAt = collector.refreshAt();
  co_return ready;
}

}  // namespace coxswain::kubelet
