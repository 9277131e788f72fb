#include <algorithm>

#include "api/gen/core_v1.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

constexpr int64_t kMiB = 1024 * 1024;
constexpr int64_t kBytesMin = 23 * kMiB;
constexpr int64_t kBytesMaxPerContainer = 1000 * kMiB;

/// Prefers nodes that have the pod's images, large ones more; an image that few nodes have counts
/// less, so that not all pods run to those.
class ImageLocality final : public Plugin, public ScorePlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "ImageLocality"; }
  [[nodiscard]] int64_t score(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                              const Snapshot& snapshot) const override {
    if (node.images.empty()) return 0;
    int64_t bytes = 0;
    for (const auto& image : pod.images) {
      const ImageOnNode* have = node.image(image);
      if (!have) continue;
      const auto spread = snapshot.imageNodes.find(image);
      const double share =
          spread == snapshot.imageNodes.end()
              ? 0
              : static_cast<double>(spread->second) / static_cast<double>(snapshot.nodes.size());
      bytes += static_cast<int64_t>(static_cast<double>(have->sizeBytes) * share);
    }
    const int64_t most = kBytesMaxPerContainer * static_cast<int64_t>(pod.images.size());
    bytes = std::clamp(bytes, kBytesMin, std::max(kBytesMin, most));
    return most <= kBytesMin ? 0 : kScoreMax * (bytes - kBytesMin) / (most - kBytesMin);
  }
  [[nodiscard]] int64_t weight() const override { return 1; }
};

}  // namespace

std::unique_ptr<Plugin> imageLocality() {
  return std::make_unique<ImageLocality>();
}

}  // namespace coxswain::scheduler::plugins
