#include "controllers/framework/finalizers.h"

#include "api/codec/json_writer.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"

namespace coxswain::controllers {

using api::meta::v1::ObjectMeta;

std::string finalizersPatch(const ObjectMeta& object, const std::vector<std::string>& finalizers) {
  std::string body;
  api::JsonTextWriter writer(body);
  writer.beginObject();
  writer.plainKey("metadata");
  writer.beginObject();
  writer.plainKey("uid");
  writer.string(object.uid);
  writer.plainKey("resourceVersion");
  writer.string(object.resourceVersion);
  writer.plainKey("finalizers");
  writer.beginArray();
  for (const auto& finalizer : finalizers) writer.string(finalizer);
  writer.endArray();
  writer.endObject();
  writer.endObject();
  writer.finish();
  return body;
}

namespace {

std::vector<std::string> changed(const ObjectMeta& meta, const std::string& finalizer,
                                 bool present) {
  auto finalizers = meta.finalizers;
  if (present) {
    finalizers.push_back(finalizer);
  } else {
    std::erase(finalizers, finalizer);
  }
  return finalizers;
}

}  // namespace

Task<Status> setFinalizer(client::Client& client, const client::ResourceType& type,
                          api::ConstObject object, std::string finalizer, bool present,
                          std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  if (api::hasFinalizer(meta, finalizer) == present) co_return Status();
  auto patched =
      co_await client.patch(type, meta.namespace_, meta.name, "", client::PatchType::Merge,
                            finalizersPatch(meta, changed(meta, finalizer, present)), stop);
  if (isNotFound(patched.status()) || isInvalid(patched.status())) co_return Status();
  co_return patched.status();
}

Task<Status> updateFinalizer(client::Client& client, const client::ResourceType& type,
                             api::ConstObject object, std::string finalizer, bool present,
                             std::stop_token stop) {
  if (api::hasFinalizer(*api::objectMeta(object), finalizer) == present) co_return Status();
  auto next = object.clone();
  auto& meta = *api::objectMeta(next);
  meta.finalizers = changed(meta, finalizer, present);
  auto updated = co_await client.update(type, "", std::move(next), stop);
  if (isNotFound(updated.status())) co_return Status();
  co_return updated.status();
}

}  // namespace coxswain::controllers
