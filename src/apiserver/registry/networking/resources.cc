#include "api/gen/networking_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addNetworking(ResourceTable& table) {
  using namespace api::networking::v1;  // NOLINT
  table.add<IngressClass, IngressClassList>({.plural = "ingressclasses",
                                             .singular = "ingressclass",
                                             .namespaced = false,
                                             .keyPrefix = "/registry/ingressclasses",
                                             .storageVersionHash = "l/iqIbDgFyQ="},
                                            makeIngressClassStrategy());
  table.add<Ingress, IngressList>({.plural = "ingresses",
                                   .singular = "ingress",
                                   .shortName = "ing",
                                   .keyPrefix = "/registry/ingress",
                                   .storageVersionHash = "39NQlfNR+bo=",
                                   .status = true},
                                  makeIngressStrategy());
  table.add<IPAddress, IPAddressList>({.plural = "ipaddresses",
                                       .singular = "ipaddress",
                                       .shortName = "ip",
                                       .namespaced = false,
                                       .keyPrefix = "/registry/ipaddresses",
                                       .storageVersionHash = "3f/plJFChNE="},
                                      makeIpAddressStrategy());
  table.add<NetworkPolicy, NetworkPolicyList>({.plural = "networkpolicies",
                                               .singular = "networkpolicy",
                                               .shortName = "netpol",
                                               .keyPrefix = "/registry/networkpolicies",
                                               .storageVersionHash = "YpfwF18m1G8="},
                                              makeNetworkPolicyStrategy());
  table.add<ServiceCIDR, ServiceCIDRList>({.plural = "servicecidrs",
                                           .singular = "servicecidr",
                                           .namespaced = false,
                                           .keyPrefix = "/registry/servicecidrs",
                                           .storageVersionHash = "gNLvruQhW2g=",
                                           .status = true},
                                          makeServiceCidrStrategy());
}

}  // namespace coxswain::apiserver
