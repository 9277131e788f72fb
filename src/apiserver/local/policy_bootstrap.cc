#include "apiserver/local/policy_bootstrap.h"

#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "apiserver/authz/policy_objects.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

constexpr int kAttempts = 3;

Task<Status> create(client::Client& client, const client::ResourceType& type, std::string ns,
                    api::Object object, std::stop_token stop) {
  auto made = co_await client.create(type, std::move(ns), "", "", std::move(object), stop);
  co_return made.ok() ? Status() : made.status();
}

/// One attempt. Conflict or AlreadyExists where somebody else was faster.
Task<Status> ensureOnce(client::Client& client, const api::Object& wanted, std::stop_token stop) {
  const auto* type =
      client::findResource("rbac.authorization.k8s.io", "v1", wanted.info().kind->kind);
  const auto ns = api::objectMeta(wanted)->namespace_;
  const auto name = api::objectMeta(wanted)->name;
  auto present = co_await client.get(*type, ns, name, stop);
  if (!present.ok() && !isNotFound(present.status())) co_return present.status();
  if (!present.ok()) co_return co_await create(client, *type, ns, wanted.clone(), stop);
  auto next = present->clone();
  if (mustRecreate(wanted, next)) {
    client::DeleteOptions same;
    same.uid = api::objectMeta(next)->uid;
    CO_TRY_STATUS(co_await client.remove(*type, ns, name, std::move(same), stop));
    co_return co_await create(client, *type, ns, wanted.clone(), stop);
  }
  if (!reconcilePolicyObject(wanted, next)) co_return Status();
  auto updated = co_await client.update(*type, "", std::move(next), stop);
  co_return updated.ok() ? Status() : updated.status();
}

Task<void> ensureOne(client::Client& client, api::Object wanted, std::stop_token stop,
                     Status& failure) {
  Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    status = co_await ensureOnce(client, wanted, stop);
    if (status.ok()) co_return;
    if (!isConflict(status) && !isAlreadyExists(status) && !isNotFound(status)) break;
  }
  failure = status.withContext(std::string(wanted.info().kind->kind) + " " +
                               api::goQuote(api::objectMeta(wanted)->name));
}

}  // namespace

Task<Status> ensurePolicy(client::Client& client, bool parts, std::stop_token stop) {
  Status failure;
  std::vector<Task<void>> tasks;
  for (auto& object : bootstrapPolicyObjects(parts)) {
    tasks.push_back(ensureOne(client, std::move(object), stop, failure));
  }
  co_await whenAll(std::move(tasks));
  co_return failure;
}

}  // namespace coxswain::apiserver
