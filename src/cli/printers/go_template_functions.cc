#include <algorithm>
#include <cctype>

#include "api/meta/base64.h"
#include "cli/printers/go_template_node.h"
#include "cli/printers/go_template_value.h"

namespace coxswain::cli::go_template {

namespace {

using Arguments = std::span<const Datum>;

Result<Datum> own(json::value value) {
  return Datum::own(std::move(value));
}

Result<Datum> length(Arguments arguments) {
  if (arguments.size() != 1) return badRequest("wrong number of args for len");
  const Datum& one = arguments[0];
  if (one.isNil()) return badRequest("error calling len: len of nil pointer");
  size_t size = 0;
  if (const auto* text = one.text()) {
    size = text->size();
  } else if (const auto* list = one.value().if_array()) {
    size = list->size();
  } else if (const auto* map = one.value().if_object()) {
    size = map->size();
  } else {
    return badRequest("error calling len: len of type " + one.type());
  }
  return own(static_cast<int64_t>(size));
}

/// A whole number within 0..size.
Result<size_t> indexOf(const Datum& argument, size_t size, bool endToo, std::string_view function) {
  const std::string start = "error calling " + std::string(function) + ": ";
  const auto number = argument.integer();
  if (!number) {
    if (argument.isNil()) return badRequest(start + "cannot index slice/array with nil");
    return badRequest(start + "cannot index slice/array with type " + argument.type());
  }
  const auto limit = static_cast<int64_t>(size) + (endToo ? 1 : 0);
  if (*number < 0 || *number >= limit) {
    return badRequest(start + "index out of range: " + std::to_string(*number));
  }
  return static_cast<size_t>(*number);
}

Result<Datum> index(Arguments arguments) {
  if (arguments.empty()) return badRequest("wrong number of args for index");
  Datum item = arguments[0];
  if (item.missing()) return badRequest("error calling index: index of untyped nil");
  for (const Datum& at : arguments.subspan(1)) {
    if (item.isNil()) return badRequest("error calling index: index of nil pointer");
    if (const auto* list = item.value().if_array()) {
      TRY(const size_t place, indexOf(at, list->size(), false, "index"));
      item = item.inner((*list)[place]);
    } else if (const auto* map = item.value().if_object()) {
      const auto* name = at.text();
      if (!name) {
        return badRequest("error calling index: value has type " + at.type() +
                          "; should be string");
      }
      const auto* found = map->if_contains(*name);
      item = found ? item.inner(*found) : Datum();
      if (!found && &at != &arguments.back()) {
        return badRequest("error calling index: index of nil pointer");
      }
    } else if (const auto* text = item.text()) {
      TRY(const size_t place, indexOf(at, text->size(), false, "index"));
      item = Datum::own(static_cast<int64_t>(static_cast<unsigned char>((*text)[place])));
    } else {
      return badRequest("error calling index: can't index item of type " + item.type());
    }
  }
  return item;
}

Result<Datum> slice(Arguments arguments) {
  if (arguments.empty()) return badRequest("wrong number of args for slice");
  const Datum& item = arguments[0];
  const auto* text = item.text();
  const auto* list = item.isNil() ? nullptr : item.value().if_array();
  if (!text && !list) {
    return badRequest("error calling slice: can't slice item of type " + item.type());
  }
  if (arguments.size() > 3) return badRequest("error calling slice: too many slice indexes");
  const size_t size = text ? text->size() : list->size();
  size_t from = 0;
  size_t to = size;
  if (arguments.size() > 1) {
    TRY(from, indexOf(arguments[1], size, true, "slice"));
  }
  if (arguments.size() > 2) {
    TRY(to, indexOf(arguments[2], size, true, "slice"));
  }
  if (from > to) {
    return badRequest("error calling slice: invalid slice index: " + std::to_string(from) + " > " +
                      std::to_string(to));
  }
  if (text) return own(json::string(text->subview(from, to - from)));
  json::array out;
  for (size_t i = from; i < to; ++i) out.push_back((*list)[i]);
  return Datum::ownPart(std::move(out));
}

enum class Basic : uint8_t { None, Bool, Int, Float, Text };

Basic basicOf(const Datum& one) {
  if (one.isNil()) return Basic::None;
  if (one.value().is_bool()) return Basic::Bool;
  if (one.integer()) return Basic::Int;
  if (one.value().is_number()) return Basic::Float;
  return one.text() ? Basic::Text : Basic::None;
}

Result<bool> same(const Datum& left, const Datum& right) {
  const Basic kind = basicOf(left);
  if (left.isNil() || right.isNil()) return left.isNil() && right.isNil();
  if (kind != basicOf(right)) return badRequest("incompatible types for comparison");
  if (kind == Basic::None) {
    return badRequest("non-comparable type " + left.print() + ": " + left.type());
  }
  if (kind == Basic::Float) return *left.number() == *right.number();
  return left.value() == right.value();
}

Result<bool> less(const Datum& left, const Datum& right) {
  const Basic kind = basicOf(left);
  if (kind == Basic::None || basicOf(right) == Basic::None) {
    return badRequest("invalid type for comparison");
  }
  if (kind != basicOf(right)) return badRequest("incompatible types for comparison");
  if (kind == Basic::Bool) return badRequest("invalid type for comparison");
  if (kind == Basic::Int) return *left.integer() < *right.integer();
  if (kind == Basic::Float) return *left.number() < *right.number();
  return *left.text() < *right.text();
}

Result<Datum> compare(std::string_view name, Arguments arguments) {
  const auto failed = [&](const Status& why) {
    return badRequest("error calling " + std::string(name) + ": " + why.message());
  };
  if (arguments.size() < 2) return failed(badRequest("missing argument for comparison"));
  if (name == "eq") {
    bool any = false;
    for (const Datum& other : arguments.subspan(1)) {
      const auto equal = same(arguments[0], other);
      if (!equal.ok()) return failed(equal.status());
      any = any || *equal;
      if (any) break;
    }
    return own(any);
  }
  if (arguments.size() > 2) return badRequest("wrong number of args for " + std::string(name));
  const auto equal = same(arguments[0], arguments[1]);
  if (name == "ne") {
    if (!equal.ok()) return failed(equal.status());
    return own(!*equal);
  }
  const auto smaller = less(arguments[0], arguments[1]);
  if (!smaller.ok()) return failed(smaller.status());
  if (name == "lt") return own(*smaller);
  if (!equal.ok()) return failed(equal.status());
  if (name == "le") return own(*smaller || *equal);
  if (name == "gt") return own(!*smaller && !*equal);
  return own(!*smaller);
}

std::string escapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&#34;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (c == '\0') {
      out += "\xef\xbf\xbd";
    } else {
      out += c;
    }
  }
  return out;
}

