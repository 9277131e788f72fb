#include "apiserver/field_manager/field_manager.h"

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/reflect/equal.h"
#include "apiserver/field_manager/last_applied.h"
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

namespace {

/// One version of the kind.
struct Version {
  const api::MessageInfo& info;
  std::string apiVersion;
  std::string kind;
  FieldSchema schema;
  boost::json::value nothing;  ///< an empty object of the kind
  bool rawLists = false;       ///< raw JSON can stand in its atomic lists

  static Version of(const api::MessageInfo& info, std::string apiVersion, std::string kind) {
    Version made{info, std::move(apiVersion), std::move(kind), FieldSchema::ofMessage(info), {}};
    const api::Object empty(info);
    made.nothing = made.valueOf(empty.data(), {});
    made.rawLists = holdsRawLists(info);
    return made;
  }

  [[nodiscard]] boost::json::value valueOf(const void* object,
                                           boost::json::storage_ptr storage) const {
    api::JsonEncodeOptions options;
    options.apiVersion = apiVersion;
    options.kind = kind;
    options.managedFields = false;
    return api::encodeValue(info, object, options, std::move(storage));
  }

  /// What a write of the endpoint has changed. `live` null: a create.
  [[nodiscard]] FieldDiff diff(const void* live, const void* next, const FieldTree& reset) const {
    unsigned char buffer[kBufferBytes];
    boost::json::monotonic_resource memory(buffer, sizeof buffer);
    const auto before = live ? valueOf(live, &memory) : boost::json::value(&memory);
    const auto after = valueOf(next, &memory);
    auto found = compareFields(schema, live ? &before : &nothing, &after);
    if (live && rawLists) found.modified.unite(rawChanges(info, live, next));
    for (auto* part : {&found.added, &found.modified, &found.removed}) {
      part->subtract(serverFields());
      part->subtractBelow(reset);
    }
    return found;
  }
};

/// A version that is not the manager's own, and the way there.
struct Sibling {
  Version version;
  std::function<void(const void* ours, void* theirs)> fromOurs;
  std::function<void(const void* theirs, void* ours)> toOurs;
};

}  // namespace

struct FieldManager::State {
  Version own;
  std::vector<Sibling> siblings;

  [[nodiscard]] const Sibling* sibling(std::string_view apiVersion) const {
    for (const auto& each : siblings) {
      if (each.version.apiVersion == apiVersion) return &each;
    }
    return nullptr;
  }
  [[nodiscard]] const Version& version(const Sibling* sibling) const {
    return sibling ? sibling->version : own;
  }

  /// The same change in every other version that some manager speaks.
  void addOthers(const Managers& managers, const void* live, const void* next,
                 const FieldTree& reset, VersionedDiffs& diffs) const {
    for (const auto& each : siblings) {
      if (!managers.speaks(each.version.apiVersion)) continue;
      api::Object theirs(each.version.info);
      each.fromOurs(next, theirs.data());
      api::Object before(each.version.info);
      if (live) each.fromOurs(live, before.data());
      diffs.add(each.version.apiVersion,
                each.version.diff(live ? before.data() : nullptr, theirs.data(), reset));
    }
  }

  /// A value of one version as another's; null means our own.
  Result<boost::json::value> convert(const boost::json::value& value, const Sibling* from,
                                     const Sibling* to) const {
    if (from == to) return value;
    const Version& source = version(from);
    api::Object object(source.info);
    TRY_STATUS(api::decodeValue(source.info, value, object.data()));
    if (from) {
      api::Object ours(own.info);
      from->toOurs(object.data(), ours.data());
      object = std::move(ours);
    }
    if (to) {
      api::Object theirs(to->version.info);
      to->fromOurs(object.data(), theirs.data());
      object = std::move(theirs);
    }
    return version(to).valueOf(object.data(), {});
  }

