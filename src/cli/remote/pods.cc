#include "cli/remote/pods.h"

#include <algorithm>
#include <tuple>

#include "api/names/quote.h"
#include "cli/framework/errors.h"
#include "cli/resources/builder.h"
#include "cli/resources/object_client.h"
#include "runtime/spawn.h"

namespace coxswain::cli {
namespace {

constexpr std::string_view kDefaultContainer = "kubectl.kubernetes.io/default-container";

void addContainers(const json::value& pod, std::string_view member, ContainerKind kind,
                   std::vector<ContainerRef>& out) {
  for (const auto& container : arrayAt(pod, {"spec", member}))
    out.push_back({textAt(container, {"name"}), kind, boolAt(container, {"tty"}),
                   boolAt(container, {"stdin"})});
}

/// As upstream's message lists them: the regular ones first.
std::string namesOf(const std::vector<ContainerRef>& containers) {
  std::string out;
  for (auto kind : {ContainerKind::Regular, ContainerKind::Ephemeral, ContainerKind::Init}) {
    for (const auto& container : containers) {
      if (container.kind != kind) continue;
      if (!out.empty()) out += ", ";
      out += container.name;
      if (kind == ContainerKind::Init) out += " (init)";
      if (kind == ContainerKind::Ephemeral) out += " (ephem)";
    }
  }
  return out;
}

Result<std::string> fromMap(const json::object& labels) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : labels)
    parts.push_back(std::string(name) + "=" + plainText(value));
  return joined(parts, ",");
}

Result<std::string> fromSelector(const json::value& selector) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : stringsAt(selector, {"matchLabels"}))
    parts.push_back(name + "=" + value);
  for (const auto& rule : arrayAt(selector, {"matchExpressions"})) {
    auto name = textAt(rule, {"key"});
    auto how = textAt(rule, {"operator"});
    std::vector<std::string> values;
    for (const auto& value : arrayAt(rule, {"values"})) values.push_back(plainText(value));
    if (how == "Exists") {
      parts.push_back(name);
    } else if (how == "DoesNotExist") {
      parts.push_back("!" + name);
    } else if (how == "In" || how == "NotIn") {
      parts.push_back(name + (how == "In" ? " in (" : " notin (") + joined(values, ",") + ")");
    } else {
      return fault(api::goQuote(how) + " is not a valid label selector operator");
    }
  }
  return joined(parts, ",");
}

bool isReady(const json::value& pod, std::string* since) {
  for (const auto& condition : arrayAt(pod, {"status", "conditions"})) {
    if (textAt(condition, {"type"}) != "Ready") continue;
    *since = textAt(condition, {"lastTransitionTime"});
    return textAt(condition, {"status"}) == "True";
  }
  return false;
}

/// Smaller comes first. Times are RFC 3339, so they compare as text.
auto rankOf(const json::value& pod, PodOrder order) {
  auto phase = textAt(pod, {"status", "phase"});
  std::string since;
  bool ready = isReady(pod, &since);
  int64_t restarts = 0;
  for (const auto& status : arrayAt(pod, {"status", "containerStatuses"}))
    restarts = std::max(restarts, integerAt(status, {"restartCount"}));
  int phaseRank = phase == "Running" ? 0 : phase == "Pending" ? 2 : 1;
  return std::tuple(textAt(pod, {"spec", "nodeName"}).empty(), phaseRank, !ready,
                    ready ? since : std::string("~"),
                    order == PodOrder::Active ? restarts : -restarts,
                    textAt(pod, {"metadata", "creationTimestamp"}), nameOf(pod));
}

Task<Result<const ApiResource*>> podResource(Session& session) {
  CO_TRY(auto* mapper, co_await session.mapper());
  const auto* resource = mapper->byPlural("", "pods");
  if (!resource) co_return fault("the server doesn't have a resource type \"pods\"");
  co_return resource;
}

}  // namespace

std::vector<ContainerRef> containersOf(const json::value& pod) {
  std::vector<ContainerRef> out;
  addContainers(pod, "initContainers", ContainerKind::Init, out);
  addContainers(pod, "containers", ContainerKind::Regular, out);
  addContainers(pod, "ephemeralContainers", ContainerKind::Ephemeral, out);
  return out;
}

