#include <gtest/gtest.h>

#include <string>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/equal.h"
#include "apiserver/registry/metadata.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

using api::FieldErrors;
using api::FieldPath;

/// An object of the kind, decoded and with defaults as a request's body is.
struct Decoded {
  Decoded(const Resource& row, std::string_view json)
      : row(&row), data(row.info->create(), row.info->destroy) {
    const auto status = api::decodeJson(*row.info, json, data.get());
    EXPECT_TRUE(status.ok()) << status.message();
    row.strategy->setDefaults(data.get());
  }
  [[nodiscard]] std::string json() const {
    std::string out;
    api::encodeJson(*row->info, data.get(), out, {.typeMeta = false});
    return out;
  }
  [[nodiscard]] api::meta::v1::ObjectMeta& meta() const { return metaOf(*row->info, data.get()); }
  const Resource* row;
  std::unique_ptr<void, void (*)(void*)> data;
};

const Resource& resource(std::string_view group, std::string_view plural) {
  const auto* row = findResource(group, "v1", plural);
  EXPECT_NE(row, nullptr) << plural;
  return *row;
}

/// What a create answers: empty, or the message of the 422.
std::string create(const Resource& row, Decoded& object) {
  FieldErrors errors;
  auto& meta = object.meta();
  prepareMetaForCreate(meta, row.strategy->traits());
  if (row.namespaced && meta.namespace_.empty()) meta.namespace_ = "ns";
  row.strategy->prepareForCreate(object.data.get());
  validateObjectMeta(meta, row.namespaced, *row.strategy, FieldPath("metadata"), errors);
  row.strategy->validate(object.data.get(), errors);
  return errors.empty() ? "" : errors.toStatus(row.qualifiedKind(), meta.name).message();
}
std::string create(std::string_view group, std::string_view plural, std::string_view json) {
  Decoded object(resource(group, plural), json);
  return create(resource(group, plural), object);
}

std::string update(std::string_view group, std::string_view plural, std::string_view from,
                   std::string_view to, std::string* result = nullptr) {
  const auto& row = resource(group, plural);
  Decoded current(row, from);
  EXPECT_EQ(create(row, current), "");
  current.meta().resourceVersion = "1";
  Decoded next(row, to);
  next.meta().namespace_ = current.meta().namespace_;
  next.meta().resourceVersion = "1";
  FieldErrors errors;
  prepareMetaForUpdate(next.meta(), current.meta());
  row.strategy->prepareForUpdate(next.data.get(), current.data.get());
  growGeneration(*row.strategy, next.data.get(), current.data.get());
  validateObjectMetaUpdate(next.meta(), current.meta(), row.strategy->traits(),
                           FieldPath("metadata"), errors);
  row.strategy->validateUpdate(next.data.get(), current.data.get(), errors);
  if (result) *result = next.json();
  return errors.empty() ? "" : errors.toStatus(row.qualifiedKind(), next.meta().name).message();
}

std::string workload(std::string_view extra, std::string_view labels = R"({"app":"a"})",
                     std::string_view restart = "Always") {
  return R"({"metadata":{"name":"inv"},"spec":{"template":{"metadata":{"labels":)" +
         std::string(labels) +
         R"(},"spec":{"containers":[{"name":"c","image":"i"}],"restartPolicy":")" +
         std::string(restart) + R"("}})" + std::string(extra) + "}}";
}
constexpr std::string_view kSelector = R"(,"selector":{"matchLabels":{"app":"a"}})";

