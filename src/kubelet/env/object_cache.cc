#include "kubelet/env/object_cache.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/informer.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

using api::core::v1::ConfigMap;
using api::core::v1::Pod;
using api::core::v1::Secret;

namespace {

/// How long a question waits for the first list of a new watch before it asks the server itself.
constexpr Duration kSyncTimeout = 1s;

const client::ResourceType& typeOf(const ObjectKey& key) {
  return key.secret ? client::resourceOf<Secret>() : client::resourceOf<ConfigMap>();
}

Status notFoundText(const ObjectKey& key) {
  return notFound(key.secret ? "secret" : "configmap", key.name);
}

bool isImmutable(const api::ConstObject& object) {
  if (const auto* map = object.as<ConfigMap>()) return map->immutable.value_or(false);
  if (const auto* secret = object.as<Secret>()) return secret->immutable.value_or(false);
  return false;
}

class ReferenceCollector {
 public:
  explicit ReferenceCollector(std::string ns) : ns_(std::move(ns)) {}

  void configMap(const std::string& name) { add(false, name); }
  void secret(const std::string& name) { add(true, name); }

  template <typename C>
  void container(const C& c) {
    for (const auto& from : c.envFrom) {
      if (from.configMapRef) configMap(from.configMapRef->localObjectReference.name);
      if (from.secretRef) secret(from.secretRef->localObjectReference.name);
    }
    for (const auto& variable : c.env) {
      if (!variable.valueFrom) continue;
      const auto& from = *variable.valueFrom;
      if (from.configMapKeyRef) configMap(from.configMapKeyRef->localObjectReference.name);
      if (from.secretKeyRef) secret(from.secretKeyRef->localObjectReference.name);
    }
  }

  void volume(const api::core::v1::Volume& v) {
    const auto& source = v.volumeSource;
    if (source.configMap) configMap(source.configMap->localObjectReference.name);
    if (source.secret) secret(source.secret->secretName);
    if (!source.projected) return;
    for (const auto& part : source.projected->sources) {
      if (part.configMap) configMap(part.configMap->localObjectReference.name);
      if (part.secret) secret(part.secret->localObjectReference.name);
    }
  }

  std::set<ObjectKey> take() { return std::move(found_); }

 private:
  void add(bool isSecret, const std::string& name) {
    if (!name.empty()) found_.insert(ObjectKey{isSecret, ns_, name});
  }
  std::string ns_;
  std::set<ObjectKey> found_;
};

}  // namespace

std::set<ObjectKey> referencedObjects(const Pod& pod) {
  ReferenceCollector collect(pod.metadata.namespace_);
  for (const auto& reference : pod.spec.imagePullSecrets) collect.secret(reference.name);
  for (const auto& container : pod.spec.initContainers) collect.container(container);
  for (const auto& container : pod.spec.containers) collect.container(container);
  for (const auto& container : pod.spec.ephemeralContainers) {
    collect.container(container.ephemeralContainerCommon);
  }
  for (const auto& volume : pod.spec.volumes) collect.volume(volume);
  return collect.take();
}

struct ObjectCache::Entry {
  Entry(client::Client& client, ObjectKey k)
      : key(std::move(k)), informer(client, typeOf(key), options(key)) {}

  static client::Informer::Options options(const ObjectKey& key) {
    client::Informer::Options options;
    options.ns = key.ns;
    options.fieldSelector = "metadata.name=" + key.name;
    return options;
  }
  [[nodiscard]] api::ConstObject object() const { return informer.get(key.ns + "/" + key.name); }

  ObjectKey key;
  client::Informer informer;
  std::stop_source stop;
  int pods = 0;
};

ObjectCache::ObjectCache(client::Client& client, Executor& executor)
    : client_(client), executor_(executor) {}
ObjectCache::~ObjectCache() = default;

void ObjectCache::addPod(const Pod& pod) {
  std::set<ObjectKey> wanted = referencedObjects(pod);
  std::set<ObjectKey>& held = pods_[pod.metadata.uid];
  for (const auto& key : wanted) {
    if (!held.contains(key)) acquire(key);
  }
  for (const auto& key : held) {
    if (!wanted.contains(key)) release(key);
  }
  held = std::move(wanted);
  if (held.empty()) pods_.erase(pod.metadata.uid);
}

void ObjectCache::removePod(const std::string& uid) {
  const auto found = pods_.find(uid);
  if (found == pods_.end()) return;
  for (const auto& key : found->second) release(key);
  pods_.erase(found);
}

void ObjectCache::acquire(const ObjectKey& key) {
  auto& entry = entries_[key];
  if (!entry) {
    entry = std::make_shared<Entry>(client_, key);
    auto* raw = entry.get();
    entry->informer.addHandler([this, raw](const client::Change& change) {
      // Nobody may change it any more: watching it would be for nothing.
      if (change.after && isImmutable(change.after)) raw->stop.request_stop();
      for (const auto& handler : handlers_) handler(raw->key);
    });
    if (auto pass = gate_.enter()) spawn(executor_, run(entry, std::move(pass)));
  }
  ++entry->pods;
}

void ObjectCache::release(const ObjectKey& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || --found->second->pods > 0) return;
  found->second->stop.request_stop();
  entries_.erase(found);
}

Task<void> ObjectCache::run(std::shared_ptr<Entry> entry, Gate::Pass pass) {
  co_await entry->informer.run(entry->stop.get_token());
}

size_t ObjectCache::watches() const {
  size_t count = 0;
  for (const auto& [key, entry] : entries_) {
    if (!entry->stop.stop_requested()) ++count;
  }
  return count;
}

Task<Result<api::ConstObject>> ObjectCache::find(ObjectKey key, std::stop_token stop) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    const std::shared_ptr<Entry> entry = found->second;
    if (!entry->informer.synced()) {
      Deadline deadline(kSyncTimeout, stop);
      Status ignored = co_await entry->informer.waitSynced(deadline.token());
      (void)ignored;
    }
    if (entry->informer.synced()) {
      api::ConstObject object = entry->object();
      if (!object) co_return notFoundText(key);
      co_return object;
    }
    if (stop.stop_requested()) co_return canceled();
  }
  // No watch, or one that does not get through: the server's own answer tells why.
  auto answer = co_await client_.get(typeOf(key), key.ns, key.name, stop);
  if (!answer.ok() && isNotFound(answer.status())) co_return notFoundText(key);
  co_return answer;
}

Task<Result<ObjectCache::ConfigMapPointer>> ObjectCache::configMap(std::string ns, std::string name,
                                                                   std::stop_token stop) {
  ObjectKey key{false, std::move(ns), std::move(name)};
  CO_TRY(auto object, co_await find(std::move(key), stop));
  co_return object.sharedAs<ConfigMap>();
}

Task<Result<ObjectCache::SecretPointer>> ObjectCache::secret(std::string ns, std::string name,
                                                             std::stop_token stop) {
  ObjectKey key{true, std::move(ns), std::move(name)};
  CO_TRY(auto object, co_await find(std::move(key), stop));
  co_return object.sharedAs<Secret>();
}

Task<void> ObjectCache::stop() {
  for (const auto& [key, entry] : entries_) entry->stop.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::kubelet
