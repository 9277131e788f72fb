#include "apiserver/field_manager/field_manager.h"

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/reflect/equal.h"
#include "apiserver/field_manager/managers.h"
#include "apiserver/field_manager/raw_changes.h"
#include "apiserver/field_manager/typed.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kNameMax = 128;
/// Of the stack, for the trees of one call; what is larger goes to the heap.
constexpr size_t kBufferBytes = 16 * 1024;
constexpr std::string_view kBeforeApply = "before-first-apply";
constexpr std::string_view kScale = "scale";

/// What the server itself sets belongs to nobody.
const FieldTree& serverFields() {
  static const FieldTree fields = FieldTree::ofPaths(
      {".apiVersion", ".kind", ".metadata", ".metadata.name", ".metadata.namespace",
       ".metadata.creationTimestamp", ".metadata.selfLink", ".metadata.uid",
       ".metadata.clusterName", ".metadata.generation", ".metadata.managedFields",
       ".metadata.resourceVersion"});
  return fields;
}

/// What an endpoint does not let its clients change.
const FieldTree& resetFields(bool status) {
  static const FieldTree spec = FieldTree::ofPaths({".spec"});
  static const FieldTree statusOnly = FieldTree::ofPaths({".status"});
  return status ? spec : statusOnly;
}

void dropManagedFields(boost::json::value& object) {
  auto* metadata = object.get_object().if_contains("metadata");
  if (metadata && metadata->is_object()) metadata->get_object().erase("managedFields");
}

/// [{}]: the client wants them gone.
bool isReset(const Managers::Entries& entries) {
  return entries.size() == 1 && entries[0] == api::meta::v1::ManagedFieldsEntry();
}

bool sameButTimes(const Managers::Entries& left, const Managers::Entries& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](api::meta::v1::ManagedFieldsEntry a, const auto& b) {
                      a.time = b.time;
                      return a == b;
                    });
}

/// Of a scale nobody knows when.
std::optional<api::Time> timeOf(const Writer& writer, api::Time now) {
  if (writer.subresource == kScale) return std::nullopt;
  return now;
}

Status typedFailure(std::string_view apiVersion, std::string_view kind,
                    const boost::json::value& config, const Status& why) {
  std::string name;
  std::string ns;
  if (const auto* metadata = config.get_object().if_contains("metadata");
      metadata && metadata->is_object()) {
    auto text = [&](boost::json::string_view key) -> std::string {
      const auto* value = metadata->get_object().if_contains(key);
      if (!value || !value->is_string()) return "";
      return {value->get_string().data(), value->get_string().size()};
    };
    name = text("name");
    ns = text("namespace");
  }
  std::string version(apiVersion);
  if (version.find('/') == std::string::npos) version = "/" + version;
  return Status(Reason::Unknown, 500,
                "failed to create typed patch object (" + ns + "/" + name + "; " + version +
                    ", Kind=" + std::string(kind) + "): " + why.message());
}

}  // namespace

struct FieldManager::State {
  const api::MessageInfo& info;
  std::string apiVersion;
  std::string kind;
  FieldSchema schema;
  boost::json::value nothing;  ///< an empty object of the kind
  bool rawLists = false;       ///< raw JSON can stand in its atomic lists

  [[nodiscard]] boost::json::value valueOf(const void* object,
                                           boost::json::storage_ptr storage) const {
    api::JsonEncodeOptions options;
    options.apiVersion = apiVersion;
    options.kind = kind;
    options.managedFields = false;
    return api::encodeValue(info, object, options, std::move(storage));
  }
};

std::string managerName(std::string_view fieldManager, std::string_view userAgent) {
  if (!fieldManager.empty()) return std::string(fieldManager);
  std::string name;
  for (char c : userAgent.substr(0, userAgent.find('/'))) {
    if (c >= 0x20 && c != 0x7f && name.size() < kNameMax) name.push_back(c);
  }
  return name.empty() ? "unknown" : name;
}

FieldManager::FieldManager(const api::MessageInfo& info, std::string apiVersion, std::string kind) {
  auto state = std::make_unique<State>(
      State{info, std::move(apiVersion), std::move(kind), FieldSchema::ofMessage(info), {}});
  api::Object empty(info);
  state->nothing = state->valueOf(empty.data(), {});
  state->rawLists = holdsRawLists(info);
  state_ = std::move(state);
}

FieldManager::~FieldManager() = default;

