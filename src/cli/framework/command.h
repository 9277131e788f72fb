#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/framework/flags.h"
#include "runtime/task.h"

namespace coxswain::cli {

class Session;

/// What a command does. One object an invocation: flags are written into its members, then it runs.
class Verb {
 public:
  virtual ~Verb() = default;
  virtual void flags(FlagSet& flags) = 0;
  /// `words` are the arguments that are no flags; `given` says which flags were set and where "--"
  /// stood. A failure is printed as kubectl does and makes exit code 1; use Session::fail for one
  /// failure of several, Session::exitCode for other codes.
  virtual Task<Status> run(Session& session, std::vector<std::string> words,
                           const FlagSet& given) = 0;
};

/// A command of kubectl and how to ask for it. Each file of cmd/ has a function that returns one;
/// cmd/registry.cc lists them.
struct Command {
  std::string_view name;
  std::string_view usage;    ///< behind the command's path: "(-f FILENAME | TYPE NAME)"
  std::string_view summary;  ///< one line
  std::string_view details;  ///< of help; may be empty
  std::string_view examples;
  std::unique_ptr<Verb> (*make)() = nullptr;  ///< null: it only has children
  std::vector<Command> children;
  std::vector<std::string_view> aliases;
  std::string_view group;  ///< heading in `kubectl help`, for the top level
};

template <typename T>
std::unique_ptr<Verb> makeVerb() {
  return std::make_unique<T>();
}

}  // namespace coxswain::cli
