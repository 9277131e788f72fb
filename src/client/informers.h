#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "client/informer.h"
#include "client/resources.h"
#include "runtime/sync.h"

namespace coxswain::client {

/// One informer of each kind (all namespaces, no selector), shared by the components of a process.
/// One executor. stop() before destruction, once started.
///
///     Informers informers(client, executor);
///     auto& pods = informers.of<Pod>();  pods.addHandler(...);
///     informers.start();  ...  co_await informers.stop();
class Informers {
 public:
  Informers(Client& client, Executor& executor);
  ~Informers();
  Informers(const Informers&) = delete;
  Informers& operator=(const Informers&) = delete;

  /// Made when first asked for; lives as long as this.
  Informer& of(const ResourceType& type);
  template <typename T>
  Informer& of() {
    return of(resourceOf<T>());
  }
  /// What the components of this process need not of a kind (Informer::Options::trim). Before the
  /// kind is asked for.
  template <typename T>
  void trim(void (*trim)(T&)) {
    trims_[&resourceOf<T>()] = [trim](void* object) { trim(*static_cast<T*>(object)); };
  }
  /// Runs those that do not run yet.
  void start();
  /// All that were started have their first list.
  Task<Status> waitSynced(std::stop_token stop);
  Task<void> stop();

 private:
  struct Entry {
    std::unique_ptr<Informer> informer;
    bool started = false;
  };
  static Task<void> runOne(Gate::Pass pass, Informer& informer, std::stop_token stop);

  Client& client_;
  Executor& executor_;
  std::map<const ResourceType*, Informer::Trim> trims_;
  std::map<const ResourceType*, Entry> entries_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::client
