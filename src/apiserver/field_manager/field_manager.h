#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "api/reflect/object.h"
#include "apiserver/field_manager/field_tree.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// Who writes.
struct Writer {
  std::string manager;      ///< fieldManager, or what the User-Agent begins with
  std::string subresource;  ///< "status"; empty: the object itself
  /// In which conflicts are told ("autoscaling/v1" of a scale); empty: that of each manager.
  std::string shownVersion = {};
};

/// The manager that a request means: what it names, else the program's name in its User-Agent.
std::string managerName(std::string_view fieldManager, std::string_view userAgent);

/// Another API version of the same kind. Conversions fill a fresh object.
struct OtherVersion {
  std::string apiVersion;
  std::string kind;
  const api::MessageInfo* info = nullptr;
  std::function<void(const void* ours, void* theirs)> fromOurs;
  std::function<void(const void* theirs, void* ours)> toOurs;
};

/// Keeps metadata.managedFields of one kind: who set which field. Any thread.
///
/// Upstream: structured-merge-diff v6 (merge/update.go, typed/) and
/// apimachinery/pkg/util/managedfields.
class FieldManager {
 public:
  /// `apiVersion` and `kind` as served. What managers of other versions own is compared in those;
  /// managers of versions that are not served lose what they own at the next change.
  FieldManager(const api::MessageInfo& info, std::string apiVersion, std::string kind,
               std::vector<OtherVersion> others = {});
  ~FieldManager();

  /// Of a create (`live` null), PUT or PATCH: fields that differ go over to the writer. `next` has
  /// what the client sent as its managedFields; afterwards those to be stored. `reset`: fields that
  /// the endpoint does not let its clients change.
  void update(const Writer& writer, const api::Object* live, api::Object& next,
              const FieldTree& reset, api::Time now) const;

  struct Applied {
    api::Object object;  ///< without defaults, with its managedFields
  };
  /// Server-side apply of `config` (JSON text, an object). `live` null: there is none yet. Conflict
  /// where other managers own what would change, unless `force`. A configuration that does not fit
  /// the schema is a 500 without a reason, as upstream answers. `reset` as for updates.
  Result<Applied> apply(const Writer& writer, const api::Object* live, std::string_view config,
                        bool force, const FieldTree& reset, api::Time now) const;
  /// A write that changed nothing but the times of managers, with all defaults filled in, has not
  /// happened: `next` gets the times of `live`.
  static void keepTimes(const api::Object& live, api::Object& next);

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace coxswain::apiserver
