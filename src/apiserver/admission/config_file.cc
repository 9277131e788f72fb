#include "apiserver/admission/config_file.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "api/codec/json.h"
#include "api/names/field_error.h"
#include "api/names/names.h"
#include "api/yaml/yaml.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;
using Names = std::vector<std::string>;
using Toleration = api::core::v1::Toleration;

/// A mapping of the file: knows where it stands, and which of its members nobody asked for.
class Section {
 public:
  /// `where` ends with a dot, or is empty.
  static Result<Section> of(const json::value& value, std::string where) {
    if (value.is_object()) return Section(value.get_object(), std::move(where));
    if (value.is_null()) return Section(json::object(), std::move(where));
    return badRequest((where.empty() ? "configuration" : where.substr(0, where.size() - 1)) +
                      ": must be a mapping");
  }

  /// Null: it is not there.
  const json::value* find(std::string_view name) {
    known_.insert(std::string(name));
    const auto* found = object_.if_contains(name);
    return found && !found->is_null() ? found : nullptr;
  }
  Status text(std::string_view name, std::string& into) {
    const auto* found = find(name);
    if (!found) return {};
    if (!found->is_string()) return wrong(name, "a string");
    into = std::string(found->get_string());
    return {};
  }
  Status texts(std::string_view name, Names& into) {
    const auto* found = find(name);
    if (!found) return {};
    if (!found->is_array()) return wrong(name, "a list of strings");
    for (const auto& one : found->get_array()) {
      if (!one.is_string()) return wrong(name, "a list of strings");
      into.emplace_back(one.get_string());
    }
    return {};
  }
  Status number(std::string_view name, int64_t& into) {
    const auto* found = find(name);
    if (!found) return {};
    if (!found->is_int64()) return wrong(name, "a whole number");
    into = found->get_int64();
    return {};
  }
  Result<Section> section(std::string_view name) {
    const auto* found = find(name);
    auto where = where_ + std::string(name) + ".";
    return of(found ? *found : json::value(), std::move(where));
  }
  /// The mappings of a list.
  Result<std::vector<Section>> sections(std::string_view name) {
    std::vector<Section> out;
    const auto* found = find(name);
    if (!found) return out;
    if (!found->is_array()) return wrong(name, "a list");
    for (const auto& one : found->get_array()) {
      auto where = where_ + std::string(name) + "[" + std::to_string(out.size()) + "].";
      TRY(auto section, of(one, std::move(where)));
      out.push_back(std::move(section));
    }
    return out;
  }
  /// kind, and a version of the group.
  Status typed(std::string_view group, std::string_view kind) {
    std::string version;
    std::string own;
    TRY_STATUS(text("apiVersion", version));
    TRY_STATUS(text("kind", own));
    if (own == kind && version.starts_with(std::string(group) + "/")) return {};
    return badRequest(where_ + "kind: want " + std::string(kind) + " of " + std::string(group) +
                      ", got \"" + own + "\" of \"" + version + "\"");
  }
  /// Members that were not asked for are mistakes.
  [[nodiscard]] Status end() const {
    for (const auto& member : object_) {
      if (known_.contains(std::string_view(member.key()))) continue;
      return badRequest(where_ + std::string(member.key()) + ": unknown field");
    }
    return {};
  }

  [[nodiscard]] const json::object& members() const { return object_; }
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] Status wrong(std::string_view name, std::string_view wanted) const {
    return badRequest(where_ + std::string(name) + ": must be " + std::string(wanted));
  }

 private:
  Section(json::object object, std::string where)
      : object_(std::move(object)), where_(std::move(where)) {}
  json::object object_;
  std::string where_;
  std::set<std::string, std::less<>> known_;
};

Status readMode(Section& defaults, const std::string& name, pod_security::LevelVersion& into,
                api::FieldErrors& errors) {
  const api::FieldPath path("defaults");
  std::string level = "privileged";
  std::string version = "latest";
  TRY_STATUS(defaults.text(name, level));
  TRY_STATUS(defaults.text(name + "-version", version));
  auto wanted = pod_security::parseLevel(level);
  auto release = pod_security::parseVersion(version);
  if (!wanted) {
    errors.invalid(path.child(name), level, "must be one of privileged, baseline, restricted");
  }
  if (!release) {
    errors.invalid(path.child(name + "-version"), version, "must be \"latest\" or \"v1.x\"");
  }
  if (wanted && release) into = {*wanted, *release};
  return {};
}

