#include "controllers/attachdetach/volumes.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json_writer.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "net/signing.h"

namespace coxswain::controllers::attachdetach {

using api::core::v1::PersistentVolume;
using api::core::v1::Pod;

namespace {
constexpr std::string_view kPrefix = "kubernetes.io/csi/";
}

std::string uniqueName(const api::core::v1::CSIPersistentVolumeSource& source) {
  return fmt::format("{}{}^{}", kPrefix, source.driver, source.volumeHandle);
}

std::optional<VolumeId> parseUniqueName(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  const auto at = name.find('^');
  if (at == std::string_view::npos) return std::nullopt;
  return VolumeId{name.substr(0, at), name.substr(at + 1)};
}

std::string attachmentName(VolumeId volume, std::string_view node) {
  const auto digest = net::sha256(fmt::format("{}{}{}", volume.handle, volume.driver, node));
  std::string name = "csi-";
  for (const char byte : digest) {
    fmt::format_to(std::back_inserter(name), "{:02x}", static_cast<unsigned char>(byte));
  }
  return name;
}

bool mayAttachTwice(const PersistentVolume& volume) {
  const auto& modes = volume.spec.accessModes;
  return modes.empty() || std::any_of(modes.begin(), modes.end(), [](const auto& mode) {
           return mode == "ReadWriteMany" || mode == "ReadOnlyMany";
         });
}

bool isPodTerminated(const Pod& pod) {
  if (api::isPodTerminal(pod)) return true;
  if (!pod.metadata.deletionTimestamp) return false;
  const auto& statuses = pod.status.containerStatuses;
  return std::all_of(statuses.begin(), statuses.end(), [](const auto& status) {
    return status.state.terminated || status.state.waiting;
  });
}

std::string multiAttachMessage(const PersistentVolume& volume, const Pod& pod,
                               const std::vector<PodPointer>& users) {
  std::vector<std::string> names;
  size_t others = 0;
  for (const auto& user : users) {
    if (user->metadata.namespace_ == pod.metadata.namespace_) {
      names.push_back(user->metadata.name);
    } else {
      ++others;
    }
  }
  std::sort(names.begin(), names.end());
  std::string why =
      "Volume is already exclusively attached to one node and can't be attached to "
      "another";
  if (!names.empty()) {
    why = fmt::format("Volume is already used by pod(s) {}", fmt::join(names, ", "));
    if (others > 0) why += fmt::format(" and {} pod(s) in different namespaces", others);
  } else if (others > 0) {
    why = fmt::format("Volume is already used by {} pod(s) in different namespaces", others);
  }
  return fmt::format("Multi-Attach error for volume \"{}\" {}", volume.metadata.name, why);
}

std::string volumesAttachedPatch(const std::vector<api::core::v1::AttachedVolume>& volumes) {
  std::string body;
  api::JsonTextWriter writer(body);
  writer.beginObject();
  writer.plainKey("status");
  writer.beginObject();
  writer.plainKey("volumesAttached");
  writer.beginArray();
  for (const auto& volume : volumes) {
    writer.beginObject();
    writer.plainKey("name");
    writer.string(volume.name);
    writer.plainKey("devicePath");
    writer.string(volume.devicePath);
    writer.endObject();
  }
  writer.endArray();
  writer.endObject();
  writer.endObject();
  writer.finish();
  return body;
}

}  // namespace coxswain::controllers::attachdetach
