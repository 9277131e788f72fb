#include "apiserver/field_manager/managers.h"

#include <algorithm>
#include <tuple>

#include "api/names/quote.h"

namespace coxswain::apiserver {
namespace {

/// Managers of updates that are kept apart; the oldest beyond become one.
constexpr int kUpdatersMax = 10;
constexpr std::string_view kAncient = "ancient-changes";

int64_t secondsOf(const std::optional<api::Time>& time) {
  return time ? time->unix() : 0;
}

}  // namespace

std::string Manager::shown(std::string_view version) const {
  auto text = api::goQuote(name);
  if (!subresource.empty()) text += " with subresource " + api::goQuote(subresource);
  if (!applies) text += " using " + (version.empty() ? apiVersion : std::string(version));
  return text;
}

std::optional<Managers> Managers::decode(const Entries& entries) {
  Managers out;
  for (const auto& entry : entries) {
    const bool applies = entry.operation == "Apply";
    if ((!applies && entry.operation != "Update") || entry.apiVersion.empty() ||
        entry.fieldsType != "FieldsV1") {
      return std::nullopt;
    }
    Manager manager{entry.manager, applies, entry.apiVersion, entry.subresource, entry.time, {}};
    if (entry.fieldsV1) {
      auto fields = FieldTree::parse(entry.fieldsV1->raw);
      if (!fields.ok()) return std::nullopt;
      manager.fields = std::move(*fields);
    }
    if (out.find(manager)) return std::nullopt;
    out.all_.push_back(std::move(manager));
  }
  return out;
}

Managers::Entries Managers::encode() const {
  std::vector<const Manager*> order;
  for (const auto& each : all_) order.push_back(&each);
  std::stable_sort(order.begin(), order.end(), [](const Manager* a, const Manager* b) {
    if (a->applies != b->applies) return a->applies;
    return std::tuple(secondsOf(a->time), std::string_view(a->name),
                      std::string_view(a->apiVersion), std::string_view(a->subresource)) <
           std::tuple(secondsOf(b->time), std::string_view(b->name),
                      std::string_view(b->apiVersion), std::string_view(b->subresource));
  });
  Entries entries;
  entries.reserve(order.size());
  for (const auto* each : order) {
    auto& entry = entries.emplace_back();
    entry.manager = each->name;
    entry.operation = each->applies ? "Apply" : "Update";
    entry.apiVersion = each->apiVersion;
    entry.time = each->time;
    entry.fieldsType = "FieldsV1";
    entry.fieldsV1.emplace().raw = each->fields.json();
    entry.subresource = each->subresource;
  }
  return entries;
}

Manager* Managers::find(const Manager& like) {
  for (auto& each : all_) {
    if (each.isSame(like)) return &each;
  }
  return nullptr;
}

Status Managers::take(const VersionedDiffs& diffs, bool force, std::string_view shownVersion,
                      const FieldTree& allowed) {
  std::erase_if(all_, [&](const Manager& each) { return diffs.in(each.apiVersion) == nullptr; });
  std::vector<StatusCause> causes;
  std::string text;
  for (const auto& each : all_) {
    if (force) break;
    const auto& diff = *diffs.in(each.apiVersion);
    auto both = each.fields.intersection(diff.added);
    both.unite(each.fields.intersection(diff.modified));
    both.subtract(allowed);
    const auto paths = both.paths();
    if (paths.empty()) continue;
    for (const auto& path : paths) {
      causes.push_back({"FieldManagerConflict", "conflict with " + each.shown(shownVersion), path});
    }
    text += (text.empty() ? "" : "\n") + std::string("conflicts with ") + each.shown(shownVersion) +
            ":";
    for (const auto& path : paths) text += "\n- " + path;
  }
  if (!causes.empty()) {
    auto message = "Apply failed with " + std::to_string(causes.size());
    message += causes.size() == 1 ? " conflict: " + causes[0].message + ": " + causes[0].field
                                  : " conflicts: " + text;
    StatusDetails details;
    details.causes = std::move(causes);
    return Status(Reason::Conflict, 409, std::move(message)).withDetails(std::move(details));
  }
  for (auto& each : all_) {
    const auto& diff = *diffs.in(each.apiVersion);
    each.fields.subtract(diff.added);
    each.fields.subtract(diff.modified);
    each.fields.subtract(diff.removed);
  }
  std::erase_if(all_, [](const Manager& each) { return each.fields.empty(); });
  return {};
}

void Managers::add(Manager manager) {
  if (auto* mine = find(manager)) {
    mine->fields.unite(manager.fields);
    mine->time = manager.time;
    mine->apiVersion = manager.apiVersion;
  } else {
    all_.push_back(std::move(manager));
    cap();
  }
}

void Managers::cap() {
  std::vector<Manager*> updaters;
  for (auto& each : all_) {
    if (!each.applies) updaters.push_back(&each);
  }
  if (updaters.size() <= kUpdatersMax) return;
  std::stable_sort(updaters.begin(), updaters.end(), [](const Manager* a, const Manager* b) {
    return secondsOf(a->time) < secondsOf(b->time);
  });
  Manager ancient{std::string(kAncient), false, updaters[0]->apiVersion, "", {}, {}};
  for (size_t i = 0; i + kUpdatersMax <= updaters.size(); ++i) {
    ancient.fields.unite(updaters[i]->fields);
    ancient.time = updaters[i]->time;
    updaters[i]->fields = FieldTree();
  }
  std::erase_if(all_, [](const Manager& each) { return each.fields.empty(); });
  all_.push_back(std::move(ancient));
}

void Managers::remove(const Manager& like) {
  std::erase_if(all_, [&](const Manager& each) { return each.isSame(like); });
}

FieldTree Managers::ownedIn(std::string_view version) const {
  FieldTree fields;
  for (const auto& each : all_) {
    if (each.apiVersion == version) fields.unite(each.fields);
  }
  return fields;
}

bool Managers::speaks(std::string_view version) const {
  return std::ranges::any_of(all_, [&](const Manager& each) { return each.apiVersion == version; });
}

}  // namespace coxswain::apiserver
