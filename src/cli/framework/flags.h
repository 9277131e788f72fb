#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::cli {

/// One flag of a command. Made by FlagSet.
struct Flag {
  std::string name;
  char shorthand = 0;  ///< 0: none
  std::string type;    ///< as help shows it: "string", "int", ...; empty for bool
  std::string help;
  std::string defaultText;
  /// What `--name` means without a value; nothing: a value must follow.
  std::optional<std::string> bare;
  std::function<Status(const std::string&)> set;
  bool changed = false;
};

/// Flags as kubectl takes them (spf13/pflag): --name value, --name=value, -n value, -nvalue, -itn
/// value, anywhere among the arguments until "--". Values are written where the caller says, and
/// keep what they were where the flag is not given. Failures have pflag's texts.
class FlagSet {
 public:
  void text(std::string* to, std::string name, char shorthand, std::string help);
  /// `--name` alone means `bare`.
  void textOr(std::string* to, std::string name, char shorthand, std::string bare,
              std::string help);
  void boolean(bool* to, std::string name, char shorthand, std::string help);
  void integer(int64_t* to, std::string name, char shorthand, std::string help);
  /// "30s", "5m", "1h30m"; with `plainSeconds` a bare number is seconds.
  void duration(Duration* to, std::string name, char shorthand, std::string help,
                bool plainSeconds = false);
  /// Each use adds one value.
  void list(std::vector<std::string>* to, std::string name, char shorthand, std::string help);
  /// Each use adds the values between commas.
  void commaList(std::vector<std::string>* to, std::string name, char shorthand, std::string help);

  /// What is no flag goes to `words`. Unknown flags are failures.
  Status parse(const std::vector<std::string>& args, std::vector<std::string>& words);
  /// How many words came before "--"; -1: there was none.
  [[nodiscard]] int wordsAtDash() const { return wordsAtDash_; }

  [[nodiscard]] bool changed(std::string_view name) const;
  [[nodiscard]] const Flag* find(std::string_view name) const;
  [[nodiscard]] const Flag* findShort(char shorthand) const;
  /// For help, sorted by name.
  [[nodiscard]] std::string usages() const;

 private:
  Flag& add(std::string name, char shorthand, std::string type, std::string help);
  static Status assign(Flag& flag, const std::string& value);
  Status parseLong(const std::vector<std::string>& args, size_t& at);
  Status parseShort(const std::vector<std::string>& args, size_t& at);

  std::vector<Flag> flags_;
  int wordsAtDash_ = -1;
};

}  // namespace coxswain::cli
