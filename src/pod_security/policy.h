#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/names/field_error.h"
#include "api/reflect/map.h"

namespace coxswain::pod_security {

enum class Level : uint8_t { Privileged, Baseline, Restricted };  ///< by strictness

std::string_view levelName(Level level);
/// "privileged", "baseline", "restricted"; empty: none of them.
std::optional<Level> parseLevel(std::string_view text);

/// The minor release whose checks are meant: v1.25, or those of the newest release.
struct Version {
  static constexpr int kLatest = INT32_MAX;
  int minor = kLatest;

  bool operator==(const Version&) const = default;
  [[nodiscard]] std::string str() const;  ///< "latest", "v1.25"
};

/// "latest" or "v1.x"; empty: neither.
std::optional<Version> parseVersion(std::string_view text);

struct LevelVersion {
  Level level = Level::Privileged;
  Version version;

  bool operator==(const LevelVersion&) const = default;
  [[nodiscard]] std::string str() const;  ///< "restricted:latest"
};

/// What holds for the pods of a namespace.
struct Policy {
  LevelVersion enforce;
  LevelVersion audit;
  LevelVersion warn;

  bool operator==(const Policy&) const = default;
  [[nodiscard]] bool allPrivileged() const;
  /// "enforce=baseline:latest, warn=restricted:latest": what is more than privileged.
  [[nodiscard]] std::string str() const;
  /// The same for every pod (privileged is privileged in all versions).
  [[nodiscard]] bool sameAs(const Policy& other) const;
};

/// The policy of a namespace by its labels (pod-security.kubernetes.io/enforce, enforce-version,
/// audit...); what they do not say is as in `defaults`. Labels that cannot be read are told in
/// `errors` (null: nobody wants to know) and count as the strictest where pods are refused, as
/// privileged for audit and warnings; their versions as latest.
Policy policyOf(const api::Map<std::string>& labels, const Policy& defaults,
                api::FieldErrors* errors);

}  // namespace coxswain::pod_security
