#include "cli/framework/flags.h"

#include <algorithm>
#include <charconv>

#include "api/meta/time.h"
#include "api/names/quote.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

Result<bool> parseBool(const std::string& text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return fault("strconv.ParseBool: parsing " + api::goQuote(text) + ": invalid syntax");
}

Result<int64_t> parseInteger(const std::string& text) {
  int64_t value = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return fault("strconv.ParseInt: parsing " + api::goQuote(text) + ": value out of range");
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return fault("strconv.ParseInt: parsing " + api::goQuote(text) + ": invalid syntax");
  }
  return value;
}

}  // namespace

std::vector<std::string> splitAt(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Flag& FlagSet::add(std::string name, char shorthand, std::string type, std::string help) {
  Flag flag;
  flag.name = std::move(name);
  flag.shorthand = shorthand;
  flag.type = std::move(type);
  flag.help = std::move(help);
  flags_.push_back(std::move(flag));
  return flags_.back();
}

void FlagSet::text(std::string* to, std::string name, char shorthand, std::string help) {
  auto& flag = add(std::move(name), shorthand, "string", std::move(help));
  flag.defaultText = to->empty() ? "" : "'" + *to + "'";
  flag.set = [to](const std::string& value) {
    *to = value;
    return Status();
  };
}

void FlagSet::textOr(std::string* to, std::string name, char shorthand, std::string bare,
                     std::string help) {
  text(to, std::move(name), shorthand, std::move(help));
  flags_.back().bare = std::move(bare);
}

void FlagSet::boolean(bool* to, std::string name, char shorthand, std::string help) {
  auto& flag = add(std::move(name), shorthand, "", std::move(help));
  flag.bare = "true";
  flag.defaultText = *to ? "true" : "";
  flag.set = [to](const std::string& value) -> Status {
    TRY(*to, parseBool(value));
    return {};
  };
}

void FlagSet::integer(int64_t* to, std::string name, char shorthand, std::string help) {
  auto& flag = add(std::move(name), shorthand, "int", std::move(help));
  flag.defaultText = *to == 0 ? "" : std::to_string(*to);
  flag.set = [to](const std::string& value) -> Status {
    TRY(*to, parseInteger(value));
    return {};
  };
}

void FlagSet::duration(Duration* to, std::string name, char shorthand, std::string help,
                       bool plainSeconds) {
  auto& flag = add(std::move(name), shorthand, "duration", std::move(help));
  flag.defaultText = to->count() == 0 ? "" : api::GoDuration(*to).str();
  flag.set = [to, plainSeconds](const std::string& value) -> Status {
    if (plainSeconds) {
      if (auto seconds = parseInteger(value); seconds.ok()) {
        if (*seconds > 1'000'000'000 || *seconds < -1'000'000'000) return fault("out of range");
        *to = std::chrono::seconds(*seconds);
        return {};
      }
    }
    auto parsed = api::GoDuration::parse(value);
    if (!parsed.ok()) return fault(parsed.status().message());
    *to = parsed->duration();
    return {};
  };
}

void FlagSet::list(std::vector<std::string>* to, std::string name, char shorthand,
                   std::string help) {
  auto& flag = add(std::move(name), shorthand, "stringArray", std::move(help));
  flag.set = [to](const std::string& value) {
    to->push_back(value);
    return Status();
  };
}

void FlagSet::commaList(std::vector<std::string>* to, std::string name, char shorthand,
                        std::string help) {
  auto& flag = add(std::move(name), shorthand, "strings", std::move(help));
  flag.set = [to](const std::string& value) {
    if (value.empty()) return Status();
    for (auto& part : splitAt(value, ',')) to->push_back(std::move(part));
    return Status();
  };
}

const Flag* FlagSet::find(std::string_view name) const {
  for (const auto& flag : flags_) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

const Flag* FlagSet::findShort(char shorthand) const {
  for (const auto& flag : flags_) {
    if (flag.shorthand == shorthand && shorthand != 0) return &flag;
  }
  return nullptr;
}

bool FlagSet::changed(std::string_view name) const {
  const auto* flag = find(name);
  return flag && flag->changed;
}

Status FlagSet::assign(Flag& flag, const std::string& value) {
  auto status = flag.set(value);
  if (!status.ok()) {
    auto shown =
        (flag.shorthand ? "-" + std::string(1, flag.shorthand) + ", " : "") + "--" + flag.name;
    return fault("invalid argument " + api::goQuote(value) + " for " + api::goQuote(shown) +
                 " flag: " + status.message());
  }
  flag.changed = true;
  return {};
}

Status FlagSet::parseLong(const std::vector<std::string>& args, size_t& at) {
  const auto& arg = args[at];
  auto equal = arg.find('=');
  auto name = arg.substr(2, equal == std::string::npos ? equal : equal - 2);
  if (name.empty() || name[0] == '-') return fault("bad flag syntax: " + arg);
  auto* flag = const_cast<Flag*>(find(name));
  if (!flag) return fault("unknown flag: --" + name);
  if (equal != std::string::npos) return assign(*flag, arg.substr(equal + 1));
  if (flag->bare) return assign(*flag, *flag->bare);
  if (at + 1 >= args.size()) return fault("flag needs an argument: --" + name);
  return assign(*flag, args[++at]);
}

Status FlagSet::parseShort(const std::vector<std::string>& args, size_t& at) {
  const std::string arg = args[at];
  for (size_t i = 1; i < arg.size(); ++i) {
    const char c = arg[i];
    auto* flag = const_cast<Flag*>(findShort(c));
    if (!flag) {
      return fault("unknown shorthand flag: '" + std::string(1, c) + "' in " + arg);
    }
    if (i + 2 < arg.size() && arg[i + 1] == '=') return assign(*flag, arg.substr(i + 2));
    if (flag->bare) {
      TRY_STATUS(assign(*flag, *flag->bare));
      continue;
    }
    if (i + 1 < arg.size()) return assign(*flag, arg.substr(i + 1));
    if (at + 1 >= args.size()) {
      return fault("flag needs an argument: '" + std::string(1, c) + "' in " + arg);
    }
    return assign(*flag, args[++at]);
  }
  return {};
}

Status FlagSet::parse(const std::vector<std::string>& args, std::vector<std::string>& words) {
  for (size_t at = 0; at < args.size(); ++at) {
    const auto& arg = args[at];
    if (arg == "--") {
      wordsAtDash_ = static_cast<int>(words.size());
      words.insert(words.end(), args.begin() + static_cast<ptrdiff_t>(at) + 1, args.end());
      break;
    }
    if (arg.size() < 2 || arg[0] != '-') {
      words.push_back(arg);
    } else if (arg[1] == '-') {
      TRY_STATUS(parseLong(args, at));
    } else {
      TRY_STATUS(parseShort(args, at));
    }
  }
  return {};
}

std::string FlagSet::usages() const {
  std::vector<const Flag*> sorted;
  for (const auto& flag : flags_) sorted.push_back(&flag);
  std::ranges::sort(sorted, {}, [](const Flag* flag) { return flag->name; });
  std::string out;
  for (const auto* flag : sorted) {
    out += flag->shorthand ? "    -" + std::string(1, flag->shorthand) + ", --" : "    --";
    out += flag->name;
    auto shown = flag->defaultText;
    if (shown.empty()) shown = flag->type.empty() ? "false" : flag->type == "string" ? "''" : "";
    if (shown.empty()) shown = flag->type == "int" || flag->type == "duration" ? "0" : "[]";
    out += "=" + shown + ":\n        " + flag->help + "\n\n";
  }
  return out;
}

}  // namespace coxswain::cli
