#include "apiserver/server/patching.h"

#include "api/codec/json.h"
#include "api/gen/apps_v1.h"
#include "api/gen/meta_v1.h"

using namespace coxswain;
using namespace coxswain::apiserver;

namespace {

api::Object makeDeployment() {
  auto decoded = api::decodeJson<api::apps::v1::Deployment>(
      R"({"metadata":{"name":"d","namespace":"ns","resourceVersion":"7","labels":{"a":"1"}},)"
      R"("spec":{"replicas":2,"selector":{"matchLabels":{"a":"1"}},"template":{"metadata":)"
      R"({"labels":{"a":"1"}},"spec":{"containers":[{"name":"c","image":"i","env":[{"name":"E",)"
      R"("value":"1"}],"ports":[{"containerPort":80,"protocol":"TCP"}]},{"name":"d","image":"j"}],)"
      R"("volumes":[{"name":"v","emptyDir":{}}],"tolerations":[{"key":"k"}]}}}})");
  return api::Object(std::move(*decoded));
}

}  // namespace

// The first byte picks the kind of patch and what becomes of unknown fields; the rest is the body,
// applied to a Deployment: an object or a failure comes of it, with texts in upstream's order.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const api::Object kDeployment = makeDeployment();
  constexpr PatchKind kKinds[] = {PatchKind::Json, PatchKind::Merge, PatchKind::StrategicMerge};
  constexpr FieldValidation kModes[] = {FieldValidation::Ignore, FieldValidation::Warn,
                                        FieldValidation::Strict};
  const auto kind = kKinds[data[0] % 3];
  const auto mode = kModes[data[0] / 3 % 3];
  Patch patch(kind, std::string(reinterpret_cast<const char*>(data) + 1, size - 1), mode);
  const BodyKind body{"apps", "v1", "Deployment", &api::apps::v1::Deployment::info()};
  std::vector<std::string> warnings;
  auto patched = patch.apply(body, kDeployment, warnings);
  if (patched.ok()) (void)patch.apply(body, *patched, warnings);
  return 0;
}