Result<ContainerRef> chooseContainer(Session& session, const json::value& pod,
                                     const std::string& asked, bool quiet) {
  auto containers = containersOf(pod);
  auto byName = [&](std::string_view name) -> const ContainerRef* {
    auto it = std::ranges::find(containers, name, &ContainerRef::name);
    return it == containers.end() ? nullptr : &*it;
  };
  if (!asked.empty()) {
    if (const auto* found = byName(asked)) return *found;
    return fault("container " + asked + " is not valid for pod " + nameOf(pod) +
                 " out of: " + namesOf(containers));
  }
  for (const auto& [name, value] : stringsAt(pod, {"metadata", "annotations"})) {
    if (name != kDefaultContainer || value.empty()) continue;
    if (const auto* found = byName(value)) return *found;
    session.error("Default container name " + api::goQuote(value) + " not found in pod " +
                  nameOf(pod) + "\n");
  }
  auto first = std::ranges::find(containers, ContainerKind::Regular, &ContainerRef::kind);
  if (first == containers.end())
    return fault("pod " + namespaceOf(pod) + "/" + nameOf(pod) + " does not have any containers");
  if (containers.size() > 1 && !quiet)
    session.error("Defaulted container " + api::goQuote(first->name) +
                  " out of: " + namesOf(containers) + "\n");
  return *first;
}

Result<std::string> podSelectorOf(const json::value& object) {
  auto kind = kindOf(object);
  const auto* selector = at(object, {"spec", "selector"});
  if (kind == "Service" || kind == "ReplicationController") {
    if (!selector || !selector->is_object() || selector->as_object().empty())
      return fault(kind == "Service" ? "invalid service '" + nameOf(object) +
                                           "': Service is defined without a selector"
                                     : "no selector in " + kind + " " + nameOf(object));
    return fromMap(selector->as_object());
  }
  for (std::string_view known : {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
    if (kind == known && selector && selector->is_object()) return fromSelector(*selector);
  return fault("selector for " + kind + " not implemented");
}

Task<Result<NamedObject>> namedObject(Session& session, std::string word) {
  NamedObject out;
  CO_TRY(out.ns, session.ns());
  auto slash = word.find('/');
  auto name = word;
  if (slash == std::string::npos) {
    CO_TRY(out.resource, co_await podResource(session));
  } else {
    CO_TRY(auto* mapper, co_await session.mapper());
    std::vector<std::string> words = {word};
    CO_TRY(auto parsed, parseWords(*mapper, words));
    if (parsed.size() != 1 || parsed[0].names.size() != 1)
      co_return fault("expected TYPE/NAME, not " + api::goQuote(word));
    out.resource = parsed[0].resource;
    name = parsed[0].names[0];
  }
  CO_TRY(auto* rest, session.rest());
  ObjectClient client(*rest);
  CO_TRY(out.object, co_await client.get(*out.resource, out.ns, name));
  co_return std::move(out);
}

Task<Result<std::vector<json::value>>> podsOf(Session& session, std::string ns,
                                              std::string selector, PodOrder order) {
  CO_TRY(const auto* resource, co_await podResource(session));
  CO_TRY(auto* rest, session.rest());
  ObjectClient client(*rest);
  ObjectListOptions options;
  options.labelSelector = std::move(selector);
  CO_TRY(auto list, co_await client.list(*resource, ns, options));
  const auto& items = arrayAt(list, {"items"});
  std::vector<json::value> out(items.begin(), items.end());
  std::ranges::stable_sort(
      out, [order](const auto& a, const auto& b) { return rankOf(a, order) < rankOf(b, order); });
  co_return std::move(out);
}

Task<Result<json::value>> firstPod(Session& session, NamedObject object, PodOrder order,
                                   Duration timeout, size_t* count) {
  if (count) *count = 1;
  if (object.isPod()) co_return std::move(object.object);
  auto selector = podSelectorOf(object.object);
  if (!selector.ok())
    co_return fault("cannot attach to " + kindOf(object.object) + ": " +
                    selector.status().message());
  CO_TRY(auto pods, co_await podsOf(session, object.ns, *selector, order));
  if (!pods.empty()) {
    if (count) *count = pods.size();
    co_return std::move(pods.front());
  }
  CO_TRY(const auto* resource, co_await podResource(session));
  CO_TRY(auto* rest, session.rest());
  ObjectClient client(*rest);
  Deadline deadline(timeout, {});
  ObjectListOptions options;
  options.labelSelector = *selector;
  CO_TRY(auto watch, co_await client.watch(*resource, object.ns, "", options, deadline.token()));
  while (true) {
    auto event = co_await watch->next(deadline.token());
    if (!event.ok() && deadline.expired()) co_return fault("timed out waiting for the condition");
    if (!event.ok()) co_return event.status();
    if (event->type == "ADDED" || event->type == "MODIFIED") co_return std::move(event->object);
  }
}

}  // namespace coxswain::cli
