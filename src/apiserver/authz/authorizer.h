#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/authz/rules.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/generic/user_info.h"
#include "base/status.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// What someone wants to do, as authorizers see it. `info.verb` is set for paths too ("get",
/// "post": the method in lower case).
struct Attributes {
  const UserInfo& user;
  const RequestInfo& info;
  std::string_view fieldSelector = {};  ///< of list, watch and deletecollection
  std::string_view labelSelector = {};  ///<
  bool explain = false;                 ///< the reason of an Allow is wanted too
  bool ofPath = true;                   ///< a request; false: what a review asks for

  /// The object it is about; of list, watch and deletecollection that which the field selector
  /// names by metadata.name. Empty: none in particular.
  [[nodiscard]] std::string_view name() const;
  /// The namespace it is in. By its path (/api/v1/namespaces/NS) a namespace is in itself, so that
  /// roles of a namespace may speak of it.
  [[nodiscard]] std::string_view ns() const {
    const bool itself = ofPath && info.ns.empty() && info.isResource && info.group.empty() &&
                        info.resource == "namespaces";
    return itself ? info.name : info.ns;
  }
};

/// Ask: the answer is not known here and now; `ask` gets it.
enum class Decision : uint8_t { NoOpinion, Allow, Deny, Ask };

struct Verdict {
  Decision decision = Decision::NoOpinion;
  std::string reason = {};  ///< for people; may be empty
  /// Somebody who was asked gave no answer, as this says; empty: none. Only without an opinion.
  std::string failure = {};
  [[nodiscard]] bool allowed() const { return decision == Decision::Allow; }
};

/// Says what users may do. One executor.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  /// Answers at once; Ask where that cannot be.
  [[nodiscard]] virtual Verdict authorize(const Attributes& attributes) const = 0;
  /// Never Ask. What the attributes refer to outlives the task.
  virtual Task<Verdict> ask(Attributes attributes, std::stop_token stop) const;
};

/// `authorize`, and `ask` where it must be.
Task<Verdict> authorizeOrAsk(const Authorizer& authorizer, Attributes attributes,
                             std::stop_token stop);

/// Asks one after the other until one has an opinion. Reasons of those without are kept, one a
/// line.
class AuthorizerChain final : public Authorizer {
 public:
  void add(std::unique_ptr<Authorizer> authorizer) {
    links_.push_back(authorizer.get());
    owned_.push_back(std::move(authorizer));
  }
  /// One that outlives the chain.
  void add(const Authorizer& authorizer) { links_.push_back(&authorizer); }
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  Task<Verdict> ask(Attributes attributes, std::stop_token stop) const override;

 private:
  std::vector<const Authorizer*> links_;
  std::vector<std::unique_ptr<Authorizer>> owned_;
};

/// Group system:masters may do everything.
class MastersAuthorizer final : public Authorizer {
 public:
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
};

/// Modes AlwaysAllow and AlwaysDeny: everybody may do everything; nobody anything.
class AlwaysAuthorizer final : public Authorizer, public RuleSource {
 public:
  explicit AlwaysAuthorizer(bool allow) : allow_(allow) {}
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  void appendRules(const UserInfo& user, std::string_view ns, RulesAnswer& to) const override;

 private:
  const bool allow_;
};

/// What a request is answered that was not allowed: the 403, or a 500 where somebody gave no
/// answer.
Status refusal(const Attributes& attributes, const Verdict& verdict);
/// The 403 for who may not: `pods "x" is forbidden: User "u" cannot get resource "pods" in API
/// group "" in the namespace "ns": reason`.
Status forbiddenStatus(const Attributes& attributes, std::string_view reason);

}  // namespace coxswain::apiserver
