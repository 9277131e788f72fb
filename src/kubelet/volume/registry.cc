#include "api/gen/core_v1.h"
#include "kubelet/volume/csi_mounts.h"
#include "kubelet/volume/empty_dir.h"
#include "kubelet/volume/host_path.h"
#include "kubelet/volume/payload_plugins.h"
#include "kubelet/volume/persistent_claim.h"
#include "kubelet/volume/plugin.h"

namespace coxswain::kubelet {
namespace {

/// Everything else: it says so, and the pod waits.
class UnsupportedPlugin final : public VolumePlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/unsupported"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume&) const override { return true; }
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token) override {
    co_return badRequest("no volume plugin matched: volume " + request.volume->name +
                         " is of a kind that this kubelet does not support");
  }
};

}  // namespace

std::vector<std::unique_ptr<VolumePlugin>> makeVolumePlugins(const VolumeHost& host) {
  std::vector<std::unique_ptr<VolumePlugin>> plugins;
  plugins.push_back(std::make_unique<EmptyDirPlugin>(host));
  plugins.push_back(std::make_unique<HostPathPlugin>(host));
  plugins.push_back(std::make_unique<ConfigMapPlugin>(host));
  plugins.push_back(std::make_unique<SecretPlugin>(host));
  plugins.push_back(std::make_unique<DownwardApiPlugin>(host));
  plugins.push_back(std::make_unique<ProjectedPlugin>(host));
  plugins.push_back(std::make_unique<PersistentClaimPlugin>(host));
  plugins.push_back(std::make_unique<CsiInlinePlugin>(host));
  plugins.push_back(std::make_unique<UnsupportedPlugin>());
  return plugins;
}

}  // namespace coxswain::kubelet
