#include "client/testing/fake_client.h"

#include <fmt/format.h>

#include "api/gen/apps_v1.h"
#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/select/fields.h"
#include "api/select/labels.h"
#include "base/assert.h"
#include "client/testing/fake_parts.h"
#include "runtime/spawn.h"

namespace coxswain::client::testing {

namespace {

std::string keyOf(const std::string& ns, const std::string& name) {
  return ns + "/" + name;
}

const std::string kNoNamespace;

/// Null: another kind.
api::core::v1::Namespace* asNamespace(api::Object& object) {
  return object.as<api::core::v1::Namespace>();
}

}  // namespace

FakeClient::FakeClient(Executor& executor, uint64_t seed) : executor_(executor), random_(seed) {}
FakeClient::~FakeClient() = default;

FakeClient::Collection& FakeClient::collectionOf(const ResourceType& type) const {
  auto& known = known_[&type];
  if (known == nullptr) {
    known = &collections_[std::string(type.group) + "/" + std::string(type.plural)];
  }
  return *known;
}

bool FakeClient::happens(double chance) {
  return chance > 0 && random_.unit() < chance;
}

Task<Status> FakeClient::arrive(Write write, std::stop_token stop) {
  Duration latency(0);
  if (faults.latencyMax > Duration(0)) {
    latency = Duration(
        static_cast<int64_t>(random_.below(static_cast<uint64_t>(faults.latencyMax.count()))));
  }
  CO_TRY_STATUS(co_await sleepFor(latency, stop));
  if (happens(faults.unreachable)) co_return unreachable("connection refused");
  if (happens(faults.error)) co_return internalError("injected");
  (void)write;
  co_return Status();
}

Status FakeClient::leave(Write write) {
  if (write == Write::Yes && happens(faults.lostAnswer)) return unreachable("connection reset");
  return {};
}

Status FakeClient::react(std::string_view verb, const ResourceType& type,
                         std::string_view subresource, const api::ConstObject* object) const {
  return reaction ? reaction(verb, type, subresource, object) : Status();
}

std::string FakeClient::newUid() {
  return fmt::format("00000000-0000-4000-8000-{:012x}", ++uids_);
}

api::ConstObject FakeClient::find(const ResourceType& type, const std::string& ns,
                                  const std::string& name) const {
  const auto& objects = collectionOf(type).objects;
  auto at = objects.find(keyOf(type.namespaced ? ns : kNoNamespace, name));
  return at == objects.end() ? api::ConstObject() : at->second;
}

std::vector<api::ConstObject> FakeClient::everything(const ResourceType& type,
                                                     const std::string& ns) const {
  std::vector<api::ConstObject> all;
  for (const auto& [key, object] : collectionOf(type).objects) {
    if (ns.empty() || api::objectMeta(object)->namespace_ == ns) all.push_back(object);
  }
  return all;
}

void FakeClient::forEach(const std::function<void(const std::string& collection,
                                                  const api::ConstObject&)>& visit) const {
  for (const auto& [name, collection] : collections_) {
    for (const auto& [key, object] : collection.objects) visit(name, object);
  }
}

api::ConstObject FakeClient::put(const ResourceType& type, api::Object object) {
  std::string ns = api::objectMeta(object)->namespace_;
  if (type.namespaced && ns.empty()) ns = "default";
  auto made = createNow(type, ns, std::move(object));
  COXSWAIN_ASSERT(made.ok());
  return *made;
}

api::ConstObject FakeClient::store(const ResourceType& type, api::Object object) {
  auto& meta = *api::objectMeta(object);
  meta.resourceVersion = std::to_string(++version_);
  const std::string key = keyOf(meta.namespace_, meta.name);
  api::ConstObject stored(std::move(object));
  auto& collection = collectionOf(type);
  auto before = std::exchange(collection.objects[key], stored);
  collection.log.push_back({version_, before, stored});
  collection.changed.notifyAll();
  if (observer) observer(type, before, stored);
  return stored;
}

void FakeClient::touch(const ResourceType& type, const std::string& ns, const std::string& name) {
  auto now = find(type, ns, name);
  if (now) store(type, now.clone());
}

void FakeClient::drop(const ResourceType& type, const api::ConstObject& object) {
  api::Object last = object.clone();
  auto& meta = *api::objectMeta(last);
  meta.resourceVersion = std::to_string(++version_);
  auto& collection = collectionOf(type);
  collection.objects.erase(keyOf(meta.namespace_, meta.name));
  api::ConstObject gone(std::move(last));
  collection.log.push_back({version_, gone, {}});
  collection.changed.notifyAll();
  if (observer) observer(type, gone, {});
}

Result<api::ConstObject> FakeClient::createNow(const ResourceType& type, const std::string& ns,
                                               api::Object object) {
  if (&object.info() != type.kind) return badRequest("the object is of another kind");
  auto& meta = *api::objectMeta(object);
  meta.namespace_ = type.namespaced ? ns : "";
  if (type.namespaced && ns.empty()) {
    return badRequest("an empty namespace may not be set during creation");
  }
  if (meta.name.empty()) {
    if (meta.generateName.empty()) {
      return invalid(type.kind->name, "",
                     {{"FieldValueRequired", "name or generateName is required", "metadata.name"}});
    }
    meta.name = api::generateName(meta.generateName, [this] { return random_.next(); });
  }
  if (find(type, meta.namespace_, meta.name)) return alreadyExists(qualifiedName(type), meta.name);
  if (type.namespaced && type.plural != "namespaces") {
    auto parent = peek<api::core::v1::Namespace>("", meta.namespace_);
    if (parent && parent->metadata.deletionTimestamp) {
      return forbidden(qualifiedName(type), meta.name,
                       fmt::format("unable to create new content in namespace {} because it is "
                                   "being terminated",
                                   meta.namespace_));
    }
  }
  if (meta.uid.empty()) meta.uid = newUid();
  if (meta.creationTimestamp.isZero()) meta.creationTimestamp = api::Time(executor_.wallNow());
  if (hasMember(*type.kind, "spec")) meta.generation = 1;
  if (auto* space = asNamespace(object)) {
    if (space->spec.finalizers.empty()) space->spec.finalizers = {"kubernetes"};
    if (space->status.phase.empty()) space->status.phase = "Active";
    space->metadata.labels["kubernetes.io/metadata.name"] = meta.name;
  }
  return store(type, std::move(object));
}

api::ConstObject FakeClient::replace(const ResourceType& type, api::Object object) {
  auto& meta = *api::objectMeta(object);
  auto before = find(type, meta.namespace_, meta.name);
  COXSWAIN_ASSERT(before);
  if (memberDiffers(*type.kind, "spec", before.data(), object.data())) ++meta.generation;
  const auto* space = object.as<api::core::v1::Namespace>();
  const bool held = space != nullptr && !space->spec.finalizers.empty();
  if (meta.deletionTimestamp && meta.finalizers.empty() && !held &&
      meta.deletionGracePeriodSeconds.value_or(0) == 0) {
    drop(type, api::ConstObject(object.clone()));
    return api::ConstObject(std::move(object));
  }
  return store(type, std::move(object));
}

Result<api::ConstObject> FakeClient::updateNow(const ResourceType& type,
                                               const std::string& subresource, api::Object object) {
  if (const auto* scale = object.as<api::autoscaling::v1::Scale>();
      scale && subresource == "scale") {
    auto before = find(type, scale->metadata.namespace_, scale->metadata.name);
    if (!before || !before.is<api::apps::v1::Deployment>()) {
      return notFound(qualifiedName(type), scale->metadata.name);
    }
    auto next = before.clone();
    next.as<api::apps::v1::Deployment>()->spec.replicas = scale->spec.replicas;
    return updateNow(type, "", std::move(next));
  }
  if (&object.info() != type.kind) return badRequest("the object is of another kind");
  const auto& asked = *api::objectMeta(object);
  auto before = find(type, asked.namespace_, asked.name);
  if (!before) return notFound(qualifiedName(type), asked.name);
  const auto& old = *api::objectMeta(before);
  if (!asked.resourceVersion.empty() && asked.resourceVersion != old.resourceVersion) {
    return conflict(qualifiedName(type), asked.name,
                    "the object has been modified; please apply your changes to the latest version "
                    "and try again");
  }
  if (!asked.uid.empty() && asked.uid != old.uid) {
    return conflict(qualifiedName(type), asked.name,
                    fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: "
                                "{}",
                                asked.uid, old.uid));
  }
  api::Object next;
  if (subresource.empty()) {
    next = std::move(object);
    copyMember(*type.kind, "status", before.data(), next.data());
    if (auto* space = asNamespace(next)) {
      space->spec.finalizers = before.as<api::core::v1::Namespace>()->spec.finalizers;
    }
  } else if (subresource == "status" || subresource == "approval") {
    if (!hasMember(*type.kind, "status")) return notFound(qualifiedName(type), asked.name);
    next = before.clone();
    copyMember(*type.kind, "status", object.data(), next.data());
    // As upstream's strategies: metadata goes along.
    api::objectMeta(next)->annotations = asked.annotations;
    api::objectMeta(next)->finalizers = asked.finalizers;
  } else if (subresource == "finalize" && object.is<api::core::v1::Namespace>()) {
    next = before.clone();
    asNamespace(next)->spec.finalizers = asNamespace(object)->spec.finalizers;
  } else {
    return notFound(qualifiedName(type), asked.name);
  }
  auto& meta = *api::objectMeta(next);
  meta.uid = old.uid;
  meta.creationTimestamp = old.creationTimestamp;
  meta.deletionTimestamp = old.deletionTimestamp;
  meta.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds;
  meta.generation = old.generation;
  meta.resourceVersion = old.resourceVersion;
  const bool last = meta.deletionTimestamp && meta.finalizers.empty();
  if (!last && api::equal(*type.kind, before.data(), next.data())) return before;
  return replace(type, std::move(next));
}

