#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "api/gen/audit_v1.h"
#include "base/result.h"

namespace coxswain::apiserver::audit {

/// How much of a request is told.
enum class Level : uint8_t { None, Metadata, Request, RequestResponse };
enum class Stage : uint8_t { RequestReceived, ResponseStarted, ResponseComplete, Panic };

std::string_view levelName(Level level);
std::string_view stageName(Stage stage);

/// What rules look at of a request. Views.
struct Subject {
  std::string_view user;
  std::span<const std::string> groups;
  std::string_view verb;
  bool isResource = false;
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  std::string_view ns;
  std::string_view name;
  std::string_view path;  ///< where it is no resource
};

/// What a policy says of one request.
struct Verdict {
  Level level = Level::None;
  uint8_t omittedStages = 0;  ///< a bit a stage
  bool omitManagedFields = false;
  [[nodiscard]] bool omits(Stage stage) const {
    return (omittedStages & (1U << static_cast<unsigned>(stage))) != 0;
  }
};

/// Which requests are audited, and how: audit.k8s.io/v1 Policy. The first rule that fits decides;
/// none: the request is not audited.
/// Upstream: staging/src/k8s.io/apiserver/pkg/audit/policy.
class Policy {
 public:
  /// YAML or JSON. BadRequest with the path of the field that is wrong, unknown fields included.
  static Result<Policy> parse(std::string_view text);

  [[nodiscard]] Verdict decide(const Subject& subject) const;

 private:
  api::audit::v1::Policy policy_;
};

}  // namespace coxswain::apiserver::audit
