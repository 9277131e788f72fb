#include "pod_security/policy.h"

#include <charconv>

namespace coxswain::pod_security {
namespace {

constexpr std::string_view kLevelRule = "must be one of privileged, baseline, restricted";
constexpr std::string_view kVersionRule = "must be \"latest\" or \"v1.x\"";

/// The two labels of one mode.
struct ModeLabels {
  std::string_view level;
  std::string_view version;
};
constexpr ModeLabels kEnforce{"pod-security.kubernetes.io/enforce",
                              "pod-security.kubernetes.io/enforce-version"};
constexpr ModeLabels kAudit{"pod-security.kubernetes.io/audit",
                            "pod-security.kubernetes.io/audit-version"};
constexpr ModeLabels kWarn{"pod-security.kubernetes.io/warn",
                           "pod-security.kubernetes.io/warn-version"};

void tell(api::FieldErrors* errors, std::string_view key, const std::string& value,
          std::string_view rule) {
  if (errors) errors->invalid(api::FieldPath("metadata").child("labels").key(key), value, rule);
}

void read(const api::Map<std::string>& labels, const ModeLabels& mode, Level whereInvalid,
          LevelVersion& out, api::FieldErrors* errors) {
  if (const auto* text = labels.get(mode.level)) {
    auto level = parseLevel(*text);
    if (!level) tell(errors, mode.level, *text, kLevelRule);
    out.level = level.value_or(whereInvalid);
  }
  if (const auto* text = labels.get(mode.version)) {
    auto version = parseVersion(*text);
    if (!version) tell(errors, mode.version, *text, kVersionRule);
    out.version = version.value_or(Version());
  }
}

bool sameFor(const LevelVersion& a, const LevelVersion& b) {
  return a == b || (a.level == Level::Privileged && b.level == Level::Privileged);
}

}  // namespace

std::string_view levelName(Level level) {
  constexpr std::string_view kNames[] = {"privileged", "baseline", "restricted"};
  return kNames[static_cast<size_t>(level)];
}

std::optional<Level> parseLevel(std::string_view text) {
  for (auto level : {Level::Privileged, Level::Baseline, Level::Restricted}) {
    if (text == levelName(level)) return level;
  }
  return std::nullopt;
}

std::string Version::str() const {
  return minor == kLatest ? "latest" : "v1." + std::to_string(minor);
}

std::optional<Version> parseVersion(std::string_view text) {
  if (text == "latest") return Version();
  if (!text.starts_with("v1.")) return std::nullopt;
  const auto digits = text.substr(3);
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  if (digits.front() == '-') return std::nullopt;
  Version version;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version.minor);
  const bool whole = end == digits.data() + digits.size();
  if (error != std::errc() || !whole || version.minor == Version::kLatest) return std::nullopt;
  return version;
}

std::string LevelVersion::str() const {
  return std::string(levelName(level)).append(":").append(version.str());
}

bool Policy::allPrivileged() const {
  return enforce.level == Level::Privileged && audit.level == Level::Privileged &&
         warn.level == Level::Privileged;
}

std::string Policy::str() const {
  std::string out;
  auto add = [&out](const char* mode, const LevelVersion& what) {
    if (what.level == Level::Privileged) return;
    out.append(out.empty() ? "" : ", ").append(mode).append("=").append(what.str());
  };
  add("enforce", enforce);
  add("audit", audit);
  add("warn", warn);
  return out;
}

bool Policy::sameAs(const Policy& other) const {
  return sameFor(enforce, other.enforce) && sameFor(audit, other.audit) &&
         sameFor(warn, other.warn);
}

Policy policyOf(const api::Map<std::string>& labels, const Policy& defaults,
                api::FieldErrors* errors) {
  Policy policy = defaults;
  if (labels.empty()) return policy;
  read(labels, kEnforce, Level::Restricted, policy.enforce, errors);
  read(labels, kAudit, Level::Privileged, policy.audit, errors);
  read(labels, kWarn, Level::Privileged, policy.warn, errors);
  return policy;
}

}  // namespace coxswain::pod_security
