#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec/value.h"
#include "cli/cmd/action.h"
#include "cli/framework/command.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

/// A `kubectl create KIND NAME`: flags, then `generate` makes the object that is created.
class Generator : public Verb {
 public:
  void flags(FlagSet& flags) override;
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet& given) override;

 protected:
  virtual void ownFlags(FlagSet& flags) = 0;
  /// `words` are NAME and what follows.
  virtual Result<json::value> generate(const std::vector<std::string>& words,
                                       const FlagSet& given) = 0;
  /// The only word is the name.
  [[nodiscard]] Result<std::string> onlyName(const std::vector<std::string>& words) const;
  std::string path_;  ///< "kubectl create configmap", for texts

 private:
  Action action_;
  bool saveConfig_ = false;
};

/// "key=value" from --from-literal and its like.
Result<std::pair<std::string, std::string>> parseLiteral(const std::string& text);

/// Reads --from-file ("path", "key=path", a folder) and --from-env-file into key and bytes. Keys
/// come once.
struct DataSources {
  std::vector<std::string> files;
  std::vector<std::string> literals;
  std::vector<std::string> envFiles;

  void declare(FlagSet& flags);
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> read() const;
};

template <typename T>
json::value asValue(const T& object) {
  return api::encodeValue(T::info(), &object);
}

// What `kubectl create` has below it; each in generate_*.cc.
std::vector<Command> coreGenerators();      ///< namespace, configmap, secret, serviceaccount, quota
std::vector<Command> workloadGenerators();  ///< deployment, job, cronjob
std::vector<Command> serviceGenerators();   ///< service
std::vector<Command> accessGenerators();    ///< role, rolebinding, ...
Command tokenCommand();                     ///< create token

}  // namespace coxswain::cli
