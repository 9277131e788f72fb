#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/authz/pod_references.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

constexpr std::string_view kVolumePrefix = "kube-api-access-";
constexpr std::string_view kMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr int64_t kTokenSeconds = 3607;

/// The credentials of a pod: a token that is renewed, the cluster's CA, the namespace, perhaps the
/// CA of services.
Volume accessVolume(std::string name, const std::string& serviceCaConfigMap) {
  Volume volume;
  volume.name = std::move(name);
  auto& projected = volume.volumeSource.projected.emplace();
  projected.defaultMode = 0644;
  auto& token = projected.sources.emplace_back().serviceAccountToken.emplace();
  token.expirationSeconds = kTokenSeconds;
  token.path = "token";
  auto& ca = projected.sources.emplace_back().configMap.emplace();
  ca.localObjectReference.name = "kube-root-ca.crt";
  auto& item = ca.items.emplace_back();
  item.key = item.path = "ca.crt";
  auto& file = projected.sources.emplace_back().downwardAPI.emplace().items.emplace_back();
  file.path = "namespace";
  auto& field = file.fieldRef.emplace();
  field.apiVersion = "v1";
  field.fieldPath = "metadata.namespace";
  if (!serviceCaConfigMap.empty()) {
    auto& serviceCa = projected.sources.emplace_back().configMap.emplace();
    serviceCa.localObjectReference.name = serviceCaConfigMap;
    auto& key = serviceCa.items.emplace_back();
    key.key = key.path = "service-ca.crt";
  }
  return volume;
}

/// Mounts it where nothing else is. True: it was mounted.
bool mountInto(Container& container, const std::string& volume) {
  const bool taken = std::any_of(container.volumeMounts.begin(), container.volumeMounts.end(),
                                 [](const VolumeMount& m) { return m.mountPath == kMountPath; });
  if (taken) return false;
  auto& mount = container.volumeMounts.emplace_back();
  mount.name = volume;
  mount.readOnly = true;
  mount.mountPath = kMountPath;
  return true;
}

/// Secrets that a pod uses and that its account, which keeps a list, does not name.
class MountableSecrets {
 public:
  explicit MountableSecrets(const ServiceAccount& account) : account_(account) {}

  /// Empty: all are listed.
  [[nodiscard]] std::string unlisted(const PodSpec& spec) const {
    for (const auto& volume : spec.volumes) {
      const auto& secret = volume.volumeSource.secret;
      if (!secret || lists(secret->secretName)) continue;
      return "volume with secret.secretName=\"" + secret->secretName + "\"" + notListed("secret");
    }
    for (const auto& one : spec.initContainers) {
      if (auto why = ofContainer("init container ", one); !why.empty()) return why;
    }
    for (const auto& one : spec.containers) {
      if (auto why = ofContainer("container ", one); !why.empty()) return why;
    }
    for (size_t i = 0; i < spec.imagePullSecrets.size(); ++i) {
      const auto& name = spec.imagePullSecrets[i].name;
      const auto& own = account_.imagePullSecrets;
      const bool listed = std::any_of(own.begin(), own.end(), [&name](const auto& reference) {
        return reference.name == name;
      });
      if (listed) continue;
      return "imagePullSecrets[" + std::to_string(i) + "].name=\"" + name + "\"" +
             notListed("imagePullSecret");
    }
    return {};
  }
  [[nodiscard]] std::string unlistedEphemeral(const PodSpec& spec) const {
    for (const auto& one : spec.ephemeralContainers) {
      auto why = ofContainer("ephemeral container ", one.ephemeralContainerCommon);
      if (!why.empty()) return why;
    }
    return {};
  }

 private:
  [[nodiscard]] bool lists(const std::string& name) const {
    return std::any_of(account_.secrets.begin(), account_.secrets.end(),
                       [&name](const auto& reference) { return reference.name == name; });
  }
  [[nodiscard]] std::string notListed(const char* what) const {
    return " is not allowed because service account " + account_.metadata.name +
           " does not reference that " + what;
  }
  template <typename T>
  [[nodiscard]] std::string ofContainer(const char* what, const T& container) const {
    for (const auto& variable : container.env) {
      if (!variable.valueFrom || !variable.valueFrom->secretKeyRef) continue;
      const auto& name = variable.valueFrom->secretKeyRef->localObjectReference.name;
      if (lists(name)) continue;
      return what + container.name + " with envVar " + variable.name +
             " referencing secret.secretName=\"" + name + "\"" + notListed("secret");
    }
    for (const auto& from : container.envFrom) {
      if (!from.secretRef) continue;
      const auto& name = from.secretRef->localObjectReference.name;
      if (lists(name)) continue;
      return what + container.name + " with envFrom referencing secret.secretName=\"" + name +
             "\"" + notListed("secret");
    }
    return {};
  }

  const ServiceAccount& account_;
};

