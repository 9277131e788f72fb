#include "scheduler/cache/pod_record.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "scheduler/cache/gen/pod_record.h"

namespace coxswain::scheduler {

namespace {

using api::core::v1::Pod;
using api::meta::v1::ObjectMeta;

template <typename T>
void drop(T& value) {
  T().swap(value);
}

/// Of a pod that waits extenders may be told all.
void trim(ObjectMeta& meta, bool waits) {
  drop(meta.managedFields);
  if (waits) return;
  drop(meta.generateName);
  meta.annotations = {};
  drop(meta.finalizers);
  drop(meta.ownerReferences);
}

/// Out of an object that is this process's alone, since nobody else has the type.
Pod take(const record::Pod& from) {
  auto& mine = const_cast<record::Pod&>(from);
  Pod out;
  if (mine.spec) out.spec = std::move(*mine.spec);
  if (mine.status) out.status = std::move(*mine.status);
  mine.spec = nullptr;
  mine.status = nullptr;
  trim(mine.metadata, out.spec.nodeName.empty() && !api::isPodTerminal(out));
  return out;
}

}  // namespace

const client::ResourceType& podRecords() {
  static constexpr client::ResourceType kType{"", "v1", "pods", true, &record::Pod::kInfo};
  return kType;
}

PodSeen readPod(const api::ConstObject& object) {
  PodSeen seen;
  if (const auto whole = object.sharedAs<Pod>()) {
    seen.nodeName = whole->spec.nodeName;
    if (!api::isPodTerminal(*whole)) seen.info = std::make_shared<const PodInfo>(whole);
    return seen;
  }
  const auto record = object.sharedAs<record::Pod>();
  if (!record) return seen;
  Pod whole = take(*record);
  seen.nodeName = whole.spec.nodeName;
  if (api::isPodTerminal(whole)) return seen;
  if (seen.nodeName.empty()) {
    whole.metadata = record->metadata;
    seen.info = std::make_shared<const PodInfo>(std::make_shared<const Pod>(std::move(whole)));
  } else {
    std::shared_ptr<const ObjectMeta> meta(record, &record->metadata);
    seen.info = std::make_shared<const PodInfo>(std::move(meta), whole);
  }
  return seen;
}

}  // namespace coxswain::scheduler
