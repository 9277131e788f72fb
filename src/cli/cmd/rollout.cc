#include <algorithm>

#include "api/codec/value.h"
#include "api/meta/time.h"
#include "api/names/quote.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/rollout_history.h"
#include "cli/cmd/rollout_status.h"
#include "cli/describe/describe.h"
#include "cli/framework/errors.h"
#include "cli/printers/tab_writer.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";

/// What the subcommands share: objects by name, file or selector, one after the other.
class RolloutVerb : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "work on");
    selection_.declareSelectors(flags);
    ownFlags(flags);
  }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(prepare());
    if (words.empty() && selection_.files.empty()) {
      co_return session.usageError("required resource not specified");
    }
    selection_.words = std::move(words);
    CO_TRY(auto infos, co_await resolve(session, selection_, true));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (auto& info : infos) {
      Status done = co_await one(session, client, info);
      if (!done.ok()) session.fail(done);
    }
    co_return Status();
  }

 protected:
  virtual void ownFlags(FlagSet& flags) = 0;
  virtual Status prepare() { return {}; }
  virtual Task<Status> one(Session& session, ObjectClient& client, Info& info) = 0;

 private:
  Selection selection_;
};

class RolloutStatusVerb final : public RolloutVerb {
  void ownFlags(FlagSet& flags) override {
    flags.boolean(&watch_, "watch", 'w', "Wait until it is done.");
    flags.integer(&revision_, "revision", 0, "Of this revision; 0: the latest.");
    flags.duration(&timeout_, "timeout", 0, "How long to wait; 0: as long as it takes.");
  }
  Task<Status> one(Session& session, ObjectClient& client, Info& info) override {
    Deadline deadline(timeout_ > Duration(0) ? timeout_ : Duration(24h * 365), {});
    while (true) {
      CO_TRY(auto status, rolloutStatus(info.object, revision_));
      session.out().write(status.message);
      session.out().flush();
      if (status.done || !watch_) co_return Status();
      CO_TRY_STATUS(co_await nextState(client, info, deadline));
    }
  }
  /// Waits until the object changed.
  static Task<Status> nextState(ObjectClient& client, Info& info, Deadline& deadline) {
    while (true) {
      ObjectListOptions from;
      from.resourceVersion = textAt(info.object, {"metadata", "resourceVersion"});
      auto watch =
          co_await client.watch(*info.resource, info.ns, info.name, from, deadline.token());
      while (watch.ok()) {
        auto event = co_await (*watch)->next(deadline.token());
        if (!event.ok()) break;
        if (event->type == "BOOKMARK") continue;
        if (event->type == "DELETED") co_return fault("object has been deleted");
        info.object = std::move(event->object);
        fillType(info.object, *info.resource);
        co_return Status();
      }
      if (deadline.expired()) co_return fault("timed out waiting for the condition");
      const auto before = from.resourceVersion;
      CO_TRY_STATUS(co_await refresh(client, info));
      if (textAt(info.object, {"metadata", "resourceVersion"}) != before) co_return Status();
    }
  }
  bool watch_ = true;
  int64_t revision_ = 0;
  Duration timeout_{};
};

/// restart, pause, resume: a patch each.
class PatchVerb : public RolloutVerb {
 protected:
  explicit PatchVerb(std::string operation) : operation_(std::move(operation)) {}
  void ownFlags(FlagSet& flags) override { action_.declare(flags, "kubectl-rollout"); }
  Status prepare() override { return action_.complete(); }
  virtual Result<json::value> patchFor(const Session& session, const Info& info) = 0;
  Task<Status> one(Session& session, ObjectClient& client, Info& info) override {
    CO_TRY(auto patch, patchFor(session, info));
    json::value after = info.object;
    if (!action_.client()) {
      auto options = action_.writeOptions();
      options.fieldValidation.clear();
      CO_TRY(after, co_await client.patch(*info.resource, info.ns, info.name,
                                          client::PatchType::StrategicMerge,
                                          api::writeJsonValue(patch), options));
    }
    fillType(after, *info.resource);
    co_return action_.report(session, std::move(after), operation_);
  }

 private:
  std::string operation_;
  Action action_;
};

