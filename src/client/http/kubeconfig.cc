#include "client/http/kubeconfig.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "api/meta/base64.h"
#include "api/patch/go_format.h"
#include "api/yaml/yaml.h"
#include "runtime/files.h"

namespace coxswain::client {

namespace json = boost::json;

namespace {

std::string textOf(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(json::string_view(key.data(), key.size()));
  const auto* text = value ? value->if_string() : nullptr;
  return text ? std::string(text->data(), text->size()) : std::string();
}

Status badFile(const std::string& file, std::string_view why) {
  return badRequest("error loading config file \"" + file + "\": " + std::string(why));
}

Status readEntries(const json::object& root, std::string_view list, std::string_view member,
                   const std::string& file, KubeConfig::Entries& out) {
  const auto* value = root.if_contains(json::string_view(list.data(), list.size()));
  if (!value || value->is_null()) return {};
  const auto* array = value->if_array();
  if (!array) return badFile(file, std::string(list) + " is no list");
  for (const auto& item : *array) {
    const auto* object = item.if_object();
    if (!object) return badFile(file, std::string(list) + ": an entry is no map");
    KubeConfigEntry entry;
    entry.name = textOf(*object, "name");
    entry.file = file;
    if (const auto* body = object->if_contains(json::string_view(member.data(), member.size()))) {
      if (body->is_object()) {
        entry.body = body->get_object();
      } else if (!body->is_null()) {
        return badFile(file, std::string(list) + ": \"" + entry.name + "\" is no map");
      }
    }
    if (!KubeConfig::find(out, entry.name)) out.push_back(std::move(entry));
  }
  return {};
}

std::string resolvePath(const std::string& path, const std::string& file) {
  if (path.empty() || path.starts_with('/') || file.empty()) return path;
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

json::array writeEntries(const KubeConfig::Entries& entries, std::string_view member) {
  std::vector<const KubeConfigEntry*> sorted;
  for (const auto& entry : entries) sorted.push_back(&entry);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->name < b->name; });
  json::array out;
  for (const auto* entry : sorted) {
    json::object item;
    item.emplace(json::string_view(member.data(), member.size()), entry->body);
    item.emplace("name", entry->name);
    out.emplace_back(std::move(item));
  }
  return out;
}

}  // namespace

std::string KubeConfigEntry::text(std::string_view key) const {
  return textOf(body, key);
}

bool KubeConfigEntry::flag(std::string_view key) const {
  const auto* value = body.if_contains(json::string_view(key.data(), key.size()));
  return value && value->is_bool() && value->get_bool();
}

KubeConfigPaths KubeConfigPaths::find(const std::string& explicitFile) {
  KubeConfigPaths paths;
  if (!explicitFile.empty()) {
    paths.files.push_back(explicitFile);
    paths.isExplicit = true;
    return paths;
  }
  const char* list = std::getenv("KUBECONFIG");
  std::string_view rest = list ? list : "";
  while (!rest.empty()) {
    auto end = rest.find(':');
    std::string file(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (!file.empty() && std::ranges::find(paths.files, file) == paths.files.end()) {
      paths.files.push_back(std::move(file));
    }
  }
  if (paths.files.empty()) {
    const char* home = std::getenv("HOME");
    paths.files.push_back(std::string(home && *home ? home : "") + "/.kube/config");
  }
  return paths;
}

std::string KubeConfigPaths::defaultFile() const {
  for (auto at = files.rbegin(); at != files.rend(); ++at) {
    std::error_code ignored;
    if (std::filesystem::exists(*at, ignored)) return *at;
  }
  return files.front();
}

Result<KubeConfig> KubeConfig::parse(std::string_view text, std::string file) {
  auto parsed = api::yamlToValue(text);
  if (!parsed.ok()) return badFile(file, parsed.status().message());
  KubeConfig config;
  if (parsed->is_null()) return config;
  const auto* root = parsed->if_object();
  if (!root) return badFile(file, "it is no map");
  auto kind = textOf(*root, "kind");
  auto version = textOf(*root, "apiVersion");
  if ((!kind.empty() && kind != "Config") || (!version.empty() && version != "v1")) {
    return badFile(file, "no kind \"" + kind + "\" is registered for version \"" + version +
                             "\" in scheme \"pkg/runtime/scheme.go:110\"");
  }
  TRY_STATUS(readEntries(*root, "clusters", "cluster", file, config.clusters));
  TRY_STATUS(readEntries(*root, "users", "user", file, config.users));
  TRY_STATUS(readEntries(*root, "contexts", "context", file, config.contexts));
  if (const auto* current = root->if_contains("current-context")) {
    if (!current->is_string() && !current->is_null()) {
      return badFile(file, "json: cannot unmarshal " + std::string(api::goTypeName(*current)) +
                               " into Go struct field Config.current-context of type string");
    }
    config.currentContext = textOf(*root, "current-context");
  }
  if (const auto* preferences = root->if_contains("preferences")) {
    if (preferences->is_object()) config.preferences = preferences->get_object();
  }
  return config;
}

Result<KubeConfig> KubeConfig::load(const KubeConfigPaths& paths) {
  KubeConfig merged;
  for (const auto& file : paths.files) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) {
      if (!paths.isExplicit) continue;
      return badRequest("stat " + file + ": no such file or directory");
    }
    TRY(auto text, readWholeFile(file));
    TRY(auto one, parse(text, file));
    const auto join = [](Entries& into, Entries& from) {
      for (auto& entry : from) {
        if (!find(into, entry.name)) into.push_back(std::move(entry));
      }
    };
    join(merged.clusters, one.clusters);
    join(merged.users, one.users);
    join(merged.contexts, one.contexts);
    if (merged.currentContext.empty()) merged.currentContext = std::move(one.currentContext);
    if (merged.preferences.empty()) merged.preferences = std::move(one.preferences);
  }
  return merged;
}