TEST(Resources, AreOrderedAndComplete) {
  std::string last;
  for (const auto& row : resources()) {
    const auto key =
        std::string(row.group) + "/" + std::string(row.version) + "/" + std::string(row.plural);
    EXPECT_LT(last, key);
    last = key;
    ASSERT_NE(row.strategy, nullptr) << key;
    EXPECT_EQ(&row.strategy->info(), row.info) << key;
    EXPECT_GE(row.info->objectMeta, 0) << key;
    EXPECT_GE(row.listInfo->listMeta, 0) << key;
    EXPECT_TRUE(row.keyPrefix.starts_with("/registry/")) << key;
    // What is computed is stored in no version.
    EXPECT_EQ(row.storageVersionHash.size(), row.hasVerb("create") ? 12u : 0u) << key;
  }
  EXPECT_GE(resources().size(), 29u);
  EXPECT_EQ(resource("apps", "deployments").qualifiedKind(), "Deployment.apps");
  EXPECT_EQ(resource("apps", "deployments").findSubresource("scale")->group, "autoscaling");
  EXPECT_EQ(findResource("apps", "v1beta1", "deployments"), nullptr);
  EXPECT_EQ(findResourceByKind("", "v1", "Node")->keyPrefix, "/registry/minions");
}

TEST(Strategies, DefaultsAreIdempotentForEmptyObjects) {
  for (const auto& row : resources()) {
    Decoded object(row, "{}");
    const auto once = object.json();
    row.strategy->setDefaults(object.data.get());
    EXPECT_EQ(once, object.json()) << row.plural;
    // No rule may trip over an object with nothing in it.
    EXPECT_NE(create(row, object), "") << row.plural;
  }
}

TEST(Metadata, RulesOfNewObjects) {
  EXPECT_EQ(create("", "configmaps", "{}"),
            "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is "
            "required");
  EXPECT_EQ(create("", "configmaps", R"({"metadata":{"name":"inv","finalizers":["nope"]}})"),
            "ConfigMap \"inv\" is invalid: metadata.finalizers[0]: Invalid value: \"nope\": name "
            "is neither a standard finalizer name nor is it fully qualified");
  EXPECT_EQ(
      create("coordination.k8s.io", "leases", R"({"metadata":{"name":"l","finalizers":["nope"]}})"),
      "");
  EXPECT_EQ(create("", "configmaps",
                   R"({"metadata":{"name":"inv","ownerReferences":[)"
                   R"({"apiVersion":"v1","kind":"Pod","name":"x","uid":"1","controller":true},)"
                   R"({"apiVersion":"v1","kind":"Pod","name":"y","uid":"2","controller":true}]}})"),
            "ConfigMap \"inv\" is invalid: metadata.ownerReferences: Invalid value: "
            "[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"x\",\"uid\":\"1\",\"controller\":"
            "true},{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"y\",\"uid\":\"2\","
            "\"controller\":true}]: Only one reference can have Controller set to true. Found "
            "\"true\" in references for Pod/x and Pod/y");
  EXPECT_EQ(create("", "nodes", R"({"metadata":{"name":"n","namespace":"x"}})"),
            "Node \"n\" is invalid: metadata.namespace: Forbidden: not allowed on this type");
}

TEST(Metadata, RulesOfUpdates) {
  EXPECT_EQ(update("", "configmaps", R"({"metadata":{"name":"c","uid":"a"}})",
                   R"({"metadata":{"name":"c","uid":"b"}})"),
            "ConfigMap \"c\" is invalid: metadata.uid: Invalid value: \"b\": field is immutable");
  const auto& row = resource("", "configmaps");
  Decoded current(row, R"({"metadata":{"name":"c","deletionTimestamp":"2020-01-01T00:00:00Z",)"
                       R"("resourceVersion":"1"}})");
  Decoded next(row, R"({"metadata":{"name":"c","finalizers":["example.com/new"],)"
                    R"("resourceVersion":"1"}})");
  prepareMetaForUpdate(next.meta(), current.meta());
  FieldErrors errors;
  validateObjectMetaUpdate(next.meta(), current.meta(), row.strategy->traits(),
                           FieldPath("metadata"), errors);
  EXPECT_EQ(errors.str(),
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
            "deleted, found new finalizers []string{\"example.com/new\"}");
}

