#include "apiserver/registry/core/volume_source_rules.h"

#include <algorithm>

#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec_internal.h"
#include "apiserver/registry/rules.h"
#include "base/text.h"

namespace coxswain::apiserver::volume_sources {
namespace {

constexpr int32_t kMaxLun = 255;
constexpr int32_t kMaxPartition = 255;
constexpr std::string_view kForm = "must be valid format";

bool isAlnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

void checkPartition(int32_t partition, const FieldPath& path, FieldErrors& errors) {
  // The message is upstream's, though 0 stands for the whole disk.
  if (partition < 0 || partition > kMaxPartition) {
    errors.invalid(path.child("partition"), partition, api::rangeMessage(1, kMaxPartition));
  }
}
void checkLun(int32_t lun, const FieldPath& path, FieldErrors& errors) {
  if (lun < 0 || lun > kMaxLun) {
    errors.invalid(path.child("lun"), lun, api::rangeMessage(0, kMaxLun));
  }
}

/// "iqn.2001-04.com.example:name" from the start of `text` on.
bool isQualifiedName(std::string_view text) {
  constexpr std::string_view kDate = "iqn.dddd-dd.";
  if (text.size() < kDate.size()) return false;
  for (size_t i = 0; i < kDate.size(); ++i) {
    const bool fits = kDate[i] == 'd' ? isDigit(text[i]) : text[i] == kDate[i];
    if (!fits) return false;
  }
  const auto rest = text.substr(kDate.size());
  const auto colon = rest.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto authority = rest.substr(0, colon);
  const auto name = rest.substr(colon + 1);
  return std::ranges::all_of(authority,
                             [](char c) { return isAlnum(c) || c == '-' || c == '.'; }) &&
         !name.empty() && name.find_first_of(",;*&$| \t\n\f\r") == std::string_view::npos;
}

/// "eui.0123456789abcdef": `digits` after the prefix and one more character.
bool isNumberedName(std::string_view text, size_t digits) {
  return text.size() == 4 + digits && text[3] != '\n' &&
         std::all_of(text.begin() + 4, text.end(), isAlnum);
}

bool isKnownName(std::string_view text) {
  return text.starts_with("iqn") || text.starts_with("eui") || text.starts_with("naa");
}
bool hasForm(std::string_view text) {
  if (text.starts_with("eui")) return isNumberedName(text, 16);
  if (text.starts_with("naa")) return isNumberedName(text, 32);
  for (size_t at = 0; (at = text.find("iqn.", at)) != std::string_view::npos; ++at) {
    if (isQualifiedName(text.substr(at))) return true;
  }
  return false;
}

/// `unknown` is told of names of no known family.
void checkIscsiName(const std::string& name, const FieldPath& path, std::string_view unknown,
                    FieldErrors& errors) {
  if (!isKnownName(name)) {
    errors.invalid(path, name, unknown);
  } else if (!hasForm(name)) {
    errors.invalid(path, name, kForm);
  }
}

template <typename Source>
void checkIscsi(const Source& source, std::string_view unknown, const FieldPath& path,
                FieldErrors& errors) {
  if (!requireText(source.iqn, path.child("iqn"), errors)) {
    checkIscsiName(source.iqn, path.child("iqn"), unknown, errors);
  }
  checkLun(source.lun, path, errors);
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) {
    errors.required(path.child("secretRef"));
  }
  // Of a persistent volume it may be in another namespace, and is looked at.
  if constexpr (requires { source.secretRef->namespace_; }) {
    if (source.secretRef)
      requireText(source.secretRef->name, path.child("secretRef", "name"), errors);
  }
  if (source.initiatorName) {
    checkIscsiName(*source.initiatorName, path.child("initiatorname"), unknown, errors);
  }
}

template <typename Source>
void checkGlusterfs(const Source& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.endpoints, path.child("endpoints"), errors);
  requireText(source.path, path.child("path"), errors);
}