Result<api::ConstObject> FakeClient::patchNow(const ResourceType& type, const std::string& ns,
                                              const std::string& name,
                                              const std::string& subresource, PatchType patchType,
                                              const std::string& body) {
  auto before = find(type, ns, name);
  if (!before) return notFound(qualifiedName(type), name);
  TRY(api::Object patched, applyPatch(before, patchType, body));
  const auto& asked = *api::objectMeta(patched);
  const auto& old = *api::objectMeta(before);
  if (asked.uid != old.uid) {
    return invalid(type.kind->name, name,
                   {{"FieldValueInvalid", "Invalid value: field is immutable", "metadata.uid"}});
  }
  return updateNow(type, subresource, std::move(patched));
}

Status FakeClient::removeNow(const ResourceType& type, const std::string& ns,
                             const std::string& name, const DeleteOptions& options) {
  auto before = find(type, ns, name);
  if (!before) return notFound(qualifiedName(type), name);
  const auto& old = *api::objectMeta(before);
  if (!options.uid.empty() && options.uid != old.uid) {
    return conflict(qualifiedName(type), name,
                    fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: "
                                "{}",
                                options.uid, old.uid));
  }
  if (!options.resourceVersion.empty() && options.resourceVersion != old.resourceVersion) {
    return conflict(qualifiedName(type), name,
                    fmt::format("Precondition failed: ResourceVersion in precondition: {}, "
                                "ResourceVersion in object meta: {}",
                                options.resourceVersion, old.resourceVersion));
  }
  api::Object next = before.clone();
  auto& meta = *api::objectMeta(next);
  if (options.propagationPolicy == "Foreground" && !api::hasFinalizer(meta, "foregroundDeletion")) {
    meta.finalizers.emplace_back("foregroundDeletion");
  }
  if (options.propagationPolicy == "Orphan" && !api::hasFinalizer(meta, "orphan")) {
    meta.finalizers.emplace_back("orphan");
  }
  int64_t grace = 0;
  if (const auto* pod = before.as<api::core::v1::Pod>()) {
    // A pod on a node goes when its kubelet says so.
    const bool started = !pod->spec.nodeName.empty() && !api::isPodTerminal(*pod);
    const int64_t wanted = pod->spec.terminationGracePeriodSeconds.value_or(30);
    if (started) grace = options.gracePeriodSeconds.value_or(wanted);
  }
  auto* space = asNamespace(next);
  const bool held = !meta.finalizers.empty() || (space && !space->spec.finalizers.empty());
  if (grace == 0 && !held) {
    drop(type, before);
    return {};
  }
  const bool shorter = meta.deletionGracePeriodSeconds.value_or(0) > grace;
  if (meta.deletionTimestamp && !shorter && meta.finalizers == old.finalizers) return {};
  if (!meta.deletionTimestamp || shorter) {
    meta.deletionTimestamp = api::Time(executor_.wallNow() + std::chrono::seconds(grace));
    meta.deletionGracePeriodSeconds = grace;
  }
  if (space) space->status.phase = "Terminating";
  if (meta.generation > 0) ++meta.generation;
  store(type, std::move(next));
  return {};
}

