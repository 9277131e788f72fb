#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/files.h"

namespace coxswain::kubelet::csi {

/// What vol_data.json says of a mounted or staged volume, so that a later kubelet (upstream's too)
/// can end what this one began. Beside `mount`, and beside `globalmount`, where only driver and
/// handle are known.
struct VolumeData {
  std::string driverName;
  std::string volumeHandle;
  std::string specVolId;  ///< name of the PersistentVolume, or of the pod's inline volume
  std::string nodeName;
  std::string attachmentId;
  std::string lifecycleMode;  ///< "Persistent", "Ephemeral"; empty: of a staged volume
};

/// BadRequest: it is not JSON, or names neither driver nor volume.
Result<VolumeData> parseVolumeData(std::string_view json);
std::string volumeDataJson(const VolumeData& data);
/// Of a folder's vol_data.json.
Result<VolumeData> readVolumeData(Files& files, const std::string& folder);
Status writeVolumeData(Files& files, const std::string& folder, const VolumeData& data);

inline constexpr std::string_view kVolumeDataFile = "vol_data.json";

/// Name of the VolumeAttachment: "csi-<sha256 of handle, driver, node>".
std::string attachmentName(std::string_view handle, std::string_view driver, std::string_view node);
/// Handle of an inline volume: "csi-<sha256 of the pod's uid and the volume's name>".
std::string inlineHandle(std::string_view podUid, std::string_view volume);
/// As node.status.volumesInUse has it: "kubernetes.io/csi/<driver>^<handle>".
std::string uniqueVolumeName(std::string_view driver, std::string_view handle);
/// <root>/plugins/kubernetes.io/csi/<driver>/<sha256 of handle>: the folder around globalmount.
std::string deviceFolder(std::string_view root, std::string_view driver, std::string_view handle);
/// <root>/plugins/kubernetes.io/csi/volumeDevices: of raw block volumes, by their
/// PersistentVolume's name: <name>/data/vol_data.json, staging/<name>, publish/<name>/<uid of the
/// pod>.
std::string blockFolder(std::string_view root);

}  // namespace coxswain::kubelet::csi
