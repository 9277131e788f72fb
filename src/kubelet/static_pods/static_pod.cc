
#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "api/yaml/yaml.h"
#include "base/text.h"
#include "kubelet/static_pods/file_source.h"
#include "kubelet/static_pods/pod_defaults.h"

namespace coxswain::kubelet {

using api::core::v1::Pod;

namespace {

/// 32 hex digits that stay the same as long as the text does (FNV-1a, 128 bits): a name, no secret.
std::string digestOf(std::string_view text) {
  __extension__ typedef unsigned __int128 Wide;
  Wide hash = (static_cast<Wide>(0x6c62272e07bb0142ULL) << 64) | 0x62b821756295c58dULL;
  const Wide prime = (static_cast<Wide>(1) << 88) | 0x13b;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= prime;
  }
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out(32, '0');
  for (size_t i = out.size(); i-- > 0; hash >>= 4) {
    out[i] = kDigits[static_cast<unsigned>(hash) & 15];
  }
  return out;
}

}  // namespace

Result<Pod> readStaticPod(std::string_view manifest, const std::string& source,
                          const std::string& nodeName, WallTime seen) {
  TRY(const auto json, api::yamlToJson(manifest));
  api::JsonReport report;
  TRY(Pod pod, api::decodeJson<Pod>(json, &report));
  if (report.kind != "Pod" || report.apiVersion != "v1") {
    return badRequest(source + ": not a Pod of v1: kind \"" + report.kind + "\", apiVersion \"" +
                      report.apiVersion + "\"");
  }
  // Like upstream, the uid is made from what the file says, before anything is filled in.
  if (pod.metadata.uid.empty()) {
    pod.metadata.uid =
        digestOf(api::encodeJson(pod) + "\nhost:" + nodeName + "\nfile:" + source + "\n");
  }
  pod.status = {};
  pod.metadata.name += pod.metadata.name.empty() ? "" : "-" + lowerCase(nodeName);
  if (pod.metadata.namespace_.empty()) pod.metadata.namespace_ = "default";
  applyPodDefaults(pod);
  pod.spec.nodeName = nodeName;
  api::core::v1::Toleration toleration;
  toleration.operator_ = "Exists";
  toleration.effect = "NoExecute";
  pod.spec.tolerations.push_back(std::move(toleration));
  pod.status.phase = "Pending";
  TRY_STATUS(checkStaticPod(pod));
  auto& annotations = pod.metadata.annotations;
  annotations[kConfigHashAnnotation] = pod.metadata.uid;
  annotations[kConfigSourceAnnotation] = "file";
  const auto nanos = seen.time_since_epoch().count();
  annotations[kConfigSeenAnnotation] =
      api::formatRfc3339(nanos / 1'000'000'000, static_cast<int32_t>(nanos % 1'000'000'000), 9);
  return pod;
}

}  // namespace coxswain::kubelet
