#include "controllers/framework/history.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cassert>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"
#include "api/select/labels.h"
#include "client/resources.h"
#include "controllers/framework/claims.h"
#include "controllers/framework/indices.h"

namespace coxswain::controllers {

using api::apps::v1::ControllerRevision;
using api::apps::v1::DaemonSet;
using api::core::v1::PodTemplateSpec;

std::string revisionData(const PodTemplateSpec& podTemplate) {
  std::string text;
  api::encodeJson(PodTemplateSpec::info(), &podTemplate, text);
  // Keys sorted, as upstream marshals a map.
  auto value = api::parseJsonValue(text);
  assert(value.ok());
  auto& object = value->as_object();
  object["$patch"] = "replace";
  std::string body = R"({"spec":{"template":)";
  api::writeJsonValue(*value, body);
  return body + "}}";
}

Result<PodTemplateSpec> templateOf(const ControllerRevision& revision) {
  // The patch of a DaemonSet or StatefulSet: both have spec.template.
  DaemonSet set;
  api::JsonReport report;
  TRY_STATUS(api::decodeJson(DaemonSet::info(), revision.data.raw, &set, &report));
  if (set.spec.template_.spec.containers.empty()) {
    return badRequest("controllerrevision " + revision.metadata.name + " has no template");
  }
  return set.spec.template_;
}

namespace {

constexpr size_t kPrefixMax = 223;

void sortByNumber(std::vector<RevisionPointer>& revisions) {
  std::sort(revisions.begin(), revisions.end(), [](const auto& a, const auto& b) {
    if (a->revision != b->revision) return a->revision < b->revision;
    return a->metadata.name < b->metadata.name;
  });
}

Task<Result<std::vector<RevisionPointer>>> ownRevisions(client::Client& client,
                                                        const client::Informer& revisions,
                                                        const HistoryOwner& owner,
                                                        std::stop_token stop) {
  std::vector<RevisionPointer> own;
  for (const auto& object : revisions.byIndex(kByController, owner.meta.uid)) {
    own.push_back(object.sharedAs<ControllerRevision>());
  }
  if (owner.selector != nullptr && !owner.meta.deletionTimestamp) {
    auto selector = api::LabelSelector::from(owner.selector);
    if (selector.ok() && !selector->isEverything()) {
      Claimer claimer(client, owner.type, owner.meta, *selector);
      for (const auto& object :
           revisions.byIndex(kByController, orphansOf(owner.meta.namespace_))) {
        CO_TRY(bool mine,
               co_await claimer.claim(client::resourceOf<ControllerRevision>(), object, stop));
        if (mine) own.push_back(object.sharedAs<ControllerRevision>());
      }
    }
  }
  sortByNumber(own);
  co_return own;
}

/// Data that was written by others, or by an older version, may say the same in other words.
bool isSame(const ControllerRevision& revision, const HistoryOwner& owner,
            const std::string& data) {
  if (revision.data.raw == data) return true;
  auto other = templateOf(revision);
  return other.ok() && api::semanticEqual(*other, owner.podTemplate);
}

std::string hashOf(const HistoryOwner& owner, const std::string& data, int32_t collisions) {
  if (owner.hash == HistoryOwner::Hash::Data) {
    return api::safeEncode(std::to_string(api::fnv32(data + std::to_string(collisions))));
  }
  std::optional<int32_t> count;
  if (collisions > 0 || owner.collisionCount) count = collisions;
  return api::podTemplateHash(owner.podTemplate, count);
}

ControllerRevision makeRevision(const HistoryOwner& owner, const std::string& hash,
                                std::string data, int64_t number) {
  ControllerRevision made;
  made.metadata.namespace_ = owner.meta.namespace_;
  made.metadata.name = owner.meta.name.substr(0, kPrefixMax) + "-" + hash;
  made.metadata.labels = owner.podTemplate.metadata.labels;
  made.metadata.labels[kRevisionLabel] = hash;
  made.metadata.annotations = owner.meta.annotations;
  made.metadata.ownerReferences.push_back(api::newControllerRef(
      owner.meta, owner.type.kind->kind->apiVersion, owner.type.kind->kind->kind));
  made.data.raw = std::move(data);
  made.revision = number;
  return made;
}

/// At the server: the cache may not show the revision that was numbered last.
Task<Result<std::vector<RevisionPointer>>> storedRevisions(client::Client& client,
                                                           const HistoryOwner& owner,
                                                           std::stop_token stop) {
  client::ListOptions options;
  if (owner.selector != nullptr) {
    CO_TRY(auto selector, api::LabelSelector::from(owner.selector));
    options.labelSelector = selector.str();
  }
  CO_TRY(auto list, co_await client.list(client::resourceOf<ControllerRevision>(),
                                         owner.meta.namespace_, std::move(options), stop));
  std::vector<RevisionPointer> own;
  for (const auto& object : list.items) {
    auto revision = object.sharedAs<ControllerRevision>();
    if (api::isControlledBy(revision->metadata, owner.meta)) own.push_back(std::move(revision));
  }
  sortByNumber(own);
  co_return own;
}

int64_t newestNumber(const History& history) {
  return history.all.empty() ? 0 : history.all.back()->revision;
}

/// The newest of those with the present template is current, others are duplicates.
void match(History& history, const HistoryOwner& owner, const std::string& data) {
  history.current = nullptr;
  history.duplicates.clear();
  for (auto at = history.all.rbegin(); at != history.all.rend(); ++at) {
    if (!isSame(**at, owner, data)) continue;
    if (history.current) {
      history.duplicates.push_back(*at);
    } else {
      history.current = *at;
    }
  }
}

/// history.all is filled; history.current is found or made.
Task<Result<History>> findCurrent(client::Client& client, History history, HistoryOwner owner,
                                  std::stop_token stop) {
  const auto data = revisionData(owner.podTemplate);
  match(history, owner, data);
  const bool first = history.all.empty() && owner.meta.generation <= 1;
  const bool numbers = !history.current || history.current->revision != newestNumber(history);
  if (numbers && !first) {
    CO_TRY(history.all, co_await storedRevisions(client, owner, stop));
    match(history, owner, data);
  }
  const int64_t newest = newestNumber(history);
  if (history.current) {
    // What was equal of before becomes the newest of all.
    if (history.current->revision == newest) co_return history;
    ControllerRevision next = *history.current;
    next.revision = newest + 1;
    std::erase(history.all, history.current);
    CO_TRY(history.current, co_await client::update(client, std::move(next), "", stop));
    history.all.push_back(history.current);
    co_return history;
  }
  while (true) {
    const auto hash = hashOf(owner, data, history.collisions);
    ControllerRevision wanted = makeRevision(owner, hash, data, newest + 1);
    const std::string name = wanted.metadata.name;
    auto made = co_await client::create(client, std::move(wanted), stop);
    if (isAlreadyExists(made.status())) {
      auto there =
          co_await client::get<ControllerRevision>(client, owner.meta.namespace_, name, stop);
      if (!there.ok()) co_return there.status();
      const auto* controller = api::controllerOf((*there)->metadata);
      const bool ours = controller != nullptr && controller->uid == owner.meta.uid;
      if (!ours || !isSame(**there, owner, data)) {
        ++history.collisions;
        continue;
      }
      made = std::move(there);
    }
    if (!made.ok()) co_return made.status();
    history.current = *made;
    history.all.push_back(*made);
    co_return history;
  }
}

}  // namespace

Task<Result<History>> syncHistory(client::Client& client, const client::Informer& revisions,
                                  HistoryOwner owner, std::stop_token stop) {
  History history;
  history.collisions = owner.collisionCount.value_or(0);
  CO_TRY(history.all, co_await ownRevisions(client, revisions, owner, stop));
  const auto memo = owner.memo;
  const int64_t generation = owner.meta.generation;
  const bool known = memo && memo->generation == generation && !history.all.empty() &&
                     history.all.back()->metadata.uid == memo->revision;
  if (known) {
    history.current = history.all.back();
    co_return history;
  }
  CO_TRY(history, co_await findCurrent(client, std::move(history), std::move(owner), stop));
  if (memo && history.duplicates.empty()) {
    memo->generation = generation;
    memo->revision = history.current->metadata.uid;
  }
  co_return history;
}

Task<Status> trimHistory(client::Client& client, const History& history, size_t limit, Limit counts,
                         std::vector<std::string> live, std::stop_token stop) {
  std::vector<RevisionPointer> unused;
  size_t old = 0;
  for (const auto& revision : history.all) {
    if (revision->metadata.uid == history.current->metadata.uid) continue;
    ++old;
    const auto* hash = revision->metadata.labels.get(kRevisionLabel);
    const bool used = std::any_of(live.begin(), live.end(), [&](const std::string& name) {
      return name == revision->metadata.name || (hash != nullptr && name == *hash);
    });
    if (!used) unused.push_back(revision);
  }
  const size_t counted = counts == Limit::Old ? old : unused.size();
  const size_t excess = counted > limit ? counted - limit : 0;
  for (size_t i = 0; i < std::min(excess, unused.size()); ++i) {
    const auto& meta = unused[i]->metadata;
    client::DeleteOptions options;
    options.uid = meta.uid;
    Status gone = co_await client.remove(client::resourceOf<ControllerRevision>(), meta.namespace_,
                                         meta.name, std::move(options), stop);
    if (!gone.ok() && !isNotFound(gone)) co_return gone;
  }
  co_return Status();
}

}  // namespace coxswain::controllers
