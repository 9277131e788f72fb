#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::client {

/// "namespace/name", or "name" for cluster-scoped objects.
std::string objectKey(const api::ConstObject& object);

/// What happened to one object of a cache. Added: `before` is empty; Deleted: `after` is.
struct Change {
  api::ConstObject before;
  api::ConstObject after;
};

/// A cache of one collection, filled by list and then watch (reflector), with handlers told of each
/// change after the cache has it. Starts again after failures, with backoff, and repairs what it
/// missed by comparing with a new list. Belongs to one executor.
class Informer {
 public:
  using Handler = std::function<void(const Change&)>;
  /// Values under which an object is found in an index; none: it is not in it.
  using IndexFunction = std::function<std::vector<std::string>(const api::ConstObject&)>;

  using Trim = std::function<void(void* object)>;

  struct Options {
    std::string ns;  ///< empty: all
    std::string labelSelector;
    std::string fieldSelector;
    /// Takes away what no user of the cache reads, from objects that were decoded for this cache
    /// alone; those shared with a server in this process stay whole. So what a cache hands out may
    /// be less than what is stored: write it back by patches, or read it again first.
    Trim trim;
  };

  Informer(Client& client, const ResourceType& type, Options options);
  ~Informer();
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  /// Is told at once, as added, of what the cache has. Handlers run on the executor and may not
  /// block, nor add handlers.
  void addHandler(Handler handler);
  /// No effect where the name is there already.
  void addIndex(std::string name, IndexFunction function);

  /// Runs until stopped.
  Task<void> run(std::stop_token stop);

  /// The first list is in the cache.
  [[nodiscard]] bool synced() const { return synced_.isSet(); }
  Task<Status> waitSynced(std::stop_token stop) { return synced_.wait(std::move(stop)); }

  /// Empty when absent.
  [[nodiscard]] api::ConstObject get(std::string_view key) const;
  template <typename T>
  std::shared_ptr<const T> get(std::string_view key) const {
    return get(key).template sharedAs<T>();
  }
  [[nodiscard]] std::vector<api::ConstObject> list() const;
  [[nodiscard]] std::vector<api::ConstObject> byIndex(const std::string& index,
                                                      const std::string& value) const;
  [[nodiscard]] size_t countByIndex(const std::string& index, const std::string& value) const;
  [[nodiscard]] size_t size() const { return objects_.size(); }
  void forEach(const std::function<void(const api::ConstObject&)>& visit) const;

 private:
  using Objects = std::unordered_map<std::string, api::ConstObject>;
  using Entry = Objects::value_type;
  struct Index;
  Task<Result<std::string>> replaceAll(std::stop_token stop);
  Task<Status> follow(std::string resourceVersion, std::stop_token stop);
  void apply(std::string key, api::ConstObject after);
  void slim(const api::ConstObject& object) const;

  Client& client_;
  const ResourceType& type_;
  Options options_;
  std::vector<Handler> handlers_;
  Objects objects_;
  std::vector<std::unique_ptr<Index>> indices_;
  std::string lastVersion_;
  Event synced_;
};

}  // namespace coxswain::client
