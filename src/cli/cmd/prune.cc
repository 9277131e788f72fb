#include "cli/cmd/prune.h"

#include "api/names/quote.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

/// What is looked at where --prune-allowlist does not say it: upstream's list.
constexpr std::string_view kDefault[] = {"core/v1/ConfigMap",
                                         "core/v1/Endpoints",
                                         "core/v1/PersistentVolumeClaim",
                                         "core/v1/Pod",
                                         "core/v1/ReplicationController",
                                         "core/v1/Secret",
                                         "core/v1/Service",
                                         "batch/v1/Job",
                                         "batch/v1/CronJob",
                                         "networking.k8s.io/v1/Ingress",
                                         "apps/v1/DaemonSet",
                                         "apps/v1/Deployment",
                                         "apps/v1/ReplicaSet",
                                         "apps/v1/StatefulSet",
                                         "core/v1/Namespace",
                                         "core/v1/PersistentVolume"};

}  // namespace

void Prune::declare(FlagSet& flags) {
  flags.boolean(
      &wanted_, "prune", 0,
      "Delete objects of an earlier apply that are not in the files now. With -l or --all.");
  flags.boolean(&all_, "all", 0, "With --prune: of all labels.");
  flags.list(&allowlist_, "prune-allowlist", 0,
             "Prune this kind, <group/version/kind>, instead of the usual ones; may be repeated.");
}

Status Prune::check(const Selection& selection, bool serverSide, bool force) const {
  if (!wanted_) return {};
  if (force) return fault("--force cannot be used with --prune");
  if (!all_ && selection.labelSelector.empty()) {
    return fault(
        "all resources selected for prune without explicitly passing --all. To prune all "
        "resources, pass the --all flag. If you did not mean to prune all resources, specify a "
        "label selector");
  }
  if (serverSide) {
    return fault(
        "--prune is in alpha and doesn't currently work on objects created by server-side apply");
  }
  return {};
}

void Prune::visit(const Info& info, const json::value& object) {
  if (!wanted_) return;
  if (!info.ns.empty()) namespaces_.insert(info.ns);
  uids_.insert(textAt(object, {"metadata", "uid"}));
}

Result<std::vector<const ApiResource*>> Prune::kinds(const Mapper& mapper) const {
  std::vector<const ApiResource*> out;
  std::vector<std::string> names(allowlist_);
  if (names.empty()) names.assign(std::begin(kDefault), std::end(kDefault));
  for (const auto& name : names) {
    const auto parts = splitAt(name, '/');
    if (parts.size() != 3) {
      return fault("invalid GroupVersionKind format: " + name +
                   ", please follow <group/version/kind>");
    }
    const std::string group = parts[0] == "core" ? "" : parts[0];
    const std::string version = group.empty() ? parts[1] : group + "/" + parts[1];
    const auto* resource = mapper.byKind(version, parts[2]);
    if (!resource) {
      return fault("no matches for kind " + api::goQuote(parts[2]) + " in version " +
                   api::goQuote(version));
    }
    out.push_back(resource);
  }
  return out;
}

Task<Status> Prune::run(Session& session, ObjectClient& client, std::string labelSelector,
                        Action& action) const {
  CO_TRY(auto* mapper, co_await session.mapper());
  CO_TRY(const auto resources, kinds(*mapper));
  for (const auto& ns : namespaces_) {
    for (const ApiResource* resource : resources) {
      if (!resource->namespaced) continue;
      CO_TRY_STATUS(co_await pruneOne(session, client, *resource, ns, labelSelector, action));
    }
  }
  for (const ApiResource* resource : resources) {
    if (resource->namespaced) continue;
    CO_TRY_STATUS(co_await pruneOne(session, client, *resource, "", labelSelector, action));
  }
  co_return Status();
}

Task<Status> Prune::pruneOne(Session& session, ObjectClient& client, const ApiResource& resource,
                             std::string ns, std::string labelSelector, Action& action) const {
  const std::string context = std::string("error pruning ") +
                              (resource.namespaced ? "namespaced" : "nonNamespaced") + " object " +
                              resource.apiVersion() + ", Kind=" + resource.kind;
  ObjectListOptions options;
  options.labelSelector = labelSelector;
  auto list = co_await client.list(resource, ns, options);
  if (!list.ok()) co_return asFault(list.status().withContext(context));
  for (const auto& item : arrayAt(*list, {"items"})) {
    if (!at(item, {"metadata", "annotations", kLastApplied})) continue;
    if (uids_.contains(textAt(item, {"metadata", "uid"}))) continue;
    if (!action.client()) {
      json::object body{{"propagationPolicy", "Background"}};
      if (action.dryRun == DryRun::Server) body["dryRun"] = json::array{"All"};
      auto gone = co_await client.remove(resource, ns, nameOf(item), std::move(body));
      if (!gone.ok()) co_return asFault(gone.status().withContext(context));
    }
    json::value object = item;
    fillType(object, resource);
    CO_TRY_STATUS(action.report(session, std::move(object), "pruned"));
  }
  co_return Status();
}

}  // namespace coxswain::cli
