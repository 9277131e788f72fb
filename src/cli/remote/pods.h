#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "cli/framework/session.h"
#include "cli/resources/json.h"
#include "cli/resources/mapper.h"

namespace coxswain::cli {

enum class ContainerKind { Init, Regular, Ephemeral };

struct ContainerRef {
  std::string name;
  ContainerKind kind = ContainerKind::Regular;
  bool tty = false;
  bool stdin_ = false;
};

/// Init containers first, then the others, ephemeral ones last.
std::vector<ContainerRef> containersOf(const json::value& pod);

/// The container called `asked`; when empty the one of the annotation
/// kubectl.kubernetes.io/default-container, else the first (and unless `quiet`, says which one of
/// several it took). Fault in kubectl's words.
Result<ContainerRef> chooseContainer(Session& session, const json::value& pod,
                                     const std::string& asked, bool quiet);

/// Labels of the pods an object (Deployment, Service, Job, ...) selects, as a labelSelector. Fault
/// where its kind has no pods.
Result<std::string> podSelectorOf(const json::value& object);

/// An object by "NAME" (a pod) or "TYPE/NAME".
struct NamedObject {
  const ApiResource* resource = nullptr;
  std::string ns;
  json::value object;
  [[nodiscard]] bool isPod() const { return resource->kind == "Pod" && resource->group.empty(); }
};
Task<Result<NamedObject>> namedObject(Session& session, std::string word);

/// Which of an object's pods comes first: the readiest (for exec, attach, port-forward), or the one
/// whose log tells most.
enum class PodOrder { Active, Logging };

/// The pods a selector finds, in that order.
Task<Result<std::vector<json::value>>> podsOf(Session& session, std::string ns,
                                              std::string selector, PodOrder order);

/// The pod itself, or the first of the object's pods; waits up to `timeout` until there is one.
/// `count` is how many there were.
Task<Result<json::value>> firstPod(Session& session, NamedObject object, PodOrder order,
                                   Duration timeout, size_t* count = nullptr);

}  // namespace coxswain::cli
