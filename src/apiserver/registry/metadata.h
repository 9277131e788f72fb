#pragma once

#include <string>

#include "api/names/field_error.h"
#include "api/names/field_path.h"

namespace coxswain::api {
class Time;
struct MessageInfo;
namespace meta::v1 {
struct ObjectMeta;
}
}  // namespace coxswain::api

namespace coxswain::apiserver {

class Strategy;
struct StrategyTraits;

// What holds for metadata of every kind. The generic registry calls these around its Strategy:
//
//   create: prepareMetaForCreate, strategy.prepareForCreate, fillSystemFields, (name from
//           generateName), validateObjectMeta, strategy.validate
//   update: prepareMetaForUpdate, strategy.prepareForUpdate (or ...StatusUpdate),
//           growGeneration, validateObjectMetaUpdate, strategy.validateUpdate (...StatusUpdate)
//
// Thread-safe, no state.

/// The metadata of an object of this kind, which must have one.
api::meta::v1::ObjectMeta& metaOf(const api::MessageInfo& info, void* object);
const api::meta::v1::ObjectMeta& metaOf(const api::MessageInfo& info, const void* object);

/// Clears what only the server sets (deletion, self link) and starts the generation.
void prepareMetaForCreate(api::meta::v1::ObjectMeta& meta, const StrategyTraits& traits);
/// Identity of a new object.
void fillSystemFields(api::meta::v1::ObjectMeta& meta, api::Time now, std::string uid);

/// Takes over what a client may leave out or cannot change: uid, creation and deletion times, grace
/// period, generation.
void prepareMetaForUpdate(api::meta::v1::ObjectMeta& next,
                          const api::meta::v1::ObjectMeta& current);
/// generation + 1 where something but metadata and status differs (or what the traits name).
void growGeneration(const Strategy& strategy, void* next, const void* current);

/// All rules of a new object's metadata at `path` ("metadata").
void validateObjectMeta(const api::meta::v1::ObjectMeta& meta, bool namespaced,
                        const Strategy& strategy, const api::FieldPath& path,
                        api::FieldErrors& errors);
/// Those of an update. `next` must have its resourceVersion filled in, if the kind allows updates
/// without one.
void validateObjectMetaUpdate(const api::meta::v1::ObjectMeta& next,
                              const api::meta::v1::ObjectMeta& current,
                              const StrategyTraits& traits, const api::FieldPath& path,
                              api::FieldErrors& errors);

/// Managers of an update or of CreateOptions: at most 128 bytes, printable.
void validateFieldManager(std::string_view manager, const api::FieldPath& path,
                          api::FieldErrors& errors);

}  // namespace coxswain::apiserver
