#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/select/labels.h"

namespace coxswain::api {
namespace core::v1 {
struct PodAffinityTerm;
struct PodSpec;
}  // namespace core::v1
namespace meta::v1 {
struct ObjectMeta;
}
}  // namespace coxswain::api

namespace coxswain::scheduler {

/// One term of pod (anti-)affinity, ready to be matched.
struct AffinityTerm {
  api::LabelSelector selector;
  std::vector<std::string> namespaces;
  api::LabelSelector namespaceSelector = api::LabelSelector::nothing();
  std::string topologyKey;
  int32_t weight = 0;  ///< of preferred terms
  size_t hash = 0;     ///< of what decides which pods match

  /// The same pods match.
  [[nodiscard]] bool sameAs(const AffinityTerm& other) const {
    return hash == other.hash && selector == other.selector && namespaces == other.namespaces &&
           namespaceSelector == other.namespaceSelector;
  }
  /// Pods of one namespace; `hash` is set.
  static AffinityTerm of(api::LabelSelector selector, std::string ns);
  void computeHash();

  /// `namespaceLabels` null: unknown, so that a namespace selector matches only if it takes all.
  [[nodiscard]] bool matches(const api::meta::v1::ObjectMeta& pod,
                             const api::Labels* namespaceLabels) const;
};

struct PodAffinityTerms {
  std::vector<AffinityTerm> requiredAffinity;
  std::vector<AffinityTerm> requiredAntiAffinity;
  std::vector<AffinityTerm> preferredAffinity;
  std::vector<AffinityTerm> preferredAntiAffinity;
  /// A selector is not valid (the API server lets none through).
  bool invalid = false;

  /// Null where the pod asks for none.
  static std::unique_ptr<const PodAffinityTerms> of(const api::core::v1::PodSpec& spec,
                                                    const std::string& ns);
};

}  // namespace coxswain::scheduler
