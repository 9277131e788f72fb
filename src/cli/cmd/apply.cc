#include "api/codec/value.h"
#include "api/names/quote.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "api/reflect/map.h"
#include "api/select/labels.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/deletion.h"
#include "cli/cmd/prune.h"
#include "cli/framework/errors.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

constexpr int kConflictsMax = 5;

class Apply final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "apply");
    selection_.declareSelectors(flags);
    action_.declare(flags, "kubectl-client-side-apply");
    action_.declareValidate(flags);
    flags.boolean(&serverSide_, "server-side", 0, "Let the server merge and track who owns what.");
    flags.boolean(&forceConflicts_, "force-conflicts", 0,
                  "With --server-side: take fields that others own.");
    flags.boolean(&force_, "force", 0, "Delete and create again what cannot be changed in place.");
    flags.boolean(&overwrite_, "overwrite", 0,
                  "Change what others changed since the last apply, too.");
    prune_.declare(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    if (!words.empty()) {
      co_return session.usageError("Unexpected args: [" + joined(words, " ") + "]");
    }
    if (selection_.files.empty()) co_return fault("must specify one of -f and -k");
    CO_TRY_STATUS(action_.complete());
    if (serverSide_ && !given.changed("field-manager")) action_.fieldManager = "kubectl";
    if (forceConflicts_ && !serverSide_) {
      co_return fault("--force-conflicts only works with --server-side");
    }
    if (serverSide_ && action_.client()) {
      co_return fault(
          "--dry-run=client doesn't work with --server-side (did you mean "
          "--dry-run=server instead?)");
    }
    if (serverSide_ && force_) co_return fault("--force cannot be used with --server-side");
    CO_TRY_STATUS(prune_.check(selection_, serverSide_, force_));
    CO_TRY(auto infos, co_await readFiles(session, selection_));
    if (!selection_.labelSelector.empty()) {
      CO_TRY(auto selector, api::LabelSelector::parse(selection_.labelSelector));
      std::erase_if(infos, [&](const Info& info) {
        api::Map<std::string> labels;
        for (auto& [name, value] : stringsAt(info.object, {"metadata", "labels"})) {
          labels[name] = value;
        }
        return !selector.matches(labels);
      });
    }
    if (infos.empty() && session.exitCode() == 0) co_return fault("no objects passed to apply");
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (auto& info : infos) {
      Status applied = serverSide_ ? co_await applyOnServer(session, client, info)
                                   : co_await applyOne(session, client, info);
      if (isUnreachable(applied)) co_return applied;
      if (!applied.ok()) session.fail(applied);
    }
    // Nothing goes while something could not be applied.
    if (!prune_.wanted() || session.exitCode() != 0) co_return Status();
    co_return co_await prune_.run(session, client, selection_.labelSelector, action_);
  }

 private:
  Task<Status> applyOnServer(Session& session, ObjectClient& client, const Info& info) {
    if (info.name.empty()) co_return fault("resource name may not be empty");
    auto options = action_.writeOptions();
    options.force = forceConflicts_;
    auto applied =
        co_await client.patch(*info.resource, info.ns, info.name, client::PatchType::Apply,
                              api::writeJsonValue(info.object), options);
    if (isConflict(applied.status())) co_return conflictAdvice(applied.status());
    if (!applied.ok()) co_return applied.status();
    fillType(*applied, *info.resource);
    co_return action_.report(session, std::move(*applied), "serverside-applied");
  }

  static Status conflictAdvice(const Status& conflict) {
    return fault(conflict.message() +
                 "\nPlease review the fields above--they currently have other managers. Here\n"
                 "are the ways you can resolve this warning:\n"
                 "* If you intend to manage all of these fields, please re-run the apply\n"
                 "  command with the `--force-conflicts` flag.\n"
                 "* If you do not intend to manage all of the fields, please edit your\n"
                 "  manifest to remove references to the fields that should keep their\n"
                 "  current managers.\n"
                 "* You may co-own fields by updating your manifest to match the existing\n"
                 "  value; in this case, you'll become the manager if the other manager(s)\n"
                 "  stop managing the field (remove it from their configuration).\n"
                 "See https://kubernetes.io/docs/reference/using-api/server-side-apply/"
                 "#conflicts");
  }

  Task<Status> applyOne(Session& session, ObjectClient& client, Info info) {
    json::value modified = info.object;
    setLastApplied(modified);
    if (info.name.empty()) {
      co_return fault("error when retrieving current configuration of:\nfrom server for: " +
                      api::goQuote(info.source) + ": resource name may not be empty");
    }
    for (int tries = 0;; ++tries) {
      auto live = co_await client.get(*info.resource, info.ns, info.name);
      if (isNotFound(live.status())) co_return co_await createOne(session, client, info, modified);
      if (!live.ok()) {
        co_return live.status().withContext(
            "error when retrieving current configuration of:\nResource: " +
            api::goQuote(info.resource->apiVersion() + ", Resource=" + info.resource->plural) +
            "\nName: " + api::goQuote(info.name) + ", Namespace: " + api::goQuote(info.ns) +
            "\nfrom server for: " + api::goQuote(info.source));
      }
      fillType(*live, *info.resource);
      const auto* last = at(*live, {"metadata", "annotations", kLastApplied});
      if (!last && tries == 0) {
        session.warn("resource " + info.resource->plural + "/" + info.name + " is missing the " +
                     std::string(kLastApplied) +
                     " annotation which is required by kubectl apply. kubectl apply should only be "
                     "used on resources created declaratively by either kubectl create "
                     "--save-config or kubectl apply. The missing annotation will be patched "
                     "automatically.");
      }
      json::value original = json::object();
      if (last && last->is_string()) {
        auto parsed = api::parseJsonValue(view(last->get_string()));
        if (parsed.ok() && parsed->is_object()) original = std::move(*parsed);
      }
      auto patched = co_await patchOne(client, info, *live, original, modified);
      if (isConflict(patched.status()) && tries < kConflictsMax) {
        if (tries > 0) CO_TRY_STATUS(co_await sleepFor(1s));
        continue;
      }
      if (force_ && (isConflict(patched.status()) || isInvalid(patched.status()))) {
        co_return co_await recreate(session, client, info, modified);
      }
      if (!patched.ok()) {
        co_return isFault(patched.status())
            ? patched.status()
            : patched.status().withContext(
                  "error when applying patch:\n" + lastPatch_ +
                  "to:\nResource: " + described(info) + "\nName: " + api::goQuote(info.name) +
                  ", Namespace: " + api::goQuote(info.ns) + "\nfor: " + api::goQuote(info.source) +
                  ": error when patching " + api::goQuote(info.source));
      }
      prune_.visit(info, *patched);
      co_return action_.report(session, std::move(*patched),
                               lastPatch_.empty() ? "unchanged" : "configured");
    }
  }

  static std::string described(const Info& info) {
    const auto& r = *info.resource;
    return api::goQuote((r.group.empty() ? "" : r.group + "/") + r.version +
                        ", Resource=" + r.plural) +
           ", GroupVersionKind: " +
           api::goQuote((r.group.empty() ? "/" : r.group + "/") + r.version + ", Kind=" + r.kind);
  }

  Task<Status> createOne(Session& session, ObjectClient& client, const Info& info,
                         json::value modified) {
    prune_.visit(info, modified);
    if (action_.client()) co_return action_.report(session, std::move(modified), "created");
    auto made =
        co_await client.create(*info.resource, info.ns, "", modified, action_.writeOptions());
    if (!made.ok()) {
      co_return made.status().withContext("error when creating " + api::goQuote(info.source));
    }
    prune_.visit(info, *made);
    fillType(*made, *info.resource);
    co_return action_.report(session, std::move(*made), "created");
  }

  /// The object after the change; lastPatch_ is empty where there was none.
  Task<Result<json::value>> patchOne(ObjectClient& client, const Info& info,
                                     const json::value& live, const json::value& original,
                                     const json::value& modified) {
    lastPatch_.clear();
    const auto* known = api::findKind(info.resource->apiVersion(), info.resource->kind);
    json::value patch;
    if (known) {
      auto made = api::createThreeWayStrategicPatch(original, modified, live, *known, overwrite_);
      if (!made.ok()) co_return asFault(made.status().withContext("creating patch"));
      patch = std::move(*made);
    } else {
      patch = api::createThreeWayMergePatch(original, modified, live);
    }
    if (patch.is_object() && patch.get_object().empty()) co_return live;
    auto text = api::writeJsonValue(patch);
    lastPatch_ = text + "\n";
    if (action_.client()) {
      if (!known) co_return api::applyMergePatch(live, patch);
      auto merged = api::applyStrategicMergePatch(live, patch, *known);
      if (!merged.ok()) co_return asFault(merged.status());
      co_return std::move(*merged);
    }
    auto type = known ? client::PatchType::StrategicMerge : client::PatchType::Merge;
    CO_TRY(auto after, co_await client.patch(*info.resource, info.ns, info.name, type,
                                             std::move(text), action_.writeOptions()));
    fillType(after, *info.resource);
    co_return std::move(after);
  }

  Task<Status> recreate(Session& session, ObjectClient& client, const Info& info,
                        json::value modified) {
    if (action_.dryRun != DryRun::None) {
      co_return action_.report(session, std::move(modified), "configured");
    }
    auto gone = co_await client.remove(*info.resource, info.ns, info.name,
                                       {{"propagationPolicy", "Background"}});
    if (!gone.ok() && !isNotFound(gone.status())) co_return gone.status();
    CO_TRY_STATUS(co_await waitUntilGone(client, *info.resource, info.ns, info.name, "", 0s));
    CO_TRY(auto made,
           co_await client.create(*info.resource, info.ns, "", modified, action_.writeOptions()));
    fillType(made, *info.resource);
    co_return action_.report(session, std::move(made), "configured");
  }

  Selection selection_;
  Action action_;
  Prune prune_;
  bool serverSide_ = false;
  bool forceConflicts_ = false;
  bool force_ = false;
  bool overwrite_ = true;
  std::string lastPatch_;
};

}  // namespace

Command applyCommand() {
  Command command;
  command.name = "apply";
  command.usage = "-f FILENAME [options]";
  command.summary = "Apply a configuration to a resource by file name or stdin";
  command.details =
      "Creates what is not there; changes what is there so that it becomes what the file says, "
      "leaving alone what the file does not speak of.";
  command.examples =
      "  # Everything in a folder\n  kubectl apply -f manifests/\n\n"
      "  # From stdin\n  cat pod.yaml | kubectl apply -f -\n\n"
      "  # What would happen?\n  kubectl apply -f pod.yaml --dry-run=server\n";
  command.group = "Advanced Commands";
  command.make = makeVerb<Apply>;
  return command;
}

}  // namespace coxswain::cli