Result<api::ConstObject> FakeClient::postNow(const ResourceType& type, const std::string& ns,
                                             const std::string& name,
                                             const std::string& subresource,
                                             const api::ConstObject& object) {
  if (const auto* request = object.as<api::authentication::v1::TokenRequest>();
      request != nullptr && type.plural == "serviceaccounts" && subresource == "token") {
    if (!find(type, ns, name)) return notFound(qualifiedName(type), name);
    auto answer = *request;
    answer.status.token = fmt::format("token-{}", ++tokens_);
    answer.status.expirationTimestamp = api::Time(
        executor_.wallNow() + std::chrono::seconds(request->spec.expirationSeconds.value_or(3600)));
    return api::ConstObject(api::Object(std::move(answer)));
  }
  const auto* binding = object.as<api::core::v1::Binding>();
  if (type.plural != "pods" || subresource != "binding" || binding == nullptr) {
    return notFound(qualifiedName(type), name);
  }
  auto before = find(type, ns, name);
  if (!before) return notFound(qualifiedName(type), name);
  api::Object next = before.clone();
  auto& pod = *next.as<api::core::v1::Pod>();
  if (!pod.spec.nodeName.empty()) {
    return conflict(
        "pods/binding", name,
        fmt::format("pod {} is already assigned to node \"{}\"", name, pod.spec.nodeName));
  }
  pod.spec.nodeName = binding->target.name;
  api::core::v1::PodCondition scheduled;
  scheduled.type = "PodScheduled";
  scheduled.status = "True";
  scheduled.lastTransitionTime = api::Time(executor_.wallNow());
  api::setPodCondition(pod.status, scheduled);
  store(type, std::move(next));
  return object;
}