class Restart final : public PatchVerb {
 public:
  Restart() : PatchVerb("restarted") {}
  Result<json::value> patchFor(const Session& session, const Info& info) override {
    const auto& kind = info.resource->kind;
    if (kind != "Deployment" && kind != "DaemonSet" && kind != "StatefulSet") {
      return fault(info.described() + " restarting is not supported");
    }
    if (boolAt(info.object, {"spec", "paused"})) {
      return fault("deployments.apps " + api::goQuote(info.name) +
                   " can't restart paused deployment (run rollout resume first)");
    }
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         session.reactor().wallNow().time_since_epoch())
                         .count();
    json::value patch;
    makeObject(patch, {"spec", "template", "metadata",
                       "annotations"})["kubectl.kubernetes.io/restartedAt"] =
        api::formatRfc3339(now, 0, 0);
    return patch;
  }
};

class PauseOrResume : public PatchVerb {
 protected:
  PauseOrResume(bool pause) : PatchVerb(pause ? "paused" : "resumed"), pause_(pause) {}
  Result<json::value> patchFor(const Session&, const Info& info) override {
    if (info.resource->kind != "Deployment") {
      return fault(info.described() + (pause_ ? " pausing" : " resuming") + " is not supported");
    }
    if (boolAt(info.object, {"spec", "paused"}) == pause_) {
      return fault("deployments.apps " + api::goQuote(info.name) +
                   (pause_ ? " is already paused" : " is not paused"));
    }
    json::value patch;
    makeObject(patch, {"spec"})["paused"] = pause_ ? json::value(true) : json::value(nullptr);
    return patch;
  }

 private:
  bool pause_;
};
struct Pause final : PauseOrResume {
  Pause() : PauseOrResume(true) {}
};
struct Resume final : PauseOrResume {
  Resume() : PauseOrResume(false) {}
};

class History final : public RolloutVerb {
  void ownFlags(FlagSet& flags) override {
    flags.integer(&revision_, "revision", 0, "Show this revision's pods in full.");
    print_.declare(flags);
  }
  Task<Status> one(Session& session, ObjectClient& client, Info& info) override {
    CO_TRY(auto revisions, co_await revisionsOf(session, client, info));
    if (revision_ > 0 && !revisions.contains(revision_)) {
      co_return fault("unable to find the specified revision");
    }
    if (!print_.output.empty()) {
      CO_TRY(auto printer, makeObjectPrinter(print_));
      for (auto& [number, revision] : revisions) {
        if (revision_ > 0 && number != revision_) continue;
        if (print_.dropsManagedFields()) dropManagedFields(revision.object);
        CO_TRY(auto text, printer->print(revision.object));
        session.out().write(text);
      }
      co_return Status();
    }
    if (revision_ > 0) {
      session.out().write(info.typeAndName() + " with revision #" + std::to_string(revision_) +
                          "\n");
      session.out().write(describePodTemplate(revisions[revision_].podTemplate) + "\n");
      co_return Status();
    }
    session.out().write(info.typeAndName() + " \n");
    if (revisions.empty()) {
      session.out().line("No rollout history found.");
      co_return Status();
    }
    TabWriter writer({0, 2, false});
    writer.write("REVISION\tCHANGE-CAUSE\n");
    for (const auto& [number, revision] : revisions) {
      writer.write(std::to_string(number) + "\t" +
                   (revision.cause.empty() ? "<none>" : revision.cause) + "\n");
    }
    session.out().write(writer.take() + "\n");
    co_return Status();
  }
  int64_t revision_ = 0;
  PrintFlags print_;
};

class Undo final : public RolloutVerb {
  void ownFlags(FlagSet& flags) override {
    flags.integer(&revision_, "to-revision", 0, "Go back to this one; 0: the one before.");
    action_.declare(flags, "kubectl-rollout");
  }
  Status prepare() override { return action_.complete(); }

