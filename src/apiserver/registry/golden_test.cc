#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/gen/meta_v1.h"
#include "apiserver/registry/metadata.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kFolders[] = {
    "core",      "apps",        "service",     "scheduling", "coordination", "events",
    "discovery", "batch",       "policy",      "node",       "rbac",         "storage",
    "resource",  "flowcontrol", "autoscaling", "networking", "subresource"};

std::string text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object* object(const json::object& parent, std::string_view key) {
  const auto* value = parent.if_contains(key);
  return value ? value->if_object() : nullptr;
}

std::string replaced(std::string in, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = in.find(what, at)) != std::string::npos; at += with.size()) {
    in.replace(at, what.size(), with);
  }
  return in;
}

/// The message of a create's 422, empty where there is none; "?" where the body is not for us.
std::string create(const Resource& row, const std::string& body) {
  const std::unique_ptr<void, void (*)(void*)> data(row.info->create(), row.info->destroy);
  if (!api::decodeJson(*row.info, body, data.get()).ok()) return "?";
  row.strategy->setDefaults(data.get());
  auto& meta = metaOf(*row.info, data.get());
  prepareMetaForCreate(meta, row.strategy->traits());
  if (row.namespaced && meta.namespace_.empty()) meta.namespace_ = "ns-u";
  if (!row.namespaced) meta.namespace_.clear();  // as the endpoint does
  meta.uid = "a-uid";
  row.strategy->prepareForCreate(data.get());
  if (meta.name.empty() && !meta.generateName.empty()) return "?";
  api::FieldErrors errors;
  validateObjectMeta(meta, row.namespaced, *row.strategy, api::FieldPath("metadata"), errors);
  row.strategy->validate(data.get(), errors);
  return errors.empty() ? "" : errors.toStatus(row.qualifiedKind(), meta.name).message();
}

/// What the allocators of services say, and admission: not of the registry.
bool isOfOthers(std::string_view message) {
  for (const std::string_view part :
       {"failed to allocate", "provided port", "not configured", "must be 'RequireDualStack'",
        "pod-security.kubernetes.io", "<uid:"}) {
    if (message.find(part) != std::string_view::npos) return true;
  }
  return false;
}

void checkStep(const json::object& step, const std::string& where, int& compared) {
  if (text(step, "do") != "POST" || step.contains("set") || step.contains("query")) return;
  const auto* body = object(step, "body");
  const auto* expect = object(step, "expect");
  if (!body || !expect || !expect->contains("status")) return;
  const auto apiVersion = text(*body, "apiVersion");
  const auto slash = apiVersion.find('/');
  const auto group = slash == std::string::npos ? "" : apiVersion.substr(0, slash);
  const auto version = slash == std::string::npos ? apiVersion : apiVersion.substr(slash + 1);
  const auto* row = findResourceByKind(group, version, text(*body, "kind"));
  const auto path = text(step, "path");
  if (!row || !path.ends_with("/" + std::string(row->plural))) return;
  const auto code = expect->at("status").to_number<int>();
  if (code != 201 && code != 422) return;
  std::string wanted;
  if (const auto* answer = object(*expect, "body"); answer && code == 422) {
    wanted = replaced(text(*answer, "message"), "{u}", "u");
  }
  if (isOfOthers(wanted)) return;
  json::value whole(*body);
  if (text(*body, "kind") == "Pod") {
    // Admission gives each pod an account.
    if (auto* spec = whole.as_object().if_contains("spec"); spec && spec->is_object()) {
      spec->as_object().emplace("serviceAccountName", "default");
    }
  }
  auto sent = replaced(api::writeJsonValue(whole), "{u}", "u");
  sent = replaced(sent, "{ns}", "ns-u");
  if (sent.find("{ip}") != std::string::npos || sent.find("{np}") != std::string::npos) return;
  const auto got = create(*row, sent);
  if (got == "?") return;
  EXPECT_EQ(got, wanted) << where << "\n" << sent.substr(0, 2000);
  ++compared;
}

TEST(Golden, Creates) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  const fs::path cases = fs::path(shared ? shared : "/work/shared") / "golden/cases";
  if (!fs::exists(cases)) GTEST_SKIP() << "no golden corpus at " << cases;
  int compared = 0;
  for (const auto folder : kFolders) {
    std::set<fs::path> files;
    for (const auto& entry : fs::directory_iterator(cases / folder)) files.insert(entry.path());
    for (const auto& file : files) {
      std::ostringstream content;
      content << std::ifstream(file).rdbuf();
      const auto value = api::parseJsonValue(content.str());
      ASSERT_TRUE(value.ok()) << file << value.status().message();
      const auto* steps = value->as_object().if_contains("steps");
      if (!steps || !steps->is_array()) continue;
      for (const auto& step : steps->get_array()) {
        if (step.is_object()) checkStep(step.get_object(), file.filename().string(), compared);
      }
    }
  }
  EXPECT_GT(compared, 200);
}

}  // namespace
}  // namespace coxswain::apiserver
