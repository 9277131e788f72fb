#include "metrics_api/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "api/yaml/yaml.h"

namespace coxswain::metrics_api {
namespace {

using boost::json::object;
using boost::json::value;

Result<std::unique_ptr<RE2>> compile(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  auto out = std::make_unique<RE2>(pattern, options);
  if (!out->ok()) return badRequest("regular expression \"" + pattern + "\": " + out->error());
  return out;
}

/// In double quotes, as PromQL reads them.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

std::string joined(const std::vector<std::string>& parts, const char* separator) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : separator) + part;
  return out;
}

bool isWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// "$1", "${1}_total", "$name", "$$" of Go's regexp.Expand.
std::string expandGroups(const RE2& pattern, std::string_view text,
                         const std::vector<re2::StringPiece>& groups) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '$' || text.size() == 1) {
      out.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(1);
    if (text.front() == '$') {
      out.push_back('$');
      text.remove_prefix(1);
      continue;
    }
    const bool braces = text.front() == '{';
    if (braces) text.remove_prefix(1);
    size_t length = 0;
    while (length < text.size() && isWord(text[length])) ++length;
    const auto name = text.substr(0, length);
    text.remove_prefix(length);
    if (braces && text.starts_with('}')) text.remove_prefix(1);
    size_t number = groups.size();
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) {
      const auto& named = pattern.NamedCapturingGroups();
      const auto found = named.find(std::string(name));
      number = found == named.end() ? groups.size() : static_cast<size_t>(found->second);
    }
    if (number < groups.size()) out.append(groups[number].data(), groups[number].size());
  }
  return out;
}

/// `label="a"`, `label=~"a|b"`, with `not` turned round.
std::string matcher(const std::string& label, const std::vector<std::string>& values,
                    bool negated) {
  const char* one = negated ? "!=" : "=";
  const char* many = negated ? "!~" : "=~";
  return label + (values.size() > 1 ? many : one) + quoted(joined(values, "|"));
}

Result<std::string> matcherOf(const api::LabelRequirement& requirement) {
  using Op = api::LabelRequirement::Op;
  switch (requirement.op()) {
    case Op::Equals:
    case Op::DoubleEquals:
    case Op::In:
      return matcher(requirement.key(), requirement.values(), false);
    case Op::NotEquals:
    case Op::NotIn:
      return matcher(requirement.key(), requirement.values(), true);
    case Op::Exists:
      return matcher(requirement.key(), {""}, true);
    case Op::DoesNotExist:
      return matcher(requirement.key(), {""}, false);
    case Op::GreaterThan:
    case Op::LessThan:
      break;
  }
  return badRequest("label " + requirement.key() + ": \"<\" and \">\" cannot be asked for");
}

std::string groupWord(std::string group) {
  std::ranges::replace(group, '.', '_');
  return group;
}

}  // namespace

const KnownResource& namespaceResource() {
  static const KnownResource kNamespaces{"", "v1", "namespaces", "namespace", "Namespace", false};
  return kNamespaces;
}

Rule::Rule() = default;
Rule::~Rule() = default;
Rule::Rule(Rule&&) noexcept = default;

std::optional<std::string> Rule::metricOf(const std::string& series) const {
  for (const auto& filter : filters_) {
    if (RE2::PartialMatch(series, *filter.pattern) != filter.wanted) return std::nullopt;
  }
  std::vector<re2::StringPiece> groups(
      static_cast<size_t>(nameMatches_->NumberOfCapturingGroups()) + 1);
  if (!nameMatches_->Match(series, 0, series.size(), RE2::UNANCHORED, groups.data(),
                           static_cast<int>(groups.size()))) {
    return std::nullopt;
  }
  return expandGroups(*nameMatches_, nameAs_, groups);
}

std::optional<NamedResource> Rule::resourceOf(std::string_view label) const {
  if (const auto found = overrides_.find(label); found != overrides_.end()) return found->second;
  if (!labelPattern_) return std::nullopt;
  NamedResource out;
  const std::string text(label);
  std::string first;
  std::string second;
  const auto& places = labelTemplate_.places();
  if (places.size() == 1) {
    if (!RE2::FullMatch(text, *labelPattern_, &out.resource)) return std::nullopt;
    return out;
  }
  if (!RE2::FullMatch(text, *labelPattern_, &first, &second)) return std::nullopt;
  const bool groupFirst = places.front().field == "Group";
  out.group = groupFirst ? std::move(first) : std::move(second);
  out.resource = groupFirst ? std::move(second) : std::move(first);
  return out;
}

