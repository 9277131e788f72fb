#include "net/http.h"

#include <strings.h>

namespace coxswain::net {

bool equalNoCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [n, v] : fields_)
    if (equalNoCase(n, name)) return v;
  return {};
}

bool Headers::has(std::string_view name) const {
  for (const auto& [n, v] : fields_)
    if (equalNoCase(n, name)) return true;
  return false;
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [n, v] : fields_)
    if (equalNoCase(n, name)) out.push_back(v);
  return out;
}

bool Headers::hasToken(std::string_view name, std::string_view token) const {
  for (auto value : all(name)) {
    while (!value.empty()) {
      auto comma = value.find(',');
      auto part = value.substr(0, comma);
      while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
      while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
      if (equalNoCase(part, token)) return true;
      if (comma == std::string_view::npos) break;
      value.remove_prefix(comma + 1);
    }
  }
  return false;
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  fields_.emplace_back(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& f) { return equalNoCase(f.first, name); });
}

Task<Result<std::string>> BodyReader::readAll(size_t sizeMax, std::stop_token stop) {
  std::string out;
  while (true) {
    CO_TRY(auto piece, co_await read(stop));
    if (piece.empty()) co_return std::move(out);
    if (piece.size() > sizeMax - out.size())
      co_return requestEntityTooLarge("limit is " + std::to_string(sizeMax));
    if (out.empty()) {
      out = std::move(piece);
    } else {
      out += piece;
    }
  }
}

std::string_view statusText(int code) {
  switch (code) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

}  // namespace coxswain::net