  Task<Status> one(Session& session, ObjectClient& client, Info& info) override {
    if (!textAt(info.object, {"metadata", "annotations", kLastApplied}).empty()) {
      session.error("Warning: resource " + info.resource->plural + "/" + info.name +
                    " was previously managed with 'kubectl apply'. Rolling back will not update "
                    "the " +
                    std::string(kLastApplied) +
                    " annotation, which may cause unexpected behavior on future 'kubectl apply' "
                    "operations. Consider using 'kubectl apply' with your previous configuration "
                    "file instead.\n");
    }
    if (!hasRevisions(info)) {
      co_return fault("no rollbacker has been implemented for " + api::goQuote(kindAndGroup(info)));
    }
    CO_TRY(auto revisions, co_await revisionsOf(session, client, info));
    if (boolAt(info.object, {"spec", "paused"})) {
      co_return fault(
          "you cannot rollback a paused deployment; resume it first with 'kubectl "
          "rollout resume " +
          info.typeAndName() + "' and try again");
    }
    const bool isDeployment = info.resource->kind == "Deployment";
    auto wanted = revision_;
    if (wanted == 0) {
      if (revisions.size() < 2) {
        co_return fault(isDeployment
                            ? "no rollout history found for deployment " + api::goQuote(info.name)
                            : "no last revision to roll back to");
      }
      wanted = std::next(revisions.rbegin())->first;
    }
    auto found = revisions.find(wanted);
    if (found == revisions.end()) {
      co_return fault("unable to find specified revision " + std::to_string(wanted) +
                      " in history");
    }
    auto& revision = found->second;
    json::value pods = revision.podTemplate;
    fillType(info.object, *info.resource);
    if (action_.client()) {
      co_return action_.report(
          session, info.object,
          (isDeployment ? "" : "will roll back to ") + describePodTemplate(pods));
    }
    if (isDeployment) makeObject(pods, {"metadata", "labels"}).erase("pod-template-hash");
    const auto* live = at(info.object, {"spec", "template"});
    if (live && *live == pods) {
      co_return action_.report(session, info.object,
                               "skipped rollback (current template already matches revision " +
                                   std::to_string(revision_) + ")");
    }
    auto type = client::PatchType::StrategicMerge;
    json::value patch = std::move(revision.patch);
    if (isDeployment) {
      type = client::PatchType::Json;
      json::array steps;
      steps.push_back(
          json::object{{"op", "replace"}, {"path", "/spec/template"}, {"value", std::move(pods)}});
      CO_TRY_STATUS(keepAnnotations(steps, info.object, revision.annotations));
      patch = std::move(steps);
    }
    auto options = action_.writeOptions();
    options.fieldValidation.clear();
    auto after = co_await client.patch(*info.resource, info.ns, info.name, type,
                                       api::writeJsonValue(patch), options);
    if (!after.ok()) {
      if (isDeployment) co_return after.status();
      co_return fault("failed restoring revision " + std::to_string(wanted) + ": " +
                      after.status().message());
    }
    fillType(*after, *info.resource);
    co_return action_.report(session, std::move(*after), "rolled back");
  }

  /// Annotations become the old set's, but for those that are the deployment's own.
  static Status keepAnnotations(json::array& patch, const json::value& deployment,
                                const json::value& old) {
    static constexpr std::string_view kOwn[] = {kLastApplied,
                                                kRevision,
                                                "deployment.kubernetes.io/revision-history",
                                                "deployment.kubernetes.io/desired-replicas",
                                                "deployment.kubernetes.io/max-replicas",
                                                "deprecated.deployment.rollback.to"};
    json::object annotations;
    for (auto own : kOwn) {
      const auto* value = at(deployment, {"metadata", "annotations", own});
      if (value) annotations[key(own)] = *value;
    }
    for (const auto& [name, value] : old.is_object() ? old.get_object() : json::object()) {
      const std::string_view text(name.data(), name.size());
      if (std::ranges::find(kOwn, text) == std::end(kOwn)) annotations[name] = value;
    }
    patch.push_back(json::object{
        {"op", "replace"}, {"path", "/metadata/annotations"}, {"value", std::move(annotations)}});
    return {};
  }

  int64_t revision_ = 0;
  Action action_;
};

}  // namespace

Command rolloutCommand() {
  Command command;
  command.name = "rollout";
  command.usage = "SUBCOMMAND [options]";
  command.summary = "Manage the rollout of a resource";
  command.examples =
      "  kubectl rollout undo deployment/web\n\n"
      "  kubectl rollout status deployment/web\n\n"
      "  kubectl rollout restart deployment/web\n";
  command.group = "Deploy Commands";
  const auto add = [&](std::string_view name, std::string_view summary,
                       std::unique_ptr<Verb> (*maker)()) {
    auto& child = command.children.emplace_back();
    child.name = name;
    child.usage = "(TYPE NAME | TYPE/NAME) [flags] [options]";
    child.summary = summary;
    child.make = maker;
  };
  add("history", "View rollout history", makeVerb<History>);
  add("pause", "Mark the provided resource as paused", makeVerb<Pause>);
  add("restart", "Restart a resource", makeVerb<Restart>);
  add("resume", "Resume a paused resource", makeVerb<Resume>);
  add("status", "Show the status of the rollout", makeVerb<RolloutStatusVerb>);
  add("undo", "Undo a previous rollout", makeVerb<Undo>);
  return command;
}

}  // namespace coxswain::cli
