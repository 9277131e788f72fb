#pragma once

#include <string>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/meta_v1.h"
#include "client/client.h"

namespace coxswain::controllers::testing {

// Widgets of example.com/v1: a kind that another server serves, and that we have no schema of.

using Widget = api::meta::v1::PartialObjectMetadata;

inline const client::ResourceType kWidgets{"example.com", "v1", "widgets", true, &Widget::kInfo};

constexpr const char* kWidgetsPath = "/apis/example.com/v1";

inline std::string widgetsDocument() {
  return R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"example.com/v1",)"
         R"("resources":[{"name":"widgets","singularName":"widget","namespaced":true,)"
         R"("kind":"Widget","verbs":["create","delete","get","list","patch","update","watch"]},)"
         R"({"name":"widgets/status","singularName":"","namespaced":true,"kind":"Widget",)"
         R"("verbs":["get"]},{"name":"readings","singularName":"","namespaced":true,)"
         R"("kind":"Reading","verbs":["get","list"]}]})";
}

inline api::apiregistration::v1::APIService widgetsService() {
  api::apiregistration::v1::APIService service;
  service.metadata.name = "v1.example.com";
  service.spec.group = "example.com";
  service.spec.version = "v1";
  service.spec.service.getOrCreate().name = "widgets";
  return service;
}

inline Widget widget(std::string ns, std::string name) {
  Widget object;
  object.metadata.namespace_ = std::move(ns);
  object.metadata.name = std::move(name);
  return object;
}

}  // namespace coxswain::controllers::testing
