// Compares with the recorded documents where the shared folder is at hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "apiserver/openapi/openapi.h"

namespace coxswain::apiserver {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, separator);) out.push_back(part);
  return out;
}

/// "scale=Scale:autoscaling/v1[get+patch] status=..."
std::vector<ServedSubresource> parseSubresources(const std::string& text) {
  std::vector<ServedSubresource> out;
  for (const auto& word : split(text, ' ')) {
    const size_t equals = word.find('=');
    const size_t bracket = word.find('[');
    ServedSubresource sub;
    sub.name = word.substr(0, equals);
    sub.kind = word.substr(equals + 1, bracket - equals - 1);
    sub.verbs = split(word.substr(bracket + 1, word.size() - bracket - 2), '+');
    if (const size_t colon = sub.kind.find(':'); colon != std::string::npos) {
      const std::string groupVersion = sub.kind.substr(colon + 1);
      sub.kind.resize(colon);
      const size_t slash = groupVersion.find('/');
      sub.group = groupVersion.substr(0, slash);
      sub.version = groupVersion.substr(slash + 1);
    }
    out.push_back(std::move(sub));
  }
  return out;
}

/// Of kinds.tsv; empty: it is not there.
std::vector<ServedResource> sharedResources(const std::string& file) {
  std::vector<ServedResource> out;
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    auto cells = split(line, '\t');
    cells.resize(18);
    if (cells[15] != "yes") continue;
    ServedResource row{.group = cells[0],
                       .version = cells[1],
                       .plural = cells[3],
                       .singular = cells[4],
                       .kind = cells[2],
                       .namespaced = cells[7] == "true",
                       .verbs = split(cells[8], ','),
                       .shortNames = split(cells[5], ','),
                       .categories = split(cells[6], ','),
                       .subresources = parseSubresources(cells[17]),
                       .storageVersionHash = cells[16]};
    out.push_back(std::move(row));
  }
  return out;
}

namespace json = boost::json;

/// JSON as Python's json.dumps(sort_keys=True) writes it.
std::string dump(const json::value& value) {
  std::string out;
  if (const auto* object = value.if_object()) {
    std::map<std::string, std::string> members;
    for (const auto& [key, member] : *object) members[std::string(key)] = dump(member);
    for (const auto& [key, text] : members) {
      out += (out.empty() ? "" : ", ") + json::serialize(json::string(key)) + ": " + text;
    }
    return "{" + out + "}";
  }
  if (const auto* array = value.if_array()) {
    for (const auto& item : *array) out += (out.empty() ? "" : ", ") + dump(item);
    return "[" + out + "]";
  }
  return json::serialize(value);
}

/// One schema on a line, as golden/run.py records it.
std::string schemaLine(const json::object& schema) {
  std::map<std::string, std::string> parts;
  for (const auto& [name, value] : schema) {
    const std::string key(name);
    if (key == "description" || key == "properties" || key == "required") continue;
    if (key == "$ref") {
      const std::string target(value.as_string());
      parts[key] = "ref=" + target.substr(target.rfind('/') + 1);
    } else if (key == "items" || key == "additionalProperties") {
      parts[key] = key + "(" + schemaLine(value.as_object()) + ")";
    } else if (key == "allOf" || key == "oneOf") {
      std::string inner;
      for (const auto& one : value.as_array()) {
        inner += (inner.empty() ? "" : "|") + schemaLine(one.as_object());
      }
      parts[key] = key + "(" + inner + ")";
    } else {
      parts[key] = key + "=" + dump(value);
    }
  }
  std::string out;
  for (const auto& [key, text] : parts) out += (out.empty() ? "" : " ") + text;
  return out;
}

std::set<std::string> schemaLines(const json::object& schemas) {
  std::set<std::string> out;
  for (const auto& [name, value] : schemas) {
    const auto& schema = value.as_object();
    const std::string start = "schema " + std::string(name);
    out.insert(start + ": " + schemaLine(schema));
    if (const auto* required = schema.if_contains("required")) {
      std::string names;
      for (const auto& one : required->as_array()) {
        names += (names.empty() ? "" : ",") + std::string(one.as_string());
      }
      out.insert(start + " required " + names);
    }
    if (const auto* properties = schema.if_contains("properties")) {
      for (const auto& [property, inner] : properties->as_object()) {
        out.insert(start + "." + std::string(property) + ": " + schemaLine(inner.as_object()));
      }
    }
  }
  return out;
}

/// Methods with their ids, tags and answers.
std::set<std::string> operationLines(const json::object& paths) {
  std::set<std::string> out;
  for (const auto& [path, item] : paths) {
    for (const auto& [method, operation] : item.as_object()) {
      if (method == "parameters") continue;
      std::vector<std::string> names;
      if (const auto* parameters = operation.as_object().if_contains("parameters")) {
        for (const auto& one : parameters->as_array()) {
          names.emplace_back(one.at("name").as_string());
        }
      }
      std::ranges::sort(names);
      std::string list;
      for (const auto& name : names) list += (list.empty() ? "" : ",") + name;
      const std::string start = "op " + std::string(method) + " " + std::string(path) + " ";
      out.insert(start + "id=" + std::string(operation.at("operationId").as_string()) + " tags=['" +
                 std::string(operation.at("tags").at(0).as_string()) + "'] params=" + list);
      for (const auto& [code, response] : operation.at("responses").as_object()) {
        const auto* content = response.as_object().if_contains("content");
        if (!content) out.insert(start + "resp " + std::string(code) + " - ");
        if (!content) continue;
        for (const auto& [type, body] : content->as_object()) {
          out.insert(start + "resp " + std::string(code) + " " + std::string(type) + " " +
                     schemaLine(body.at("schema").as_object()));
        }
      }
    }
  }
  return out;
}