  /// Takes out what the applier owned before (`last`, by paths of `lastVersion`) and nobody owns
  /// now. `managers` are the others, `mine` what the applier owns from now on.
  Status prune(boost::json::value& merged, const FieldTree& last, std::string_view lastVersion,
               const Managers& managers, const FieldTree& mine) const {
    if (last.empty()) return {};
    const Sibling* then = sibling(lastVersion);
    if (!then && lastVersion != own.apiVersion) return {};
    const auto ownedIn = [&](const Sibling* where) {
      auto owned = managers.ownedIn(version(where).apiVersion);
      if (!where) owned.unite(mine);
      return owned;
    };
    if (siblings.empty()) {
      const auto owned = ownedIn(nullptr);
      removeFields(own.schema, merged, last.unowned(&owned));
      return {};
    }
    TRY(const auto whole, convert(merged, nullptr, then));
    auto pruned = whole;
    const auto owned = ownedIn(then);
    removeFields(version(then).schema, pruned, last.unowned(&owned));
    // What others own in their versions comes back.
    std::vector<const Sibling*> versions{nullptr};
    for (const auto& each : siblings) versions.push_back(&each);
    for (const auto* where : versions) {
      const auto theirs = ownedIn(where);
      if (where == then || theirs.empty()) continue;
      TRY(auto all, convert(whole, then, where));
      TRY(const auto left, convert(pruned, then, where));
      const auto& schema = version(where).schema;
      auto lost = fieldsOf(schema, all);
      lost.subtract(fieldsOf(schema, left));
      removeFields(schema, all, lost.unowned(&theirs));
      TRY(pruned, convert(all, where, then));
    }
    TRY(merged, convert(pruned, then, nullptr));
    return {};
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

FieldManager::FieldManager(const api::MessageInfo& info, std::string apiVersion, std::string kind,
                           std::vector<OtherVersion> others) {
  auto state =
      std::make_unique<State>(State{Version::of(info, std::move(apiVersion), std::move(kind)), {}});
  for (auto& each : others) {
    state->siblings.push_back(
        {Version::of(*each.info, std::move(each.apiVersion), std::move(each.kind)),
         std::move(each.fromOurs), std::move(each.toOurs)});
  }
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
  const void* before = live ? live->data() : nullptr;
  const auto diff = state.own.diff(before, next.data(), reset);
  if (diff.same() && !given) {
    entries = stored;
    return;
  }
  if (!given) managers = Managers::decode(stored);
  if (!managers) managers.emplace();
  VersionedDiffs diffs(state.own.apiVersion, diff);
  state.addOthers(*managers, before, next.data(), reset, diffs);
  Status taken = managers->take(diffs, true);
  (void)taken;  // by force: never a conflict
  Manager self{writer.manager,      false, state.own.apiVersion, writer.subresource,
               timeOf(writer, now), {}};
  self.fields = diff.added;
  self.fields.unite(diff.modified);
  if (!self.fields.empty()) managers->add(std::move(self));
  entries = managers->encode();
}

Result<FieldManager::Applied> FieldManager::apply(const Writer& writer, const api::Object* live,
                                                  std::string_view configText, bool force,
                                                  const FieldTree& reset, api::Time now) const {
  const auto& state = state_->own;
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
    const auto& part = writer.subresource == kScale ? std::string() : writer.subresource;
    Manager earlier{std::string(kBeforeApply), false, state.apiVersion, part, now, {}};
    const auto diff = compareFields(state.schema, &state.nothing, &before);
    earlier.fields = diff.added;
    earlier.fields.unite(diff.modified);
    earlier.fields.subtract(serverFields());
    earlier.fields.subtractBelow(reset);
    if (!earlier.fields.empty()) managers->add(std::move(earlier));
  }

  Manager self{writer.manager, true, state.apiVersion, writer.subresource, std::nullopt, {}};
  FieldTree last;
  std::string lastVersion;
  if (auto* mine = managers->find(self)) {
    last = mine->fields;
    lastVersion = mine->apiVersion;
    self.time = mine->time;
  }
  managers->remove(self);
  self.fields = fieldsOf(state.schema, config);
  self.fields.subtract(serverFields());
  self.fields.subtractBelow(reset);

  auto merged = mergeFields(state.schema, before, config);
  auto pruned = state_->prune(merged, last, lastVersion, *managers, self.fields);
  if (!pruned.ok()) return typedFailure(state.apiVersion, state.kind, config, pruned);
  dropManagedFields(merged);
  auto diff = compareFields(state.schema, &before, &merged);
  for (auto* part : {&diff.added, &diff.modified, &diff.removed}) {
    part->subtractBelow(reset);
  }
  Applied applied;
  applied.object = api::Object(state.info);
  auto decoded = api::decodeValue(state.info, merged, applied.object.data());
  if (!decoded.ok()) return typedFailure(state.apiVersion, state.kind, config, decoded);
  VersionedDiffs diffs(state.apiVersion, diff);
  state_->addOthers(*managers, live ? live->data() : nullptr, applied.object.data(), reset, diffs);
  const bool kubectl = live && writer.manager == kKubectl && writer.subresource != kScale;
  FieldTree allowed;
  if (kubectl && !force) allowed = fieldsOfLastApplied(state.schema, state.apiVersion, before);
  TRY_STATUS(managers->take(diffs, force, writer.shownVersion, allowed));
  if (kubectl) renewLastApplied(config, *api::objectMeta(applied.object));
  if (!diff.same()) self.time = timeOf(writer, now);
  if (!self.fields.empty()) managers->add(std::move(self));

  api::objectMeta(applied.object)->managedFields = managers->encode();
  // A configuration may differ (null, or what is spelled in another way) and still change nothing.
  if (live && !diff.same()) keepTimes(*live, applied.object);
  return applied;
}

void FieldManager::keepTimes(const api::Object& live, api::Object& next) {
  const auto& stored = api::objectMeta(live)->managedFields;
  auto& entries = api::objectMeta(next)->managedFields;
  if (entries == stored || !sameButTimes(entries, stored)) return;
  auto renewed = std::exchange(entries, stored);
  if (!api::semanticEqual(next.info(), next.data(), live.data())) entries = std::move(renewed);
}

}  // namespace coxswain::apiserver