template <typename Source>
void checkRbd(const Source& source, const FieldPath& path, FieldErrors& errors) {
  if (source.monitors.empty()) errors.required(path.child("monitors"));
  requireText(source.image, path.child("image"), errors);
}

template <typename Source>
void checkFlex(const Source& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.driver, path.child("driver"), errors);
  for (const auto& [key, value] : source.options) {
    const std::string domain = "." + lowerCase(key.substr(0, key.find('/')));
    if (!domain.ends_with(".kubernetes.io") && !domain.ends_with(".k8s.io")) continue;
    errors.invalid(path.child("options").key(key), key,
                   "kubernetes.io and k8s.io namespaces are reserved");
  }
}

template <typename Source>
void checkAzureFile(const Source& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.secretName, path.child("secretName"), errors);
  requireText(source.shareName, path.child("shareName"), errors);
}

template <typename Source>
void checkScaleIo(const Source& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.gateway, path.child("gateway"), errors);
  requireText(source.system, path.child("system"), errors);
  requireText(source.volumeName, path.child("volumeName"), errors);
}

template <typename Source>
void checkStorageOs(const Source& source, const FieldPath& path, FieldErrors& errors) {
  if (!requireText(source.volumeName, path.child("volumeName"), errors)) {
    checkDns1123Label(source.volumeName, path.child("volumeName"), errors);
  }
  if (!source.volumeNamespace.empty()) {
    checkDns1123Label(source.volumeNamespace, path.child("volumeNamespace"), errors);
  }
  if (source.secretRef)
    requireText(source.secretRef->name, path.child("secretRef", "name"), errors);
}

void checkDriverName(const std::string& driver, const FieldPath& path, FieldErrors& errors) {
  constexpr int kMax = 63;
  if (requireText(driver, path, errors)) return;
  if (driver.size() > kMax) errors.tooLong(path, kMax);
  errors.invalidEach(path, driver, api::validateDns1123Subdomain(lowerCase(driver)));
}

void checkSecret(const api::Box<v1::SecretReference>& secret, const FieldPath& path,
                 FieldErrors& errors) {
  if (!secret) return;
  if (!requireText(secret->name, path.child("name"), errors)) {
    checkDns1123Subdomain(secret->name, path.child("name"), errors);
  }
  if (!requireText(secret->namespace_, path.child("namespace"), errors)) {
    checkDns1123Label(secret->namespace_, path.child("namespace"), errors);
  }
}

/// As Go's net.SplitHostPort takes it: "host:port", "[v6]:port".
bool isHostPort(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  auto host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return false;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return false;
  }
  return host.find_first_of("[]") == std::string_view::npos &&
         text.substr(colon).find_first_of("[]") == std::string_view::npos;
}

}  // namespace

void check(const v1::HostPathVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  if (requireText(source.path, path.child("path"), errors)) return;
  pods::checkNoBacksteps(source.path, path.child("path"), errors);
  if (!source.type) return;
  static constexpr std::string_view kTypes[] = {
      "",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
      "File", "FileOrCreate", "Socket"};
  if (std::ranges::find(kTypes, *source.type) == std::end(kTypes)) {
    errors.notSupported(path.child("type"), *source.type, kTypes);
  }
}

void check(const v1::GCEPersistentDiskVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  requireText(source.pdName, path.child("pdName"), errors);
  checkPartition(source.partition, path, errors);
}

void check(const v1::AWSElasticBlockStoreVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  requireText(source.volumeID, path.child("volumeID"), errors);
  checkPartition(source.partition, path, errors);
}

void check(const v1::GitRepoVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.repository, path.child("repository"), errors);
  pods::checkDescendingPath(source.directory, path.child("directory"), errors);
}

void check(const v1::NFSVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.server, path.child("server"), errors);
  requireText(source.path, path.child("path"), errors);
  if (!source.path.starts_with('/')) {
    errors.invalid(path.child("path"), source.path, "must be an absolute path");
  }
}

