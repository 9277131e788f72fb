#include "api/names/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace coxswain::api {

namespace {

constexpr std::string_view kDns1123LabelText =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must "
    "start and end with an alphanumeric character";
constexpr std::string_view kDns1123LabelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view kDns1123SubdomainText =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', "
    "and must start and end with an alphanumeric character";
constexpr std::string_view kDns1123SubdomainPattern =
    "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
constexpr std::string_view kQualifiedNameText =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character";
constexpr std::string_view kQualifiedNamePattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

bool isLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool isUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isAlnum(char c) {
  return isLower(c) || isUpper(c) || isDigit(c);
}
bool isLowerAlnum(char c) {
  return isLower(c) || isDigit(c);
}

template <typename Test>
bool all(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

bool isLabel(std::string_view text) {
  return !text.empty() && isLowerAlnum(text.front()) && isLowerAlnum(text.back()) &&
         all(text, [](char c) { return isLowerAlnum(c) || c == '-'; });
}

bool isLabelWithUnderscore(std::string_view text) {
  if (text.starts_with('_')) text.remove_prefix(1);
  return !text.empty() && isLowerAlnum(text.front()) && isLowerAlnum(text.back()) &&
         all(text, [](char c) { return isLowerAlnum(c) || c == '-' || c == '_'; });
}

template <typename Test>
bool eachPart(std::string_view text, char separator, Test test) {
  while (true) {
    const size_t at = text.find(separator);
    if (!test(text.substr(0, at))) return false;
    if (at == std::string_view::npos) return true;
    text.remove_prefix(at + 1);
  }
}

bool isSubdomain(std::string_view text) {
  return eachPart(text, '.', isLabel);
}

bool isNamePart(std::string_view text) {
  return !text.empty() && isAlnum(text.front()) && isAlnum(text.back()) &&
         all(text, [](char c) { return isAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

void chdirPrefix(std::string_view value, Messages& out) {
  if (value == ".")
    out.emplace_back("must not be '.'");
  else if (value == "..")
    out.emplace_back("must not be '..'");
  else if (value.starts_with(".."))
    out.emplace_back("must not start with '..'");
}

void prefixed(std::string_view prefix, Messages more, Messages& out) {
  for (auto& message : more) out.push_back(std::string(prefix) + message);
}

}  // namespace

std::string maxLengthMessage(size_t max) {
  return fmt::format("must be no more than {} characters", max);
}

std::string maxBytesMessage(size_t max) {
  return fmt::format("must be no more than {} bytes", max);
}

std::string rangeMessage(int64_t min, int64_t max) {
  return fmt::format("must be between {} and {}, inclusive", min, max);
}

std::string regexMessage(std::string_view text, std::string_view pattern,
                         std::initializer_list<std::string_view> examples) {
  if (examples.size() == 0)
    return fmt::format("{} (regex used for validation is '{}')", text, pattern);
  std::string out = fmt::format("{} (e.g. ", text);
  bool first = true;
  for (const auto example : examples) {
    if (!first) out.append(" or ");
    first = false;
    out.append("'").append(example).append("', ");
  }
  return out.append("regex used for validation is '").append(pattern).append("')");
}

Messages validateDns1123Label(std::string_view value) {
  Messages out;
  if (value.size() > kDns1123LabelMax) out.push_back(maxLengthMessage(kDns1123LabelMax));
  if (isLabel(value)) return out;
  // What would do as a subdomain fails for its dots alone.
  if (isSubdomain(value))
    out.emplace_back("must not contain dots");
  else
    out.push_back(regexMessage(kDns1123LabelText, kDns1123LabelPattern, {"my-name", "123-abc"}));
  return out;
}

Messages validateDns1123Subdomain(std::string_view value) {
  Messages out;
  if (value.size() > kDns1123SubdomainMax) out.push_back(maxLengthMessage(kDns1123SubdomainMax));
  if (!isSubdomain(value))
    out.push_back(regexMessage(kDns1123SubdomainText, kDns1123SubdomainPattern, {"example.com"}));
  return out;
}

Messages validateDns1123SubdomainWithUnderscore(std::string_view value) {
  Messages out;
  if (value.size() > kDns1123SubdomainMax) out.push_back(maxLengthMessage(kDns1123SubdomainMax));
  if (!eachPart(value, '.', isLabelWithUnderscore))
    out.push_back(regexMessage(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', "
        "'_' or '.', and must start and end with an alphanumeric character",
        "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*", {"example.com"}));
  return out;
}

Messages validateWildcardDns1123Subdomain(std::string_view value) {
  Messages out;
  if (value.size() > kDns1123SubdomainMax) out.push_back(maxLengthMessage(kDns1123SubdomainMax));
  if (!value.starts_with("*.") || !isSubdomain(value.substr(2)))
    out.push_back(regexMessage(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
        "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
        "alphanumeric character",
        std::string("\\*\\.").append(kDns1123SubdomainPattern), {"*.example.com"}));
  return out;
}

Messages validateDns1035Label(std::string_view value) {
  Messages out;
  if (value.size() > kDns1123LabelMax) out.push_back(maxLengthMessage(kDns1123LabelMax));
  if (!isLabel(value) || !isLower(value.front()))
    out.push_back(regexMessage(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character",
        "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
  return out;
}

Messages validateFullyQualifiedDomainName(std::string_view value) {
  if (value.empty()) return {"must be non-empty"};
  if (value.ends_with('.')) value.remove_suffix(1);
  Messages out = validateDns1123Subdomain(value);
  if (!out.empty()) return out;
  if (value.find('.') == std::string_view::npos)
    return {"should be a domain with at least two segments separated by dots"};
  eachPart(value, '.', [&](std::string_view label) {
    for (auto& message : validateDns1123Label(label)) out.push_back(std::move(message));
    return true;
  });
  return out;
}

Messages validateDomainPrefixedPath(std::string_view value) {
  if (value.empty()) return {"must be non-empty"};
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == value.size())
    return {"must be a domain-prefixed path (such as \"acme.io/foo\")"};
  Messages out = validateDns1123Subdomain(value.substr(0, slash));
  const std::string_view path = value.substr(slash + 1);
  const bool good = all(path, [](char c) {
    return isAlnum(c) || std::string_view("/-._~%!$&'()*+,;=:").find(c) != std::string_view::npos;
  });
  if (!good) out.push_back(regexMessage("Invalid path", "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"));
  return out;
}

Messages validateQualifiedName(std::string_view value) {
  Messages out;
  std::string_view name = value;
  const size_t slash = value.find('/');
  if (slash != std::string_view::npos) {
    name = value.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      out.push_back(regexMessage(std::string("a valid label key ").append(kQualifiedNameText),
                                 kQualifiedNamePattern, {"MyName", "my.name", "123-abc"}) +
                    " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
      return out;
    }
    const std::string_view prefix = value.substr(0, slash);
    if (prefix.empty())
      out.emplace_back("prefix part must be non-empty");
    else
      prefixed("prefix part ", validateDns1123Subdomain(prefix), out);
  }
  if (name.empty())
    out.emplace_back("name part must be non-empty");
  else if (name.size() > 63)
    out.push_back("name part " + maxBytesMessage(63));
  if (!isNamePart(name))
    out.push_back(regexMessage(std::string("name part ").append(kQualifiedNameText),
                               kQualifiedNamePattern, {"MyName", "my.name", "123-abc"}));
  return out;
}

Messages validateLabelValue(std::string_view value) {
  Messages out;
  if (value.size() > 63) out.push_back(maxBytesMessage(63));
  if (!value.empty() && !isNamePart(value))
    out.push_back(regexMessage(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character",
        std::string("(").append(kQualifiedNamePattern).append(")?"),
        {"MyValue", "my_value", "12345"}));
  return out;
}

Messages validateCIdentifier(std::string_view value) {
  const bool good = !value.empty() && !isDigit(value.front()) &&
                    all(value, [](char c) { return isAlnum(c) || c == '_'; });
  if (good) return {};
  return {regexMessage(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of "
      "alphanumeric characters or '_'",
      "[A-Za-z_][A-Za-z0-9_]*", {"my_name", "MY_NAME", "MyName"})};
}

Messages validateEnvVarName(std::string_view value) {
  if (value.empty()) return {"environment variable name must be non-empty"};
  if (all(value, [](char c) { return c >= 0x20 && c <= 0x7e && c != '='; })) return {};
  return {
      "a valid environment variable name must consist only of printable ASCII characters other "
      "than "
      "'='"};
}

Messages validateStrictEnvVarName(std::string_view value) {
  Messages out;
  const auto good = [](char c) { return isAlnum(c) || c == '-' || c == '.' || c == '_'; };
  if (value.empty() || isDigit(value.front()) || !all(value, good))
    out.push_back(
        regexMessage("a valid environment variable name must consist of alphabetic characters, "
                     "digits, '_', '-', "
                     "or '.', and must not start with a digit",
                     "[-._a-zA-Z][-._a-zA-Z0-9]*", {"my.env-name", "MY_ENV.NAME", "MyEnvName1"}));
  chdirPrefix(value, out);
  return out;
}

Messages validateConfigMapKey(std::string_view value) {
  Messages out;
  if (value.size() > kDns1123SubdomainMax) out.push_back(maxLengthMessage(kDns1123SubdomainMax));
  const auto good = [](char c) { return isAlnum(c) || c == '-' || c == '.' || c == '_'; };
  if (value.empty() || !all(value, good))
    out.push_back(
        regexMessage("a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                     "[-._a-zA-Z0-9]+", {"key.name", "KEY_NAME", "key-name"}));
  chdirPrefix(value, out);
  return out;
}

Messages validateHttpHeaderName(std::string_view value) {
  if (!value.empty() && all(value, [](char c) { return isAlnum(c) || c == '-'; })) return {};
  return {regexMessage("a valid HTTP header must consist of alphanumeric characters or '-'",
                       "[-A-Za-z0-9]+", {"X-Header-Name"})};
}

Messages validatePortName(std::string_view value) {
  Messages out;
  if (value.size() > 15) out.push_back(maxLengthMessage(15));
  if (value.empty() || !all(value, [](char c) { return isLowerAlnum(c) || c == '-'; }))
    out.emplace_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (std::none_of(value.begin(), value.end(), isLower))
    out.emplace_back("must contain at least one letter (a-z)");
  if (value.find("--") != std::string_view::npos)
    out.emplace_back("must not contain consecutive hyphens");
  if (value.starts_with('-') || value.ends_with('-'))
    out.emplace_back("must not begin or end with a hyphen");
  return out;
}

Messages validateInRange(int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return {};
  return {rangeMessage(min, max)};
}

Messages validatePortNumber(int64_t port) {
  return validateInRange(port, 1, 65535);
}
Messages validateUserId(int64_t value) {
  return validateInRange(value, 0, 2147483647);
}
Messages validateGroupId(int64_t value) {
  return validateInRange(value, 0, 2147483647);
}

Messages validatePercent(std::string_view value) {
  if (value.size() > 1 && value.back() == '%' && all(value.substr(0, value.size() - 1), isDigit))
    return {};
  return {regexMessage("a valid percent string must be a numeric string followed by an ending '%'",
                       "[0-9]+%", {"1%", "93%"})};
}

Messages validatePathSegmentPrefix(std::string_view value) {
  Messages out;
  if (value.find('/') != std::string_view::npos) out.emplace_back("may not contain '/'");
  if (value.find('%') != std::string_view::npos) out.emplace_back("may not contain '%'");
  return out;
}

Messages validatePathSegmentName(std::string_view value) {
  if (value == ".") return {"may not be '.'"};
  if (value == "..") return {"may not be '..'"};
  return validatePathSegmentPrefix(value);
}

Messages validateFinalizerName(std::string_view value) {
  Messages out = validateQualifiedName(value);
  if (!out.empty() || value.find('/') != std::string_view::npos) return out;
  if (value != "kubernetes" && value != "orphan" && value != "foregroundDeletion")
    out.emplace_back("name is neither a standard finalizer name nor is it fully qualified");
  return out;
}

std::string maskTrailingDash(std::string_view generateName) {
  std::string out(generateName);
  if (out.size() > 1 && out.back() == '-') {
    out.pop_back();
    out.back() = 'a';
  }
  return out;
}

}  // namespace coxswain::api
