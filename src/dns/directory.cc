#include "dns/directory.h"

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/ip.h"

namespace coxswain::dns {
namespace {

using api::core::v1::Namespace;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

constexpr const char* kByService = "service";
constexpr const char* kByClusterIp = "clusterIP";
constexpr const char* kByAddress = "address";

std::vector<std::string> byService(const api::ConstObject& object) {
  const auto* slice = object.as<EndpointSlice>();
  if (!slice) return {};
  auto name = serviceNameOf(*slice);
  if (name.empty()) return {};
  return {slice->metadata.namespace_ + "/" + name};
}

void addAddress(std::string_view text, std::vector<std::string>& out) {
  if (auto address = api::parseIpSloppy(text)) out.push_back(address->str());
}

std::vector<std::string> byClusterIp(const api::ConstObject& object) {
  std::vector<std::string> out;
  const auto* service = object.as<Service>();
  if (!service) return out;
  if (service->spec.clusterIPs.empty()) addAddress(service->spec.clusterIP, out);
  for (const auto& ip : service->spec.clusterIPs) addAddress(ip, out);
  return out;
}

std::vector<std::string> byAddress(const api::ConstObject& object) {
  std::vector<std::string> out;
  const auto* slice = object.as<EndpointSlice>();
  if (!slice) return out;
  for (const auto& endpoint : slice->endpoints) {
    for (const auto& address : endpoint.addresses) addAddress(address, out);
  }
  return out;
}

template <typename T>
std::vector<std::shared_ptr<const T>> typed(const std::vector<api::ConstObject>& objects) {
  std::vector<std::shared_ptr<const T>> out;
  out.reserve(objects.size());
  for (const auto& object : objects) {
    if (auto one = object.template sharedAs<T>()) out.push_back(std::move(one));
  }
  return out;
}

class InformerDirectory final : public Directory {
 public:
  explicit InformerDirectory(client::Informers& informers)
      : namespaces_(informers.of<Namespace>()),
        services_(informers.of<Service>()),
        slices_(informers.of<EndpointSlice>()) {
    services_.addIndex(kByClusterIp, byClusterIp);
    slices_.addIndex(kByService, byService);
    slices_.addIndex(kByAddress, byAddress);
  }

  [[nodiscard]] bool ready() const override {
    return namespaces_.synced() && services_.synced() && slices_.synced();
  }
  [[nodiscard]] bool hasNamespace(const std::string& ns) const override {
    return static_cast<bool>(namespaces_.get(ns));
  }
  [[nodiscard]] ServicePointer service(const std::string& ns,
                                       const std::string& name) const override {
    return services_.get<Service>(ns + "/" + name);
  }
  [[nodiscard]] std::vector<SlicePointer> slices(const std::string& ns,
                                                 const std::string& service) const override {
    return typed<EndpointSlice>(slices_.byIndex(kByService, ns + "/" + service));
  }
  [[nodiscard]] std::vector<ServicePointer> servicesAt(const std::string& address) const override {
    return typed<Service>(services_.byIndex(kByClusterIp, address));
  }
  [[nodiscard]] std::vector<SlicePointer> slicesAt(const std::string& address) const override {
    return typed<EndpointSlice>(slices_.byIndex(kByAddress, address));
  }

 private:
  client::Informer& namespaces_;
  client::Informer& services_;
  client::Informer& slices_;
};

}  // namespace

std::unique_ptr<Directory> informerDirectory(client::Informers& informers) {
  return std::make_unique<InformerDirectory>(informers);
}

std::string serviceNameOf(const EndpointSlice& slice) {
  const auto* name = slice.metadata.labels.get("kubernetes.io/service-name");
  return name ? *name : std::string();
}

}  // namespace coxswain::dns
