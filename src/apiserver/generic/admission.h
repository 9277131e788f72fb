#pragma once

#include "api/reflect/object.h"
#include "apiserver/generic/request_context.h"
#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// What admission sees of one write besides the request itself.
enum class WriteKind : uint8_t { Create, Update, Delete, Connect };

/// Admission of writes: may change an object on its way to the store, or refuse it. Called for each
/// object of a deletecollection; on an update again for each attempt where others were faster (so
/// it must be repeatable). A PUT that creates comes as Create.
///
/// `object` is the object as it will be (null: Delete, Connect without a body); `old` what is
/// stored (null: Create, Connect). Both in the form in which they are stored. Of subresources with
/// a body of their own (binding, eviction, token) that body is `object`. Runs on the server's
/// executor.
class Admission {
 public:
  virtual ~Admission() = default;
  /// Before validation. May change `object` and add to `request.warnings`.
  virtual Task<Status> admit(RequestContext& request, WriteKind kind, api::Object* object,
                             const api::Object* old) = 0;
  /// After validation, right before the store.
  virtual Task<Status> validate(RequestContext& request, WriteKind kind, const api::Object* object,
                                const api::Object* old) = 0;
};

/// Admission bound to its request: what the registry calls.
class WriteAdmission {
 public:
  WriteAdmission(Admission* admission, RequestContext& request)
      : admission_(admission), request_(request) {}

  Task<Status> admit(WriteKind kind, api::Object* object, const api::Object* old) {
    if (!admission_) co_return Status();
    co_return co_await admission_->admit(request_, kind, object, old);
  }
  Task<Status> validate(WriteKind kind, const api::Object* object, const api::Object* old) {
    if (!admission_) co_return Status();
    co_return co_await admission_->validate(request_, kind, object, old);
  }

  [[nodiscard]] RequestContext& request() { return request_; }

 private:
  Admission* admission_;
  RequestContext& request_;
};

}  // namespace coxswain::apiserver
