#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/gen/core_v1.h"
#include "scheduler/cache/pod_info.h"

namespace coxswain::scheduler::testing {

/// `PodBuilder("web").cpu("500m").toPtr()`
class PodBuilder {
 public:
  explicit PodBuilder(std::string name, std::string ns = "default") {
    pod.metadata.name = std::move(name);
    pod.metadata.namespace_ = std::move(ns);
    pod.metadata.uid = "uid-" + pod.metadata.name;
    pod.spec.schedulerName = "default-scheduler";
    pod.spec.containers.emplace_back();
    pod.spec.containers.front().name = "main";
    pod.spec.containers.front().image = "app:1";
  }
  PodBuilder& request(std::string_view resource, std::string_view amount) {
    pod.spec.containers.front().resources.requests.insert_or_assign(resource,
                                                                    *api::Quantity::parse(amount));
    return *this;
  }
  PodBuilder& cpu(std::string_view amount) { return request("cpu", amount); }
  PodBuilder& memory(std::string_view amount) { return request("memory", amount); }
  PodBuilder& image(std::string name) {
    pod.spec.containers.front().image = std::move(name);
    return *this;
  }
  PodBuilder& hostPort(int32_t number, std::string ip = "", std::string protocol = "TCP") {
    api::core::v1::ContainerPort port;
    port.hostPort = port.containerPort = number;
    port.hostIP = std::move(ip);
    port.protocol = std::move(protocol);
    pod.spec.containers.front().ports.push_back(std::move(port));
    return *this;
  }
  PodBuilder& on(std::string node) {
    pod.spec.nodeName = std::move(node);
    return *this;
  }
  PodBuilder& label(std::string_view key, std::string value) {
    pod.metadata.labels.insert_or_assign(key, std::move(value));
    return *this;
  }
  PodBuilder& selector(std::string_view key, std::string value) {
    pod.spec.nodeSelector.insert_or_assign(key, std::move(value));
    return *this;
  }
  PodBuilder& tolerate(std::string key, std::string effect = "") {
    api::core::v1::Toleration toleration;
    toleration.key = std::move(key);
    toleration.operator_ = "Exists";
    toleration.effect = std::move(effect);
    pod.spec.tolerations.push_back(std::move(toleration));
    return *this;
  }
  PodBuilder& priority(int32_t value) {
    pod.spec.priority = value;
    return *this;
  }
  PodBuilder& gate(std::string name) {
    pod.spec.schedulingGates.emplace_back();
    pod.spec.schedulingGates.back().name = std::move(name);
    return *this;
  }
  [[nodiscard]] std::shared_ptr<const api::core::v1::Pod> toPtr() const {
    return std::make_shared<const api::core::v1::Pod>(pod);
  }
  [[nodiscard]] PodInfoPtr info() const { return std::make_shared<const PodInfo>(toPtr()); }

  api::core::v1::Pod pod;
};

/// A node with 4 cpu, 8Gi and 110 pods unless told otherwise.
class NodeBuilder {
 public:
  explicit NodeBuilder(std::string name) {
    node.metadata.name = std::move(name);
    label("kubernetes.io/hostname", node.metadata.name);
    have("cpu", "4").have("memory", "8Gi").have("pods", "110");
  }
  NodeBuilder& have(std::string_view resource, std::string_view amount) {
    node.status.allocatable.insert_or_assign(resource, *api::Quantity::parse(amount));
    return *this;
  }
  NodeBuilder& label(std::string_view key, std::string value) {
    node.metadata.labels.insert_or_assign(key, std::move(value));
    return *this;
  }
  NodeBuilder& zone(std::string value) {
    return label("topology.kubernetes.io/zone", std::move(value));
  }
  NodeBuilder& taint(std::string key, std::string effect) {
    api::core::v1::Taint taint;
    taint.key = std::move(key);
    taint.effect = std::move(effect);
    node.spec.taints.push_back(std::move(taint));
    return *this;
  }
  NodeBuilder& cordon() {
    node.spec.unschedulable = true;
    return *this;
  }
  NodeBuilder& image(std::string name, int64_t bytes) {
    node.status.images.emplace_back();
    node.status.images.back().names = {std::move(name)};
    node.status.images.back().sizeBytes = bytes;
    return *this;
  }
  [[nodiscard]] std::shared_ptr<const api::core::v1::Node> toPtr() const {
    return std::make_shared<const api::core::v1::Node>(node);
  }

  api::core::v1::Node node;
};

}  // namespace coxswain::scheduler::testing