void check(const v1::ISCSIVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.targetPortal, path.child("targetPortal"), errors);
  checkIscsi(source, "must be valid format starting with iqn, eui, or naa", path, errors);
}

void check(const v1::ISCSIPersistentVolumeSource& source, std::string_view volume,
           const FieldPath& path, FieldErrors& errors) {
  constexpr size_t kMaxName = 64;
  requireText(source.targetPortal, path.child("targetPortal"), errors);
  if (source.initiatorName && volume.size() + 1 + source.targetPortal.size() > kMaxName) {
    errors.invalid(path.child("targetportal"), source.targetPortal,
                   "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
                   "if iscsi.initiatorName is specified.");
  }
  checkIscsi(source, kForm, path, errors);
}

void check(const v1::GlusterfsVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  checkGlusterfs(source, path, errors);
}

void check(const v1::GlusterfsPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  checkGlusterfs(source, path, errors);
  if (!source.endpointsNamespace) return;
  const auto at = path.child("endpointsNamespace");
  if (source.endpointsNamespace->empty()) {
    errors.invalid(at, *source.endpointsNamespace,
                   "if the endpointnamespace is set, it must be a valid namespace name");
  } else {
    checkDns1123Label(*source.endpointsNamespace, at, errors);
  }
}

void check(const v1::FlockerVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  if (source.datasetName.empty() && source.datasetUUID.empty()) {
    errors.required(path, "one of datasetName and datasetUUID is required");
  }
  if (!source.datasetName.empty() && !source.datasetUUID.empty()) {
    errors.invalid(path, "resource",
                   "datasetName and datasetUUID can not be specified simultaneously");
  }
  if (source.datasetName.find('/') != std::string::npos) {
    errors.invalid(path.child("datasetName"), source.datasetName, "must not contain '/'");
  }
}

void check(const v1::RBDVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  checkRbd(source, path, errors);
}
void check(const v1::RBDPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  checkRbd(source, path, errors);
}

void check(const v1::QuobyteVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kPairs =
      "must be a host:port pair or multiple pairs separated by commas";
  constexpr size_t kMaxTenant = 64;
  if (source.registry.empty()) {
    errors.required(path.child("registry"), kPairs);
  } else if (source.tenant.size() > kMaxTenant) {
    errors.required(path.child("tenant"),
                    "must be a UUID and may not exceed a length of 64 characters");
  } else {
    std::string_view rest = source.registry;
    while (true) {
      const auto comma = rest.find(',');
      if (!isHostPort(rest.substr(0, comma))) {
        errors.invalid(path.child("registry"), source.registry, kPairs);
      }
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  requireText(source.volume, path.child("volume"), errors);
}

void check(const v1::CephFSVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  if (source.monitors.empty()) errors.required(path.child("monitors"));
}
void check(const v1::CephFSPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  if (source.monitors.empty()) errors.required(path.child("monitors"));
}

void check(const v1::CinderVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.volumeID, path.child("volumeID"), errors);
  if (source.secretRef)
    requireText(source.secretRef->name, path.child("secretRef", "name"), errors);
}
void check(const v1::CinderPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  requireText(source.volumeID, path.child("volumeID"), errors);
  if (!source.secretRef) return;
  requireText(source.secretRef->name, path.child("secretRef", "name"), errors);
  requireText(source.secretRef->namespace_, path.child("secretRef", "namespace"), errors);
}

void check(const v1::FCVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  const auto names = path.child("targetWWNs");
  if (source.targetWWNs.empty() && source.wwids.empty()) {
    errors.required(names, "must specify either targetWWNs or wwids, but not both");
  }
  if (source.targetWWNs.empty()) return;
  if (!source.wwids.empty()) {
    errors.invalid(names, source.targetWWNs,
                   "targetWWNs and wwids can not be specified simultaneously");
  }
  if (!source.lun) {
    errors.required(path.child("lun"), "lun is required if targetWWNs is specified");
  } else {
    checkLun(*source.lun, path, errors);
  }
}

void check(const v1::FlexVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  checkFlex(source, path, errors);
}
void check(const v1::FlexPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  checkFlex(source, path, errors);
}

void check(const v1::AzureFileVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  checkAzureFile(source, path, errors);
}
void check(const v1::AzureFilePersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  checkAzureFile(source, path, errors);
  if (source.secretNamespace) {
    requireText(*source.secretNamespace, path.child("secretNamespace"), errors);
  }
}

void check(const v1::AzureDiskVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.diskName, path.child("diskName"), errors);
  const auto uri = path.child("diskURI");
  requireText(source.diskURI, uri, errors);
  static constexpr std::string_view kModes[] = {"None", "ReadOnly", "ReadWrite"};
  static constexpr std::string_view kKinds[] = {"Dedicated", "Managed", "Shared"};
  if (source.cachingMode && std::ranges::find(kModes, *source.cachingMode) == std::end(kModes)) {
    errors.notSupported(path.child("cachingMode"), *source.cachingMode, kModes);
  }
  if (!source.kind) return;
  if (std::ranges::find(kKinds, *source.kind) == std::end(kKinds)) {
    errors.notSupported(path.child("kind"), *source.kind, kKinds);
  }
  if (*source.kind == "Managed") {
    if (!source.diskURI.starts_with("/subscriptions/")) {
      errors.notSupported(uri, source.diskURI,
                          {"/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/"
                           "microsoft.compute/disks/{disk-id}"});
    }
  } else if (!source.diskURI.starts_with("https://")) {
    errors.notSupported(
        uri, source.diskURI,
        {"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"});
  }
}