TEST(Metadata, GenerationGrowsWithContent) {
  const auto base = workload(kSelector);
  std::string out;
  EXPECT_EQ(update("apps", "deployments", base, base, &out), "");
  EXPECT_NE(out.find("\"generation\":1"), std::string::npos);
  EXPECT_EQ(update("apps", "deployments", base,
                   workload(std::string(kSelector) + R"(,"replicas":3)"), &out),
            "");
  EXPECT_NE(out.find("\"generation\":2"), std::string::npos);
}

TEST(ConfigMap, Rules) {
  EXPECT_EQ(
      create("", "configmaps",
             R"({"metadata":{"name":"big"},"data":{"a":")" + std::string(1048577, 'x') + "\"}}"),
      "ConfigMap \"big\" is invalid: []: Too long: may not be more than 1048576 bytes");
  EXPECT_EQ(update("", "configmaps", R"({"metadata":{"name":"c"},"immutable":true})",
                   R"({"metadata":{"name":"c"},"immutable":true,"data":{"a":"b"}})"),
            "ConfigMap \"c\" is invalid: data: Forbidden: field is immutable when `immutable` is "
            "set");
}

TEST(Secret, Rules) {
  EXPECT_EQ(create("", "secrets",
                   R"({"metadata":{"name":"inv"},"type":"kubernetes.io/dockerconfigjson",)"
                   R"("stringData":{".dockerconfigjson":"not json"}})"),
            "Secret \"inv\" is invalid: data[.dockerconfigjson]: Invalid value: \"<secret contents "
            "redacted>\": invalid character 'o' in literal null (expecting 'u')");
  EXPECT_EQ(update("", "secrets", R"({"metadata":{"name":"min"}})",
                   R"({"metadata":{"name":"min"},"type":"other"})"),
            "Secret \"min\" is invalid: type: Invalid value: \"other\": field is immutable");
}

TEST(Namespace, Rules) {
  EXPECT_EQ(create("", "namespaces", R"({"metadata":{"name":"a.b"}})"),
            "Namespace \"a.b\" is invalid: metadata.name: Invalid value: \"a.b\": must not contain "
            "dots");
  EXPECT_EQ(
      create("", "namespaces", R"({"metadata":{"name":"inv"},"spec":{"finalizers":["noslash"]}})"),
      "Namespace \"inv\" is invalid: spec.finalizers: Invalid value: \"noslash\": name is "
      "neither a standard finalizer name nor is it fully qualified");
}

TEST(Service, Rules) {
  const auto bad = [](std::string_view spec) {
    return create("", "services",
                  R"({"metadata":{"name":"inv"},"spec":)" + std::string(spec) + "}");
  };
  EXPECT_EQ(bad(R"({"ports":[{"port":80}]})"), "");
  EXPECT_EQ(bad(R"({"ports":[{"port":80},{"port":80}]})"),
            "Service \"inv\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: "
            "Required value, spec.ports[1]: Duplicate value: "
            "{\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,"
            "\"NodePort\":0}]");
  EXPECT_EQ(bad(R"({"ports":[{"port":80}],"externalIPs":["127.0.0.1","x"]})"),
            "Service \"inv\" is invalid: [spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may "
            "not be in the loopback range (127.0.0.0/8, ::1/128), spec.externalIPs[1]: Invalid "
            "value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)]");
  EXPECT_EQ(bad(R"({"ports":[{"port":80}],"clusterIPs":["None"]})"),
            "Service \"inv\" is invalid: spec.clusterIPs: Invalid value: [\"None\"]: must be empty "
            "when `clusterIP` is not specified");
  EXPECT_EQ(bad(R"({"ports":[{"port":80}],"clusterIP":"None","clusterIPs":["10.96.7.7"]})"),
            "Service \"inv\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.7.7\"]: first "
            "value must match `clusterIP`");
  EXPECT_EQ(bad(R"({"ports":[{"port":80}],"type":"ExternalName","externalName":"a.b",)"
                R"("clusterIP":"10.96.1.1"})"),
            "Service \"inv\" is invalid: spec.clusterIPs: Forbidden: may not be set for "
            "ExternalName services");
  EXPECT_EQ(bad(R"({"ports":[{"port":80}],"type":"NodePort","clusterIP":"None"})"),
            "Service \"inv\" is invalid: spec.clusterIPs[0]: Invalid value: \"None\": may not be "
            "set to 'None' for NodePort services");
}