void checkNames(const Names& names, const char* field, bool isUser, api::FieldErrors& errors) {
  const api::FieldPath path("exemptions");
  const bool isNamespace = std::string_view(field) == "namespaces";
  std::set<std::string> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto& name = names[i];
    if (isUser) {
      if (name.empty()) errors.required(path.child(field).index(i));
    } else if (isNamespace) {
      errors.invalidEach(path.child(field).index(i), name, api::validateDns1123Label(name));
    } else {
      errors.invalidEach(path.child(field).index(i), name, api::validateDns1123Subdomain(name));
    }
    if (!seen.insert(name).second) errors.duplicate(path.child(field).index(i), name);
  }
}

Status readPodSecurity(Section& section, AdmissionOptions& options) {
  TRY_STATUS(section.typed("pod-security.admission.config.k8s.io", "PodSecurityConfiguration"));
  auto& out = options.podSecurity;
  api::FieldErrors errors;
  TRY(auto defaults, section.section("defaults"));
  TRY_STATUS(readMode(defaults, "enforce", out.defaults.enforce, errors));
  TRY_STATUS(readMode(defaults, "warn", out.defaults.warn, errors));
  TRY_STATUS(readMode(defaults, "audit", out.defaults.audit, errors));
  TRY_STATUS(defaults.end());
  TRY(auto exemptions, section.section("exemptions"));
  TRY_STATUS(exemptions.texts("namespaces", out.exemptNamespaces));
  TRY_STATUS(exemptions.texts("runtimeClasses", out.exemptRuntimeClasses));
  TRY_STATUS(exemptions.texts("usernames", out.exemptUsers));
  TRY_STATUS(exemptions.end());
  checkNames(out.exemptNamespaces, "namespaces", false, errors);
  checkNames(out.exemptRuntimeClasses, "runtimeClasses", false, errors);
  checkNames(out.exemptUsers, "usernames", true, errors);
  return errors.empty() ? Status() : badRequest(section.where() + errors.str());
}

Status readEventLimit(Section& one, AdmissionOptions& options) {
  EventLimit limit;
  std::string type;
  int64_t qps = 0;
  int64_t keys = static_cast<int64_t>(limit.keysMax);
  TRY_STATUS(one.text("type", type));
  TRY_STATUS(one.number("qps", qps));
  TRY_STATUS(one.number("burst", limit.burst));
  TRY_STATUS(one.number("cacheSize", keys));
  if (type == "Server") {
    limit.per = EventLimit::Per::Server;
  } else if (type == "Namespace") {
    limit.per = EventLimit::Per::Namespace;
  } else if (type == "User") {
    limit.per = EventLimit::Per::User;
  } else if (type == "SourceAndObject") {
    limit.per = EventLimit::Per::SourceAndObject;
  } else {
    return one.wrong("type", "one of Server, Namespace, User, SourceAndObject");
  }
  if (qps <= 0) return one.wrong("qps", "positive");
  if (limit.burst <= 0) return one.wrong("burst", "positive");
  if (keys < 0) return one.wrong("cacheSize", "positive");
  limit.qps = static_cast<double>(qps);
  if (keys > 0) limit.keysMax = static_cast<size_t>(keys);
  options.eventLimits.push_back(limit);
  return one.end();
}

Status readEventRateLimit(Section& section, AdmissionOptions& options) {
  TRY_STATUS(section.typed("eventratelimit.admission.k8s.io", "Configuration"));
  TRY(auto limits, section.sections("limits"));
  if (limits.empty()) return section.wrong("limits", "a list of at least one");
  for (auto& one : limits) TRY_STATUS(readEventLimit(one, options));
  return {};
}

Status readLimitedResource(Section& one, AdmissionOptions& options) {
  LimitedResource out;
  TRY_STATUS(one.text("apiGroup", out.group));
  TRY_STATUS(one.text("resource", out.plural));
  TRY_STATUS(one.texts("matchContains", out.matchContains));
  if (out.plural.empty()) return one.wrong("resource", "given");
  TRY(auto scopes, one.sections("matchScopes"));
  for (auto& section : scopes) {
    auto& scope = out.matchScopes.emplace_back();
    TRY_STATUS(section.text("scopeName", scope.scopeName));
    TRY_STATUS(section.text("operator", scope.operator_));
    TRY_STATUS(section.texts("values", scope.values));
    TRY_STATUS(section.end());
  }
  options.limitedResources.push_back(std::move(out));
  return one.end();
}

