#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/framework/foreign_kinds.h"
#include "controllers/garbagecollector/decide.h"
#include "controllers/garbagecollector/uids.h"

namespace coxswain::controllers::garbagecollector {

/// Deletes objects whose owners are gone, and carries out the two ways of deletion that wait:
/// foreground (finalizer foregroundDeletion: dependents first) and orphan (finalizer orphan: owner
/// references are removed first).
///
/// The graph of owners is an index "by uid of owner" in the shared informer of each collection that
/// the server has; there is no second copy of the objects' metadata. A key is a collection and an
/// object; what made it be looked at does not matter:
///   - it has an owner that no cache shows, or that went away, or that waits for its dependents;
///   - it is being deleted and waits itself.
/// That an owner is absent is believed only from the server.
///
/// Kinds of which we have no schema join when they are served (framework/foreign_kinds.h). Owners
/// of a kind that is not served, or no longer, keep what they own. One executor.
/// Upstream: pkg/controller/garbagecollector.
class GarbageCollector final : public Controller {
 public:
  explicit GarbageCollector(const Context& context, int workers = 20);

 protected:
  Task<Status> prepare(std::stop_token stop) override;
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  using Owner = api::meta::v1::OwnerReference;
  struct Kind {
    size_t index;  ///< in kinds_
    const client::ResourceType* type;
    std::string name;
    client::Informer* informer = nullptr;
    bool foreign = false;  ///< we have no schema of it
    /// False: it was, and what the cache has of it is from then.
    bool served = true;
    /// Of all its objects, once somebody had to know: owners by other names are looked for here.
    std::optional<UidSet> uids = std::nullopt;
  };
  struct Found {
    const Kind* kind = nullptr;
    api::ConstObject object;
  };

  void onChange(Kind& kind, const client::Change& change);
  void enqueue(const Kind& kind, const api::meta::v1::ObjectMeta& meta);
  /// False: there are none.
  bool enqueueDependents(const std::string& uid);
  /// Owners of it that wait for dependents look again.
  void enqueueWaitingOwners(const api::meta::v1::ObjectMeta& meta);
  [[nodiscard]] const Kind* kindOf(const Owner& owner) const;
  /// What the caches have of an owner; empty: not there, or of another uid.
  [[nodiscard]] api::ConstObject cachedOwner(const std::string& ns, const Owner& owner) const;
  [[nodiscard]] std::vector<Found> dependentsOf(const std::string& uid) const;

  Task<Result<OwnerState>> stateOf(const Kind& kind, const api::ConstObject& object, Owner owner,
                                   std::stop_token stop);
  void tellWrongNamespace(const api::ConstObject& object, const Owner& owner);
  Task<Status> act(const Kind& kind, api::ConstObject object, Decision decision,
                   std::stop_token stop);
  Task<Status> removeOwners(const Kind& kind, api::ConstObject object,
                            std::vector<std::string> owners, std::stop_token stop);
  Task<Status> finishForeground(const Kind& kind, api::ConstObject object, std::stop_token stop);
  Task<Status> finishOrphaning(const Kind& kind, api::ConstObject object, std::stop_token stop);
  Task<Status> removeFinalizer(const Kind& kind, api::ConstObject object,
                               std::string_view finalizer, std::stop_token stop);
  Task<Status> patch(const Kind& kind, const api::ConstObject& object, client::PatchType type,
                     std::string body, std::stop_token stop);

  /// An object went: whoever depends on it looks again.
  void onGone(Kind& kind, const api::meta::v1::ObjectMeta& meta);
  [[nodiscard]] bool existsElsewhere(const Kind& kind, const std::string& uid);

  void add(const client::ResourceType& type, std::string_view name);
  void listen(Kind& kind);
  /// What is served now, of which we have no schema.
  void take(ForeignKinds found);
  void addForeign(const ForeignKind& foreign);
  /// All that an object of this kind is said to own.
  void enqueueOwnedBy(const Kind& kind);

  ForeignKindsSearch search_;
  std::deque<Kind> kinds_;  ///< those that are there stay where they are
  AbsentOwners absent_;
};

}  // namespace coxswain::controllers::garbagecollector