Result<std::string> Rule::labelOf(const KnownResource& resource) const {
  for (const auto& [label, named] : overrides_) {
    const bool same = named.resource == resource.singular || named.resource == resource.plural;
    if (same && (named.group.empty() || named.group == resource.group)) return label;
  }
  if (labelTemplate_.empty()) {
    return badRequest("no label of this metric names a " + resource.singular);
  }
  return labelTemplate_.expand([&resource](const QueryTemplate::Place& place) {
    return place.field == "Group" ? groupWord(resource.group) : resource.singular;
  });
}

Result<std::string> Rule::query(const QueryWanted& wanted) const {
  std::vector<std::string> matchers;
  std::map<std::string, std::string> values;
  std::string groupBy;
  for (const auto& requirement : wanted.selector.requirements()) {
    TRY(auto text, matcherOf(requirement));
    matchers.push_back(std::move(text));
    values[requirement.key()] = joined(requirement.values(), "|");
  }
  if (!wanted.ns.empty()) {
    TRY(const auto label, labelOf(namespaceResource()));
    matchers.push_back(matcher(label, {wanted.ns}, false));
    values[label] = wanted.ns;
  }
  if (!wanted.names.empty()) {
    TRY(groupBy, labelOf(wanted.resource));
    matchers.push_back(matcher(groupBy, wanted.names, false));
    values[groupBy] = joined(wanted.names, "|");
  }
  return metricsQuery_.expand([&](const QueryTemplate::Place& place) -> std::string {
    if (place.field == "Series") return wanted.series;
    if (place.field == "LabelMatchers") return joined(matchers, ",");
    if (place.field == "GroupBy") return groupBy;
    if (place.field == "GroupBySlice") return place.key == "0" ? groupBy : "";
    const auto found = values.find(place.key);
    return found == values.end() ? "" : found->second;
  });
}

/// Walks the file.
class RuleReader {
 public:
  static Result<Rule> read(const object& from) {
    Rule out;
    TRY_STATUS(
        checkKnown(from, {"seriesQuery", "seriesFilters", "resources", "name", "metricsQuery"}));
    TRY(out.seriesQuery, text(from, "seriesQuery"));
    if (out.seriesQuery.empty()) return badRequest("seriesQuery: must be given");
    TRY_STATUS(readFilters(from, out));
    TRY_STATUS(readName(from, out));
    TRY_STATUS(readResources(from, out));
    TRY(const auto query, text(from, "metricsQuery"));
    if (query.empty()) return badRequest("metricsQuery: must be given");
    auto parsed = QueryTemplate::parse(
        query, {"Series", "LabelMatchers", "GroupBy", "GroupBySlice.", "LabelValuesByName."});
    if (!parsed.ok()) return parsed.status().withContext("metricsQuery");
    out.metricsQuery_ = std::move(*parsed);
    return out;
  }

 private:
  static Status checkKnown(const object& from, std::initializer_list<std::string_view> known) {
    for (const auto& each : from) {
      const std::string_view key = each.key();
      if (std::ranges::find(known, key) == known.end()) {
        return badRequest("unknown field \"" + std::string(key) + "\"");
      }
    }
    return {};
  }

  static Result<std::string> text(const object& from, const char* name) {
    const auto* found = from.if_contains(name);
    if (!found || found->is_null()) return std::string();
    if (!found->is_string()) return badRequest(std::string(name) + ": must be text");
    return std::string(found->as_string());
  }

  static Result<const object*> members(const object& from, const char* name) {
    static const object kNone;
    const auto* found = from.if_contains(name);
    if (!found || found->is_null()) return &kNone;
    if (!found->is_object()) return badRequest(std::string(name) + ": must be an object");
    return &found->get_object();
  }

  static Status readFilters(const object& from, Rule& out) {
    const auto* list = from.if_contains("seriesFilters");
    if (!list || list->is_null()) return {};
    if (!list->is_array()) return badRequest("seriesFilters: must be a list");
    for (const auto& each : list->get_array()) {
      if (!each.is_object()) return badRequest("seriesFilters: must be objects");
      TRY(auto is, text(each.get_object(), "is"));
      TRY(auto isNot, text(each.get_object(), "isNot"));
      if (is.empty() == isNot.empty()) return badRequest("seriesFilters: one of is and isNot");
      Rule::Filter filter;
      filter.wanted = !is.empty();
      TRY(filter.pattern, compile(is.empty() ? isNot : is));
      out.filters_.push_back(std::move(filter));
    }
    return {};
  }