TEST(Service, UpdatesKeepWhatWasAllocated) {
  const std::string from =
      R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","clusterIP":"10.96.0.5",)"
      R"("clusterIPs":["10.96.0.5"],"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack",)"
      R"("ports":[{"port":80,"nodePort":30001}]}})";
  std::string out;
  EXPECT_EQ(
      update("", "services", from,
             R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[{"port":81}]}})", &out),
      "");
  EXPECT_NE(out.find("\"nodePort\":30001"), std::string::npos) << out;
  EXPECT_NE(out.find("\"clusterIP\":\"10.96.0.5\""), std::string::npos) << out;
  EXPECT_EQ(update("", "services", from,
                   R"({"metadata":{"name":"s"},"spec":{"clusterIP":"10.96.77.77",)"
                   R"("clusterIPs":["10.96.0.5"],"ports":[{"port":80}]}})"),
            "Service \"s\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.77.77\"]: may "
            "not change once set");
}

TEST(Workloads, Rules) {
  EXPECT_EQ(create("apps", "deployments", workload(kSelector)), "");
  EXPECT_EQ(create("apps", "deployments", workload("")),
            "Deployment.apps \"inv\" is invalid: [spec.selector: Required value, "
            "spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not "
            "match template `labels`]");
  EXPECT_EQ(
      create("apps", "deployments",
             workload(std::string(kSelector) + R"(,"strategy":{"rollingUpdate":{"maxSurge":"x",)"
                                               R"("maxUnavailable":"101%"}})")),
      "Deployment.apps \"inv\" is invalid: [spec.strategy.rollingUpdate.maxSurge: Invalid "
      "value: \"x\": a valid percent string must be a numeric string followed by an ending "
      "'%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%'), "
      "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be "
      "greater than 100%]");
  EXPECT_EQ(create("apps", "statefulsets", workload(kSelector, R"({"app":"a"})", "OnFailure")),
            "StatefulSet.apps \"inv\" is invalid: spec.template.spec.restartPolicy: Unsupported "
            "value: \"OnFailure\": supported values: \"Always\"");
  EXPECT_EQ(create("apps", "daemonsets",
                   workload(std::string(kSelector) + R"(,"updateStrategy":{"type":"X"})")),
            "DaemonSet.apps \"inv\" is invalid: spec.updateStrategy: Unsupported value: "
            "{\"Type\":\"X\",\"RollingUpdate\":null}: supported values: \"RollingUpdate\", "
            "\"OnDelete\"");
  EXPECT_EQ(create("apps", "daemonsets", workload(R"(,"selector":{})")),
            "DaemonSet.apps \"inv\" is invalid: spec.selector: Invalid value: {}: empty selector "
            "is invalid for daemonset");
  EXPECT_EQ(create("apps", "replicasets", workload(std::string(kSelector) + R"(,"replicas":-2)")),
            "ReplicaSet.apps \"inv\" is invalid: spec.replicas: Invalid value: -2: must be greater "
            "than or equal to 0");
  EXPECT_EQ(create("", "replicationcontrollers", workload("", R"({"a":"b"})", "Never")),
            "ReplicationController \"inv\" is invalid: spec.template.spec.restartPolicy: "
            "Unsupported value: \"Never\": supported values: \"Always\"");
}

TEST(Workloads, ClaimsOfAStatefulSetAreVolumesOfItsPods) {
  const std::string spec =
      R"({"metadata":{"name":"db"},"spec":{"selector":{"matchLabels":{"app":"a"}},"template":{)"
      R"("metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i",)"
      R"("volumeMounts":[{"name":"data","mountPath":"/data"}]}]}})";
  EXPECT_EQ(create("apps", "statefulsets",
                   spec + R"(,"volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{)"
                          R"("accessModes":["ReadWriteOnce"],)"
                          R"("resources":{"requests":{"storage":"1Gi"}}}}]}})"),
            "");
  EXPECT_EQ(
      create("apps", "statefulsets",
             spec + R"(,"volumeClaimTemplates":[{"metadata":{"name":"B"}}]}})"),
      "StatefulSet.apps \"db\" is invalid: [spec.volumeClaimTemplates[0].spec.accessModes: "
      "Required value: at least 1 access mode is required, "
      "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value, "
      "spec.template.spec.volumes[0].name: Invalid value: \"B\": a lowercase RFC 1123 label "
      "must consist of lower case alphanumeric characters or '-', and must start and end with "
      "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
      "'[a-z0-9]([-a-z0-9]*[a-z0-9])?'), "
      "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"data\"]");
  EXPECT_EQ(create("apps", "deployments", spec + "}}"),
            "Deployment.apps \"db\" is invalid: "
            "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"data\"");
}

TEST(Workloads, SelectorsStay) {
  constexpr std::string_view kOther = R"(,"selector":{"matchLabels":{"app":"a","x":"y"}})";
  for (const auto plural : {"deployments", "replicasets", "daemonsets"}) {
    const auto message =
        update("apps", plural, workload(kSelector), workload(kOther, R"({"app":"a","x":"y"})"));
    EXPECT_NE(message.find("is invalid: spec.selector: Invalid value: "
                           "{\"matchLabels\":{\"app\":\"a\",\"x\":\"y\"}}: field is immutable"),
              std::string::npos)
        << message;
  }
}

TEST(Node, Rules) {
  EXPECT_EQ(
      create("", "nodes",
             R"({"metadata":{"name":"inv"},"spec":{"taints":[{"key":"b","effect":"NoSchedule"},)"
             R"({"key":"b","effect":"NoSchedule"}]}})"),
      "Node \"inv\" is invalid: metadata.taints[1]: Duplicate value: "
      "{\"Key\":\"b\",\"Value\":\"\",\"Effect\":\"NoSchedule\",\"TimeAdded\":null}: taints "
      "must be unique by key and effect pair");
  EXPECT_EQ(update("", "nodes", R"({"metadata":{"name":"n"},"spec":{"podCIDR":"10.0.0.0/24"}})",
                   R"({"metadata":{"name":"n"},"spec":{"podCIDR":"10.0.1.0/24"}})"),
            "Node \"n\" is invalid: spec.podCIDRs: Forbidden: node updates may not change podCIDR "
            "except from \"\" to valid");
}

TEST(Endpoints, Rules) {
  EXPECT_EQ(create("", "endpoints",
                   R"({"metadata":{"name":"inv"},"subsets":[{"addresses":[{"ip":"x"}]}]})"),
            "Endpoints \"inv\" is invalid: [subsets[0].addresses[0].ip: Invalid value: \"x\": must "
            "be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), "
            "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address]");
  EXPECT_EQ(create("discovery.k8s.io", "endpointslices",
                   R"({"metadata":{"name":"inv"},"addressType":"IPv6",)"
                   R"("endpoints":[{"addresses":["10.0.0.1"]}]})"),
            "EndpointSlice.discovery.k8s.io \"inv\" is invalid: endpoints[0].addresses: Invalid "
            "value: \"10.0.0.1\": must be an IPv6 address");
}

