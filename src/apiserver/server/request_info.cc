#include "apiserver/server/request_info.h"

#include "base/text.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kParametersMax = 1000;

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string_view> splitPath(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    auto slash = path.find('/');
    auto part = path.substr(0, slash);
    if (!part.empty()) parts.push_back(part);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

std::string verbOf(std::string_view method, const RequestInfo& info, const Query& query) {
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return info.name.empty() ? "deletecollection" : "delete";
  if (method != "GET" && method != "HEAD") return "";
  if (!info.name.empty()) return "get";
  return query.option("watch") ? "watch" : "list";
}

}  // namespace

Result<std::string> percentDecode(std::string_view text, bool plusIsSpace) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plusIsSpace) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const bool whole = i + 2 < text.size();
      const int high = whole ? hexDigit(text[i + 1]) : -1;
      const int low = whole ? hexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return badRequest("invalid URL escape");
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

Result<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    auto end = text.find('&');
    auto pair = text.substr(0, end);
    if (!pair.empty()) {
      if (query.values_.size() == kParametersMax) return badRequest("too many query parameters");
      auto equals = pair.find('=');
      TRY(auto name, percentDecode(pair.substr(0, equals), true));
      std::string value;
      if (equals != std::string_view::npos) {
        TRY(value, percentDecode(pair.substr(equals + 1), true));
      }
      query.values_.emplace_back(std::move(name), std::move(value));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return query;
}

std::string_view Query::get(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : values_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

bool Query::has(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return true;
  }
  return false;
}

bool Query::flag(std::string_view name) const {
  auto value = get(name);
  return value == "1" || value == "t" || value == "T" || value == "true" || value == "TRUE" ||
         value == "True";
}

bool Query::option(std::string_view name) const {
  if (!has(name)) return false;
  const auto value = lowerCase(get(name));
  return value != "false" && value != "0";
}

Result<RequestInfo> parseRequestInfo(std::string_view method, std::string_view path,
                                     const Query& query) {
  RequestInfo info;
  TRY(info.path, percentDecode(path, false));
  auto parts = splitPath(path);
  // "//api/v1" is another path than "/api/v1".
  if (path.starts_with("//")) parts.clear();
  size_t next = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    info.version = parts[1];
    next = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    info.group = parts[1];
    info.version = parts[2];
    next = 3;
  } else {
    for (char c : method) info.verb.push_back(static_cast<char>(c | 0x20));
    return info;
  }
  info.isResource = true;
  std::vector<std::string> rest;
  for (; next < parts.size(); ++next) {
    TRY(auto part, percentDecode(parts[next], false));
    rest.push_back(std::move(part));
  }
  // An old way to say ?watch=true.
  const bool oldWatch = rest.size() > 1 && rest[0] == "watch";
  if (oldWatch) rest.erase(rest.begin());
  // /namespaces/NS/pods is pods in NS; /namespaces/NS and its own subresources are a namespace.
  if (rest.size() >= 3 && rest[0] == "namespaces" && rest[2] != "status" && rest[2] != "finalize") {
    info.ns = rest[1];
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  info.resource = rest[0];
  if (rest.size() > 1) info.name = rest[1];
  if (rest.size() > 2) info.subresource = rest[2];
  for (size_t i = 3; i < rest.size(); ++i) info.rest.append("/").append(rest[i]);
  info.verb = oldWatch ? "watch" : verbOf(method, info, query);
  return info;
}

}  // namespace coxswain::apiserver
