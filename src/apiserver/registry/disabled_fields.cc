#include "apiserver/registry/disabled_fields.h"

#include <bitset>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "api/reflect/box.h"
#include "api/reflect/visit.h"

namespace coxswain::apiserver {

namespace {

using api::FieldInfo;
using api::FieldType;
using api::MessageInfo;
using api::Shape;

struct Disabled {
  std::string_view package;
  std::string_view message;
  std::string_view field;
};
/// With the gate that is off.
constexpr Disabled kDisabled[] = {
    {"k8s.io.api.apps.v1", "RollingUpdateStatefulSetStrategy", "maxUnavailable"},
    {"k8s.io.api.coordination.v1", "LeaseSpec", "preferredHolder"},  // CoordinatedLeaderElection
    {"k8s.io.api.coordination.v1", "LeaseSpec", "strategy"},
    {"k8s.io.api.core.v1", "ContainerStatus", "stopSignal"},  // ContainerStopSignals
    {"k8s.io.api.core.v1", "Lifecycle", "stopSignal"},
    {"k8s.io.api.core.v1", "PodSpec", "schedulingGroup"},  // GenericWorkload
    {"k8s.io.api.core.v1", "PodStatus", "nodeAllocatableResourceClaimStatuses"},
    {"k8s.io.api.core.v1", "VolumeProjection", "clusterTrustBundle"},
    {"k8s.io.api.core.v1", "VolumeProjection", "podCertificate"},  // PodCertificateRequest
    {"k8s.io.api.core.v1", "VolumeStatus", "image"},               // ImageVolumeWithDigest
    {"k8s.io.api.resource.v1", "Device", "nodeAllocatableResourceMappings"},
    {"k8s.io.api.resource.v1", "DeviceAttribute", "bools"},  // DRAListTypeAttributes
    {"k8s.io.api.resource.v1", "DeviceAttribute", "ints"},
    {"k8s.io.api.resource.v1", "DeviceAttribute", "strings"},
    {"k8s.io.api.resource.v1", "DeviceAttribute", "versions"},
    {"k8s.io.api.storage.v1", "CSIDriverSpec", "preventPodSchedulingIfMissing"},
};
constexpr size_t kCount = std::size(kDisabled);
using Set = std::bitset<kCount>;

/// What of a message leads to disabled fields.
struct Plan {
  struct Own {
    const FieldInfo* field;
    size_t which;
  };
  struct Below {
    const FieldInfo* field;
    const Plan* plan;
  };
  std::vector<Own> own;
  std::vector<Below> below;
  [[nodiscard]] bool empty() const { return own.empty() && below.empty(); }
};

/// Plans by message; made once each.
class Plans {
 public:
  const Plan& of(const MessageInfo& info) {
    const std::lock_guard lock(mutex_);
    return make(info);
  }

 private:
  const Plan& make(const MessageInfo& info) {
    auto& slot = plans_[&info];
    if (slot) return *slot;
    slot = std::make_unique<Plan>();
    Plan& plan = *slot;  // a message within itself finds it unfinished: none of these is
    for (const auto& field : info.fields) {
      for (size_t i = 0; i < kCount; ++i) {
        const auto& each = kDisabled[i];
        if (each.field == field.name && each.message == info.name && each.package == info.package) {
          plan.own.push_back({&field, i});
        }
      }
      if (field.type != FieldType::Message) continue;
      const Plan& below = make(*field.message);
      if (!below.empty()) plan.below.push_back({&field, &below});
    }
    return plan;
  }

  std::mutex mutex_;
  std::map<const MessageInfo*, std::unique_ptr<Plan>> plans_;
};

/// Calls `visit(message)` for each message that the field holds.
template <typename Object, typename Visit>
void eachMessage(const FieldInfo& field, Object* at, Visit visit) {
  switch (field.shape) {
    case Shape::Value:
      return visit(at);
    case Shape::Box: {
      auto* pointer = static_cast<const api::BoxBase*>(static_cast<const void*>(at))->pointer;
      if (pointer) visit(static_cast<Object*>(pointer));
      return;
    }
    case Shape::Optional:
      return;
    case Shape::Vector:
    case Shape::Map: {
      const size_t count = field.container->size(at);
      for (size_t i = 0; i < count; ++i) {
        if constexpr (std::is_const_v<Object>) {
          visit(field.container->at(at, i));
        } else {
          visit(field.container->mutableAt(at, i));
        }
      }
      return;
    }
  }
}

bool isSet(const FieldInfo& field, const void* at) {
  switch (field.shape) {
    case Shape::Box:
      return static_cast<const api::BoxBase*>(at)->pointer != nullptr;
    case Shape::Vector:
    case Shape::Map:
      return field.container->size(at) > 0;
    case Shape::Optional:
      return api::visitType(field.type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        return static_cast<const std::optional<T>*>(at)->has_value();
      });
    case Shape::Value:
      if (field.type != FieldType::String) return false;
      return !static_cast<const std::string*>(at)->empty();
  }
  return false;
}

void clear(const FieldInfo& field, void* at) {
  switch (field.shape) {
    case Shape::Box: {
      auto& box = *static_cast<api::BoxBase*>(at);
      if (box.pointer) field.message->destroy(box.pointer);
      box.pointer = nullptr;
      return;
    }
    case Shape::Vector:
    case Shape::Map:
      return field.container->clear(at);
    case Shape::Optional:
      return api::visitType(field.type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        static_cast<std::optional<T>*>(at)->reset();
      });
    case Shape::Value:
      if (field.type == FieldType::String) static_cast<std::string*>(at)->clear();
      return;
  }
}

void findUsed(const Plan& plan, const void* object, Set& used) {
  for (const auto& each : plan.own) {
    if (isSet(*each.field, each.field->in(object))) used.set(each.which);
  }
  for (const auto& each : plan.below) {
    eachMessage(*each.field, each.field->in(object),
                [&](const void* message) { findUsed(*each.plan, message, used); });
  }
}

void drop(const Plan& plan, void* object, const Set& used) {
  for (const auto& each : plan.own) {
    if (!used.test(each.which)) clear(*each.field, each.field->in(object));
  }
  for (const auto& each : plan.below) {
    eachMessage(*each.field, each.field->in(object),
                [&](void* message) { drop(*each.plan, message, used); });
  }
}

}  // namespace

void dropDisabledFields(const MessageInfo& info, void* next, const void* current) {
  static Plans plans;
  const Plan& plan = plans.of(info);
  if (plan.empty()) return;
  Set used;
  if (current) findUsed(plan, current, used);
  drop(plan, next, used);
}

}  // namespace coxswain::apiserver
