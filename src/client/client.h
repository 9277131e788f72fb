#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::client {

/// Which collection: "", "v1", "pods". `kind` describes its objects.
struct ResourceType {
  std::string_view group;
  std::string_view version;
  std::string_view plural;
  bool namespaced = true;
  const api::MessageInfo* kind = nullptr;
};

struct ListOptions {
  std::string labelSelector;
  std::string fieldSelector;
  int64_t limit = 0;  ///< 0: all
  std::string continueToken;
  std::string resourceVersion;
  std::string resourceVersionMatch;
};

struct ObjectList {
  std::vector<api::ConstObject> items;
  std::string resourceVersion;
  std::string continueToken;
};

struct WatchOptions {
  std::string labelSelector;
  std::string fieldSelector;
  /// Events after this one; empty: the present objects first, as Added.
  std::string resourceVersion;
  bool allowBookmarks = true;
};

enum class WatchEventType : uint8_t { Added, Modified, Deleted, Bookmark };

struct WatchEvent {
  WatchEventType type = WatchEventType::Added;
  api::ConstObject object;  ///< a bookmark has its resourceVersion only
};

/// An open watch. Destroying it ends the watch.
class Watch {
 public:
  virtual ~Watch() = default;
  /// The next event, in order. EndOfStream: the server ended the watch, start again from the last
  /// resourceVersion; Expired: list again; Canceled: stopped. After a failure: nothing more.
  virtual Task<Result<WatchEvent>> next(std::stop_token stop) = 0;
};

enum class PatchType : uint8_t { Json, Merge, StrategicMerge, Apply };

struct DeleteOptions {
  std::optional<int64_t> gracePeriodSeconds;
  std::string propagationPolicy;  ///< empty: the kind's default
  std::string uid;                ///< precondition; empty: any
  std::string resourceVersion;    ///< precondition; empty: any
};

/// What every component sees of a cluster. Implementations: HttpClient (any API server over HTTPS),
/// LocalClient (the API server of this process), testing::FakeClient. Methods may be called from
/// any executor and answer on the caller's. Failures carry the server's Status; Unreachable where
/// there was no answer (the operation may have happened or not).
///
/// `ns` is empty for cluster-scoped kinds and for all namespaces; `subresource` is "", "status",
/// "scale", "binding", ...
class Client {
 public:
  virtual ~Client() = default;

  virtual Task<Result<api::ConstObject>> get(const ResourceType& type, std::string ns,
                                             std::string name, std::stop_token stop) = 0;
  /// What a subresource shows, such as autoscaling/v1 Scale of "scale".
  virtual Task<Result<api::ConstObject>> getSubresource(const ResourceType& type, std::string ns,
                                                        std::string name, std::string subresource,
                                                        std::stop_token stop) = 0;
  virtual Task<Result<ObjectList>> list(const ResourceType& type, std::string ns,
                                        ListOptions options, std::stop_token stop) = 0;
  virtual Task<Result<std::unique_ptr<Watch>>> watch(const ResourceType& type, std::string ns,
                                                     WatchOptions options,
                                                     std::stop_token stop) = 0;
  /// Creates `object`; with a subresource, posts to that of the object `name`. Answers what the
  /// server answers (its type may differ from `object`'s then).
  virtual Task<Result<api::ConstObject>> create(const ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                api::ConstObject object, std::stop_token stop) = 0;
  /// Replaces; Conflict unless metadata.resourceVersion is the stored one (or empty).
  virtual Task<Result<api::ConstObject>> update(const ResourceType& type, std::string subresource,
                                                api::ConstObject object, std::stop_token stop) = 0;
  virtual Task<Result<api::ConstObject>> patch(const ResourceType& type, std::string ns,
                                               std::string name, std::string subresource,
                                               PatchType patchType, std::string body,
                                               std::stop_token stop) = 0;
  virtual Task<Status> remove(const ResourceType& type, std::string ns, std::string name,
                              DeleteOptions options, std::stop_token stop) = 0;
};

/// ResourceType of a generated kind: specialised by client/resources.h.
template <typename T>
const ResourceType& resourceOf();

/// Typed forms: `auto pod = co_await client::get<Pod>(client, "default", "web", stop);`
template <typename T>
Task<Result<std::shared_ptr<const T>>> get(Client& client, std::string ns, std::string name,
                                           std::stop_token stop = {}) {
  auto object = co_await client.get(resourceOf<T>(), std::move(ns), std::move(name), stop);
  if (!object.ok()) co_return object.status();
  co_return object->template sharedAs<T>();
}

template <typename T>
Task<Result<std::shared_ptr<const T>>> create(Client& client, T value, std::stop_token stop = {}) {
  std::string ns = value.metadata.namespace_;
  api::ConstObject object(api::Object(std::move(value)));
  auto made =
      co_await client.create(resourceOf<T>(), std::move(ns), "", "", std::move(object), stop);
  if (!made.ok()) co_return made.status();
  co_return made->template sharedAs<T>();
}

template <typename T>
Task<Result<std::shared_ptr<const T>>> update(Client& client, T value, std::string subresource = "",
                                              std::stop_token stop = {}) {
  api::ConstObject object(api::Object(std::move(value)));
  auto made =
      co_await client.update(resourceOf<T>(), std::move(subresource), std::move(object), stop);
  if (!made.ok()) co_return made.status();
  co_return made->template sharedAs<T>();
}

}  // namespace coxswain::client
