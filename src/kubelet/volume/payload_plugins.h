#pragma once

#include "kubelet/volume/plugin.h"

namespace coxswain::kubelet {

/// The keys of a ConfigMap as files. Upstream: pkg/volume/configmap.
class ConfigMapPlugin final : public VolumePlugin {
 public:
  explicit ConfigMapPlugin(const VolumeHost& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/configmap"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;

 private:
  VolumeHost host_;
};

/// The keys of a Secret as files in a tmpfs. Upstream: pkg/volume/secret.
class SecretPlugin final : public VolumePlugin {
 public:
  explicit SecretPlugin(const VolumeHost& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/secret"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;

 private:
  VolumeHost host_;
};

/// Facts of the pod as files. Upstream: pkg/volume/downwardapi.
class DownwardApiPlugin final : public VolumePlugin {
 public:
  explicit DownwardApiPlugin(const VolumeHost& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/downward-api"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;
  [[nodiscard]] bool followsPod(const api::core::v1::Volume&) const override { return true; }

 private:
  VolumeHost host_;
};

/// Several sources in one folder, tokens among them. Upstream: pkg/volume/projected.
class ProjectedPlugin final : public VolumePlugin {
 public:
  explicit ProjectedPlugin(const VolumeHost& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/projected"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;
  [[nodiscard]] bool followsPod(const api::core::v1::Volume& volume) const override;

 private:
  VolumeHost host_;
};

}  // namespace coxswain::kubelet
