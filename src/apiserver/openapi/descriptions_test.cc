#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string_view>

#include "apiserver/openapi/openapi.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;

std::vector<ServedResource> everything() {
  std::vector<ServedResource> out;
  for (const auto& resource : resources()) out.push_back(servedResource(resource));
  return out;
}

/// Upstream writes these as bare references, which have no room for a text.
bool isBareField(std::string_view model, std::string_view field) {
  return model.ends_with(".IngressRule") && field == "http";
}

void expectTexts(std::string_view where, const json::object& schemas) {
  for (const auto& [model, schema] : schemas) {
    // Of the whole program, not of a kind.
    if (std::string_view(model).ends_with(".version.Info")) continue;
    EXPECT_TRUE(schema.as_object().contains("description")) << where << ": " << model;
    const auto* properties = schema.as_object().if_contains("properties");
    if (!properties) continue;
    for (const auto& [name, property] : properties->as_object()) {
      if (isBareField(model, name)) continue;
      EXPECT_TRUE(property.as_object().contains("description"))
          << where << ": " << model << "." << name;
    }
  }
}

TEST(Descriptions, EveryServedKindAndFieldHasOne) {
  const OpenApi openApi(everything());
  for (const auto& path : openApi.v3Paths()) {
    const json::value document = json::parse(*openApi.v3(path));
    expectTexts(path, document.at("components").at("schemas").as_object());
  }
  const json::value v2 = json::parse(openApi.v2());
  expectTexts("v2", v2.at("definitions").as_object());
}

TEST(Descriptions, StandWhereKubectlLooks) {
  const OpenApi openApi(everything());
  const json::value core = json::parse(*openApi.v3("api/v1"));
  const auto& pod = core.at("components").at("schemas").at("io.k8s.api.core.v1.Pod");
  EXPECT_TRUE(pod.at("description").as_string().starts_with("Containers that run together"));
  // Beside a reference, in v3 by allOf.
  const auto& spec = pod.at("properties").at("spec");
  EXPECT_TRUE(spec.as_object().contains("allOf"));
  EXPECT_FALSE(spec.at("description").as_string().empty());
}

}  // namespace
}  // namespace coxswain::apiserver