  static Status readName(const object& from, Rule& out) {
    TRY(const auto* name, members(from, "name"));
    TRY_STATUS(checkKnown(*name, {"matches", "as"}));
    TRY(auto matches, text(*name, "matches"));
    TRY(out.nameAs_, text(*name, "as"));
    TRY(out.nameMatches_, compile(matches.empty() ? ".*" : matches));
    if (!out.nameAs_.empty()) return {};
    const int groups = out.nameMatches_->NumberOfCapturingGroups();
    if (groups > 1) {
      return badRequest("must specify an \"as\" value for name matcher \"" + matches + "\"");
    }
    out.nameAs_ = groups == 0 ? "$0" : "$1";
    return {};
  }

  static Status readResources(const object& from, Rule& out) {
    TRY(const auto* resources, members(from, "resources"));
    TRY_STATUS(checkKnown(*resources, {"namespaced", "overrides", "template"}));
    if (const auto* flag = resources->if_contains("namespaced"); flag && !flag->is_null()) {
      if (!flag->is_bool()) return badRequest("resources.namespaced: must be true or false");
      out.namespaced = flag->get_bool();
    }
    TRY(const auto* overrides, members(*resources, "overrides"));
    for (const auto& [label, named] : *overrides) {
      if (!named.is_object()) return badRequest("resources.overrides: must be objects");
      NamedResource resource;
      TRY(resource.group, text(named.get_object(), "group"));
      TRY(resource.resource, text(named.get_object(), "resource"));
      if (resource.resource.empty()) return badRequest("resources.overrides: without resource");
      out.overrides_.emplace(std::string(label), std::move(resource));
    }
    TRY(const auto text_, text(*resources, "template"));
    if (text_.empty()) return {};
    auto parsed = QueryTemplate::parse(text_, {"Group", "Resource"});
    if (!parsed.ok()) return parsed.status().withContext("resources.template");
    return readTemplate(std::move(*parsed), out);
  }

  static Status readTemplate(QueryTemplate parsed, Rule& out) {
    const auto& places = parsed.places();
    const auto resources = std::ranges::count(places, "Resource", &QueryTemplate::Place::field);
    if (resources != 1 || places.size() > 2) {
      return badRequest("resources.template: must have <<.Resource>> once");
    }
    std::string pattern;
    for (size_t i = 0; i < parsed.pieces().size(); ++i) {
      pattern += RE2::QuoteMeta(parsed.pieces()[i]);
      if (i < places.size()) pattern += places[i].field == "Group" ? "(.+?)" : "(.+)";
    }
    TRY(out.labelPattern_, compile(pattern));
    out.labelTemplate_ = std::move(parsed);
    return {};
  }
};

namespace {

Status readList(const object& from, const char* name, std::vector<Rule>& into) {
  const auto* list = from.if_contains(name);
  if (!list || list->is_null()) return {};
  if (!list->is_array()) return badRequest(std::string(name) + ": must be a list");
  size_t index = 0;
  for (const auto& each : list->get_array()) {
    const auto place = std::string(name) + "[" + std::to_string(index++) + "]";
    if (!each.is_object()) return badRequest(place + ": must be an object");
    auto rule = RuleReader::read(each.get_object());
    if (!rule.ok()) return rule.status().withContext(place);
    into.push_back(std::move(*rule));
  }
  return {};
}

}  // namespace

Result<RuleSet> parseRules(std::string_view yaml) {
  TRY(const auto parsed, api::yamlToValue(yaml));
  RuleSet out;
  if (parsed.is_null()) return out;
  if (!parsed.is_object()) return badRequest("must be an object");
  const auto& all = parsed.get_object();
  if (const auto* rules = all.if_contains("resourceRules"); rules && !rules->is_null()) {
    return badRequest("resourceRules: CPU and memory are read from kubelets");
  }
  TRY_STATUS(readList(all, "rules", out.rules));
  TRY_STATUS(readList(all, "externalRules", out.externalRules));
  return out;
}

}  // namespace coxswain::metrics_api
