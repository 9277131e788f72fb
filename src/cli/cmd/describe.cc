#include "cli/describe/describe.h"

#include <algorithm>

#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

class Describe final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "describe");
    selection_.declareSelectors(flags);
    flags.boolean(&selection_.allNamespaces, "all-namespaces", 'A', "In all namespaces.");
    flags.boolean(&events_, "show-events", 0, "Show the events about the object.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.empty() && selection_.files.empty()) {
      co_return fault(
          "You must specify the type of resource to describe. Use \"kubectl "
          "api-resources\" for a complete list of supported resources.\n");
    }
    selection_.words = words;
    const bool named = words.size() > 1 ||
                       (!words.empty() && words[0].find('/') != std::string::npos) ||
                       !selection_.files.empty();
    if (!named && selection_.labelSelector.empty()) selection_.all = true;
    CO_TRY(auto infos, co_await find(session, named));
    if (infos.empty() && session.exitCode() == 0) {
      CO_TRY(auto ns, session.ns());
      session.error(selection_.allNamespaces ? "No resources found\n"
                                             : "No resources found in " + ns + " namespace.\n");
    }
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    DescribeContext context{session, client};
    context.events = events_;
    context.now = std::chrono::duration_cast<std::chrono::seconds>(
                      session.reactor().wallNow().time_since_epoch())
                      .count();
    bool first = true;
    for (const auto& info : infos) {
      CO_TRY(auto text, co_await describe(context, info));
      session.out().write((first ? "" : "\n\n") + text);
      first = false;
    }
    co_return Status();
  }

 private:
  /// By name; where exactly that name is not there, all whose names begin with it.
  Task<Result<std::vector<Info>>> find(Session& session, bool named) {
    const auto& words = selection_.words;
    const bool single =
        named && selection_.files.empty() && (words.size() == 2 || (words.size() == 1));
    if (!single) co_return co_await resolve(session, selection_, true);
    CO_TRY(auto* mapper, co_await session.mapper());
    CO_TRY(auto asked, parseWords(*mapper, words));
    if (asked.size() != 1) co_return co_await resolve(session, selection_, true);
    CO_TRY(auto* rest, session.rest());
    CO_TRY(auto ns, session.ns());
    ObjectClient client(*rest);
    Info info;
    info.resource = asked[0].resource;
    info.name = asked[0].names[0];
    info.ns = info.resource->namespaced ? ns : "";
    Status got = co_await refresh(client, info);
    std::vector<Info> out;
    if (got.ok()) {
      out.push_back(std::move(info));
      co_return std::move(out);
    }
    if (!isNotFound(got)) co_return got;
    Selection all = selection_;
    all.words = {info.resource->qualified()};
    all.all = true;
    CO_TRY(out, co_await resolve(session, all, true));
    std::erase_if(out, [&](const Info& one) { return !one.name.starts_with(info.name); });
    if (out.empty()) co_return got;
    co_return std::move(out);
  }

  Selection selection_;
  bool events_ = true;
};

}  // namespace

Command describeCommand() {
  Command command;
  command.name = "describe";
  command.usage = "(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]";
  command.summary = "Show details of a specific resource or group of resources";
  command.examples = "  kubectl describe nodes n1\n\n  kubectl describe pods -l app=web\n";
  command.group = "Troubleshooting and Debugging Commands";
  command.make = makeVerb<Describe>;
  return command;
}

}  // namespace coxswain::cli
