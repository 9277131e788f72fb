#include "controllers/accounts.h"

#include <algorithm>
#include <iterator>

namespace coxswain::controllers {
namespace {

struct Row {
  std::string_view controller;
  std::string_view account;
};

// Those whose account is called otherwise than they are.
constexpr Row kRows[] = {
    {"bootstrap-signer-controller", "bootstrap-signer"},
    {"certificatesigningrequest-approving-controller", "certificate-controller"},
    {"certificatesigningrequest-cleaner-controller", "certificate-controller"},
    {"certificatesigningrequest-signing-controller", "certificate-controller"},
    {"daemonset-controller", "daemon-set-controller"},
    {"endpoints-controller", "endpoint-controller"},
    {"endpointslice-mirroring-controller", "endpointslicemirroring-controller"},
    {"garbage-collector-controller", "generic-garbage-collector"},
    {"horizontal-pod-autoscaler-controller", "horizontal-pod-autoscaler"},
    {"legacy-serviceaccount-token-cleaner-controller", "legacy-service-account-token-cleaner"},
    {"node-ipam-controller", "node-controller"},
    {"node-lifecycle-controller", "node-controller"},
    {"node-route-controller", "route-controller"},
    {"persistentvolume-attach-detach-controller", "attachdetach-controller"},
    {"persistentvolume-binder-controller", "persistent-volume-binder"},
    {"persistentvolume-expander-controller", "expand-controller"},
    {"persistentvolume-protection-controller", "pv-protection-controller"},
    {"persistentvolumeclaim-protection-controller", "pvc-protection-controller"},
    {"pod-garbage-collector-controller", "pod-garbage-collector"},
    {"replicationcontroller-controller", "replication-controller"},
    {"resourceclaim-controller", "resource-claim-controller"},
    {"root-ca-certificate-publisher-controller", "root-ca-cert-publisher"},
    {"service-cidr-controller", "service-cidrs-controller"},
    {"service-lb-controller", "service-controller"},
    {"serviceaccount-controller", "service-account-controller"},
    {"taint-eviction-controller", "node-controller"},
    {"token-cleaner-controller", "token-cleaner"},
};

}  // namespace

std::string_view accountOf(std::string_view controller) {
  const auto* found = std::find_if(std::begin(kRows), std::end(kRows),
                                   [&](const Row& row) { return row.controller == controller; });
  return found == std::end(kRows) ? controller : found->account;
}

}  // namespace coxswain::controllers
