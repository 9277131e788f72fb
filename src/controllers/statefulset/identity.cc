#include <algorithm>
#include <charconv>

#include "api/gen/meta_v1.h"
#include "controllers/framework/history.h"
#include "controllers/statefulset/decide.h"

namespace coxswain::controllers::statefulset {

using api::apps::v1::StatefulSet;
using api::core::v1::Pod;
using api::core::v1::Volume;

namespace {

constexpr std::string_view kNameLabel = "statefulset.kubernetes.io/pod-name";
constexpr std::string_view kIndexLabel = "apps.kubernetes.io/pod-index";

void setStorage(const StatefulSet& set, int32_t ordinal, Pod& pod) {
  std::vector<Volume> volumes;
  for (const auto& claim : set.spec.volumeClaimTemplates) {
    Volume volume;
    volume.name = claim.metadata.name;
    auto& source = volume.volumeSource.persistentVolumeClaim.getOrCreate();
    source.claimName = claimName(claim.metadata.name, set.metadata.name, ordinal);
    volumes.push_back(std::move(volume));
  }
  const size_t claims = volumes.size();
  for (auto& volume : pod.spec.volumes) {
    const bool replaced =
        std::any_of(volumes.begin(), volumes.begin() + static_cast<std::ptrdiff_t>(claims),
                    [&volume](const Volume& claim) { return claim.name == volume.name; });
    if (!replaced) volumes.push_back(std::move(volume));
  }
  pod.spec.volumes = std::move(volumes);
}

void setIdentity(const StatefulSet& set, int32_t ordinal, Pod& pod) {
  pod.metadata.name = set.metadata.name + "-" + std::to_string(ordinal);
  pod.metadata.namespace_ = set.metadata.namespace_;
  pod.metadata.labels[kNameLabel] = pod.metadata.name;
  pod.metadata.labels[kIndexLabel] = std::to_string(ordinal);
}

bool hasLabel(const Pod& pod, std::string_view name, std::string_view value) {
  const auto* known = pod.metadata.labels.get(name);
  return known != nullptr && *known == value;
}

bool hasClaim(const Pod& pod, const std::string& volume, const std::string& claim) {
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [&](const Volume& v) {
    const auto& source = v.volumeSource.persistentVolumeClaim;
    return v.name == volume && source && source->claimName == claim;
  });
}

}  // namespace

std::optional<int32_t> ordinalOf(const std::string& set, const std::string& pod) {
  if (pod.size() <= set.size() + 1 || !pod.starts_with(set) || pod[set.size()] != '-') {
    return std::nullopt;
  }
  const char* begin = pod.data() + set.size() + 1;
  const char* end = pod.data() + pod.size();
  int32_t ordinal = 0;
  auto read = std::from_chars(begin, end, ordinal);
  if (read.ec != std::errc() || read.ptr != end || ordinal < 0) return std::nullopt;
  return ordinal;
}

std::string claimName(const std::string& claimTemplate, const std::string& set, int32_t ordinal) {
  return claimTemplate + "-" + set + "-" + std::to_string(ordinal);
}

Range ordinalsOf(const StatefulSet& set) {
  const int32_t begin = set.spec.ordinals ? set.spec.ordinals->start : 0;
  return {begin, begin + std::max(0, set.spec.replicas.value_or(1))};
}

void shapePod(const StatefulSet& set, int32_t ordinal, const std::string& revision, Pod& pod) {
  setIdentity(set, ordinal, pod);
  pod.metadata.labels[kRevisionLabel] = revision;
  pod.spec.hostname = pod.metadata.name;
  pod.spec.subdomain = set.spec.serviceName;
  setStorage(set, ordinal, pod);
}

std::optional<Pod> repaired(const StatefulSet& set, const Pod& pod) {
  const auto ordinal = ordinalOf(set.metadata.name, pod.metadata.name);
  if (!ordinal) return std::nullopt;
  const bool identified = hasLabel(pod, kNameLabel, pod.metadata.name) &&
                          hasLabel(pod, kIndexLabel, std::to_string(*ordinal));
  const auto& patterns = set.spec.volumeClaimTemplates;
  const bool stored = std::all_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
    const auto& name = pattern.metadata.name;
    return hasClaim(pod, name, claimName(name, set.metadata.name, *ordinal));
  });
  if (identified && stored) return std::nullopt;
  Pod next = pod;
  setIdentity(set, *ordinal, next);
  if (!stored) setStorage(set, *ordinal, next);
  return next;
}

}  // namespace coxswain::controllers::statefulset
