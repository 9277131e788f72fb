#include "apiserver/openapi/schemas.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "api/reflect/object.h"

namespace coxswain::apiserver::openapi {
namespace {

namespace json = boost::json;
using api::FieldInfo;
using api::FieldType;
using api::MessageInfo;
using api::Shape;

constexpr std::string_view kMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
constexpr std::string_view kQuantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
constexpr std::string_view kIntOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
constexpr std::string_view kRawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension";
constexpr std::string_view kApiExtensions =
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.";

/// Messages that apply replaces whole.
constexpr std::string_view kAtomicModels[] = {
    "io.k8s.api.admissionregistration.v1.MatchResources",
    "io.k8s.api.admissionregistration.v1.NamedRuleWithOperations",
    "io.k8s.api.admissionregistration.v1.ParamKind",
    "io.k8s.api.admissionregistration.v1.ParamRef",
    "io.k8s.api.admissionregistration.v1.Variable",
    "io.k8s.api.autoscaling.v1.CrossVersionObjectReference",
    "io.k8s.api.core.v1.ConfigMapKeySelector",
    "io.k8s.api.core.v1.EndpointAddress",
    "io.k8s.api.core.v1.EndpointPort",
    "io.k8s.api.core.v1.FileKeySelector",
    "io.k8s.api.core.v1.LocalObjectReference",
    "io.k8s.api.core.v1.NodeSelector",
    "io.k8s.api.core.v1.NodeSelectorTerm",
    "io.k8s.api.core.v1.ObjectFieldSelector",
    "io.k8s.api.core.v1.ObjectReference",
    "io.k8s.api.core.v1.ResourceFieldSelector",
    "io.k8s.api.core.v1.ScopeSelector",
    "io.k8s.api.core.v1.SecretKeySelector",
    "io.k8s.api.core.v1.SecretReference",
    "io.k8s.api.core.v1.TopologySelectorTerm",
    "io.k8s.api.core.v1.TypedLocalObjectReference",
    "io.k8s.api.discovery.v1.EndpointPort",
    "io.k8s.api.networking.v1.ServiceBackendPort",
    "io.k8s.api.rbac.v1.RoleRef",
    "io.k8s.api.rbac.v1.Subject",
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
    "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
};

/// Named strings that take no other value than those listed. Sorted.
constexpr std::string_view kClosedEnums[] = {
    "AddressType",
    "AllocationConfigSource",
    "AppArmorProfileType",
    "AzureDataDiskCachingMode",
    "AzureDataDiskKind",
    "ClaimResourceStatus",
    "CompletionMode",
    "ConcurrencyPolicy",
    "DNSPolicy",
    "DaemonSetUpdateStrategyType",
    "DeploymentStrategyType",
    "DeviceAllocationMode",
    "DeviceTaintEffect",
    "DeviceTolerationOperator",
    "FailurePolicyType",
    "FieldValueErrorReason",
    "HostPathType",
    "IPFamily",
    "IPFamilyPolicy",
    "KeyUsage",
    "MatchPolicyType",
    "MountPropagationMode",
    "NamespacePhase",
    "NodeInclusionPolicy",
    "NodePhase",
    "NodeSelectorOperator",
    "OperationType",
    "PatchType",
    "PathType",
    "PersistentVolumeAccessMode",
    "PersistentVolumeClaimModifyVolumeStatus",
    "PersistentVolumeClaimPhase",
    "PersistentVolumeMode",
    "PersistentVolumePhase",
    "PersistentVolumeReclaimPolicy",
    "PodFSGroupChangePolicy",
    "PodFailurePolicyAction",
    "PodFailurePolicyOnExitCodesOperator",
    "PodManagementPolicyType",
    "PodPhase",
    "PodQOSClass",
    "PodReplacementPolicy",
    "PolicyType",
    "PreemptionPolicy",
    "ProcMountType",
    "Protocol",
    "PullPolicy",
    "ReinvocationPolicyType",
    "ResourceQuotaScope",
    "RestartPolicy",
    "ScopeSelectorOperator",
    "ScopeType",
    "SeccompProfileType",
    "ServiceAffinity",
    "ServiceExternalTrafficPolicy",
    "ServiceInternalTrafficPolicy",
    "ServiceType",
    "SideEffectClass",
    "Signal",
    "StatefulSetUpdateStrategyType",
    "SupplementalGroupsPolicy",
    "TaintEffect",
    "TerminationMessagePolicy",
    "TolerationOperator",
    "URIScheme",
    "UnhealthyPodEvictionPolicyType",
    "UnsatisfiableConstraintAction",
    "ValidationAction",
    "VolumeBindingMode",
};

struct Union {
  std::string_view model;
  std::string_view discriminator;  ///< empty: none
  std::string_view field;
  std::string_view value;
};
constexpr Union kUnions[] = {
    {"io.k8s.api.core.v1.AppArmorProfile", "type", "localhostProfile", "LocalhostProfile"},
    {"io.k8s.api.core.v1.SeccompProfile", "type", "localhostProfile", "LocalhostProfile"},
    {"io.k8s.api.core.v1.PodSchedulingGroup", "", "podGroupName", "PodGroupName"},
};

/// Fields that upstream writes as a bare reference, since they have no text of their own.
constexpr std::string_view kBareFields[] = {
    "IngressRule.http",
    "JSONSchemaProps.additionalItems",
    "JSONSchemaProps.additionalProperties",
    "JSONSchemaProps.example",
    "JSONSchemaProps.externalDocs",
    "JSONSchemaProps.items",
    "JSONSchemaProps.not",
};

constexpr std::string_view kVersionFields[] = {"major",
                                               "minor",
                                               "emulationMajor",
                                               "emulationMinor",
                                               "minCompatibilityMajor",
                                               "minCompatibilityMinor",
                                               "gitVersion",
                                               "gitCommit",
                                               "gitTreeState",
                                               "buildDate",
                                               "goVersion",
                                               "compiler",
                                               "platform"};

bool isOptionalVersionField(std::string_view name) {
  return name.starts_with("emulation") || name.starts_with("minCompatibility");
}

json::object typed(std::string_view type, std::string_view format = {}) {
  json::object out;
  out["type"] = type;
  if (!format.empty()) out["format"] = format;
  return out;
}

/// Models that are not messages of fields. Nothing: it is an ordinary one.
std::optional<json::object> specialModel(Dialect dialect, std::string_view model) {
  const bool v3 = dialect == Dialect::V3;
  if (model == kQuantity) {
    if (!v3) return typed("string");
    return json::object{{"oneOf", {typed("string"), typed("number")}}};
  }
  if (model == kIntOrString) {
    if (!v3) return typed("string", "int-or-string");
    return json::object{{"format", "int-or-string"},
                        {"oneOf", {typed("integer"), typed("string")}}};
  }
  if (model == kRawExtension) return typed("object");
  if (model.starts_with(kApiExtensions)) {
    model.remove_prefix(kApiExtensions.size());
    if (model == "JSON" || model.starts_with("JSONSchemaPropsOr")) return json::object{};
    return std::nullopt;
  }
  if (!model.starts_with(kMeta)) return std::nullopt;
  model.remove_prefix(kMeta.size());
  if (model == "Time" || model == "MicroTime") return typed("string", "date-time");
  if (model == "Duration") return typed("string");
  if (model == "FieldsV1" || model == "Patch") return typed("object");
  return std::nullopt;
}

json::object versionInfo(Dialect dialect) {
  json::object properties;
  json::array required;
  for (const auto name : kVersionFields) {
    json::object property = typed("string");
    if (!isOptionalVersionField(name)) {
      required.emplace_back(name);
      if (dialect == Dialect::V3) property["default"] = "";
    }
    properties[name] = std::move(property);
  }
  json::object out = typed("object");
  out["properties"] = std::move(properties);
  out["required"] = std::move(required);
  return out;
}

/// The protobuf name a model has; Go's dashes are underscores there. Empty: it has none.
std::string protobufName(std::string_view model) {
  constexpr std::string_view kPrefix = "io.k8s.";
  if (!model.starts_with(kPrefix)) return "";
  std::string full = "k8s.io." + std::string(model.substr(kPrefix.size()));
  std::ranges::replace(full, '-', '_');
  return full;
}

std::string fullName(const MessageInfo& info) {
  return std::string(info.package) + "." + std::string(info.name);
}

std::string fieldTypeModel(const FieldInfo& field) {
  switch (field.type) {
    case FieldType::Quantity:
      return std::string(kQuantity);
    case FieldType::IntOrString:
      return std::string(kIntOrString);
    case FieldType::Time:
      return std::string(kMeta) + "Time";
    case FieldType::MicroTime:
      return std::string(kMeta) + "MicroTime";
    case FieldType::Duration:
      return std::string(kMeta) + "Duration";
    case FieldType::FieldsV1:
      return std::string(kMeta) + "FieldsV1";
    case FieldType::RawExtension:
      return std::string(kRawExtension);
    case FieldType::RawJson:
      return std::string(kApiExtensions) + "JSON";
    case FieldType::Message:
      return modelName(*field.message);
    default:
      return "";
  }
}

json::object scalar(FieldType type) {
  switch (type) {
    case FieldType::Bytes:
      return typed("string", "byte");
    case FieldType::Bool:
      return typed("boolean");
    case FieldType::Int32:
      return typed("integer", "int32");
    case FieldType::UInt32:
    case FieldType::UInt64:
    case FieldType::Int64:
      return typed("integer", "int64");
    case FieldType::Double:
      return typed("number", "double");
    case FieldType::Float:
      return typed("number", "float");
    case FieldType::StringList: {
      json::object out = typed("array");
      out["items"] = typed("string");
      return out;
    }
    default:
      return typed("string");
  }
}

/// What a field is where a request does not say; null: nothing.
json::value defaultOf(const FieldInfo& field) {
  if (!field.meta->defaultJson.empty()) {
    boost::system::error_code error;
    json::value value = json::parse(field.meta->defaultJson, error);
    if (!error) return value;
  }
  if (field.shape != Shape::Value || field.has(api::kFieldPointer)) return nullptr;
  if (field.type == FieldType::Message) return json::object();
  if (!field.has(api::kFieldAlways)) return nullptr;
  switch (field.type) {
    case FieldType::String:
      return "";
    case FieldType::Bool:
      return false;
    case FieldType::Int32:
    case FieldType::Int64:
    case FieldType::UInt32:
    case FieldType::UInt64:
    case FieldType::Double:
    case FieldType::Float:
      return 0;
    default:
      return nullptr;
  }
}

json::array strings(std::span<const std::string_view> texts) {
  json::array out;
  for (const auto text : texts) out.emplace_back(text);
  return out;
}

bool isAtomic(const MessageInfo& info) {
  return std::ranges::find(kAtomicModels, modelName(info)) != std::end(kAtomicModels);
}

void addExtensions(const FieldInfo& field, json::object& out) {
  const api::FieldMeta& meta = *field.meta;
  switch (meta.listType) {
    case api::ListType::None:
      break;
    case api::ListType::Atomic:
      out["x-kubernetes-list-type"] = "atomic";
      break;
    case api::ListType::Set:
      out["x-kubernetes-list-type"] = "set";
      break;
    case api::ListType::Map:
      out["x-kubernetes-list-type"] = "map";
      break;
  }
  if (!meta.listMapKeys.empty()) out["x-kubernetes-list-map-keys"] = strings(meta.listMapKeys);
  // Messages that are atomic themselves do not say so again where they are used.
  if (meta.structType == api::StructType::Atomic && !(field.message && isAtomic(*field.message))) {
    out["x-kubernetes-map-type"] = "atomic";
  }
  if (meta.structType == api::StructType::Granular) out["x-kubernetes-map-type"] = "granular";
  if (!meta.patchMergeKey.empty()) out["x-kubernetes-patch-merge-key"] = meta.patchMergeKey;
  if (!meta.patchStrategy.empty()) out["x-kubernetes-patch-strategy"] = meta.patchStrategy;
}

bool isBare(const MessageInfo& owner, const FieldInfo& field) {
  const std::string name = std::string(owner.name) + "." + std::string(field.name);
  return std::ranges::find(kBareFields, name) != std::end(kBareFields);
}

/// Marked both required and optional; the latter wins upstream.
bool isRequired(const MessageInfo& owner, const FieldInfo& field) {
  const bool portError = field.name == "error" && owner.name.ends_with("PortStatus");
  return field.has(api::kFieldRequired) && !portError;
}

/// The one map whose values are a closed set of strings, which the tables do not tell.
constexpr std::string_view kResizeStatuses[] = {
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress",
    "NodeResizeInfeasible", "NodeResizePending"};

bool isClosed(const api::EnumInfo& info) {
  return std::ranges::binary_search(kClosedEnums, info.name) && !info.values.empty();
}

void addUnion(const MessageInfo& info, json::object& out) {
  const std::string model = modelName(info);
  const auto* found = std::ranges::find(kUnions, model, &Union::model);
  if (found == std::end(kUnions)) return;
  json::object entry;
  if (!found->discriminator.empty()) entry["discriminator"] = found->discriminator;
  entry["fields-to-discriminateBy"] = json::object{{found->field, found->value}};
  out["x-kubernetes-unions"] = json::array{std::move(entry)};
}

json::object gvk(std::string_view group, std::string_view version, std::string_view kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

}  // namespace

std::string modelName(const MessageInfo& info) {
  constexpr std::string_view kPrefix = "k8s.io.";
  std::string package(info.package);
  if (package.starts_with(kPrefix)) package = "io.k8s." + package.substr(kPrefix.size());
  std::ranges::replace(package, '_', '-');
  return package + "." + std::string(info.name);
}

Schemas::Schemas(Dialect dialect, std::vector<std::pair<std::string, std::string>> groupVersions)
    : dialect_(dialect), groupVersions_(std::move(groupVersions)) {
  groupVersions_.emplace_back("", "v1");
  std::ranges::sort(groupVersions_);
  const auto tail = std::ranges::unique(groupVersions_);
  groupVersions_.erase(tail.begin(), tail.end());
}

void Schemas::add(std::string_view model) {
  if (seen_.contains(model)) return;
  seen_.emplace(model);
  pending_.emplace_back(model);
  drain();
}

/// Works off what add() and refTo() have put aside, without recursion.
void Schemas::drain() {
  while (!pending_.empty()) {
    const std::string model = std::move(pending_.back());
    pending_.pop_back();
    if (auto special = specialModel(dialect_, model)) {
      describe(*special, protobufName(model));
      schemas_[model] = std::move(*special);
    } else if (model == kVersionInfoModel) {
      schemas_[model] = versionInfo(dialect_);
    } else if (const MessageInfo* info = api::findMessage(protobufName(model))) {
      schemas_[model] = message(*info);
    }
  }
}

json::object Schemas::refTo(const std::string& model) {
  if (seen_.insert(model).second) pending_.push_back(model);
  return {{"$ref", modelRef(dialect_, model)}};
}

void Schemas::describe(json::object& out, std::string_view message, std::string_view field) const {
  const std::string_view text = descriptions_.of(message, field);
  if (!text.empty()) out["description"] = text;
}

/// One value of the field, without list or map around it.
json::object Schemas::element(const FieldInfo& field) {
  const std::string model = fieldTypeModel(field);
  if (!model.empty()) return refTo(model);
  json::object out = scalar(field.type);
  if (field.meta->enumInfo && isClosed(*field.meta->enumInfo)) {
    std::vector<std::string_view> values(field.meta->enumInfo->values.begin(),
                                         field.meta->enumInfo->values.end());
    std::ranges::sort(values);
    out["enum"] = strings(values);
  }
  return out;
}

json::object Schemas::property(const MessageInfo& owner, const FieldInfo& field) {
  json::object out;
  if (field.shape == Shape::Vector) {
    out = typed("array");
    out["items"] = element(field);
  } else if (field.shape == Shape::Map) {
    out = typed("object");
    json::object values = element(field);
    if (field.name == "allocatedResourceStatuses") values["enum"] = strings(kResizeStatuses);
    out["additionalProperties"] = std::move(values);
  } else {
    out = element(field);
    // References of v3 must stand alone, so what else there is goes around them.
    if (dialect_ == Dialect::V3 && out.contains("$ref") && !isBare(owner, field)) {
      out = json::object{{"allOf", json::array{std::move(out)}}};
    }
  }
  if (dialect_ == Dialect::V3) {
    if (json::value fallback = defaultOf(field); !fallback.is_null()) {
      out["default"] = std::move(fallback);
    }
  }
  addExtensions(field, out);
  // Upstream's bare references have no text; in v3 one could not stand beside them.
  if (!isBare(owner, field)) describe(out, fullName(owner), field.name);
  return out;
}

json::array Schemas::kinds(const MessageInfo& info) const {
  json::array out;
  const bool everywhere = info.package == "k8s.io.apimachinery.pkg.apis.meta.v1" &&
                          (info.name == "WatchEvent" || info.name == "DeleteOptions");
  if (everywhere) {
    for (const auto& [group, version] : groupVersions_) {
      out.push_back(gvk(group, version, info.name));
    }
  } else if (info.kind) {
    out.push_back(gvk(info.kind->group, info.kind->version, info.kind->kind));
  }
  return out;
}

json::object Schemas::message(const MessageInfo& info) {
  json::object out = typed("object");
  describe(out, fullName(info));
  json::object properties;
  json::array required;
  if (info.kind && info.name != "WatchEvent") {
    for (const std::string_view name : {"apiVersion", "kind"}) {
      json::object own = typed("string");
      describe(own, fullName(info), name);
      properties[name] = std::move(own);
    }
  }
  for (const auto& member : info.jsonMembers) {
    const FieldInfo& field = *member.field;
    properties[field.name] = property(info, field);
    if (isRequired(info, field)) required.emplace_back(field.name);
  }
  if (!properties.empty()) out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  if (json::array all = kinds(info); !all.empty()) {
    out["x-kubernetes-group-version-kind"] = std::move(all);
  }
  addUnion(info, out);
  if (isAtomic(info)) out["x-kubernetes-map-type"] = "atomic";
  return out;
}

}  // namespace coxswain::apiserver::openapi
