#include "api/select/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/names/quote.h"

namespace coxswain::api {

namespace {

constexpr size_t kSelectorMax = 1 << 20;

/// Terms between commas that no backslash stands before.
std::vector<std::string_view> splitTerms(std::string_view text) {
  std::vector<std::string_view> out;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      out.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  out.push_back(text.substr(std::min(start, text.size())));
  return out;
}

Result<std::string> unescape(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == ',' || c == '=')
      return badRequest(
          fmt::format("invalid field selector: unescaped character in value: {}", int{c}));
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    if (++i == value.size())
      return badRequest("invalid field selector: invalid escape sequence: \\");
    if (value[i] != '\\' && value[i] != ',' && value[i] != '=')
      return badRequest(fmt::format("invalid field selector: invalid escape sequence: {}",
                                    value.substr(i - 1, 2)));
    out.push_back(value[i]);
  }
  return out;
}

void appendEscaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == ',' || c == '=') out.push_back('\\');
    out.push_back(c);
  }
}

}  // namespace

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  if (text.size() > kSelectorMax) return badRequest("field selector is too long");
  auto terms = splitTerms(text);
  std::sort(terms.begin(), terms.end());
  FieldSelector out;
  for (const auto term : terms) {
    if (term.empty()) continue;
    size_t at = 0;
    size_t length = 0;
    for (; at < term.size() && length == 0; ++at) {
      const auto rest = term.substr(at);
      if (rest.starts_with("!=") || rest.starts_with("=="))
        length = 2;
      else if (rest.starts_with('='))
        length = 1;
    }
    if (length == 0)
      return badRequest(fmt::format("invalid selector: '{}'; can't understand '{}'", text, term));
    --at;
    TRY(std::string value, unescape(term.substr(at + length)));
    out.add({std::string(term.substr(0, at)), term[at] != '!', std::move(value)});
  }
  return out;
}

FieldSelector FieldSelector::equals(std::string_view field, std::string_view value) {
  FieldSelector out;
  out.add({std::string(field), true, std::string(value)});
  return out;
}

bool FieldSelector::matches(const FieldSet& fields) const {
  for (const auto& requirement : requirements_) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& entry) {
      return entry.first == requirement.field;
    });
    const std::string_view value =
        found == fields.end() ? std::string_view() : std::string_view(found->second);
    if ((value == requirement.value) != requirement.equals) return false;
  }
  return true;
}

bool FieldSelector::matches(const std::function<std::string(std::string_view field)>& field) const {
  for (const auto& requirement : requirements_)
    if ((field(requirement.field) == requirement.value) != requirement.equals) return false;
  return true;
}

const std::string* FieldSelector::requiredValue(std::string_view field) const {
  for (const auto& requirement : requirements_)
    if (requirement.equals && requirement.field == field) return &requirement.value;
  return nullptr;
}

Status FieldSelector::checkKnown(std::span<const std::string_view> known) const {
  for (const auto& requirement : requirements_) {
    if (std::find(known.begin(), known.end(), requirement.field) != known.end()) continue;
    std::string message = goQuote(requirement.field) + " is not a known field selector: only ";
    for (size_t i = 0; i < known.size(); ++i) {
      if (i > 0) message.append(", ");
      appendGoQuoted(message, known[i]);
    }
    return badRequest(std::move(message));
  }
  return {};
}

std::string FieldSelector::str() const {
  std::string out;
  for (const auto& requirement : requirements_) {
    if (!out.empty()) out.push_back(',');
    out.append(requirement.field).append(requirement.equals ? "=" : "!=");
    appendEscaped(out, requirement.value);
  }
  return out;
}

}  // namespace coxswain::api
