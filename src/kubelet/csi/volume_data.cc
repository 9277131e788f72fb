#include "kubelet/csi/volume_data.h"

#include <boost/json.hpp>

#include "api/codec/value.h"
#include "net/signing.h"

namespace coxswain::kubelet::csi {
namespace {

constexpr size_t kDataMax = 1 << 20;

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : bytes) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string sha256(std::string text) {
  return hex(net::sha256(text));
}

std::string textOf(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

Result<VolumeData> parseVolumeData(std::string_view json) {
  TRY(const auto value, api::parseJsonValue(json));
  if (!value.is_object()) return badRequest("the data of a volume are not an object");
  const auto& object = value.as_object();
  VolumeData data;
  data.driverName = textOf(object, "driverName");
  data.volumeHandle = textOf(object, "volumeHandle");
  data.specVolId = textOf(object, "specVolID");
  data.nodeName = textOf(object, "nodeName");
  data.attachmentId = textOf(object, "attachmentID");
  data.lifecycleMode = textOf(object, "volumeLifecycleMode");
  if (data.driverName.empty() || data.volumeHandle.empty()) {
    return badRequest("the data of a volume name neither driver nor volume");
  }
  return data;
}

std::string volumeDataJson(const VolumeData& data) {
  boost::json::object object;
  const auto put = [&object](const char* key, const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  put("attachmentID", data.attachmentId);
  put("driverName", data.driverName);
  put("nodeName", data.nodeName);
  put("specVolID", data.specVolId);
  put("volumeHandle", data.volumeHandle);
  put("volumeLifecycleMode", data.lifecycleMode);
  return api::writeJsonValue(object);
}

Result<VolumeData> readVolumeData(Files& files, const std::string& folder) {
  TRY(const auto text, files.read(joinPath(folder, kVolumeDataFile), kDataMax));
  return parseVolumeData(text);
}

Status writeVolumeData(Files& files, const std::string& folder, const VolumeData& data) {
  return files.writeAtomically(joinPath(folder, kVolumeDataFile), volumeDataJson(data), 0644);
}

std::string attachmentName(std::string_view handle, std::string_view driver,
                           std::string_view node) {
  return "csi-" + sha256(std::string(handle) + std::string(driver) + std::string(node));
}

std::string inlineHandle(std::string_view podUid, std::string_view volume) {
  return "csi-" + sha256(std::string(podUid) + std::string(volume));
}

std::string uniqueVolumeName(std::string_view driver, std::string_view handle) {
  return "kubernetes.io/csi/" + std::string(driver) + "^" + std::string(handle);
}

std::string deviceFolder(std::string_view root, std::string_view driver, std::string_view handle) {
  return std::string(root) + "/plugins/kubernetes.io/csi/" + std::string(driver) + "/" +
         sha256(std::string(handle));
}

std::string blockFolder(std::string_view root) {
  return std::string(root) + "/plugins/kubernetes.io/csi/volumeDevices";
}

}  // namespace coxswain::kubelet::csi
