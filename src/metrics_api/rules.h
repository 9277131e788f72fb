#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/select/labels.h"
#include "base/result.h"
#include "metrics_api/query_template.h"

namespace re2 {
class RE2;
}

namespace coxswain::metrics_api {

/// A resource as a rule names it: {group: "apps", resource: "deployment"}; one or many.
struct NamedResource {
  std::string group;
  std::string resource;
  auto operator<=>(const NamedResource&) const = default;
};

/// A resource as the API serves it.
struct KnownResource {
  std::string group;
  std::string version;
  std::string plural;
  std::string singular;
  std::string kind;
  bool namespaced = true;
};

/// What a query asks for: series of one metric, by labels.
struct QueryWanted {
  std::string series;
  std::string ns;  ///< empty: no namespace is asked for
  KnownResource resource;
  std::vector<std::string> names;  ///< of the resource; none: no resource is asked for
  api::LabelSelector selector;     ///< of the metric's own labels
};

/// One way from series of Prometheus to metrics: a rule of prometheus-adapter's configuration.
/// Immutable; any thread.
class Rule {
 public:
  Rule();
  ~Rule();
  Rule(Rule&&) noexcept;

  std::string seriesQuery;
  bool namespaced = true;  ///< external metrics: the query asks for the namespace

  /// The metric's name; nothing: the series is filtered out.
  [[nodiscard]] std::optional<std::string> metricOf(const std::string& series) const;
  /// The resource that a label names; nothing: none.
  [[nodiscard]] std::optional<NamedResource> resourceOf(std::string_view label) const;
  /// The label that names `resource`. BadRequest: there is none.
  [[nodiscard]] Result<std::string> labelOf(const KnownResource& resource) const;
  /// PromQL. BadRequest for selectors that it cannot say.
  [[nodiscard]] Result<std::string> query(const QueryWanted& wanted) const;

 private:
  friend class RuleReader;
  struct Filter {
    std::unique_ptr<re2::RE2> pattern;
    bool wanted = true;
  };
  std::vector<Filter> filters_;
  std::unique_ptr<re2::RE2> nameMatches_;
  std::string nameAs_;
  std::map<std::string, NamedResource, std::less<>> overrides_;  ///< by label
  QueryTemplate labelTemplate_;                                  ///< empty: there is none
  std::unique_ptr<re2::RE2> labelPattern_;
  QueryTemplate metricsQuery_;
};

/// Core's namespaces.
const KnownResource& namespaceResource();

struct RuleSet {
  std::vector<Rule> rules;          ///< of custom metrics
  std::vector<Rule> externalRules;  ///< of external ones
};

/// The file of prometheus-adapter's --config: rules, externalRules. (resourceRules are refused:
/// kubelets are read.) BadRequest, with the place.
Result<RuleSet> parseRules(std::string_view yaml);

}  // namespace coxswain::metrics_api
