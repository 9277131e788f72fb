#include "apiserver/server/operations.h"

#include "api/gen/meta_v1.h"
#include "apiserver/server/scale.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using Part = Endpoint::Part;

/// Deletions of a collection that go to the store together.
constexpr size_t kDeletedAtOnce = 64;

Result<api::ConstObject> show(const Endpoint& endpoint, api::ConstObject object) {
  if (endpoint.part != Part::Scale) return object;
  TRY(auto scale, scaleOf(object.info(), object.data()));
  return api::ConstObject(api::Object(std::move(scale)));
}

/// A body that names an object must name that of the path.
Status checkUpdateNames(const api::Object& object, const RequestInfo& info) {
  const auto& meta = *api::objectMeta(object);
  if (meta.name.empty()) {
    return badRequest("the name of the object (" + info.name +
                      " based on URL) was undeterminable: name must be provided");
  }
  if (meta.name != info.name) {
    return badRequest("the name of the object (" + meta.name +
                      ") does not match the name on the URL (" + info.name + ")");
  }
  const auto& ns = namespaceOf(info);
  if (!meta.namespace_.empty() && !ns.empty() && meta.namespace_ != ns) {
    return badRequest("the namespace of the object (" + meta.namespace_ +
                      ") does not match the namespace on the request (" + ns + ")");
  }
  return {};
}

/// A job that is deleted leaves its pods, which surprises who did not say so.
void warnOfOrphans(RequestContext& context, const DeleteRequest& request) {
  if (!request.propagationPolicy.empty() || context.resource->kind != "Job") return;
  context.warnings.emplace_back(
      "child pods are preserved by default when jobs are deleted; set "
      "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress "
      "this warning");
}

/// One of a collection; others that fail are told of once.
Task<void> removeOne(GenericRegistry& registry, api::ConstObject object, DeleteRequest request,
                     WriteAdmission& admission, Status& failed) {
  const auto& meta = *api::objectMeta(object);
  auto deleted =
      co_await registry.remove(meta.namespace_, meta.name, std::move(request), &admission);
  if (!deleted.ok() && !isNotFound(deleted.status())) failed = deleted.status();
}

}  // namespace

bool Endpoint::serves(const Resource& resource, std::string_view subresource) {
  if (!resource.findSubresource(subresource)) return false;
  return subresource == "status" || subresource == "scale" ||
         resource.subresourceStrategy(subresource) != nullptr;
}

Endpoint Endpoint::of(const Resource& resource, std::string_view subresource) {
  Endpoint endpoint;
  endpoint.body = {resource.group, resource.version, resource.kind, resource.info};
  if (subresource == "status") endpoint.part = Part::Status;
  if (subresource == "scale") {
    endpoint.part = Part::Scale;
    endpoint.body = {"autoscaling", "v1", "Scale", &api::autoscaling::v1::Scale::info()};
  }
  if (const auto* strategy = resource.subresourceStrategy(subresource)) {
    endpoint.part = Part::Fields;
    endpoint.strategy = strategy;
  }
  return endpoint;
}

Result<api::ConstObject> Operations::get(const RequestContext& context) const {
  const auto& info = context.info;
  TRY(auto object, context.registry->get(info.ns, info.name));
  return show(Endpoint::of(*context.resource, info.subresource), std::move(object));
}

