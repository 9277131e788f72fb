#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta/time.h"
#include "api/names/field_error.h"
#include "api/reflect/info.h"
#include "api/select/fields.h"
#include "apiserver/registry/disabled_fields.h"

namespace coxswain::apiserver {

/// How a kind may be created and changed, as a row of shared/api/strategy.tsv.
struct StrategyTraits {
  bool allowCreateOnUpdate = false;
  bool allowUnconditionalUpdate = true;
  /// metadata.generation starts at 1 and grows whenever something but metadata and status changes.
  bool generation = false;
  /// DELETE leaves dependents alone unless it says otherwise.
  bool orphanByDefault = false;
  /// Fields that fieldSelector may name besides metadata.name and metadata.namespace.
  std::vector<std::string_view> fieldSelectors;
  /// Finalizers without a domain must be standard ones.
  bool standardFinalizers = true;
  /// Something of the kind's own keeps a deleted object (spec.finalizers of namespaces): see
  /// holdsDeleted.
  bool ownFinalizers = false;
  /// What POST, PUT and PATCH leave as it is, as paths: nobody owns it by them.
  std::vector<std::string_view> resets = {".status"};
  /// The same of /status.
  std::vector<std::string_view> statusResets = {".spec"};
  /// DELETE answers with the object, not with a Status.
  bool returnsDeleted = false;
  /// What makes generation grow besides. Never: it stays 1.
  enum class Grows : uint8_t { BySpec, ByLabels, ByAnnotations, Never } grows = Grows::BySpec;
};

/// Who writes, and when.
struct Requester {
  const std::string& name;
  const std::string& uid;
  const std::vector<std::string>& groups;
  const std::map<std::string, std::vector<std::string>>& extra;
  api::Time now;
};

/// What is particular to one kind: its defaults, rules and reset fields. Stateless and shared by
/// all requests; every method may run on any thread. The generic registry does the rest: metadata
/// (names, uid, generation, timestamps, finalizers; its checks as well), storage, selectors.
class Strategy {
 public:
  virtual ~Strategy() = default;
  [[nodiscard]] virtual const api::MessageInfo& info() const = 0;
  [[nodiscard]] virtual const StrategyTraits& traits() const = 0;

  /// Messages of the kind's name rule; `prefix` for generateName.
  [[nodiscard]] virtual std::vector<std::string> checkName(std::string_view name,
                                                           bool prefix) const = 0;
  /// While decoding a request or a stored object: fills in what is absent (defaults.tsv). Must be
  /// idempotent.
  virtual void setDefaults(void* object) const = 0;

  /// Before validation of a create: clears what a client may not set (status...).
  virtual void prepareForCreate(void* object) const = 0;
  virtual void validate(const void* object, api::FieldErrors& errors) const = 0;
  /// Before validation of an update: restores what this endpoint may not change.
  virtual void prepareForUpdate(void* next, const void* current) const = 0;
  /// All rules of an update, those of the object alone included.
  virtual void validateUpdate(const void* next, const void* current,
                              api::FieldErrors& errors) const = 0;
  /// The same for PUT and PATCH of /status. Never called where the kind has no status.
  virtual void prepareForStatusUpdate(void* next, const void* current) const = 0;
  virtual void validateStatusUpdate(const void* next, const void* current,
                                    api::FieldErrors& errors) const = 0;
  /// After prepareFor...: what depends on who writes, and when. `current` null: a create. Not
  /// called for writes of the server itself.
  virtual void stamp(void* next, const void* current, const Requester& requester) const {}
  /// Warning headers for a create (current null) or update.
  virtual void warnings(const void* next, const void* current,
                        std::vector<std::string>& out) const = 0;
  /// The values of traits().fieldSelectors.
  virtual void selectableFields(const void* object, api::FieldSet& out) const = 0;

