#include "api/names/quote.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

class Scale final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "scale");
    selection_.declareSelectors(flags);
    flags.boolean(&selection_.all, "all", 0, "All of the type in the namespace.");
    flags.integer(&replicas_, "replicas", 0, "The new number of replicas. Required.");
    flags.integer(&current_, "current-replicas", 0, "Only where there are so many now.");
    flags.text(&version_, "resource-version", 0, "Only where the object is this version.");
    action_.declare(flags, "kubectl-scale");
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    CO_TRY_STATUS(action_.complete());
    if (!given.changed("replicas")) co_return fault("required flag(s) \"replicas\" not set");
    if (replicas_ < 0) {
      co_return fault(
          "The --replicas=COUNT flag is required, and COUNT must be greater than or "
          "equal to 0");
    }
    selection_.words = std::move(words);
    CO_TRY(auto infos, co_await resolve(session, selection_, false));
    if (infos.size() > 1 && !version_.empty()) {
      co_return fault("cannot use --resource-version with multiple resources");
    }
    if (infos.empty() && session.exitCode() == 0) co_return fault("no objects passed to scale");
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (const auto& info : infos) {
      Status scaled = co_await scaleOne(session, client, info, given);
      if (isUnreachable(scaled)) co_return scaled;
      if (!scaled.ok()) session.fail(scaled);
    }
    co_return Status();
  }

 private:
  Task<Status> scaleOne(Session& session, ObjectClient& client, const Info& info,
                        const FlagSet& given) {
    const auto& resource = *info.resource;
    if (!resource.hasSubresource("scale")) {
      // As kubectl: what has no scale is not found at the server.
      CO_TRY(auto answer, co_await client.get(resource, info.ns, info.name, "scale"));
      (void)answer;
    }
    if (given.changed("current-replicas") || !version_.empty()) {
      CO_TRY(auto scale, co_await client.get(resource, info.ns, info.name, "scale"));
      const auto now = integerAt(scale, {"spec", "replicas"});
      if (given.changed("current-replicas") && now != current_) {
        co_return fault("Expected replicas to be " + std::to_string(current_) + ", was " +
                        std::to_string(now));
      }
      auto seen = textAt(scale, {"metadata", "resourceVersion"});
      if (!version_.empty() && seen != version_) {
        co_return fault("Expected resource version to be " + version_ + ", was " + seen);
      }
    }
    json::value object = info.object;
    if (!action_.client()) {
      auto options = action_.writeOptions();
      options.fieldValidation.clear();
      options.subresource = "scale";
      CO_TRY(auto scaled,
             co_await client.patch(resource, info.ns, info.name, client::PatchType::Merge,
                                   "{\"spec\":{\"replicas\":" + std::to_string(replicas_) + "}}",
                                   options));
      (void)scaled;
    }
    if (!action_.print.output.empty() && !action_.print.nameOnly()) {
      CO_TRY(object, co_await client.get(resource, info.ns, info.name));
    }
    if (!object.is_object()) {
      object = json::object{{"metadata", json::object{{"name", info.name}}}};
    }
    fillType(object, resource);
    co_return action_.report(session, std::move(object), "scaled");
  }

  Selection selection_;
  Action action_;
  int64_t replicas_ = -1;
  int64_t current_ = -1;
  std::string version_;
};

}  // namespace

Command scaleCommand() {
  Command command;
  command.name = "scale";
  command.usage =
      "[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | "
      "TYPE "
      "NAME)";
  command.summary = "Set a new size for a deployment, replica set, or replication controller";
  command.examples = "  kubectl scale --replicas=3 deployment/web\n";
  command.group = "Deploy Commands";
  command.make = makeVerb<Scale>;
  return command;
}

}  // namespace coxswain::cli
