#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/resources.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::api::core::v1 {
struct Container;
}

namespace coxswain::kubelet {

/// A ConfigMap or Secret by name.
struct ObjectKey {
  bool secret = false;
  std::string ns;
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;
};

/// What a pod's volumes, environment and pull secrets refer to, without duplicates.
std::set<ObjectKey> referencedObjects(const api::core::v1::Pod& pod);

/// The ConfigMaps and Secrets that pods of this node use: one watch for each object, shared by the
/// pods that refer to it, ended when the last is gone or the object is immutable. One executor;
/// stop() before destruction. Upstream: pkg/kubelet/util/manager (watch based).
class ObjectCache {
 public:
  using ConfigMapPointer = std::shared_ptr<const api::core::v1::ConfigMap>;
  using SecretPointer = std::shared_ptr<const api::core::v1::Secret>;
  using ChangeHandler = std::function<void(const ObjectKey&)>;

  ObjectCache(client::Client& client, Executor& executor);
  ~ObjectCache();
  ObjectCache(const ObjectCache&) = delete;
  ObjectCache& operator=(const ObjectCache&) = delete;

  /// The pod uses its objects from now on; again with a changed pod is fine.
  void addPod(const api::core::v1::Pod& pod);
  void removePod(const std::string& uid);

  /// Text of NotFound is `configmap "x" not found`, as upstream's events have it. Objects that no
  /// added pod refers to are read from the server. Waits at most `kSyncTimeout` for a new watch.
  Task<Result<ConfigMapPointer>> configMap(std::string ns, std::string name, std::stop_token stop);
  Task<Result<SecretPointer>> secret(std::string ns, std::string name, std::stop_token stop);

  /// Called after an object changed, appeared or vanished. Several may be added; never removed.
  void onChange(ChangeHandler handler) { handlers_.push_back(std::move(handler)); }
  [[nodiscard]] size_t watches() const;

  Task<void> stop();

 private:
  struct Entry;
  static Task<void> run(std::shared_ptr<Entry> entry, Gate::Pass pass);
  Task<Result<api::ConstObject>> find(ObjectKey key, std::stop_token stop);
  void acquire(const ObjectKey& key);
  void release(const ObjectKey& key);

  client::Client& client_;
  Executor& executor_;
  std::map<ObjectKey, std::shared_ptr<Entry>> entries_;  // shared with their watching coroutines
  std::map<std::string, std::set<ObjectKey>> pods_;
  std::vector<ChangeHandler> handlers_;
  Gate gate_;
};

}  // namespace coxswain::kubelet