void check(const v1::VsphereVirtualDiskVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  requireText(source.volumePath, path.child("volumePath"), errors);
}
void check(const v1::PhotonPersistentDiskVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  requireText(source.pdID, path.child("pdID"), errors);
}
void check(const v1::PortworxVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  requireText(source.volumeID, path.child("volumeID"), errors);
}

void check(const v1::ScaleIOVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  checkScaleIo(source, path, errors);
}
void check(const v1::ScaleIOPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  checkScaleIo(source, path, errors);
}

void check(const v1::StorageOSVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  checkStorageOs(source, path, errors);
}
void check(const v1::StorageOSPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  checkStorageOs(source, path, errors);
  if (source.secretRef) {
    requireText(source.secretRef->namespace_, path.child("secretRef", "namespace"), errors);
  }
}

void check(const v1::LocalVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  if (!requireText(source.path, path.child("path"), errors)) {
    pods::checkNoBacksteps(source.path, path.child("path"), errors);
  }
}

void check(const v1::CSIVolumeSource& source, const FieldPath& path, FieldErrors& errors) {
  checkDriverName(source.driver, path.child("driver"), errors);
  const auto& secret = source.nodePublishSecretRef;
  if (secret && !requireText(secret->name, path.child("nodePublishSecretRef", "name"), errors)) {
    checkDns1123Subdomain(secret->name, path.child("name"), errors);
  }
}

void check(const v1::CSIPersistentVolumeSource& source, const FieldPath& path,
           FieldErrors& errors) {
  checkDriverName(source.driver, path.child("driver"), errors);
  requireText(source.volumeHandle, path.child("volumeHandle"), errors);
  checkSecret(source.controllerPublishSecretRef, path.child("controllerPublishSecretRef"), errors);
  checkSecret(source.controllerExpandSecretRef, path.child("controllerExpandSecretRef"), errors);
  checkSecret(source.nodePublishSecretRef, path.child("nodePublishSecretRef"), errors);
  checkSecret(source.nodeExpandSecretRef, path.child("nodeExpandSecretRef"), errors);
}

}  // namespace coxswain::apiserver::volume_sources
