#pragma once

#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/time.h"
#include "client/event_recorder.h"
#include "kubelet/cri/services.h"
#include "runtime/files.h"
#include "runtime/sync.h"

namespace coxswain::kubelet {

struct ImageGcOptions {
  std::string nodeName;
  int highThresholdPercent =
      85;                        ///< of the image file system in use: collecting begins; 100: never
  int lowThresholdPercent = 80;  ///< and goes on down to this
  Duration minAge = 2min;        ///< younger images stay
  Duration period = 5min;
  /// Names that are never removed, besides the sandbox image, which the runtime tells.
  std::set<std::string> keep;
};

/// An image as the collector knows it.
struct KnownImage {
  std::string id;
  uint64_t size = 0;
  MonotonicTime firstSeen{};
  MonotonicTime lastUsed{};  ///< zero: not since it was first seen
};

/// Which images to remove to free `bytes`: least recently used first, then the oldest; those
/// younger than `minAge` stay. `candidates` are those that nobody uses.
std::vector<KnownImage> imagesToRemove(std::vector<KnownImage> candidates, uint64_t bytes,
                                       MonotonicTime now, Duration minAge);

/// Removes images that no container uses when the disk they are on fills up. One executor; stop()
/// before destruction. Upstream: pkg/kubelet/images/image_gc_manager.go.
class ImageGarbageCollector {
 public:
  struct Dependencies {
    Executor& executor;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    Files& files;
    client::EventRecorder& events;
  };

  ImageGarbageCollector(Dependencies dependencies, ImageGcOptions options);
  ImageGarbageCollector(const ImageGarbageCollector&) = delete;
  ImageGarbageCollector& operator=(const ImageGarbageCollector&) = delete;

  /// Looks now and then every period.
  void start();
  Task<void> stop();
  /// One round. Failures: the runtime did not answer; or too little could be freed (event
  /// FreeDiskSpaceFailed has been written).
  Task<Status> collect(std::stop_token stop);

 private:
  static Task<void> run(ImageGarbageCollector& self, Gate::Pass pass, std::stop_token stop);
  /// Brings `known_` up to date; answers those that nobody uses.
  Task<Result<std::vector<KnownImage>>> look(std::stop_token stop);
  Task<Status> free(uint64_t bytes, std::stop_token stop);
  /// Runtimes before containerd 1.7 do not say that the sandbox image is pinned.
  Task<std::string> sandboxImage(std::stop_token stop);
  void tell(std::string_view reason, std::string message);

  Dependencies deps_;
  ImageGcOptions options_;
  std::map<std::string, KnownImage> known_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet
