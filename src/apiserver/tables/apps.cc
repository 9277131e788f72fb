#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/select/labels.h"
#include "apiserver/tables/printer.h"
#include "base/text.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::apps::v1;  // NOLINT

constexpr Column kReplicaSetColumns[] = {
    kName, integer("Desired"), integer("Current"), integer("Ready"),
    kAge,  wide("Containers"), wide("Images"),     wide("Selector")};

void printReplicaSet(const ReplicaSet& object, Row& row) {
  row.text(object.metadata.name)
      .number(object.spec.replicas.value_or(0))
      .number(object.status.replicas)
      .number(object.status.readyReplicas)
      .age(object.metadata);
  podSpecCells(object.spec.template_.spec, row);
  row.text(selectorText(object.spec.selector.get()));
}

constexpr Column kDaemonSetColumns[] = {kName,
                                        integer("Desired"),
                                        integer("Current"),
                                        integer("Ready"),
                                        integer("Up-to-date"),
                                        integer("Available"),
                                        {"Node Selector"},
                                        kAge,
                                        wide("Containers"),
                                        wide("Images"),
                                        wide("Selector")};

void printDaemonSet(const DaemonSet& object, Row& row) {
  row.text(object.metadata.name)
      .number(object.status.desiredNumberScheduled)
      .number(object.status.currentNumberScheduled)
      .number(object.status.numberReady)
      .number(object.status.updatedNumberScheduled)
      .number(object.status.numberAvailable)
      .text(labelsText(object.spec.template_.spec.nodeSelector))
      .age(object.metadata);
  podSpecCells(object.spec.template_.spec, row);
  row.text(selectorText(object.spec.selector.get()));
}

constexpr Column kStatefulSetColumns[] = {
    kName, {"Ready"}, kAge, wide("Containers"), wide("Images")};

void printStatefulSet(const StatefulSet& object, Row& row) {
  row.text(object.metadata.name)
      .text(cat(object.status.readyReplicas, "/", object.spec.replicas.value_or(0)))
      .age(object.metadata);
  podSpecCells(object.spec.template_.spec, row);
}

constexpr Column kDeploymentColumns[] = {
    kName, {"Ready"},          {"Up-to-date"}, {"Available"},
    kAge,  wide("Containers"), wide("Images"), wide("Selector")};

void printDeployment(const Deployment& object, Row& row) {
  row.text(object.metadata.name)
      .text(cat(object.status.readyReplicas, "/", object.spec.replicas.value_or(0)))
      .number(object.status.updatedReplicas)
      .number(object.status.availableReplicas)
      .age(object.metadata);
  podSpecCells(object.spec.template_.spec, row);
  auto selector = api::LabelSelector::from(object.spec.selector.get());
  row.text(selector.ok() ? selector->str() : "<invalid>");
}

constexpr Column kControllerRevisionColumns[] = {kName, {"Controller"}, {"Revision"}, kAge};

void printControllerRevision(const ControllerRevision& object, Row& row) {
  std::string controller = "<none>";
  for (const auto& owner : object.metadata.ownerReferences) {
    if (!owner.controller.value_or(false)) continue;
    const size_t slash = owner.apiVersion.find('/');
    std::string kind = owner.kind;
    if (slash != std::string::npos) kind += "." + owner.apiVersion.substr(0, slash);
    controller = lowerCase(kind) + "/" + owner.name;
    break;
  }
  row.text(object.metadata.name).text(controller).number(object.revision).age(object.metadata);
}

}  // namespace

std::span<const Printer> appsPrinters() {
  static const Printer all[] = {
      printer<ReplicaSet, printReplicaSet>(kReplicaSetColumns),
      printer<DaemonSet, printDaemonSet>(kDaemonSetColumns),
      printer<StatefulSet, printStatefulSet>(kStatefulSetColumns),
      printer<Deployment, printDeployment>(kDeploymentColumns),
      printer<ControllerRevision, printControllerRevision>(kControllerRevisionColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
