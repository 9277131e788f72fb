#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::api {

namespace core::v1 {
struct PodTemplateSpec;
}
namespace meta::v1 {
struct Condition;
struct ObjectMeta;
struct OwnerReference;
}  // namespace meta::v1

/// The owner that controls the object; null: none.
const meta::v1::OwnerReference* controllerOf(const meta::v1::ObjectMeta& object);
/// By UID.
bool isControlledBy(const meta::v1::ObjectMeta& object, const meta::v1::ObjectMeta& owner);
/// A reference that controls and blocks the owner's foreground deletion.
meta::v1::OwnerReference newControllerRef(const meta::v1::ObjectMeta& owner,
                                          std::string_view apiVersion, std::string_view kind);

/// "namespace/name", or "name" of what has no namespace: keys of queues and caches.
std::string objectKey(const meta::v1::ObjectMeta& object);
struct ObjectKey {
  std::string_view nameSpace;
  std::string_view name;
};
ObjectKey splitObjectKey(std::string_view key);

bool hasFinalizer(const meta::v1::ObjectMeta& object, std::string_view finalizer);
/// False: it was not there.
bool removeFinalizer(meta::v1::ObjectMeta& object, std::string_view finalizer);

/// metav1.Condition lists. Null: there is none of this type.
const meta::v1::Condition* findCondition(const std::vector<meta::v1::Condition>& conditions,
                                         std::string_view type);
/// As setPodCondition.
bool setCondition(std::vector<meta::v1::Condition>& conditions,
                  const meta::v1::Condition& condition);

/// FNV-1a, 32 bits.
uint32_t fnv32a(std::string_view bytes, uint32_t seed = 2166136261u);
/// FNV-1, 32 bits: multiplies first.
uint32_t fnv32(std::string_view bytes);
/// Digits and letters become those that form no words: "bcdfghjklmnpqrstvwxz2456789".
std::string safeEncode(std::string_view text);
/// Label pod-template-hash of a ReplicaSet, as upstream computes it (see go_dump.h): depends on all
/// of the template, and on the count of collisions so far.
std::string podTemplateHash(const core::v1::PodTemplateSpec& spec,
                            std::optional<int32_t> collisionCount);

/// `generateName` cut so that the name stays within 63 characters, plus five random ones. `random`
/// gives 64 fresh bits.
std::string generateName(std::string_view base, const std::function<uint64_t()>& random);
std::string randomSuffix(size_t length, const std::function<uint64_t()>& random);

}  // namespace coxswain::api
