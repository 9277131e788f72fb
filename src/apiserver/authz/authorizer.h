#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/generic/request_context.h"
#include "apiserver/generic/user_info.h"
#include "base/status.h"

namespace coxswain::apiserver {

/// What someone wants to do, as authorizers see it. `info.verb` is set for paths too ("get",
/// "post": the method in lower case).
struct Attributes {
  const UserInfo& user;
  const RequestInfo& info;
  std::string_view fieldSelector = {};  ///< of list, watch and deletecollection
};

enum class Decision : uint8_t { NoOpinion, Allow, Deny };

struct Verdict {
  Decision decision = Decision::NoOpinion;
  std::string reason = {};  ///< for people; may be empty
  [[nodiscard]] bool allowed() const { return decision == Decision::Allow; }
};

/// Says what users may do. Any thread; answers at once.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  [[nodiscard]] virtual Verdict authorize(const Attributes& attributes) const = 0;
};

/// Asks one after the other until one has an opinion. Reasons of those without are kept, one a
/// line.
class AuthorizerChain final : public Authorizer {
 public:
  void add(std::unique_ptr<Authorizer> authorizer) { links_.push_back(std::move(authorizer)); }
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;

 private:
  std::vector<std::unique_ptr<Authorizer>> links_;
};

/// Group system:masters may do everything.
class MastersAuthorizer final : public Authorizer {
 public:
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
};

/// The 403 for who may not: `pods "x" is forbidden: User "u" cannot get resource "pods" in API
/// group
/// "" in the namespace "ns": reason`.
Status forbiddenStatus(const Attributes& attributes, std::string_view reason);

}  // namespace coxswain::apiserver
