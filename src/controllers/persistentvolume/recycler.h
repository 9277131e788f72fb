#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "api/gen/core_v1.h"
#include "client/client.h"
#include "client/informer.h"

namespace coxswain::controllers::persistentvolume {

/// How pods that wipe volumes look, by kind of volume.
struct RecyclerOptions {
  struct Kind {
    Duration timeoutMin;
    Duration perGibibyte;
    /// Null: the built-in pod. Its first volume becomes the one to wipe.
    std::shared_ptr<const api::core::v1::Pod> pod;
  };
  Kind hostPath{std::chrono::seconds(60), std::chrono::seconds(30), nullptr};
  Kind nfs{std::chrono::seconds(300), std::chrono::seconds(30), nullptr};
};

bool isRecyclable(const api::core::v1::PersistentVolume& volume);
/// The pod that wipes a volume, called "recycler-for-<volume>". Nothing: no such volumes are wiped.
std::optional<api::core::v1::Pod> recyclerPod(const api::core::v1::PersistentVolume& volume,
                                              const RecyclerOptions& options);

/// Wipes volumes by pods that run once: made, awaited, and deleted when they have ended. All of it
/// is seen from the pod, so that another process goes on where one was killed.
/// Upstream: pkg/volume/util/recyclerclient.
class Recycler {
 public:
  Recycler(client::Client& client, client::Informer& pods, RecyclerOptions options)
      : client_(client), pods_(pods), options_(std::move(options)) {}

  enum class State : uint8_t { Working, Done };
  /// One step. Working: an event of the pod tells when to come again. A failure in upstream's
  /// words: the pod failed, and another try may follow.
  Task<Result<State>> step(std::shared_ptr<const api::core::v1::PersistentVolume> volume,
                           std::stop_token stop);

 private:
  /// NotFound or Conflict: this pod was gone.
  Task<Status> removePod(std::shared_ptr<const api::core::v1::Pod> pod, std::stop_token stop);

  client::Client& client_;
  client::Informer& pods_;
  RecyclerOptions options_;
};

}  // namespace coxswain::controllers::persistentvolume