void FieldManager::update(const Writer& writer, const api::Object* live, api::Object& next,
                          const FieldTree& reset, api::Time now) const {
  const auto& state = *state_;
  auto& entries = api::objectMeta(next)->managedFields;
  if (isReset(entries)) {
    entries.clear();
    return;
  }
  static const Managers::Entries kNone;
  const auto& stored = live ? api::objectMeta(*live)->managedFields : kNone;
  // Only writes of the object itself may set managers.
  const bool theirs = writer.subresource.empty() && !entries.empty() && entries != stored;
  auto managers = theirs ? Managers::decode(entries) : std::nullopt;
  const bool given = managers && !managers->empty();
  if (!given && live && stored.empty()) {
    // Nobody has kept book so far; an apply begins.
    entries.clear();
    return;
  }
  // Both trees live until the end of this.
  unsigned char buffer[kBufferBytes];
  boost::json::monotonic_resource memory(buffer, sizeof buffer);
  const auto before = live ? state.valueOf(live->data(), &memory) : boost::json::value(&memory);
  const auto after = state.valueOf(next.data(), &memory);
  auto diff = compareFields(state.schema, live ? &before : &state.nothing, &after);
  if (live && state.rawLists) {
    diff.modified.unite(rawChanges(state.info, live->data(), next.data()));
  }
  for (auto* part : {&diff.added, &diff.modified, &diff.removed}) {
    part->subtract(serverFields());
    part->subtractBelow(reset);
  }
  if (diff.same() && !given) {
    entries = stored;
    return;
  }
  if (!given) managers = Managers::decode(stored);
  if (!managers) managers.emplace();
  Status taken = managers->take(diff, nullptr, true);
  (void)taken;  // by force: never a conflict
  Manager self{writer.manager,      false, state.apiVersion, writer.subresource,
               timeOf(writer, now), {}};
  self.fields = diff.added;
  self.fields.unite(diff.modified);
  if (!self.fields.empty()) managers->add(std::move(self));
  entries = managers->encode();
}

Result<FieldManager::Applied> FieldManager::apply(const Writer& writer, const api::Object* live,
                                                  std::string_view configText, bool force,
                                                  api::Time now) const {
  const auto& state = *state_;
  TRY(auto config, api::parseJsonValue(configText));
  if (!config.is_object()) return badRequest("an apply configuration is an object");
  if (auto fits = checkFields(state.schema, config); !fits.ok()) {
    return typedFailure(state.apiVersion, state.kind, config, fits);
  }
  unsigned char buffer[kBufferBytes];
  boost::json::monotonic_resource memory(buffer, sizeof buffer);
  const auto before =
      live ? state.valueOf(live->data(), &memory) : boost::json::value(state.nothing, &memory);
  std::optional<Managers> managers;
  if (live) managers = Managers::decode(api::objectMeta(*live)->managedFields);
  if (!managers) managers.emplace();
  if (live && managers->empty()) {
    // All that was there before somebody began to keep book.
    Manager earlier{std::string(kBeforeApply), false, state.apiVersion, "", now, {}};
    const auto diff = compareFields(state.schema, &state.nothing, &before);
    earlier.fields = diff.added;
    earlier.fields.unite(diff.modified);
    earlier.fields.subtract(serverFields());
    earlier.fields.subtractBelow(resetFields(false));
    if (!earlier.fields.empty()) managers->add(std::move(earlier));
  }

  Manager self{writer.manager, true, state.apiVersion, writer.subresource, std::nullopt, {}};
  FieldTree last;
  if (auto* mine = managers->find(self)) {
    last = mine->fields;
    self.time = mine->time;
  }
  managers->remove(self);
  self.fields = fieldsOf(state.schema, config);
  self.fields.subtract(serverFields());
  self.fields.subtractBelow(resetFields(writer.subresource == "status"));

  auto merged = mergeFields(state.schema, before, config);
  auto owned = managers->owned();
  owned.unite(self.fields);
  removeFields(state.schema, merged, last.unowned(&owned));
  dropManagedFields(merged);
  auto diff = compareFields(state.schema, &before, &merged);
  for (auto* part : {&diff.added, &diff.modified, &diff.removed}) {
    part->subtractBelow(resetFields(writer.subresource == "status"));
  }
  TRY_STATUS(managers->take(diff, nullptr, force, writer.shownVersion));
  if (!diff.same()) self.time = timeOf(writer, now);
  if (!self.fields.empty()) managers->add(std::move(self));

  Applied applied;
  applied.object = api::Object(state.info);
  auto decoded = api::decodeValue(state.info, merged, applied.object.data());
  if (!decoded.ok()) return typedFailure(state.apiVersion, state.kind, config, decoded);
  auto& entries = api::objectMeta(applied.object)->managedFields;
  entries = managers->encode();
  // A configuration may differ (null, or what is spelled in another way) and still change nothing:
  // then nothing has happened at this time either.
  if (live && !diff.same() && sameButTimes(entries, api::objectMeta(*live)->managedFields)) {
    auto renewed = std::exchange(entries, api::objectMeta(*live)->managedFields);
    if (!api::semanticEqual(state.info, applied.object.data(), live->data())) {
      entries = std::move(renewed);
    }
  }
  return applied;
}

}  // namespace coxswain::apiserver
