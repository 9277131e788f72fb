#include "cli/describe/describe.h"

namespace coxswain::cli {

namespace {

std::string shown(const json::value& source, std::initializer_list<std::string_view> path,
                  const char* otherwise = "") {
  const auto* value = at(source, path);
  return value && !value->is_null() ? plainText(*value) : otherwise;
}

struct Line {
  const char* label;
  std::string value;
};

void volumeOf(const char* type, std::initializer_list<Line> lines, DescribeWriter& out) {
  out.field(2, "Type", type);
  for (const auto& line : lines) out.field(2, line.label, line.value);
}

void downwardItems(const json::value& source, DescribeWriter& out) {
  out.line(2, "Items:");
  for (const auto& item : arrayAt(source, {"items"})) {
    auto path = textAt(item, {"path"});
    if (at(item, {"fieldRef"})) {
      out.line(3, textAt(item, {"fieldRef", "fieldPath"}) + " -> " + path);
    } else {
      out.line(3, textAt(item, {"resourceFieldRef", "resource"}) + " -> " + path);
    }
  }
}

void projected(const json::value& source, DescribeWriter& out) {
  out.field(2, "Type", "Projected (a volume that contains injected data from multiple sources)");
  for (const auto& one : arrayAt(source, {"sources"})) {
    if (at(one, {"secret"})) {
      out.field(2, "SecretName", textAt(one, {"secret", "name"}));
      out.field(2, "Optional", shown(one, {"secret", "optional"}, "false"));
    } else if (at(one, {"downwardAPI"})) {
      out.field(2, "DownwardAPI", "true");
    } else if (at(one, {"configMap"})) {
      out.field(2, "ConfigMapName", textAt(one, {"configMap", "name"}));
      out.field(2, "Optional", shown(one, {"configMap", "optional"}, "false"));
    } else if (at(one, {"serviceAccountToken"})) {
      out.field(2, "TokenExpirationSeconds",
                shown(one, {"serviceAccountToken", "expirationSeconds"}));
    }
  }
}

}  // namespace

void volumeLines(const json::array& volumes, std::string_view space, DescribeWriter& out) {
  const std::string prefix(space);
  if (volumes.empty()) return out.line(0, prefix + "Volumes:\t<none>");
  out.line(0, prefix + "Volumes:");
  for (const auto& volume : volumes) {
    out.line(1, (prefix.empty() ? "" : " ") + textAt(volume, {"name"}) + ":");
    if (const auto* s = at(volume, {"hostPath"})) {
      volumeOf("HostPath (bare host directory volume)",
               {{"Path", shown(*s, {"path"})}, {"HostPathType", shown(*s, {"type"})}}, out);
    } else if (const auto* dir = at(volume, {"emptyDir"})) {
      volumeOf("EmptyDir (a temporary directory that shares a pod's lifetime)",
               {{"Medium", shown(*dir, {"medium"})},
                {"SizeLimit", shown(*dir, {"sizeLimit"}, "<unset>")}},
               out);
    } else if (const auto* secret = at(volume, {"secret"})) {
      volumeOf("Secret (a volume populated by a Secret)",
               {{"SecretName", shown(*secret, {"secretName"})},
                {"Optional", shown(*secret, {"optional"}, "false")}},
               out);
    } else if (const auto* map = at(volume, {"configMap"})) {
      volumeOf("ConfigMap (a volume populated by a ConfigMap)",
               {{"Name", shown(*map, {"name"})}, {"Optional", shown(*map, {"optional"}, "false")}},
               out);
    } else if (const auto* claim = at(volume, {"persistentVolumeClaim"})) {
      volumeOf(
          "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
          {{"ClaimName", shown(*claim, {"claimName"})},
           {"ReadOnly", shown(*claim, {"readOnly"}, "false")}},
          out);
    } else if (const auto* downward = at(volume, {"downwardAPI"})) {
      out.field(2, "Type", "DownwardAPI (a volume populated by information about the pod)");
      downwardItems(*downward, out);
    } else if (const auto* sources = at(volume, {"projected"})) {
      projected(*sources, out);
    } else if (const auto* csi = at(volume, {"csi"})) {
      volumeOf("CSI (a Container Storage Interface (CSI) volume source)",
               {{"Driver", shown(*csi, {"driver"})},
                {"FSType", shown(*csi, {"fsType"})},
                {"ReadOnly", shown(*csi, {"readOnly"}, "false")}},
               out);
    } else if (const auto* nfs = at(volume, {"nfs"})) {
      volumeOf("NFS (an NFS mount that lasts the lifetime of a pod)",
               {{"Server", shown(*nfs, {"server"})},
                {"Path", shown(*nfs, {"path"})},
                {"ReadOnly", shown(*nfs, {"readOnly"}, "false")}},
               out);
    } else if (const auto* image = at(volume, {"image"})) {
      volumeOf("Image (a container image or OCI artifact)",
               {{"Reference", shown(*image, {"reference"})},
                {"PullPolicy", shown(*image, {"pullPolicy"})}},
               out);
    } else {
      out.line(1, "<unknown>");
    }
  }
}

}  // namespace coxswain::cli
