#include "api/helpers/objects.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/go_dump.h"

namespace coxswain::api {

namespace {

using meta::v1::Condition;
using meta::v1::ObjectMeta;
using meta::v1::OwnerReference;

constexpr std::string_view kSafe = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kSuffixLength = 5;
constexpr size_t kNameMax = 63;

}  // namespace

const OwnerReference* controllerOf(const ObjectMeta& object) {
  for (const auto& owner : object.ownerReferences)
    if (owner.controller.value_or(false)) return &owner;
  return nullptr;
}

bool isControlledBy(const ObjectMeta& object, const ObjectMeta& owner) {
  const OwnerReference* controller = controllerOf(object);
  return controller != nullptr && controller->uid == owner.uid;
}

OwnerReference newControllerRef(const ObjectMeta& owner, std::string_view apiVersion,
                                std::string_view kind) {
  OwnerReference reference;
  reference.apiVersion = apiVersion;
  reference.kind = kind;
  reference.name = owner.name;
  reference.uid = owner.uid;
  reference.controller = true;
  reference.blockOwnerDeletion = true;
  return reference;
}

std::string objectKey(const ObjectMeta& object) {
  return object.namespace_.empty() ? object.name : object.namespace_ + "/" + object.name;
}

ObjectKey splitObjectKey(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {{}, key};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

bool hasFinalizer(const ObjectMeta& object, std::string_view finalizer) {
  return std::find(object.finalizers.begin(), object.finalizers.end(), finalizer) !=
         object.finalizers.end();
}

bool removeFinalizer(ObjectMeta& object, std::string_view finalizer) {
  return std::erase(object.finalizers, finalizer) > 0;
}

const Condition* findCondition(const std::vector<Condition>& conditions, std::string_view type) {
  for (const auto& condition : conditions)
    if (condition.type == type) return &condition;
  return nullptr;
}

bool setCondition(std::vector<Condition>& conditions, const Condition& condition) {
  for (auto& old : conditions) {
    if (old.type != condition.type) continue;
    Condition next = condition;
    if (old.status == condition.status) next.lastTransitionTime = old.lastTransitionTime;
    const bool changed = !(old == next);
    old = std::move(next);
    return changed;
  }
  conditions.push_back(condition);
  return true;
}

uint32_t fnv32a(std::string_view bytes, uint32_t seed) {
  uint32_t hash = seed;
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

uint32_t fnv32(std::string_view bytes) {
  uint32_t hash = 2166136261u;
  for (const char c : bytes) hash = (hash * 16777619u) ^ static_cast<uint8_t>(c);
  return hash;
}

std::string safeEncode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) out.push_back(kSafe[static_cast<uint8_t>(c) % kSafe.size()]);
  return out;
}

std::string podTemplateHash(const core::v1::PodTemplateSpec& spec,
                            std::optional<int32_t> collisionCount) {
  uint32_t hash = fnv32a(dumpAsGo(spec));
  if (collisionCount) {
    // Four bytes, the lowest first, of a buffer of eight.
    std::string count(8, '\0');
    for (size_t i = 0; i < 4; ++i) {
      count[i] = static_cast<char>(static_cast<uint32_t>(*collisionCount) >> (8 * i));
    }
    hash = fnv32a(count, hash);
  }
  return safeEncode(std::to_string(hash));
}

std::string randomSuffix(size_t length, const std::function<uint64_t()>& random) {
  std::string out;
  for (size_t i = 0; i < length; ++i) out.push_back(kSafe[random() % kSafe.size()]);
  return out;
}

std::string generateName(std::string_view base, const std::function<uint64_t()>& random) {
  return std::string(base.substr(0, kNameMax - kSuffixLength)) +
         randomSuffix(kSuffixLength, random);
}

}  // namespace coxswain::api
