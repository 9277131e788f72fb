#pragma once

#include <string>
#include <vector>

#include "api/gen/meta_v1.h"

namespace coxswain::controllers::garbagecollector {

inline constexpr std::string_view kForeground = "foregroundDeletion";
inline constexpr std::string_view kOrphan = "orphan";

/// How an owner of an object is.
enum class OwnerState : uint8_t {
  Present,  ///< keeps the object
  Absent,   ///< does not exist, or only one of the same name and another uid
  Waiting,  ///< is being deleted and waits until its dependents are gone
};

struct Decision {
  enum class Action : uint8_t { Keep, RemoveOwners, Delete };
  Action action = Action::Keep;
  std::vector<std::string> ownersToRemove;  ///< uids
  std::string propagationPolicy;            ///< of Delete
  /// The object's references no longer block: else a cycle of owners would wait for itself.
  bool unblock = false;
};

/// What becomes of an object with owners. `states` goes with metadata.ownerReferences.
/// `dependents`: whether it has any; `dependentsWait`: one of them is being deleted and waits for
/// its own.
Decision decide(const api::meta::v1::ObjectMeta& object, const std::vector<OwnerState>& states,
                bool dependents, bool dependentsWait);

/// Being deleted, and waiting for dependents to go (or to be let go of).
bool waitsForDependents(const api::meta::v1::ObjectMeta& object);
bool waitsForOrphaning(const api::meta::v1::ObjectMeta& object);

/// Bodies of patches. The first is a strategic merge; the others, merges, are refused when the
/// object has changed.
std::string removeOwnersPatch(const std::string& uid, const std::vector<std::string>& owners);
std::string keepOwnersPatch(const api::meta::v1::ObjectMeta& object,
                            const std::vector<std::string>& removed);
std::string unblockPatch(const api::meta::v1::ObjectMeta& object);

}  // namespace coxswain::controllers::garbagecollector
