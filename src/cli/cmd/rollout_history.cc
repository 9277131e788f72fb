#include "cli/cmd/rollout_history.h"

#include <algorithm>
#include <charconv>

#include "api/names/quote.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
constexpr std::string_view kCause = "kubernetes.io/change-cause";

int64_t revisionOf(const json::value& set) {
  auto text = textAt(set, {"metadata", "annotations", kRevision});
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Revision ofReplicaSet(json::value set) {
  Revision out;
  out.cause = textAt(set, {"metadata", "annotations", kCause});
  if (const auto* pods = at(set, {"spec", "template"})) out.podTemplate = *pods;
  if (const auto* annotations = at(set, {"metadata", "annotations"})) {
    out.annotations = *annotations;
  }
  set.get_object()["kind"] = "ReplicaSet";
  set.get_object()["apiVersion"] = "apps/v1";
  out.object = std::move(set);
  return out;
}

/// A ControllerRevision of `owner`.
Revision ofData(const json::value& revision, const json::value& owner) {
  Revision out;
  out.cause = textAt(revision, {"metadata", "annotations", kCause});
  if (const auto* data = at(revision, {"data"})) out.patch = *data;
  if (const auto* pods = at(out.patch, {"spec", "template"})) out.podTemplate = *pods;
  if (out.podTemplate.is_object()) out.podTemplate.get_object().erase("$patch");
  out.object = owner;
  makeObject(out.object, {"spec"})["template"] = out.podTemplate;
  return out;
}

bool isControlledBy(const json::value& object, const std::string& uid) {
  return std::ranges::any_of(
      arrayAt(object, {"metadata", "ownerReferences"}), [&](const json::value& owner) {
        return boolAt(owner, {"controller"}) && textAt(owner, {"uid"}) == uid;
      });
}

}  // namespace

bool hasRevisions(const Info& info) {
  const auto& kind = info.resource->kind;
  return kind == "Deployment" || kind == "DaemonSet" || kind == "StatefulSet";
}

std::string kindAndGroup(const Info& info) {
  const auto& group = info.resource->group;
  return info.resource->kind + (group.empty() ? "" : "." + group);
}

Task<Result<Revisions>> revisionsOf(Session& session, ObjectClient& client, const Info& info) {
  const bool isDeployment = info.resource->kind == "Deployment";
  if (!hasRevisions(info)) {
    co_return fault("no history viewer has been implemented for " +
                    api::goQuote(kindAndGroup(info)));
  }
  CO_TRY(auto* mapper, co_await session.mapper());
  const std::string type = isDeployment ? "replicasets.apps" : "controllerrevisions.apps";
  CO_TRY(const auto* resource, mapper->byName(type));
  ObjectListOptions options;
  for (const auto& [name, value] : stringsAt(info.object, {"spec", "selector", "matchLabels"})) {
    options.labelSelector += (options.labelSelector.empty() ? "" : ",") + name + "=" + value;
  }
  CO_TRY(auto list, co_await client.list(*resource, info.ns, options));
  const auto uid = textAt(info.object, {"metadata", "uid"});
  Revisions out;
  for (const auto& item : arrayAt(list, {"items"})) {
    if (!isControlledBy(item, uid)) continue;
    if (isDeployment) {
      out[revisionOf(item)] = ofReplicaSet(item);
    } else {
      out[integerAt(item, {"revision"})] = ofData(item, info.object);
    }
  }
  co_return std::move(out);
}

}  // namespace coxswain::cli
