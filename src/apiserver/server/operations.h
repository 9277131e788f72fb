#pragma once

#include <string>

#include "apiserver/generic/admission.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/patching.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// How a path below a collection shows and takes the stored object.
struct Endpoint {
  enum class Part : uint8_t {
    Whole,   ///< the object
    Status,  ///< the object, of which status changes
    Scale,   ///< autoscaling/v1 Scale
    Fields,  ///< the object, changed by a strategy of its own (finalize, resize)
  };
  Part part = Part::Whole;
  BodyKind body;
  const Strategy* strategy = nullptr;  ///< of Fields; else the kind's

  /// `subresource` is empty, or one that the server does itself.
  static Endpoint of(const Resource& resource, std::string_view subresource);
  /// Does the server itself do this subresource (no handler needed)?
  static bool serves(const Resource& resource, std::string_view subresource);
};

/// The verbs on resources, past HTTP and codecs: what both the HTTP handlers and the client within
/// this process call. The context says who, what and where (user, info, resource, registry, dryRun,
/// fieldManager); authorization is done. Warnings are added to it. One executor; the context
/// outlives the task.
class Operations {
 public:
  /// `admission` may be null; outlives this.
  explicit Operations(Admission* admission) : admission_(admission) {}

  struct Written {
    api::ConstObject object;  ///< as the endpoint shows it
    bool created = false;
  };

  /// As the endpoint shows it.
  Result<api::ConstObject> get(const RequestContext& context) const;
  /// `object` is decoded, without defaults.
  Task<Result<Written>> create(RequestContext& context, api::Object object) const;
  Task<Result<Written>> update(RequestContext& context, api::Object object) const;
  /// Of Json, Merge and StrategicMerge.
  Task<Result<Written>> patch(RequestContext& context, Patch patch) const;
  /// Server-side apply: `body` (YAML or JSON) has the fields that `context.fieldManager` wants to
  /// own. Conflict where others own them, unless `force`.
  Task<Result<Written>> apply(RequestContext& context, std::string body, bool force,
                              FieldValidation validation = FieldValidation::Ignore) const;
  Task<Result<Deleted>> remove(RequestContext& context, DeleteRequest request) const;
  /// The objects as they were.
  Task<Result<ListAnswer>> removeCollection(RequestContext& context, ListRequest selection,
                                            DeleteRequest request) const;

 private:
  Task<Result<Written>> change(RequestContext& context, const Endpoint& endpoint,
                               GenericRegistry::UpdateRequest request,
                               const GenericRegistry::Transform& transform) const;
  Admission* admission_;
};

}  // namespace coxswain::apiserver
