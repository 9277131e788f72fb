#include "watches/model.h"

#include <algorithm>

namespace coxswain {

bool Selection::matches(std::string_view key, const PodState& pod) const {
  if (!ns.empty() && key.substr(0, key.find('/')) != ns) return false;
  if (!tier.empty() && pod.tier != tier) return false;
  if (!tierNot.empty() && pod.tier == tierNot) return false;
  if (!phase.empty() && pod.phase != phase) return false;
  return node.empty() || pod.node == node;
}

std::string Selection::query() const {
  std::string out;
  if (!tier.empty()) out += "&labelSelector=tier%3D" + tier;
  if (!tierNot.empty()) out += "&labelSelector=tier!%3D" + tierNot;
  std::string fields;
  if (!phase.empty()) fields += "status.phase%3D" + phase;
  if (!node.empty()) fields += (fields.empty() ? "" : ",") + ("spec.nodeName%3D" + node);
  return fields.empty() ? out : out + "&fieldSelector=" + fields;
}

std::string SeenEvent::text() const {
  return type + "@" + std::to_string(revision) + " " + key + " tier=" + pod.tier +
         " phase=" + pod.phase + " node=" + pod.node;
}

void Model::add(storage::Revision revision, std::string key, std::optional<PodState> pod) {
  Change change{revision, std::move(key), {}, 0, pod};
  if (auto it = now_.find(change.key); it != now_.end()) {
    change.beforeRevision = it->second.first;
    change.before = it->second.second;
  }
  if (pod) {
    now_[change.key] = {revision, *pod};
  } else {
    now_.erase(change.key);
  }
  history_.push_back(std::move(change));
}

std::vector<SeenEvent> Model::events(const Selection& selection, storage::Revision after,
                                     storage::Revision until) const {
  std::vector<SeenEvent> out;
  for (const auto& change : history_) {
    if (change.revision <= after || change.revision > until) continue;
    const bool was = change.before && selection.matches(change.key, *change.before);
    const bool is = change.after && selection.matches(change.key, *change.after);
    if (is) {
      out.push_back({was ? "MODIFIED" : "ADDED", change.revision, change.key, *change.after});
    } else if (was) {
      // The last state that was selected, at the revision at which it left.
      out.push_back({"DELETED", change.revision, change.key, *change.before});
    }
  }
  return out;
}

std::vector<SeenEvent> Model::state(const Selection& selection, storage::Revision revision) const {
  std::map<std::string, std::pair<storage::Revision, PodState>> then;
  for (const auto& change : history_) {
    if (change.revision > revision) break;
    if (change.after) {
      then[change.key] = {change.revision, *change.after};
    } else {
      then.erase(change.key);
    }
  }
  std::vector<SeenEvent> out;
  for (const auto& [key, found] : then) {
    if (selection.matches(key, found.second)) {
      out.push_back({"ADDED", found.first, key, found.second});
    }
  }
  return out;
}

size_t Model::countAfter(storage::Revision after) const {
  return static_cast<size_t>(std::count_if(history_.begin(), history_.end(),
                                           [&](const auto& c) { return c.revision > after; }));
}

}  // namespace coxswain
