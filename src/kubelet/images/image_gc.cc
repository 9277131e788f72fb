#include "kubelet/images/image_gc.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/gen/core_v1.h"
#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

const Logger kLog("images");

bool isUsed(const cri::Image& image, const std::set<std::string>& names) {
  const auto in = [&](const std::string& name) { return names.contains(name); };
  return in(image.id) || std::any_of(image.repoTags.begin(), image.repoTags.end(), in) ||
         std::any_of(image.repoDigests.begin(), image.repoDigests.end(), in);
}

}  // namespace

std::vector<KnownImage> imagesToRemove(std::vector<KnownImage> candidates, uint64_t bytes,
                                       MonotonicTime now, Duration minAge) {
  std::erase_if(candidates, [&](const auto& image) { return now - image.firstSeen < minAge; });
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return std::tie(a.lastUsed, a.firstSeen, a.id) < std::tie(b.lastUsed, b.firstSeen, b.id);
  });
  uint64_t freed = 0;
  size_t count = 0;
  while (count < candidates.size() && freed < bytes) freed += candidates[count++].size;
  candidates.resize(count);
  return candidates;
}

ImageGarbageCollector::ImageGarbageCollector(Dependencies dependencies, ImageGcOptions options)
    : deps_(dependencies), options_(std::move(options)) {}

void ImageGarbageCollector::start() {
  if (auto pass = gate_.enter()) {
    spawn(deps_.executor, run(*this, std::move(pass), stop_.get_token()));
  }
}

Task<void> ImageGarbageCollector::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> ImageGarbageCollector::run(ImageGarbageCollector& self, Gate::Pass pass,
                                      std::stop_token stop) {
  while (!stop.stop_requested()) {
    const Status collected = co_await self.collect(stop);
    if (!collected.ok() && !stop.stop_requested()) {
      kLog.warn("collecting images failed", {{"error", collected}});
    }
    Status ignored = co_await sleepFor(self.options_.period, stop);
    (void)ignored;
  }
}

void ImageGarbageCollector::tell(std::string_view reason, std::string message) {
  api::core::v1::ObjectReference node;
  node.kind = "Node";
  node.name = options_.nodeName;
  node.uid = options_.nodeName;
  deps_.events.event(node, client::kEventWarning, reason, std::move(message));
}

Task<std::string> ImageGarbageCollector::sandboxImage(std::stop_token stop) {
  auto status = co_await deps_.runtime.status(true, stop);
  if (!status.ok()) co_return "";
  const auto* config = status->info_.get("config");
  if (config == nullptr) co_return "";
  boost::json::error_code error;
  const auto value = boost::json::parse(*config, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto* image = object ? object->if_contains("sandboxImage") : nullptr;
  co_return image && image->is_string() ? std::string(image->as_string()) : std::string();
}

Task<Result<std::vector<KnownImage>>> ImageGarbageCollector::look(std::stop_token stop) {
  CO_TRY(const auto containers, co_await deps_.runtime.listContainers({}, stop));
  CO_TRY(const auto images, co_await deps_.images.listImages({}, stop));
  std::set<std::string> used = options_.keep;
  std::string sandbox = co_await sandboxImage(stop);
  used.insert(std::move(sandbox));
  for (const auto& container : containers) {
    if (container.image) used.insert(container.image->image);
    used.insert(container.imageRef);
    used.insert(container.imageId);
  }
  const MonotonicTime now = deps_.executor.now();
  std::map<std::string, KnownImage> fresh;
  std::vector<KnownImage> unused;
  for (const auto& image : images) {
    const auto before = known_.find(image.id);
    KnownImage known = before == known_.end() ? KnownImage{image.id, 0, now, {}} : before->second;
    known.size = image.size;
    const bool inUse = image.pinned || isUsed(image, used);
    if (inUse) known.lastUsed = now;
    if (!inUse) unused.push_back(known);
    fresh[image.id] = std::move(known);
  }
  known_ = std::move(fresh);
  co_return unused;
}

Task<Status> ImageGarbageCollector::collect(std::stop_token stop) {
  // Ages are counted from the first look, so look also while there is room.
  CO_TRY(const auto unused, co_await look(stop));
  if (options_.highThresholdPercent >= 100) co_return Status();
  CO_TRY(const auto systems, co_await deps_.images.imageFsInfo(stop));
  if (systems.empty() || !systems.front().fsId) {
    co_return internalError("the runtime tells no image file system");
  }
  CO_TRY(const auto disk, deps_.files.statfs(systems.front().fsId->mountpoint));
  if (disk.bytes == 0) {
    tell("InvalidDiskCapacity", "invalid capacity 0 on image filesystem");
    co_return internalError("invalid capacity 0 on image filesystem");
  }
  const uint64_t free = std::min(disk.bytesAvailable, disk.bytes);
  const auto usedPercent = 100 - static_cast<int>(free * 100 / disk.bytes);
  if (usedPercent < options_.highThresholdPercent) co_return Status();
  const uint64_t wanted =
      disk.bytes / 100 * static_cast<uint64_t>(100 - options_.lowThresholdPercent);
  if (wanted <= free) co_return Status();
  kLog.info("the image file system is full; removing images that nobody uses",
            {{"usedPercent", usedPercent}, {"bytes", wanted - free}});
  co_return co_await this->free(wanted - free, stop);
}

Task<Status> ImageGarbageCollector::free(uint64_t bytes, std::stop_token stop) {
  CO_TRY(auto unused, co_await look(stop));
  uint64_t freed = 0;
  Status first;
  for (auto& image :
       imagesToRemove(std::move(unused), bytes, deps_.executor.now(), options_.minAge)) {
    cri::ImageSpec spec;
    spec.image = image.id;
    const Status removed = co_await deps_.images.removeImage(std::move(spec), stop);
    if (removed.ok()) {
      freed += image.size;
      known_.erase(image.id);
      kLog.info("removed an image", {{"id", image.id}, {"bytes", image.size}});
    } else if (first.ok()) {
      first = removed;
    }
    if (stop.stop_requested()) co_return canceled();
  }
  if (freed >= bytes) co_return first;
  const std::string text =
      "Failed to garbage collect required amount of images. Attempted to free " +
      std::to_string(bytes) + " bytes, but only found " + std::to_string(freed) +
      " bytes eligible to free.";
  tell("FreeDiskSpaceFailed", text);
  co_return internalError(text);
}

}  // namespace coxswain::kubelet