/// Those recorded lines that are about schemas, and those about ids and answers.
std::set<std::string> recordedLines(const json::value& step) {
  std::set<std::string> out;
  for (const auto& line : step.at("expect").at("body").as_array()) {
    const std::string text(line.as_string());
    const bool operation = text.starts_with("op ") && (text.find(" id=") != std::string::npos ||
                                                       text.find(" resp ") != std::string::npos);
    // The recorder takes "current: " for the start of a number.
    if (text.find("<n>") != std::string::npos) continue;
    if (text.starts_with("schema ") || operation) out.insert(text);
  }
  return out;
}

TEST(OpenApi, EqualsRecordedV3) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  const std::string root = shared ? shared : "";
  const auto resources = sharedResources(root + "/api/kinds.tsv");
  if (resources.empty()) GTEST_SKIP() << "no shared folder";
  const OpenApi openApi(resources);
  int compared = 0;
  for (const std::string& path : openApi.v3Paths()) {
    std::string name = path;
    std::ranges::replace(name, '/', '-');
    std::ifstream file(root + "/golden/cases/discovery-api/openapi-v3-" + name + ".json");
    if (!file) continue;
    std::stringstream text;
    text << file.rdbuf();
    const json::value recorded = json::parse(text.str());
    const json::value ours = json::parse(*openApi.v3(path));
    std::set<std::string> lines = schemaLines(ours.at("components").at("schemas").as_object());
    lines.merge(operationLines(ours.at("paths").as_object()));
    for (const auto& line : recordedLines(recorded.at("steps").at(0))) {
      EXPECT_TRUE(lines.contains(line)) << path << ": " << line;
    }
    ++compared;
  }
  EXPECT_GT(compared, 10);
}

/// A small table of its own, for when there is no shared folder.
TEST(OpenApi, Documents) {
  const std::vector<std::string> verbs = {"create", "delete", "get", "list", "patch", "update"};
  const OpenApi openApi({{.version = "v1",
                          .plural = "configmaps",
                          .singular = "configmap",
                          .kind = "ConfigMap",
                          .namespaced = true,
                          .verbs = verbs},
                         {.group = "apps",
                          .version = "v1",
                          .plural = "deployments",
                          .singular = "deployment",
                          .kind = "Deployment",
                          .namespaced = true,
                          .verbs = verbs,
                          .subresources = {{"status", "Deployment", "", "", {"get"}}}}});
  EXPECT_EQ(openApi.v3Paths(),
            (std::vector<std::string>{".well-known/openid-configuration", "api", "api/v1", "apis",
                                      "apis/apps", "apis/apps/v1", "openid/v1/jwks", "version"}));
  EXPECT_EQ(openApi.v3Hash("api/v1").size(), 128U);
  EXPECT_NE(openApi.v3Hash("api/v1"), openApi.v3Hash("apis/apps/v1"));
  EXPECT_NE(openApi.v3Hash("api"), openApi.v3Hash("apis"));
  EXPECT_NE(openApi.v3Index().find("/openapi/v3/apis/apps/v1?hash="), std::string::npos);
  EXPECT_FALSE(openApi.v3("apis/apps/v2"));
  EXPECT_FALSE(openApi.v3("nope"));
  const json::value apps = json::parse(*openApi.v3("apis/apps/v1"));
  const auto& schemas = apps.at("components").at("schemas").as_object();
  EXPECT_TRUE(schemas.contains("io.k8s.api.core.v1.PodSpec"));
  EXPECT_FALSE(schemas.contains("io.k8s.api.core.v1.ConfigMap"));
  EXPECT_EQ(
      schemaLine(
          schemas.at("io.k8s.api.core.v1.PodSpec").at("properties").at("containers").as_object()),
      "items(ref=io.k8s.api.core.v1.Container) type=\"array\" "
      "x-kubernetes-list-map-keys=[\"name\"] x-kubernetes-list-type=\"map\" "
      "x-kubernetes-patch-merge-key=\"name\" x-kubernetes-patch-strategy=\"merge\"");
  const json::value v2 = json::parse(openApi.v2());
  EXPECT_EQ(v2.at("swagger").as_string(), "2.0");
  const auto& paths = v2.at("paths").as_object();
  const auto& status =
      paths.at("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status").as_object();
  EXPECT_EQ(status.at("get").at("operationId").as_string(), "readAppsV1NamespacedDeploymentStatus");
  // Not empty, and begins with swagger = 1: "2.0".
  EXPECT_TRUE(
      openApi.v2Protobuf().starts_with("\n\x03"
                                       "2.0"));
  if (const char* folder = std::getenv("COXSWAIN_OPENAPI_OUT")) {
    std::ofstream(std::string(folder) + "/v2.pb") << openApi.v2Protobuf();
  }
  // Every reference leads somewhere.
  const std::string all = json::serialize(v2);
  for (size_t at = 0; (at = all.find("#/definitions/", at)) != std::string::npos; ++at) {
    const size_t begin = at + std::string_view("#/definitions/").size();
    const std::string name = all.substr(begin, all.find('"', begin) - begin);
    EXPECT_TRUE(v2.at("definitions").as_object().contains(name)) << name;
  }
}

}  // namespace
}  // namespace coxswain::apiserver