std::string escapeJs(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '\'' || c == '"') {
      out += '\\';
      out += c;
    } else if (std::string_view("<>&=").find(c) != std::string_view::npos || (c >= 0 && c < 0x20)) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 15U];
    } else {
      out += c;
    }
  }
  return out;
}

std::string escapeQuery(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) ||
        std::string_view("-_.~").find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 15U];
    }
  }
  return out;
}

/// The arguments as one text, as the escaping functions take them.
std::string together(Arguments arguments) {
  if (arguments.size() == 1 && arguments[0].text()) return std::string(view(*arguments[0].text()));
  return sprint(arguments);
}

Result<Datum> decodeBase64(Arguments arguments) {
  const auto* text = arguments.size() == 1 ? arguments[0].text() : nullptr;
  if (!text) return badRequest("wrong type of args for base64decode; expected one string");
  auto decoded = api::base64Decode(view(*text));
  if (!decoded) {
    return badRequest("error calling base64decode: base64 decode failed: illegal base64 data");
  }
  return own(json::string(*decoded));
}

/// exists ITEM INDEX...: whether `index` would find something.
Result<Datum> exists(Arguments arguments) {
  if (arguments.empty()) return badRequest("wrong number of args for exists");
  const auto found = index(arguments);
  return own(found.ok() && !found->missing());
}

}  // namespace

bool isFunction(std::string_view name) {
  constexpr std::string_view kNames[] = {"and",   "base64decode", "eq",      "exists", "ge",
                                         "gt",    "html",         "index",   "js",     "le",
                                         "len",   "lt",           "ne",      "not",    "or",
                                         "print", "printf",       "println", "slice",  "urlquery"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

Result<Datum> callFunction(std::string_view name, Arguments arguments) {
  if (name == "len") return length(arguments);
  if (name == "index") return index(arguments);
  if (name == "slice") return slice(arguments);
  if (name == "exists") return exists(arguments);
  if (name == "base64decode") return decodeBase64(arguments);
  if (name == "print") return own(json::string(sprint(arguments)));
  if (name == "println") {
    std::string out;
    for (const Datum& one : arguments) {
      out += (out.empty() ? "" : " ") + (one.isNil() ? "<nil>" : one.print());
    }
    return own(json::string(out + "\n"));
  }
  if (name == "printf") {
    const auto* format = arguments.empty() ? nullptr : arguments[0].text();
    if (!format) return badRequest("wrong type of args for printf; expected a string first");
    return own(json::string(sprintf(view(*format), arguments.subspan(1))));
  }
  if (name == "html") return own(json::string(escapeHtml(together(arguments))));
  if (name == "js") return own(json::string(escapeJs(together(arguments))));
  if (name == "urlquery") return own(json::string(escapeQuery(together(arguments))));
  if (name == "not") {
    if (arguments.size() != 1) return badRequest("wrong number of args for not");
    return own(!arguments[0].isTrue());
  }
  return compare(name, arguments);
}

}  // namespace coxswain::cli::go_template