KubeConfigEntry* KubeConfig::find(Entries& entries, std::string_view name) {
  for (auto& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

const KubeConfigEntry* KubeConfig::find(const Entries& entries, std::string_view name) {
  return find(const_cast<Entries&>(entries), name);
}

json::object KubeConfig::toValue() const {
  json::object root;
  root.emplace("apiVersion", "v1");
  root.emplace("clusters", writeEntries(clusters, "cluster"));
  root.emplace("contexts", writeEntries(contexts, "context"));
  root.emplace("current-context", currentContext);
  root.emplace("kind", "Config");
  if (!preferences.empty()) root.emplace("preferences", preferences);
  root.emplace("users", writeEntries(users, "user"));
  for (const char* list : {"clusters", "contexts", "users"}) {
    if (root.at(list).get_array().empty()) root[list] = nullptr;  // as kubectl prints none
  }
  return root;
}

std::string KubeConfig::toYaml() const {
  return api::valueToYaml(toValue());
}

Status KubeConfig::minify() {
  if (currentContext.empty()) {
    return badRequest("current-context must exist in order to minify");
  }
  const auto* context = find(contexts, currentContext);
  if (!context) return badRequest("cannot locate context " + currentContext);
  const auto cluster = context->text("cluster");
  const auto user = context->text("user");
  if (!cluster.empty() && !find(clusters, cluster)) {
    return badRequest("cannot locate cluster " + cluster);
  }
  if (!user.empty() && !find(users, user)) return badRequest("cannot locate user " + user);
  std::erase_if(contexts, [&](const auto& entry) { return entry.name != currentContext; });
  std::erase_if(clusters, [&](const auto& entry) { return entry.name != cluster; });
  std::erase_if(users, [&](const auto& entry) { return entry.name != user; });
  return {};
}

Status KubeConfig::flatten() {
  const auto inlineFile = [](KubeConfigEntry& entry, const char* pathKey,
                             const char* dataKey) -> Status {
    auto path = entry.text(pathKey);
    if (!path.empty() && entry.text(dataKey).empty()) {
      TRY(auto text, readWholeFile(resolvePath(path, entry.file)));
      entry.body[dataKey] = api::base64Encode(text);
    }
    if (!path.empty()) entry.body.erase(pathKey);
    return {};
  };
  for (auto& cluster : clusters) {
    TRY_STATUS(inlineFile(cluster, "certificate-authority", "certificate-authority-data"));
  }
  for (auto& user : users) {
    TRY_STATUS(inlineFile(user, "client-certificate", "client-certificate-data"));
    TRY_STATUS(inlineFile(user, "client-key", "client-key-data"));
  }
  return {};
}

void KubeConfig::redact() {
  const auto replace = [](KubeConfigEntry& entry, const char* key, const char* by) {
    if (entry.body.contains(key)) entry.body[key] = by;
  };
  for (auto& cluster : clusters) replace(cluster, "certificate-authority-data", "DATA+OMITTED");
  for (auto& user : users) {
    replace(user, "client-certificate-data", "DATA+OMITTED");
    replace(user, "client-key-data", "DATA+OMITTED");
    replace(user, "token", "REDACTED");
    replace(user, "password", "REDACTED");
  }
}

Status writeKubeConfigFile(const std::string& file, const KubeConfig& config) {
  std::error_code error;
  // A symbolic link stays one: what it points at is replaced.
  auto target = std::filesystem::weakly_canonical(file, error);
  if (error) target = file;
  std::filesystem::create_directories(target.parent_path(), error);
  if (error && !target.parent_path().empty()) {
    return errnoStatus("mkdir " + target.parent_path().string(), error.value());
  }
  SystemFiles files;
  return files.writeAtomically(target.string(), config.toYaml(), 0600);
}

Result<KubeConfigLock> KubeConfigLock::take(const std::string& file) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
  auto path = file + ".lock";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errnoStatus("open " + path, errno);
  ::close(fd);
  return KubeConfigLock(std::move(path));
}

KubeConfigLock::~KubeConfigLock() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace coxswain::client
