#include "metrics_api/query_template.h"

#include <algorithm>

namespace coxswain::metrics_api {
namespace {

constexpr std::string_view kOpen = "<<";
constexpr std::string_view kClose = ">>";

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '-')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '-')) text.remove_suffix(1);
  return text;
}

Status unknown(std::string_view action) {
  return badRequest("<<" + std::string(action) + ">> is not known in a query");
}

/// ".Field", ".Field.key", "index .Field KEY".
Result<QueryTemplate::Place> parsePlace(std::string_view action) {
  auto text = trim(action);
  QueryTemplate::Place out;
  if (text.starts_with("index ")) {
    text = trim(text.substr(6));
    const auto space = text.find(' ');
    if (space == std::string_view::npos || !text.starts_with('.')) return unknown(action);
    out.field = text.substr(1, space - 1);
    auto key = trim(text.substr(space));
    if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
      key = key.substr(1, key.size() - 2);
    }
    out.key = key;
    if (out.key.empty()) return unknown(action);
    return out;
  }
  if (!text.starts_with('.') || text.find(' ') != std::string_view::npos) return unknown(action);
  text.remove_prefix(1);
  const auto dot = text.find('.');
  out.field = text.substr(0, dot);
  if (dot != std::string_view::npos) out.key = text.substr(dot + 1);
  return out;
}

}  // namespace

Result<QueryTemplate> QueryTemplate::parse(std::string_view text,
                                           const std::vector<std::string_view>& fields) {
  QueryTemplate out;
  while (true) {
    const auto open = text.find(kOpen);
    out.pieces_.emplace_back(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    text.remove_prefix(open + kOpen.size());
    const auto close = text.find(kClose);
    if (close == std::string_view::npos) return badRequest("<< without >> in a query");
    const auto action = text.substr(0, close);
    TRY(auto place, parsePlace(action));
    const auto name = place.field + (place.key.empty() ? "" : ".");
    if (std::ranges::find(fields, name) == fields.end()) return unknown(action);
    out.places_.push_back(std::move(place));
    text.remove_prefix(close + kClose.size());
  }
}

std::string QueryTemplate::expand(const std::function<std::string(const Place&)>& value) const {
  std::string out;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    out += pieces_[i];
    if (i < places_.size()) out += value(places_[i]);
  }
  return out;
}

}  // namespace coxswain::metrics_api
