#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "apiserver/admission/plugin_times.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/generic/admission.h"
#include "apiserver/generic/generic_registry.h"
#include "base/status.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// What plugins look at besides the write. All outlive them.
struct AdmissionSources {
  /// Null: the resource is not served.
  std::function<GenericRegistry*(std::string_view group, std::string_view version,
                                 std::string_view plural)>
      registry;
  Random& random;
  Executor& executor;
  /// A config map of every namespace whose key service-ca.crt is among a pod's credentials, as
  /// OpenShift has it; empty: none.
  std::string serviceCaConfigMap = {};
  /// Whom plugins ask that go by rights; null: they are left out.
  const Authorizer* authorizer = nullptr;

  /// NotFound also where the resource is not served. `group` empty: core; version v1.
  [[nodiscard]] Result<api::ConstObject> get(std::string_view group, std::string_view plural,
                                             std::string_view ns, std::string_view name) const;
  /// Empty where the resource is not served.
  [[nodiscard]] Result<std::vector<api::ConstObject>> list(std::string_view group,
                                                           std::string_view plural,
                                                           std::string_view ns) const;
};

/// One collection that a plugin reads often: found once, and cheap where it has nothing.
class SourceCollection {
 public:
  /// `group` and `plural` are literals.
  SourceCollection(const AdmissionSources& sources, std::string_view group, std::string_view plural)
      : sources_(sources), group_(group), plural_(plural) {}
  /// Nothing in the namespace ("": anywhere), or not served.
  [[nodiscard]] bool empty(std::string_view ns) const;
  /// As those of AdmissionSources.
  [[nodiscard]] Result<api::ConstObject> get(std::string_view ns, std::string_view name) const;
  [[nodiscard]] Result<std::vector<api::ConstObject>> list(std::string_view ns) const;
  /// Null: it is not served.
  [[nodiscard]] GenericRegistry* registry() const;

 private:
  /// Valid until the next call.
  const std::string& key(std::string_view ns, std::string_view name) const;

  AdmissionSources sources_;
  std::string_view group_;
  std::string_view plural_;
  mutable GenericRegistry* registry_ = nullptr;
  mutable std::string key_;
};

/// One step of admission, which looks at some writes: may change what is written, or refuse it.
/// Answers at once, from what is stored, unless it `waits`. Stateless apart from its sources; one
/// executor.
class AdmissionPlugin {
 public:
  virtual ~AdmissionPlugin() = default;
  /// Upstream's: "NamespaceLifecycle".
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual bool handles(const RequestContext& request, WriteKind kind) const = 0;
  /// As Admission; called where `handles`.
  virtual Status admit(RequestContext& request, WriteKind kind, api::Object* object,
                       const api::Object* old) const {
    return {};
  }
  virtual Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                          const api::Object* old) const {
    return {};
  }

  /// It writes or asks others: the tasks are awaited instead of the calls above.
  [[nodiscard]] virtual bool waits() const { return false; }
  virtual Task<Status> admitLater(RequestContext& request, WriteKind kind, api::Object* object,
                                  const api::Object* old) const {
    co_return admit(request, kind, object, old);
  }
  virtual Task<Status> validateLater(RequestContext& request, WriteKind kind,
                                     const api::Object* object, const api::Object* old) const {
    co_return validate(request, kind, object, old);
  }
  /// How long it took so far.
  [[nodiscard]] PluginTimes& times() const { return times_; }

 private:
  mutable PluginTimes times_;
};

/// Is it about `resource` itself (not a subresource)?
bool isResource(const RequestContext& request, std::string_view group, std::string_view resource);

/// `pods "x" is forbidden: WHY`, of the object that is written.
Status refuse(const RequestContext& request, const api::Object* object, std::string_view why);

}  // namespace coxswain::apiserver
