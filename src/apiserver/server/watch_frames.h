#pragma once

#include <array>
#include <memory>
#include <string>

#include "apiserver/generic/generic_registry.h"
#include "apiserver/registry/resources.h"
#include "apiserver/server/negotiation.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// Writes the frames of watches. Whatever cannot be taken from an entry's own text (deleted
/// objects, protobuf) is made once for all watches of an event and remembered for a while. One
/// executor.
class WatchFrames {
 public:
  /// Appends the frame of a whole object.
  Status append(std::string& out, const GenericRegistry& registry, const Resource& resource,
                const ObjectEvent& event, MediaType mediaType);
  /// The object of an event as the client is to see it: a deleted one with the revision at which
  /// it went.
  static Result<api::ConstObject> objectOf(const GenericRegistry& registry,
                                           const ObjectEvent& event);
  static std::string_view typeOf(const ObjectEvent& event);

 private:
  struct Slot {
    storage::CacheEventPtr source;
    storage::CacheEvent::Type type{};
    const Resource* resource = nullptr;
    MediaType mediaType{};
    std::shared_ptr<const std::string> frame;
  };
  std::array<Slot, 64> slots_;
};

}  // namespace coxswain::apiserver