TEST(Event, Rules) {
  constexpr std::string_view kEvent =
      R"({"metadata":{"name":"inv"},"regarding":{"kind":"Pod","name":"p","namespace":"ns"},)"
      R"("eventTime":"2020-01-01T00:00:00.000000Z","action":"A","type":"Normal",)"
      R"("reportingController":"example.com/c","reportingInstance":"i")";
  EXPECT_EQ(
      create("events.k8s.io", "events",
             std::string(kEvent) +
                 R"(,"reason":"R","deprecatedCount":3,"deprecatedSource":{"component":"x"}})"),
      "Event \"inv\" is invalid: [count: Invalid value: \"\": needs to be "
      "unset, source: Invalid value: \"\": needs to be unset]");
  EXPECT_EQ(update("events.k8s.io", "events", std::string(kEvent) + R"(,"reason":"R"})",
                   std::string(kEvent) + R"(,"reason":"S"})"),
            "Event \"inv\" is invalid: reason: Invalid value: \"S\": field is "
            "immutable");
  // Both looks at the same stored object.
  const auto& row = resource("events.k8s.io", "events");
  Decoded event(row, std::string(kEvent) + R"(,"reason":"R","series":{"count":2}})");
  std::unique_ptr<void, void (*)(void*)> stored(row.storageInfo->create(),
                                                row.storageInfo->destroy);
  Decoded back(row, "{}");
  row.toStorage(event.data.get(), stored.get());
  row.fromStorage(stored.get(), back.data.get());
  EXPECT_EQ(event.json(), back.json());
}

TEST(Others, Rules) {
  EXPECT_EQ(create("coordination.k8s.io", "leases",
                   R"({"metadata":{"name":"inv"},"spec":{"leaseDurationSeconds":0,)"
                   R"("leaseTransitions":-1}})"),
            "Lease.coordination.k8s.io \"inv\" is invalid: [spec.leaseDurationSeconds: Invalid "
            "value: 0: must be greater than 0, spec.leaseTransitions: Invalid value: -1: must be "
            "greater than or equal to 0]");
  EXPECT_EQ(create("scheduling.k8s.io", "priorityclasses",
                   R"({"metadata":{"name":"inv"},"value":1000000001})"),
            "PriorityClass.scheduling.k8s.io \"inv\" is invalid: value: Forbidden: maximum allowed "
            "value of a user defined priority is 1000000000");
  EXPECT_EQ(update("apps", "controllerrevisions", R"({"metadata":{"name":"min"},"data":{"a":2}})",
                   R"({"metadata":{"name":"min"},"data":{"a":1}})"),
            "ControllerRevision.apps \"min\" is invalid: data: Invalid value: {\"a\":1}: field is "
            "immutable");
  EXPECT_EQ(create("", "limitranges",
                   R"({"metadata":{"name":"inv"},"spec":{"limits":[{"type":"Container",)"
                   R"("max":{"cpu":"1"},"min":{"cpu":"2"}}]}})"),
            "LimitRange \"inv\" is invalid: [spec.limits[0].min[cpu]: Invalid value: \"2\": min "
            "value 2 is greater than max value 1, spec.limits[0].defaultRequest[cpu]: Invalid "
            "value: \"1\": min value 2 is greater than default request value 1, "
            "spec.limits[0].default[cpu]: Invalid value: \"2\": min value 2 is greater than "
            "default value 1]");
  EXPECT_EQ(
      create("", "resourcequotas", R"({"metadata":{"name":"inv"},"spec":{"hard":{"foo":"1"}}})"),
      "ResourceQuota \"inv\" is invalid: [spec.hard[foo]: Invalid value: \"foo\": must be a "
      "standard resource type or fully qualified, spec.hard[foo]: Invalid value: \"foo\": "
      "must be a standard resource for quota]");
  EXPECT_EQ(create("", "persistentvolumeclaims",
                   R"({"metadata":{"name":"inv"},"spec":{"accessModes":["ReadWriteOnce"]}})"),
            "PersistentVolumeClaim \"inv\" is invalid: spec.resources[storage]: Required value");
  EXPECT_EQ(create("", "persistentvolumes",
                   R"({"metadata":{"name":"inv"},"spec":{"accessModes":["ReadWriteOnce"],)"
                   R"("capacity":{"storage":"1Gi"},"local":{"path":"/a"}}})"),
            "PersistentVolume \"inv\" is invalid: spec.nodeAffinity: Required value: Local volume "
            "requires node affinity");
}

}  // namespace
}  // namespace coxswain::apiserver
