#include "scheduler/cache/pod_affinity.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"

namespace coxswain::scheduler {

namespace {

AffinityTerm compile(const std::string& ns, const api::core::v1::PodAffinityTerm& term,
                     int32_t weight, bool& invalid) {
  AffinityTerm out;
  auto selector = api::LabelSelector::from(term.labelSelector.get());
  if (selector.ok()) {
    out.selector = std::move(*selector);
  } else {
    out.selector = api::LabelSelector::nothing();
    invalid = true;
  }
  auto namespaces = api::LabelSelector::from(term.namespaceSelector.get());
  if (namespaces.ok()) {
    out.namespaceSelector = std::move(*namespaces);
  } else {
    invalid = true;
  }
  out.namespaces = term.namespaces;
  // Neither list nor selector: the pod's own namespace.
  if (term.namespaces.empty() && !term.namespaceSelector) out.namespaces.push_back(ns);
  out.topologyKey = term.topologyKey;
  out.weight = weight;
  out.computeHash();
  return out;
}

}  // namespace

AffinityTerm AffinityTerm::of(api::LabelSelector selector, std::string ns) {
  AffinityTerm out;
  out.selector = std::move(selector);
  out.namespaces.push_back(std::move(ns));
  out.computeHash();
  return out;
}

void AffinityTerm::computeHash() {
  const auto hashOf = [](const api::LabelSelector& of) {
    size_t sum = of.isNothing() ? 1 : 2;
    for (const auto& requirement : of.requirements()) {
      sum = sum * 31 + std::hash<std::string>()(requirement.key());
      for (const auto& value : requirement.values())
        sum = sum * 31 + std::hash<std::string>()(value);
    }
    return sum;
  };
  hash = hashOf(selector) * 31 + hashOf(namespaceSelector);
  for (const auto& ns : namespaces) hash = hash * 31 + std::hash<std::string>()(ns);
}

bool AffinityTerm::matches(const api::meta::v1::ObjectMeta& pod,
                           const api::Labels* namespaceLabels) const {
  const bool inNamespace =
      std::find(namespaces.begin(), namespaces.end(), pod.namespace_) != namespaces.end() ||
      (namespaceLabels != nullptr ? namespaceSelector.matches(*namespaceLabels)
                                  : namespaceSelector.isEverything());
  return inNamespace && selector.matches(pod.labels);
}

std::unique_ptr<const PodAffinityTerms> PodAffinityTerms::of(const api::core::v1::PodSpec& spec,
                                                             const std::string& ns) {
  const auto& affinity = spec.affinity;
  if (!affinity || (!affinity->podAffinity && !affinity->podAntiAffinity)) return nullptr;
  auto out = std::make_unique<PodAffinityTerms>();
  const auto take = [&](const auto& from, std::vector<AffinityTerm>& required,
                        std::vector<AffinityTerm>& preferred) {
    if (!from) return;
    for (const auto& term : from->requiredDuringSchedulingIgnoredDuringExecution)
      required.push_back(compile(ns, term, 0, out->invalid));
    for (const auto& term : from->preferredDuringSchedulingIgnoredDuringExecution)
      preferred.push_back(compile(ns, term.podAffinityTerm, term.weight, out->invalid));
  };
  take(affinity->podAffinity, out->requiredAffinity, out->preferredAffinity);
  take(affinity->podAntiAffinity, out->requiredAntiAffinity, out->preferredAntiAffinity);
  return out;
}

}  // namespace coxswain::scheduler