Task<Result<Operations::Written>> Operations::create(RequestContext& context,
                                                     api::Object object) const {
  auto& meta = *api::objectMeta(object);
  if (context.info.ns.empty()) {
    meta.namespace_.clear();
  } else if (!meta.namespace_.empty() && meta.namespace_ != context.info.ns) {
    co_return badRequest(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  context.resource->strategy->setDefaults(object.data());
  WriteAdmission admission(admission_, context);
  auto made = co_await context.registry->create(context.info.ns, std::move(object), context.dryRun,
                                                &admission);
  if (!made.ok()) co_return made.status();
  co_return Written{std::move(*made), true};
}

Task<Result<Operations::Written>> Operations::change(
    RequestContext& context, const Endpoint& endpoint, GenericRegistry::UpdateRequest request,
    const GenericRegistry::Transform& transform) const {
  request.ns = context.info.ns;
  request.name = context.info.name;
  request.status = endpoint.part == Part::Status;
  request.strategy = endpoint.strategy;
  request.dryRun = context.dryRun;
  WriteAdmission admission(admission_, context);
  auto updated = co_await context.registry->update(std::move(request), transform, &admission);
  if (!updated.ok()) co_return updated.status();
  CO_TRY(auto shown, show(endpoint, std::move(updated->object)));
  co_return Written{std::move(shown), updated->created};
}

Task<Result<Operations::Written>> Operations::update(RequestContext& context,
                                                     api::Object object) const {
  const auto endpoint = Endpoint::of(*context.resource, context.info.subresource);
  CO_TRY_STATUS(checkUpdateNames(object, context.info));
  GenericRegistry::UpdateRequest request;
  request.preconditions.uid = api::objectMeta(object)->uid;
  GenericRegistry::Transform transform;
  if (endpoint.part == Part::Scale) {
    transform = [&object](const api::Object* current) -> Result<api::Object> {
      auto next = current->clone();
      api::objectMeta(next)->resourceVersion.clear();
      TRY_STATUS(applyScale(*object.as<api::autoscaling::v1::Scale>(), next));
      return next;
    };
  } else {
    context.resource->strategy->setDefaults(object.data());
    transform = [&object](const api::Object*) -> Result<api::Object> { return object.clone(); };
  }
  co_return co_await change(context, endpoint, std::move(request), transform);
}

Task<Result<Operations::Written>> Operations::patch(RequestContext& context, Patch patch) const {
  const auto endpoint = Endpoint::of(*context.resource, context.info.subresource);
  const auto before = context.warnings;
  GenericRegistry::Transform transform = [&](const api::Object* current) -> Result<api::Object> {
    if (!current) return notFound(context.resource->qualifiedName(), context.info.name);
    context.warnings = before;
    if (endpoint.part == Part::Scale) {
      TRY(auto scale, scaleOf(current->info(), current->data()));
      api::Object view(std::move(scale));
      TRY(auto patched, patch.apply(endpoint.body, view, context.warnings));
      auto next = current->clone();
      TRY_STATUS(applyScale(*patched.as<api::autoscaling::v1::Scale>(), next));
      return next;
    }
    TRY(auto next, patch.apply(endpoint.body, *current, context.warnings));
    TRY_STATUS(checkUpdateNames(next, context.info));
    context.resource->strategy->setDefaults(next.data());
    return next;
  };
  co_return co_await change(context, endpoint, {}, transform);
}

Task<Result<Deleted>> Operations::remove(RequestContext& context, DeleteRequest request) const {
  context.dryRun = request.dryRun;
  warnOfOrphans(context, request);
  WriteAdmission admission(admission_, context);
  co_return co_await context.registry->remove(context.info.ns, context.info.name,
                                              std::move(request), &admission);
}

Task<Result<ListAnswer>> Operations::removeCollection(RequestContext& context,
                                                      ListRequest selection,
                                                      DeleteRequest request) const {
  context.dryRun = request.dryRun;
  warnOfOrphans(context, request);
  WriteAdmission admission(admission_, context);
  CO_TRY(auto answer, context.registry->list(selection));
  Status failed;
  for (size_t next = 0; next < answer.items.size() && failed.ok();) {
    std::vector<Task<void>> batch;
    for (; next < answer.items.size() && batch.size() < kDeletedAtOnce; ++next) {
      CO_TRY(auto object, answer.items[next].object());
      batch.push_back(removeOne(*context.registry, std::move(object), request, admission, failed));
    }
    co_await whenAll(std::move(batch));
  }
  if (!failed.ok()) co_return failed;
  co_return answer;
}

}  // namespace coxswain::apiserver
