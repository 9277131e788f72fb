#include "kubelet/images/reference.h"

#include <algorithm>
#include <cctype>

#include "api/names/quote.h"

namespace coxswain::kubelet {
namespace {

constexpr size_t kNameMax = 255;
constexpr size_t kTagMax = 128;

bool isLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isAlnum(char c) {
  return isLower(c) || isDigit(c) || (c >= 'A' && c <= 'Z');
}
bool isHex(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'f');
}

/// Letters and digits, joined by one '.', one or two '_', or any number of '-'.
bool isPathComponent(std::string_view text) {
  size_t i = 0;
  const auto run = [&] {
    const size_t start = i;
    while (i < text.size() && (isLower(text[i]) || isDigit(text[i]))) ++i;
    return i > start;
  };
  if (!run()) return false;
  while (i < text.size()) {
    if (text[i] == '-') {
      while (i < text.size() && text[i] == '-') ++i;
    } else if (text[i] == '_') {
      ++i;
      if (i < text.size() && text[i] == '_') ++i;
    } else if (text[i] == '.') {
      ++i;
    } else {
      return false;
    }
    if (!run()) return false;
  }
  return true;
}

bool isPath(std::string_view text) {
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('/', at), text.size());
    if (!isPathComponent(text.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

bool isDomainName(std::string_view name) {
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    const std::string_view label = name.substr(at, end - at);
    if (label.empty() || !isAlnum(label.front()) || !isAlnum(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return isAlnum(c) || c == '-'; })) {
      return false;
    }
    at = end + 1;
  }
  return true;
}

bool isDomain(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    const std::string_view address = text.substr(1, close - 1);
    const bool good = std::all_of(address.begin(), address.end(), [](char c) {
      return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':';
    });
    if (address.empty() || !good) return false;
    port = text.substr(close + 1);
  } else {
    const size_t colon = text.find(':');
    host = text.substr(0, colon);
    port = colon == std::string_view::npos ? "" : text.substr(colon);
    if (!isDomainName(host)) return false;
  }
  if (port.empty()) return true;
  return port.size() > 1 && port.front() == ':' &&
         std::all_of(port.begin() + 1, port.end(), isDigit);
}

bool isTag(std::string_view text) {
  if (text.empty() || text.size() > kTagMax) return false;
  if (!isAlnum(text.front()) && text.front() != '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return isAlnum(c) || c == '_' || c == '.' || c == '-'; });
}

/// algorithm[+._-algorithm]:at least 32 hex digits; those of known algorithms have their length.
bool isDigest(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view hex = text.substr(colon + 1);
  if (!std::all_of(algorithm.begin(), algorithm.end(), [](char c) {
        return isAlnum(c) || c == '+' || c == '.' || c == '-' || c == '_';
      })) {
    return false;
  }
  if (!std::all_of(hex.begin(), hex.end(), isHex)) return false;
  if (algorithm == "sha256") return hex.size() == 64;
  if (algorithm == "sha384") return hex.size() == 96;
  if (algorithm == "sha512") return hex.size() == 128;
  return hex.size() >= 32;
}

Status refused(std::string_view image, std::string_view why) {
  return badRequest("couldn't parse image reference " + api::goQuote(image) + ": " +
                    std::string(why));
}

}  // namespace

Result<ImageReference> parseImageReference(std::string_view image) {
  constexpr std::string_view kFormat = "invalid reference format";
  const bool looksLikeId = image.size() == 64 && std::all_of(image.begin(), image.end(), isHex);
  if (looksLikeId) {
    return refused(image, "invalid repository name (" + std::string(image) +
                              "), cannot specify 64-byte hexadecimal strings");
  }
  ImageReference reference;
  std::string_view name = image;
  if (const size_t at = name.find('@'); at != std::string_view::npos) {
    reference.digest = name.substr(at + 1);
    name = name.substr(0, at);
    if (!isDigest(reference.digest)) return refused(image, kFormat);
  }
  const size_t firstSlash = name.find('/');
  const std::string_view first = name.substr(0, firstSlash);
  const bool hasDomain =
      firstSlash != std::string_view::npos &&
      (first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
       std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  std::string_view rest = hasDomain ? name.substr(firstSlash + 1) : name;
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    reference.tagGiven = true;
    rest = rest.substr(0, colon);
    if (!isTag(reference.tag)) return refused(image, kFormat);
  }
  reference.domain = hasDomain ? std::string(first) : "docker.io";
  if (reference.domain == "index.docker.io") reference.domain = "docker.io";
  reference.path = rest;
  if (reference.domain == "docker.io" && rest.find('/') == std::string_view::npos) {
    reference.path = "library/" + reference.path;
  }
  const bool upper =
      std::any_of(rest.begin(), rest.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (upper) {
    return refused(image, "invalid reference format: repository name (" + reference.path +
                              ") must be lowercase");
  }
  if (rest.empty() || !isDomain(reference.domain) || !isPath(reference.path)) {
    return refused(image, kFormat);
  }
  if (reference.path.size() > kNameMax) {
    return refused(image, "repository name must not be more than 255 characters");
  }
  if (!reference.tagGiven && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

Result<std::string> withDefaultTag(std::string_view image) {
  TRY(const auto reference, parseImageReference(image));
  std::string full(image);
  if (!reference.tagGiven && reference.digest.empty()) full += ":" + reference.tag;
  return full;
}

}  // namespace coxswain::kubelet
