#include <filesystem>

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "api/yaml/yaml.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/process.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

/// What apply would make of the objects, beside what they are; the difference by diff(1).
class Diff final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "compare");
    flags.boolean(&serverSide_, "server-side", 0, "As apply --server-side would change it.");
    flags.boolean(&forceConflicts_, "force-conflicts", 0,
                  "With --server-side: take fields that others own.");
    flags.boolean(&managedFields_, "show-managed-fields", 0, "Compare managed fields too.");
    flags.text(&fieldManager_, "field-manager", 0, "Who would own the fields.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    Status done = co_await compare(session, std::move(words));
    if (!done.ok()) {
      session.fail(done);
      session.exitCode(2);  // 1 says that there are differences
    }
    co_return Status();
  }

 private:
  Task<Status> compare(Session& session, std::vector<std::string> words) {
    if (!words.empty()) {
      co_return session.usageError("Unexpected args: [" + joined(words, " ") + "]");
    }
    if (selection_.files.empty()) co_return fault("must specify one of -f and -k");
    CO_TRY(auto infos, co_await readFiles(session, selection_));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    CO_TRY(auto live, TemporaryFolder::create("LIVE-"));
    CO_TRY(auto merged, TemporaryFolder::create("MERGED-"));
    for (auto& info : infos) {
      auto now = co_await client.get(*info.resource, info.ns, info.name);
      if (!now.ok() && !isNotFound(now.status())) co_return now.status();
      CO_TRY(auto after, co_await wouldBe(client, info, now.ok() ? &*now : nullptr));
      const auto& r = *info.resource;
      auto file = (r.group.empty() ? r.version : r.group + "." + r.version) + "." + r.kind + "." +
                  info.ns + "." + info.name;
      CO_TRY_STATUS(put(live.path() + "/" + file, now.ok() ? std::move(*now) : json::value()));
      CO_TRY_STATUS(put(merged.path() + "/" + file, std::move(after)));
    }
    const char* external = std::getenv("KUBECTL_EXTERNAL_DIFF");
    std::vector<std::string> command;
    if (external && *external) {
      for (auto& word : splitAt(external, ' ')) {
        if (!word.empty()) command.push_back(std::move(word));
      }
    } else {
      command = {"diff", "-u", "-N"};
    }
    command.push_back(live.path());
    command.push_back(merged.path());
    session.out().flush();
    CO_TRY(const int code, runProgram(command, session.streams().out));
    if (code > 1) co_return fault("exit status " + std::to_string(code));
    if (code == 1) session.exitCode(1);
    co_return Status();
  }

  Status put(const std::string& path, json::value object) const {
    if (object.is_null()) return writeText(path, "");
    if (!managedFields_) dropManagedFields(object);
    return writeText(path, api::valueToYaml(object));
  }

  Task<Result<json::value>> wouldBe(ObjectClient& client, const Info& info,
                                    const json::value* live) {
    WriteOptions options;
    options.dryRun = true;
    options.fieldManager = fieldManager_;
    if (serverSide_) {
      options.force = forceConflicts_;
      co_return co_await client.patch(*info.resource, info.ns, info.name, client::PatchType::Apply,
                                      api::writeJsonValue(info.object), options);
    }
    if (!live) {
      json::value fresh = info.object;
      setLastApplied(fresh);
      co_return co_await client.create(*info.resource, info.ns, "", fresh, options);
    }
    // As the annotation would say it, so that the annotation itself is no difference.
    CO_TRY(const json::value modified, api::parseJsonValue(lastAppliedText(info.object)));
    json::value original = json::object();
    if (const auto* last = at(*live, {"metadata", "annotations", kLastApplied})) {
      auto parsed = api::parseJsonValue(plainText(*last));
      if (parsed.ok() && parsed->is_object()) original = std::move(*parsed);
    }
    const auto* known = api::findKind(info.resource->apiVersion(), info.resource->kind);
    json::value patch;
    if (known) {
      auto made = api::createThreeWayStrategicPatch(original, modified, *live, *known);
      if (!made.ok()) co_return asFault(made.status());
      patch = std::move(*made);
    } else {
      patch = api::createThreeWayMergePatch(original, modified, *live);
    }
    if (patch.get_object().empty()) co_return *live;
    co_return co_await client.patch(
        *info.resource, info.ns, info.name,
        known ? client::PatchType::StrategicMerge : client::PatchType::Merge,
        api::writeJsonValue(patch), options);
  }

  Selection selection_;
  bool serverSide_ = false;
  bool forceConflicts_ = false;
  bool managedFields_ = false;
  std::string fieldManager_ = "kubectl-client-side-apply";
};

}  // namespace

Command diffCommand() {
  Command command;
  command.name = "diff";
  command.usage = "-f FILENAME [options]";
  command.summary = "Diff the live version against a would-be applied version";
  command.details =
      "Exit code 0: no differences; 1: differences; above: a failure. "
      "$KUBECTL_EXTERNAL_DIFF names another program than diff -u -N.";
  command.group = "Advanced Commands";
  command.make = makeVerb<Diff>;
  return command;
}

}  // namespace coxswain::cli
