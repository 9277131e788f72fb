#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "base/time.h"

namespace coxswain::controllers::statefulset {

using PodPointer = std::shared_ptr<const api::core::v1::Pod>;

/// "web-3" of set "web" -> 3. Nothing: the pod is not one of its.
std::optional<int32_t> ordinalOf(const std::string& set, const std::string& pod);
/// "data-web-3" for claim template "data".
std::string claimName(const std::string& claimTemplate, const std::string& set, int32_t ordinal);

/// First ordinal, and one behind the last.
struct Range {
  int32_t begin = 0;
  int32_t end = 0;
  [[nodiscard]] bool contains(int32_t ordinal) const { return ordinal >= begin && ordinal < end; }
};
Range ordinalsOf(const api::apps::v1::StatefulSet& set);

/// Gives a pod made from the template its name, labels and volumes. `revision` is the name of a
/// ControllerRevision.
void shapePod(const api::apps::v1::StatefulSet& set, int32_t ordinal, const std::string& revision,
              api::core::v1::Pod& pod);
/// Nothing: name, labels and volumes are as shapePod makes them; else the pod with them.
std::optional<api::core::v1::Pod> repaired(const api::apps::v1::StatefulSet& set,
                                           const api::core::v1::Pod& pod);

struct Step {
  enum class Kind : uint8_t {
    Create,    ///< claims, then the pod
    Recreate,  ///< the pod has ended: delete it, the next round makes it anew
    Delete,
    Keep,  ///< claims and identity of the pod that is there
    Own,   ///< owners of the claims of a pod that is to go
  };
  Kind kind = Kind::Keep;
  int32_t ordinal = 0;
  PodPointer pod;         ///< null for Create
  bool previous = false;  ///< Create: from the current revision, not the one that is rolled out
};

struct Plan {
  std::vector<Step> steps;
  api::apps::v1::StatefulSetStatus status;  ///< as things are before the steps
};

/// What brings the set one step nearer to its spec. With OrderedReady one pod at a time: up in
/// order of ordinals, each ready before the next; down and in updates from the highest. `pods` are
/// the set's, in any order; revisions are names of ControllerRevisions. Upstream:
/// pkg/controller/statefulset/stateful_set_control.go.
Plan plan(const api::apps::v1::StatefulSet& set, const std::vector<PodPointer>& pods,
          const std::string& currentRevision, const std::string& updateRevision, WallTime now);

}  // namespace coxswain::controllers::statefulset
