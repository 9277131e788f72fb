#include "cli/run.h"

#include <map>
#include <vector>

#include "api/names/quote.h"
#include "cli/cmd/registry.h"
#include "cli/framework/command.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "runtime/reactor.h"

namespace coxswain::cli {

namespace {

const Command* findCommand(const std::vector<Command>& commands, std::string_view name) {
  for (const auto& command : commands) {
    if (command.name == name) return &command;
    for (auto alias : command.aliases) {
      if (alias == name) return &command;
    }
  }
  return nullptr;
}

void padTo(std::string& line, size_t width) {
  line.resize(std::max(line.size(), width), ' ');
}

std::string listCommands(const std::vector<Command>& commands, std::string_view group) {
  std::string out;
  for (const auto& command : commands) {
    if (command.group != group) continue;
    std::string line = "  " + std::string(command.name);
    padTo(line, 17);
    out += line + " " + std::string(command.summary) + "\n";
  }
  return out;
}

std::string topHelp() {
  std::string out = "kubectl controls the Kubernetes cluster manager.\n";
  std::vector<std::string_view> groups;
  for (const auto& command : commands()) {
    if (std::ranges::find(groups, command.group) == groups.end()) groups.push_back(command.group);
  }
  for (auto group : groups) {
    out += "\n" + std::string(group) + ":\n" + listCommands(commands(), group);
  }
  out +=
      "\nUsage:\n  kubectl [flags] [options]\n\n"
      "Use \"kubectl <command> --help\" for more information about a given command.\n"
      "Use \"kubectl options\" for a list of global command-line options (applies to all "
      "commands).\n";
  return out;
}

std::string commandHelp(const Command& command, const std::string& path, const FlagSet& flags) {
  std::string out(command.summary);
  out += "\n";
  if (!command.details.empty()) out += "\n" + std::string(command.details) + "\n";
  if (!command.examples.empty()) out += "\nExamples:\n" + std::string(command.examples) + "\n";
  if (!command.children.empty()) {
    out += "\nAvailable Commands:\n";
    for (const auto& child : command.children) {
      std::string line = "  " + std::string(child.name);
      padTo(line, 17);
      out += line + " " + std::string(child.summary) + "\n";
    }
  }
  auto usages = flags.usages();
  if (!usages.empty()) out += "\nOptions:\n" + usages;
  out += "Usage:\n  " + path + " " + std::string(command.usage) + "\n\n";
  out +=
      "Use \"kubectl options\" for a list of global command-line options (applies to all "
      "commands).\n";
  return out;
}

/// The command the arguments name; what it leaves of them is the command's.
struct Found {
  const Command* command = nullptr;
  std::string path = "kubectl";
  std::vector<std::string> rest;
  std::string unknown;  ///< the word that is no command
};

Found lookUp(const std::vector<std::string>& args) {
  GlobalFlags ignored;
  FlagSet globals;
  ignored.declare(globals);
  std::vector<std::unique_ptr<Verb>> verbs;  // whose flags are known by now
  Found found;
  const std::vector<Command>* level = &commands();
  for (size_t at = 0; at < args.size(); ++at) {
    const auto& arg = args[at];
    if (arg == "--") {
      found.rest.insert(found.rest.end(), args.begin() + static_cast<ptrdiff_t>(at), args.end());
      return found;
    }
    if (arg.size() > 1 && arg[0] == '-') {
      found.rest.push_back(arg);
      const auto* flag = arg[1] == '-'     ? globals.find(arg.substr(2))
                         : arg.size() == 2 ? globals.findShort(arg[1])
                                           : nullptr;
      if (flag && !flag->bare && at + 1 < args.size()) found.rest.push_back(args[++at]);
      continue;
    }
    const auto* next = level->empty() ? nullptr : findCommand(*level, arg);
    if (!next) {
      if (!level->empty() && (!found.command || !found.command->make)) {
        found.unknown = arg;
        return found;
      }
      found.rest.insert(found.rest.end(), args.begin() + static_cast<ptrdiff_t>(at), args.end());
      return found;
    }
    found.command = next;
    // `create -f secret`: the word behind a flag of the parent is no subcommand.
    if (next->make && !next->children.empty()) {
      verbs.push_back(next->make());
      verbs.back()->flags(globals);
    }
    found.path += " " + std::string(next->name);
    level = &next->children;
  }
  return found;
}

Task<int> runVerb(Verb& verb, Session& session, std::vector<std::string> words,
                  const FlagSet& flags) {
  Status status = co_await verb.run(session, std::move(words), flags);
  if (!status.ok()) session.fail(status);
  co_await session.close();
  co_return session.exitCode();
}

int runCommand(const Found& found, Streams streams) {
  const auto& command = *found.command;
  GlobalFlags globals;
  FlagSet flags;  // of the command and those of all
  FlagSet shown;  // of the command alone, for help
  bool help = false;
  Output out(streams.out);
  Output err(streams.err);
  auto verb = command.make ? command.make() : nullptr;
  if (verb) {
    verb->flags(flags);
    verb->flags(shown);
  }
  globals.declare(flags);
  flags.boolean(&help, "help", 'h', "Help for this command.");
  std::vector<std::string> words;
  auto parsed = flags.parse(found.rest, words);
  if (help || (!verb && words.empty() && parsed.ok())) {
    out.write(commandHelp(command, found.path, shown));
    return 0;
  }
  if (!parsed.ok()) {
    err.write(errorText(parsed, ""));
    err.write("See '" + found.path + " --help' for usage.\n");
    return 1;
  }
  Reactor reactor;
  Session session(reactor, streams, globals, found.path);
  return blockOn(reactor, runVerb(*verb, session, std::move(words), flags));
}

int help(const std::vector<std::string>& words, Streams streams) {
  Output out(streams.out);
  auto found = lookUp(words);
  if (words.empty() || !found.command) {
    out.write(topHelp());
    return 0;
  }
  FlagSet flags;
  auto verb = found.command->make ? found.command->make() : nullptr;
  if (verb) verb->flags(flags);
  out.write(commandHelp(*found.command, found.path, flags));
  return 0;
}

int options(Streams streams) {
  GlobalFlags globals;
  FlagSet flags;
  globals.declare(flags);
  Output(streams.out)
      .write("The following options can be passed to any command:\n\n" + flags.usages());
  return 0;
}

}  // namespace

bool isCommand(std::string_view name) {
  return name == "options" || findCommand(commands(), name) != nullptr;
}

int run(std::span<const char* const> args, Streams streams) {
  std::vector<std::string> all(args.begin(), args.end());
  auto found = lookUp(all);
  Output err(streams.err);
  if (found.unknown == "help") {
    const auto at = std::ranges::find(all, "help");
    return help({at + 1, all.end()}, streams);
  }
  if (found.unknown == "options") return options(streams);
  if (!found.unknown.empty()) {
    // At the top the program itself says it, below the command does.
    const bool top = found.path == "kubectl";
    err.write("error: unknown command " + api::goQuote(found.unknown) +
              (top ? " for " + api::goQuote(found.path) + "\n"
                   : "\nSee '" + found.path + " -h' for help and examples\n"));
    return 1;
  }
  if (!found.command) {
    // Flags alone: help, or the complaint about one that is unknown.
    GlobalFlags globals;
    FlagSet flags;
    bool wanted = false;
    globals.declare(flags);
    flags.boolean(&wanted, "help", 'h', "Help.");
    std::vector<std::string> words;
    auto parsed = flags.parse(found.rest, words);
    if (!parsed.ok()) {
      err.write(errorText(parsed, "") + "See 'kubectl --help' for usage.\n");
      return 1;
    }
    Output(streams.out).write(topHelp());
    return 0;
  }
  return runCommand(found, streams);
}

}  // namespace coxswain::cli