  /// Seconds for which a deletion waits for someone else to end the object (`requested`: what the
  /// client asked for). Nullopt: the kind knows no graceful deletion.
  [[nodiscard]] virtual std::optional<int64_t> gracePeriod(const void* object,
                                                           std::optional<int64_t> requested) const {
    return std::nullopt;
  }
  /// Whether an object that is to be deleted stays for the kind's own reasons.
  [[nodiscard]] virtual bool holdsDeleted(const void* object) const { return false; }
  /// Once the object has its deletionTimestamp.
  virtual void beginDeletion(void* object) const {}
};

/// Strategy of a generated struct: derive from this, override what the kind needs. Defaults: no
/// defaults, no rules, DNS-1123 subdomain names, and updates that keep the current status where T
/// has one.
template <typename T>
class TypedStrategy : public Strategy {
 public:
  explicit TypedStrategy(StrategyTraits traits) : traits_(std::move(traits)) {}
  [[nodiscard]] const api::MessageInfo& info() const final { return T::info(); }
  [[nodiscard]] const StrategyTraits& traits() const final { return traits_; }
  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override;

  void setDefaults(void* o) const final { defaults(*static_cast<T*>(o)); }
  void prepareForCreate(void* o) const final {
    if constexpr (requires(T & t) { t.status = {}; }) {
      if (resetsStatus()) static_cast<T*>(o)->status = {};
    }
    beforeCreate(*static_cast<T*>(o));
    dropDisabledFields(T::info(), o, nullptr);
  }
  void validate(const void* o, api::FieldErrors& e) const final {
    check(*static_cast<const T*>(o), e);
  }
  void prepareForUpdate(void* n, const void* c) const final {
    auto& next = *static_cast<T*>(n);
    const auto& current = *static_cast<const T*>(c);
    if constexpr (requires(T & t) { t.status = {}; }) {
      if (resetsStatus()) next.status = current.status;
    }
    beforeUpdate(next, current);
    dropDisabledFields(T::info(), n, c);
  }
  void validateUpdate(const void* n, const void* c, api::FieldErrors& e) const final {
    checkUpdate(*static_cast<const T*>(n), *static_cast<const T*>(c), e);
  }
  void prepareForStatusUpdate(void* n, const void* c) const final {
    auto& next = *static_cast<T*>(n);
    const auto& current = *static_cast<const T*>(c);
    if constexpr (requires(T & t) { t.spec = t.spec; }) next.spec = current.spec;
    beforeStatusUpdate(next, current);
    dropDisabledFields(T::info(), n, c);
  }
  void validateStatusUpdate(const void* n, const void* c, api::FieldErrors& e) const final {
    checkStatusUpdate(*static_cast<const T*>(n), *static_cast<const T*>(c), e);
  }
  void warnings(const void* n, const void* c, std::vector<std::string>& out) const final {
    warn(*static_cast<const T*>(n), static_cast<const T*>(c), out);
  }
  void selectableFields(const void* o, api::FieldSet& out) const final {
    fields(*static_cast<const T*>(o), out);
  }

 protected:
  [[nodiscard]] virtual bool resetsStatus() const { return true; }
  virtual void defaults(T& object) const {}
  virtual void beforeCreate(T& object) const {}
  virtual void check(const T& object, api::FieldErrors& errors) const {}
  virtual void beforeUpdate(T& next, const T& current) const {}
  virtual void checkUpdate(const T& next, const T& current, api::FieldErrors& errors) const {
    check(next, errors);
  }
  virtual void beforeStatusUpdate(T& next, const T& current) const {}
  virtual void checkStatusUpdate(const T& next, const T& current, api::FieldErrors& errors) const {}
  virtual void warn(const T& next, const T* current, std::vector<std::string>& out) const {}
  virtual void fields(const T& object, api::FieldSet& out) const {}

 private:
  StrategyTraits traits_;
};

/// The default name rule: a DNS-1123 subdomain.
std::vector<std::string> subdomainNameRule(std::string_view name, bool prefix);

template <typename T>
std::vector<std::string> TypedStrategy<T>::checkName(std::string_view name, bool prefix) const {
  return subdomainNameRule(name, prefix);
}

}  // namespace coxswain::apiserver