// The interface: each request takes a moment, may fail, then happens at once. Reads are in
// fake_client_reads.cc.

Task<Result<api::ConstObject>> FakeClient::create(const ResourceType& type, std::string ns,
                                                  std::string name, std::string subresource,
                                                  api::ConstObject object, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(Write::Yes, stop));
  CO_TRY_STATUS(react("create", type, subresource, &object));
  if (!subresource.empty()) co_return postNow(type, ns, name, subresource, object);
  if (const auto* review = object.as<api::authorization::v1::SubjectAccessReview>()) {
    auto answer = *review;
    answer.status.allowed = mayAccess && mayAccess(*review);
    co_return api::ConstObject(api::Object(std::move(answer)));
  }
  CO_TRY(api::ConstObject made, createNow(type, ns, object.clone()));
  CO_TRY_STATUS(leave(Write::Yes));
  co_return made;
}

Task<Result<api::ConstObject>> FakeClient::update(const ResourceType& type, std::string subresource,
                                                  api::ConstObject object, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(Write::Yes, stop));
  CO_TRY_STATUS(react("update", type, subresource, &object));
  if (happens(faults.conflict)) {
    co_return conflict(qualifiedName(type), api::objectMeta(object)->name, "injected");
  }
  CO_TRY(api::ConstObject made, updateNow(type, subresource, object.clone()));
  CO_TRY_STATUS(leave(Write::Yes));
  co_return made;
}

Task<Result<api::ConstObject>> FakeClient::patch(const ResourceType& type, std::string ns,
                                                 std::string name, std::string subresource,
                                                 PatchType patchType, std::string body,
                                                 std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(Write::Yes, stop));
  CO_TRY_STATUS(react("patch", type, subresource, nullptr));
  CO_TRY(api::ConstObject made, patchNow(type, ns, name, subresource, patchType, body));
  CO_TRY_STATUS(leave(Write::Yes));
  co_return made;
}

Task<Status> FakeClient::remove(const ResourceType& type, std::string ns, std::string name,
                                DeleteOptions options, std::stop_token stop) {
  CO_TRY_STATUS(co_await arrive(Write::Yes, stop));
  CO_TRY_STATUS(react("delete", type, "", nullptr));
  CO_TRY_STATUS(removeNow(type, ns, name, options));
  co_return leave(Write::Yes);
}

}  // namespace coxswain::client::testing