/// Every pod runs as a service account, by default "default", which must exist; gets the account's
/// pull secrets where it has none, and a volume with the account's token where that is wanted.
/// Mirror pods, which kubelets write, may not use what only accounts may.
class ServiceAccountAdmission final : public AdmissionPlugin {
 public:
  explicit ServiceAccountAdmission(const AdmissionSources& sources)
      : sources_(sources), accounts_(sources, "", "serviceaccounts") {}
  [[nodiscard]] std::string_view name() const override { return "ServiceAccount"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    if (!info.group.empty() || info.resource != "pods") return false;
    return (kind == WriteKind::Create && info.subresource.empty()) ||
           (kind == WriteKind::Update && info.subresource == "ephemeralcontainers");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    if (kind != WriteKind::Create) return {};
    auto& pod = *object->as<Pod>();
    auto& spec = pod.spec;
    if (pod.metadata.annotations.contains("kubernetes.io/config.mirror")) {
      return checkMirror(request, object);
    }
    if (spec.serviceAccountName.empty()) spec.serviceAccountName = "default";
    spec.serviceAccount = spec.serviceAccountName;
    TRY(auto stored, account(request, object, spec.serviceAccountName));
    const auto& account = *stored.as<ServiceAccount>();
    const bool mounts = spec.automountServiceAccountToken.value_or(
        account.automountServiceAccountToken.value_or(true));
    if (mounts) mountToken(spec);
    if (spec.imagePullSecrets.empty()) spec.imagePullSecrets = account.imagePullSecrets;
    return {};
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& pod = *object->as<Pod>();
    if (pod.metadata.annotations.contains("kubernetes.io/config.mirror")) {
      return checkMirror(request, object);
    }
    const auto& name = pod.spec.serviceAccountName;
    if (name.empty()) {
      return refuse(
          request, object,
          "no service account specified for pod " + request.info.ns + "/" + pod.metadata.name);
    }
    TRY(auto stored, account(request, object, name));
    const auto& account = *stored.as<ServiceAccount>();
    const auto* listed =
        account.metadata.annotations.get("kubernetes.io/enforce-mountable-secrets");
    if (!listed || *listed != "true") return {};
    const MountableSecrets secrets(account);
    auto why = kind == WriteKind::Create ? secrets.unlisted(pod.spec)
                                         : secrets.unlistedEphemeral(pod.spec);
    return why.empty() ? Status() : refuse(request, object, why);
  }

 private:
  Result<api::ConstObject> account(const RequestContext& request, const api::Object* object,
                                   const std::string& name) const {
    const auto& ns = request.info.ns;
    auto stored = accounts_.get(ns, name);
    if (stored.ok()) return stored;
    auto why = isNotFound(stored.status()) ? "serviceaccount \"" + name + "\" not found"
                                           : stored.status().message();
    return refuse(request, object,
                  "error looking up service account " + ns + "/" + name + ": " + why);
  }

  static Status checkMirror(const RequestContext& request, const api::Object* object) {
    const auto& pod = *object->as<Pod>();
    const auto& spec = pod.spec;
    if (!spec.serviceAccountName.empty()) {
      return refuse(request, object, "a mirror pod may not reference service accounts");
    }
    if (podNamesAny(pod, ReferencedKind::Secret)) {
      return refuse(request, object, "a mirror pod may not reference secrets");
    }
    if (podNamesAny(pod, ReferencedKind::ConfigMap)) {
      return refuse(request, object, "a mirror pod may not reference configmaps");
    }
    for (const auto& volume : spec.volumes) {
      const auto& source = volume.volumeSource;
      if (source.persistentVolumeClaim) {
        return refuse(request, object, "a mirror pod may not reference persistentvolumeclaims");
      }
      if (!source.projected) continue;
      for (const auto& one : source.projected->sources) {
        if (!one.serviceAccountToken) continue;
        return refuse(request, object,
                      "a mirror pod may not use ServiceAccountToken volume projections");
      }
    }
    return {};
  }

  void mountToken(PodSpec& spec) const {
    std::string name;
    for (const auto& volume : spec.volumes) {
      if (volume.name.starts_with(kVolumePrefix)) name = volume.name;
      if (!name.empty()) break;
    }
    const bool present = !name.empty();
    if (!present) {
      name = api::generateName(kVolumePrefix, [this] { return sources_.random.next(); });
    }
    bool needed = false;
    for (auto& container : spec.initContainers) needed |= mountInto(container, name);
    for (auto& container : spec.containers) needed |= mountInto(container, name);
    if (!needed || present) return;
    spec.volumes.push_back(accessVolume(std::move(name), sources_.serviceCaConfigMap));
  }

  AdmissionSources sources_;
  SourceCollection accounts_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeServiceAccountAdmission(const AdmissionSources& sources) {
  return std::make_unique<ServiceAccountAdmission>(sources);
}

}  // namespace coxswain::apiserver
