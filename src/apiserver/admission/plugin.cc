#include "apiserver/admission/plugin.h"

#include "api/gen/meta_v1.h"

namespace coxswain::apiserver {

Result<api::ConstObject> AdmissionSources::get(std::string_view group, std::string_view plural,
                                               std::string_view ns, std::string_view name) const {
  const auto* found = registry(group, "v1", plural);
  if (!found) {
    auto qualified = std::string(plural) + (group.empty() ? "" : "." + std::string(group));
    return notFound(qualified, name);
  }
  return found->get(ns, name);
}

Result<std::vector<api::ConstObject>> AdmissionSources::list(std::string_view group,
                                                             std::string_view plural,
                                                             std::string_view ns) const {
  std::vector<api::ConstObject> objects;
  const auto* found = registry(group, "v1", plural);
  if (!found) return objects;
  ListRequest request;
  request.ns = ns;
  TRY(auto answer, found->list(request));
  for (const auto& item : answer.items) {
    TRY(auto object, item.object());
    objects.push_back(std::move(object));
  }
  return objects;
}

GenericRegistry* SourceCollection::registry() const {
  if (!registry_) registry_ = sources_.registry(group_, "v1", plural_);
  return registry_;
}

const std::string& SourceCollection::key(std::string_view ns, std::string_view name) const {
  key_.assign(registry_->cache().kind().prefix);
  if (!ns.empty()) key_.append(ns).append("/");
  return key_.append(name);
}

bool SourceCollection::empty(std::string_view ns) const {
  return !registry() || registry_->cache().watches().count(key(ns, "")) == 0;
}

Result<api::ConstObject> SourceCollection::get(std::string_view ns, std::string_view name) const {
  if (!registry()) return sources_.get(group_, plural_, ns, name);
  if (auto entry = registry_->cache().watches().get(key(ns, name))) return registry_->decode(entry);
  return registry_->get(ns, name);
}

Result<std::vector<api::ConstObject>> SourceCollection::list(std::string_view ns) const {
  std::vector<api::ConstObject> out;
  if (empty(ns)) return out;
  for (const auto& entry : registry_->cache().watches().list(key(ns, "")).entries) {
    TRY(auto object, registry_->decode(entry));
    out.push_back(std::move(object));
  }
  return out;
}

bool isResource(const RequestContext& request, std::string_view group, std::string_view resource) {
  const auto& info = request.info;
  return info.resource == resource && info.group == group && info.subresource.empty();
}

Status refuse(const RequestContext& request, const api::Object* object, std::string_view why) {
  const auto& info = request.info;
  auto name = info.name;
  if (name.empty() && object) {
    // Before validation a name may not have been generated yet.
    if (const auto* meta = api::objectMeta(*object)) {
      name = meta->name.empty() ? meta->generateName : meta->name;
    }
    if (name.empty()) name = "Unknown";
  }
  auto resource = info.resource + (info.group.empty() ? "" : "." + info.group);
  return forbidden(resource, name, why);
}

}  // namespace coxswain::apiserver
