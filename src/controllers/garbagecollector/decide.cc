#include "controllers/garbagecollector/decide.h"

#include "api/codec/json.h"
#include "api/codec/json_writer.h"
#include "api/helpers/objects.h"

namespace coxswain::controllers::garbagecollector {

using api::meta::v1::ObjectMeta;

bool waitsForDependents(const ObjectMeta& object) {
  return object.deletionTimestamp && api::hasFinalizer(object, kForeground);
}

bool waitsForOrphaning(const ObjectMeta& object) {
  return object.deletionTimestamp && api::hasFinalizer(object, kOrphan);
}

Decision decide(const ObjectMeta& object, const std::vector<OwnerState>& states, bool dependents,
                bool dependentsWait) {
  Decision decision;
  bool present = false;
  bool waiting = false;
  for (size_t i = 0; i < states.size(); ++i) {
    if (states[i] == OwnerState::Present) {
      present = true;
      continue;
    }
    waiting = waiting || states[i] == OwnerState::Waiting;
    decision.ownersToRemove.push_back(object.ownerReferences[i].uid);
  }
  if (states.empty() || decision.ownersToRemove.empty()) {
    decision.ownersToRemove.clear();
    return decision;
  }
  if (present) {
    decision.action = Decision::Action::RemoveOwners;
    return decision;
  }
  decision.action = Decision::Action::Delete;
  decision.ownersToRemove.clear();
  if (waiting && dependents) {
    decision.propagationPolicy = "Foreground";
    decision.unblock = dependentsWait;
  } else if (api::hasFinalizer(object, kOrphan)) {
    decision.propagationPolicy = "Orphan";
  } else if (api::hasFinalizer(object, kForeground)) {
    decision.propagationPolicy = "Foreground";
  } else {
    decision.propagationPolicy = "Background";
  }
  return decision;
}

namespace {

/// Text that may hold anything, as JSON.
std::string quoted(std::string_view text) {
  std::string out;
  api::JsonTextWriter writer(out);
  writer.string(text);
  writer.finish();
  return out;
}

std::string ownersPatch(const ObjectMeta& meta,
                        const std::vector<api::meta::v1::OwnerReference>& owners) {
  std::string list;
  for (const auto& owner : owners) {
    if (!list.empty()) list += ",";
    api::encodeJson(api::meta::v1::OwnerReference::info(), &owner, list);
  }
  return "{\"metadata\":{\"uid\":" + quoted(meta.uid) +
         ",\"resourceVersion\":" + quoted(meta.resourceVersion) + ",\"ownerReferences\":[" + list +
         "]}}";
}

}  // namespace

std::string removeOwnersPatch(const std::string& uid, const std::vector<std::string>& owners) {
  std::string list;
  for (const auto& owner : owners) {
    if (!list.empty()) list += ",";
    list += "{\"$patch\":\"delete\",\"uid\":" + quoted(owner) + "}";
  }
  return "{\"metadata\":{\"ownerReferences\":[" + list + "],\"uid\":" + quoted(uid) + "}}";
}

std::string keepOwnersPatch(const ObjectMeta& object, const std::vector<std::string>& removed) {
  auto kept = object.ownerReferences;
  std::erase_if(kept, [&removed](const auto& owner) {
    return std::find(removed.begin(), removed.end(), owner.uid) != removed.end();
  });
  return ownersPatch(object, kept);
}

std::string unblockPatch(const ObjectMeta& object) {
  auto owners = object.ownerReferences;
  for (auto& owner : owners) owner.blockOwnerDeletion = false;
  return ownersPatch(object, owners);
}

}  // namespace coxswain::controllers::garbagecollector
