#include "api/helpers/go_names.h"

#include <algorithm>
#include <utility>

namespace coxswain::api {

namespace {

/// Where it is not the JSON name with a capital.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"apiGroup", "APIGroup"},
    {"apiGroups", "APIGroups"},
    {"apiVersion", "APIVersion"},
    {"awsElasticBlockStore", "AWSElasticBlockStore"},
    {"cel", "CEL"},
    {"cephfs", "CephFS"},
    {"chapAuthDiscovery", "DiscoveryCHAPAuth"},
    {"chapAuthSession", "SessionCHAPAuth"},
    {"csi", "CSI"},
    {"diskURI", "DataDiskURI"},
    {"dnsConfig", "DNSConfig"},
    {"dnsPolicy", "DNSPolicy"},
    {"fc", "FC"},
    {"fsGroup", "FSGroup"},
    {"fsGroupChangePolicy", "FSGroupChangePolicy"},
    {"fsType", "FSType"},
    {"gcePersistentDisk", "GCEPersistentDisk"},
    {"gmsaCredentialSpec", "GMSACredentialSpec"},
    {"gmsaCredentialSpecName", "GMSACredentialSpecName"},
    {"grpc", "GRPC"},
    {"httpGet", "HTTPGet"},
    {"httpHeaders", "HTTPHeaders"},
    {"ip", "IP"},
    {"ips", "IPs"},
    {"iqn", "IQN"},
    {"iscsi", "ISCSI"},
    {"iscsiInterface", "ISCSIInterface"},
    {"metadata", "ObjectMeta"},
    {"nfs", "NFS"},
    {"os", "OS"},
    {"pdName", "PDName"},
    {"rbd", "RBD"},
    {"seLinuxChangePolicy", "SELinuxChangePolicy"},
    {"seLinuxOptions", "SELinuxOptions"},
    {"serviceAccount", "DeprecatedServiceAccount"},
    {"sslEnabled", "SSLEnabled"},
    {"storageos", "StorageOS"},
    {"tcpSocket", "TCPSocket"},
    {"tty", "TTY"},
    {"uid", "UID"},
    {"wwids", "WWIDs"},
};

/// Names that hold in messages of one family only, by what the message's name begins with.
struct OwnName {
  std::string_view family, name, goName;
};
constexpr OwnName kOwnNames[] = {
    {"Glusterfs", "endpoints", "EndpointsName"},
    {"RBD", "image", "RBDImage"},
    {"RBD", "monitors", "CephMonitors"},
    {"RBD", "pool", "RBDPool"},
    {"RBD", "user", "RadosUser"},
    {"Subject", "serviceAccount", "ServiceAccount"},
};

}  // namespace

std::string goFieldName(std::string_view message, std::string_view name) {
  for (const auto& own : kOwnNames) {
    if (own.name == name && message.starts_with(own.family)) return std::string(own.goName);
  }
  const auto* known = std::find_if(std::begin(kNames), std::end(kNames),
                                   [name](const auto& pair) { return pair.first == name; });
  if (known != std::end(kNames)) return std::string(known->second);
  std::string made(name);
  if (!made.empty() && made[0] >= 'a' && made[0] <= 'z') {
    made[0] = static_cast<char>(made[0] - 'a' + 'A');
  }
  return made;
}

}  // namespace coxswain::api
