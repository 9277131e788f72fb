#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/meta_v1.h"
#include "api/yaml/yaml.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/registry/rules.h"
#include "apiserver/server/operations.h"

namespace coxswain::apiserver {
namespace {

using boost::json::value;

std::string textOf(const value* given) {
  if (!given || !given->is_string()) return "";
  return {given->get_string().data(), given->get_string().size()};
}

/// "apps/v1, Kind=Deployment", "/v1, Kind=Pod".
std::string kindText(const std::string& apiVersion, const std::string& kind) {
  auto version = apiVersion.find('/') == std::string::npos ? "/" + apiVersion : apiVersion;
  return version + ", Kind=" + kind;
}

struct Configuration {
  std::string text;                  ///< JSON
  std::vector<std::string> doubled;  ///< what go-yaml says of keys that are there twice
  value document;
};

/// Reads it, and checks that it is about this kind and object.
Result<Configuration> readConfiguration(std::string_view body, const BodyKind& kind,
                                        const RequestInfo& info) {
  Configuration config;
  auto json = api::yamlToJson(body, {}, &config.doubled);
  if (!json.ok()) {
    return badRequest("error decoding YAML: error converting YAML to JSON: " +
                      json.status().message());
  }
  auto parsed = api::parseJsonValue(*json);
  if (!parsed.ok()) return badRequest("error decoding YAML: " + parsed.status().message());
  config.document = parsed->is_null() ? value(boost::json::object()) : std::move(*parsed);
  if (auto object = checkIsObject(config.document,
                                  "error decoding YAML: error unmarshaling JSON: while decoding "
                                  "JSON: ");
      !object.ok()) {
    return object;
  }
  auto& object = config.document.get_object();
  const auto apiVersion = textOf(object.if_contains("apiVersion"));
  const auto givenKind = textOf(object.if_contains("kind"));
  if (apiVersion != groupVersionText(kind.group, kind.version) || givenKind != kind.kind) {
    return badRequest("invalid object type: " + kindText(apiVersion, givenKind));
  }
  auto* metadata = object.if_contains("metadata");
  if (metadata && metadata->is_object()) {
    auto& meta = metadata->get_object();
    if (const auto* fields = meta.if_contains("managedFields"); fields && !fields->is_null()) {
      return badRequest("metadata.managedFields must be nil");
    }
    const auto name = textOf(meta.if_contains("name"));
    if (!name.empty() && name != info.name) {
      return badRequest("the name of the object (" + name +
                        ") does not match the name on the URL (" + info.name + ")");
    }
    const auto ns = textOf(meta.if_contains("namespace"));
    const auto& wanted = namespaceOf(info);
    if (!ns.empty() && !wanted.empty() && ns != wanted) {
      return badRequest("the namespace of the object (" + ns +
                        ") does not match the namespace on the request (" + wanted + ")");
    }
  }
  config.text = api::writeJsonValue(config.document);
  return config;
}

/// A Scale as the fields of the object that it changes.
Result<std::string> scaleFields(const value& document) {
  TRY(auto scale, api::decodeValue<api::autoscaling::v1::Scale>(document));
  if (scale.spec.replicas < 0) {
    api::FieldErrors errors;
    errors.invalid(api::FieldPath("spec").child("replicas"), scale.spec.replicas, kNegativeText);
    return errors.toStatus("Scale.autoscaling", scale.metadata.name);
  }
  boost::json::object spec;
  spec["replicas"] = scale.spec.replicas;
  boost::json::object fields;
  fields["spec"] = std::move(spec);
  if (!scale.metadata.resourceVersion.empty()) {
    boost::json::object metadata;
    metadata["resourceVersion"] = scale.metadata.resourceVersion;
    fields["metadata"] = std::move(metadata);
  }
  return api::writeJsonValue(value(std::move(fields)));
}

}  // namespace

Task<Result<Operations::Written>> Operations::apply(RequestContext& context, std::string body,
                                                    bool force, FieldValidation validation) const {
  const auto endpoint = Endpoint::of(*context.resource, context.info.subresource);
  const bool whole = endpoint.part == Endpoint::Part::Whole;
  CO_TRY(auto config, readConfiguration(body, endpoint.body, context.info));
  if (endpoint.part == Endpoint::Part::Scale) {
    CO_TRY(config.text, scaleFields(config.document));
  }
  GenericRegistry::UpdateRequest request;
  request.createAlways = whole;
  request.tracked = true;
  const auto& manager = context.registry->fieldManager();
  auto writer = writerOf(context);
  if (endpoint.part == Endpoint::Part::Scale) writer.shownVersion = "autoscaling/v1";
  const auto& strategy = endpoint.strategy ? *endpoint.strategy : *context.resource->strategy;
  const auto reset = resetFieldsOf(strategy, endpoint.part == Endpoint::Part::Status);
  GenericRegistry::Transform transform = [&](const api::Object* current) -> Result<api::Object> {
    TRY(auto applied, manager.apply(writer, current, config.text, force, reset, registryNow()));
    if (!config.doubled.empty() && validation == FieldValidation::Strict) {
      return badRequest("error strict decoding YAML: error converting YAML to JSON: " +
                        yamlFailure(config.doubled));
    }
    if (validation == FieldValidation::Warn) {
      for (auto& line : config.doubled) context.warnings.push_back(std::move(line));
      config.doubled.clear();
    }
    auto& meta = *api::objectMeta(applied.object);
    if (!current) {
      if (!meta.uid.empty()) {
        return conflict(context.resource->qualifiedName(), context.info.name,
                        "uid mismatch: the provided object specified uid " + meta.uid +
                            ", and no existing object was found");
      }
      meta.name = context.info.name;
      meta.namespace_ = context.info.ns;
      meta.resourceVersion.clear();
    }
    context.resource->strategy->setDefaults(applied.object.data());
    if (current) FieldManager::keepTimes(*current, applied.object);
    return std::move(applied.object);
  };
  co_return co_await change(context, endpoint, std::move(request), transform);
}

}  // namespace coxswain::apiserver