Status readResourceQuota(Section& section, AdmissionOptions& options) {
  // Upstream moved the kind; both names are in use.
  auto own = section.typed("apiserver.config.k8s.io", "ResourceQuotaConfiguration");
  if (!own.ok()) TRY_STATUS(section.typed("resourcequota.admission.k8s.io", "Configuration"));
  TRY(auto resources, section.sections("limitedResources"));
  for (auto& one : resources) TRY_STATUS(readLimitedResource(one, options));
  return {};
}

Status readPodNodeSelector(Section& section, AdmissionOptions& options) {
  TRY(auto selectors, section.section("podNodeSelectorPluginConfig"));
  for (const auto& member : selectors.members()) {
    std::string key(member.key());
    TRY_STATUS(selectors.text(key, options.nodeSelectors[key]));
  }
  return {};
}

Status readTolerations(Section& section, std::string_view name, std::vector<Toleration>& into) {
  TRY(auto list, section.sections(name));
  for (const auto& one : list) {
    auto read = api::decodeJson<Toleration>(json::serialize(one.members()));
    if (!read.ok()) return badRequest(one.where() + read.status().message());
    into.push_back(std::move(*read));
  }
  return {};
}

Status readPodTolerationRestriction(Section& section, AdmissionOptions& options) {
  TRY_STATUS(section.typed("podtolerationrestriction.admission.k8s.io", "Configuration"));
  TRY_STATUS(readTolerations(section, "default", options.defaultTolerations));
  return readTolerations(section, "whitelist", options.tolerationsWhitelist);
}

struct Reader {
  std::string_view plugin;
  Status (*read)(Section& section, AdmissionOptions& options);
};
constexpr Reader kReaders[] = {
    {"PodSecurity", readPodSecurity},
    {"EventRateLimit", readEventRateLimit},
    {"ResourceQuota", readResourceQuota},
    {"PodNodeSelector", readPodNodeSelector},
    {"PodTolerationRestriction", readPodTolerationRestriction},
};

Result<json::value> fromYaml(std::string_view text, const std::string& what) {
  api::YamlOptions strict;
  strict.strict = true;
  auto value = api::yamlToValue(text, strict);
  if (!value.ok()) return value.status().withContext(what);
  return value;
}

}  // namespace

Status parseAdmissionConfig(std::string_view text,
                            const std::function<Result<std::string>(const std::string& path)>& read,
                            AdmissionOptions& options) {
  TRY(auto value, fromYaml(text, "configuration"));
  TRY(auto root, Section::of(value, ""));
  TRY_STATUS(root.typed("apiserver.config.k8s.io", "AdmissionConfiguration"));
  TRY(auto plugins, root.sections("plugins"));
  TRY_STATUS(root.end());
  std::set<std::string> seen;
  for (auto& plugin : plugins) {
    std::string name;
    std::string path;
    TRY_STATUS(plugin.text("name", name));
    TRY_STATUS(plugin.text("path", path));
    const auto* inlined = plugin.find("configuration");
    TRY_STATUS(plugin.end());
    if (!seen.insert(name).second) return badRequest(plugin.where() + "name: " + name + " twice");
    const auto* reader = std::find_if(std::begin(kReaders), std::end(kReaders),
                                      [&name](const Reader& one) { return one.plugin == name; });
    if (reader == std::end(kReaders)) {
      return badRequest(plugin.where() + "name: \"" + name + "\" takes no configuration here");
    }
    json::value content;
    if (inlined) {
      content = *inlined;
    } else if (!path.empty()) {
      TRY(auto file, read(path));
      TRY(content, fromYaml(file, path));
    } else {
      continue;
    }
    TRY(auto section, Section::of(content, name + "."));
    TRY_STATUS(reader->read(section, options));
    TRY_STATUS(section.end());
  }
  return {};
}

}  // namespace coxswain::apiserver
