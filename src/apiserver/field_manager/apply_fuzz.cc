#include <boost/json/value.hpp>
#include <cstdlib>

#include "api/codec/json.h"
#include "api/gen/apps_v1.h"
#include "api/gen/meta_v1.h"
#include "api/yaml/yaml.h"
#include "apiserver/field_manager/field_manager.h"

using namespace coxswain;
using namespace coxswain::apiserver;
using api::apps::v1::Deployment;

namespace {

std::string textOf(const api::Object& object) {
  std::string text;
  api::encodeJson(object.info(), object.data(), text);
  return text;
}

}  // namespace

// "managedFields\nconfiguration": what a client may have stored and what it applies, on a
// Deployment. To apply the same again changes nothing; a plain update after it ends as well.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto split = text.find('\n');
  if (split == std::string_view::npos) return 0;
  static const FieldManager kManager(Deployment::info(), "apps/v1", "Deployment");
  const auto now = api::Time::fromUnix(1700000000);
  const Writer writer{"m", ""};

  api::Object live{Deployment()};
  const bool own = split > 0;
  if (own) {
    auto decoded = api::decodeJson<Deployment>(
        R"({"metadata":{"name":"d","managedFields":)" + std::string(text.substr(0, split)) +
        R"(},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c"}]}}}})");
    if (!decoded.ok()) return 0;
    live = api::Object(std::move(*decoded));
  }
  auto config = api::yamlToJson(text.substr(split + 1));
  if (!config.ok()) return 0;
  // Others never come so far.
  auto type = api::peekJsonType(*config);
  if (!type.ok() || type->apiVersion != "apps/v1" || type->kind != "Deployment") return 0;
  auto first = kManager.apply(writer, own ? &live : nullptr, *config, false, {}, now);
  auto forced = kManager.apply(writer, own ? &live : nullptr, *config, true, {}, now);
  if (first.ok() && (!forced.ok() || textOf(first->object) != textOf(forced->object))) {
    std::abort();
  }
  if (!forced.ok()) return 0;
  const auto later = api::Time::fromUnix(1700000100);
  auto again = kManager.apply(writer, &forced->object, *config, false, {}, later);
  if (!again.ok()) std::abort();
  if (!own && textOf(again->object) != textOf(forced->object)) std::abort();
  auto next = forced->object.clone();
  kManager.update({"other", ""}, &forced->object, next, {}, later);
  if (textOf(next) != textOf(forced->object)) std::abort();
  return 0;
}
