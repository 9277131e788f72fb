#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/store.h"

namespace coxswain {

/// What the model knows of a pod.
struct PodState {
  std::string tier;   ///< its label; empty: none
  std::string phase;  ///<
  std::string node;   ///<
  bool operator==(const PodState&) const = default;
};

/// What a client asked to see. Empty: any.
struct Selection {
  std::string ns;
  std::string tier;     ///< labelSelector tier=...
  std::string tierNot;  ///< labelSelector tier!=...
  std::string phase;    ///< fieldSelector status.phase=...
  std::string node;     ///< fieldSelector spec.nodeName=...
  [[nodiscard]] bool matches(std::string_view key, const PodState& pod) const;
  [[nodiscard]] std::string query() const;  ///< "&labelSelector=..." or empty
};

/// An event as a client saw it, or should have.
struct SeenEvent {
  std::string type;  ///< ADDED, MODIFIED, DELETED, BOOKMARK
  storage::Revision revision = 0;
  std::string key;  ///< "ns/name"
  PodState pod;
  bool operator==(const SeenEvent&) const = default;
  [[nodiscard]] std::string text() const;
};

/// The true history of one collection, as the store itself told it, and what follows from it.
class Model {
 public:
  /// In order of revision; nullopt: the key went.
  void add(storage::Revision revision, std::string key, std::optional<PodState> pod);

  /// What a watch that has seen everything up to `after` has to tell, up to `until`.
  [[nodiscard]] std::vector<SeenEvent> events(const Selection& selection, storage::Revision after,
                                              storage::Revision until) const;
  /// What was there at a revision, as ADDED, by key.
  [[nodiscard]] std::vector<SeenEvent> state(const Selection& selection,
                                             storage::Revision revision) const;
  /// Events of the collection above `after`, whoever selects them.
  [[nodiscard]] size_t countAfter(storage::Revision after) const;
  [[nodiscard]] storage::Revision last() const {
    return history_.empty() ? 0 : history_.back().revision;
  }

 private:
  struct Change {
    storage::Revision revision;
    std::string key;
    std::optional<PodState> before;
    storage::Revision beforeRevision;
    std::optional<PodState> after;
  };
  std::vector<Change> history_;
  std::map<std::string, std::pair<storage::Revision, PodState>> now_;
};

}  // namespace coxswain
