#include "api/patch/json_patch.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <vector>

#include "api/names/quote.h"
#include "api/patch/go_format.h"

namespace coxswain::api {

namespace {

namespace json = boost::json;

std::string_view view(const json::string& s) {
  return {s.data(), s.size()};
}

Status refused(std::string message) {
  return {Reason::Invalid, 422, std::move(message)};
}

std::string unescape(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out.push_back(token[++i] == '0' ? '~' : '/');
    } else {
      out.push_back(token[i]);
    }
  }
  return out;
}

/// "/a/b/0": the container at /a/b and the last token. Null: there is none.
struct Target {
  json::value* container = nullptr;
  std::string key;
};

/// An index into `size` elements, or one past the end. Negative ones count from the end.
bool readIndex(std::string_view token, size_t size, size_t& out, bool endAllowed) {
  int64_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (token.empty() || error != std::errc() || end != token.data() + token.size()) return false;
  const auto count = static_cast<int64_t>(size) + (endAllowed ? 1 : 0);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return false;
  out = static_cast<size_t>(index);
  return true;
}

json::value* step(json::value& at, const std::string& token) {
  if (auto* object = at.if_object()) return object->if_contains(token);
  if (auto* array = at.if_array()) {
    size_t index = 0;
    return readIndex(token, array->size(), index, false) ? &(*array)[index] : nullptr;
  }
  return nullptr;
}

Target locate(json::value& document, std::string_view path) {
  if (path.empty() || path[0] != '/') return {};
  json::value* at = &document;
  path.remove_prefix(1);
  while (true) {
    const size_t slash = path.find('/');
    const std::string token = unescape(path.substr(0, slash));
    if (slash == std::string_view::npos) {
      if (!at->is_object() && !at->is_array()) return {};
      return {at, token};
    }
    at = step(*at, token);
    if (at == nullptr) return {};
    path.remove_prefix(slash + 1);
  }
}

class Applier {
 public:
  explicit Applier(json::value& document) : document_(document) {}

  Status operation(const json::object& op) {
    const std::string kind = text(op, "op");
    const bool known = kind == "add" || kind == "remove" || kind == "replace" || kind == "move" ||
                       kind == "copy" || kind == "test";
    if (!known)
      return refused("Unexpected kind: " + (kind.empty() ? std::string("unknown") : kind));
    for (const char* field : {"path", "from"}) {
      const bool needed = std::string_view(field) == "path" || kind == "move" || kind == "copy";
      const json::value* found = op.if_contains(field);
      if (needed && (found == nullptr || !found->is_string()))
        return refused(fmt::format("{} operation failed to decode {}: missing value", kind, field));
    }
    if (kind == "add") return add(op);
    if (kind == "remove") return remove(op);
    if (kind == "replace") return replace(op);
    if (kind == "move") return move(op);
    if (kind == "copy") return copy(op);
    return test(op);
  }

 private:
  static std::string text(const json::object& op, std::string_view name) {
    const json::value* found = op.if_contains(json::string_view(name.data(), name.size()));
    return found != nullptr && found->is_string() ? std::string(view(found->get_string()))
                                                  : std::string();
  }

  static json::value valueOf(const json::object& op) {
    const json::value* found = op.if_contains("value");
    return found != nullptr ? *found : json::value(nullptr);
  }

  static Status missing(std::string_view what, std::string_view path) {
    return refused(
        fmt::format("{} operation does not apply: doc is missing path: {}: missing value", what,
                    goQuote(path)));
  }

  static Status badIndex(std::string_view what, std::string_view path, std::string_view key) {
    return refused(fmt::format(
        "error in {} for path: '{}': Unable to access invalid index: {}: invalid index referenced",
        what, path, key));
  }

  Status put(std::string_view what, std::string_view path, json::value value) {
    const Target target = locate(document_, path);
    if (target.container == nullptr) return missing(what, path);
    if (auto* object = target.container->if_object()) {
      object->insert_or_assign(target.key, std::move(value));
      return {};
    }
    json::array& array = target.container->get_array();
    if (target.key == "-") {
      array.push_back(std::move(value));
      return {};
    }
    size_t index = 0;
    if (!readIndex(target.key, array.size(), index, true)) return badIndex(what, path, target.key);
    array.insert(array.begin() + static_cast<ptrdiff_t>(index), std::move(value));
    return {};
  }

  /// Removes and, if asked, hands over.
  Status take(std::string_view what, std::string_view path, json::value* out) {
    const Target target = locate(document_, path);
    if (target.container == nullptr) return missing(what, path);
    json::value* found = step(*target.container, target.key);
    if (found == nullptr) {
      if (target.container->is_array()) return badIndex(what, path, target.key);
      return refused(fmt::format(
          "error in {} for path: '{}': Unable to remove nonexistent key: {}: missing value", what,
          out != nullptr ? target.key : std::string(path), target.key));
    }
    if (out != nullptr) *out = std::move(*found);
    if (auto* object = target.container->if_object()) {
      object->erase(target.key);
      return {};
    }
    json::array& array = target.container->get_array();
    array.erase(array.begin() + (found - array.data()));
    return {};
  }

  Status add(const json::object& op) { return put("add", text(op, "path"), valueOf(op)); }

  Status remove(const json::object& op) { return take("remove", text(op, "path"), nullptr); }

  Status replace(const json::object& op) {
    const std::string path = text(op, "path");
    if (path.empty()) {
      json::value value = valueOf(op);
      if (!value.is_object() && !value.is_array())
        return refused("replace operation hit unexpected value for path: ");
      document_ = std::move(value);
      return {};
    }
    const Target target = locate(document_, path);
    if (target.container == nullptr)
      return refused(fmt::format(
          "replace operation does not apply: doc is missing path: {}: missing value", path));
    if (auto* object = target.container->if_object()) {
      object->insert_or_assign(target.key, valueOf(op));
      return {};
    }
    json::value* found = step(*target.container, target.key);
    if (found == nullptr)
      return refused(fmt::format(
          "replace operation does not apply: doc is missing key: {}: missing value", path));
    *found = valueOf(op);
    return {};
  }

  Status move(const json::object& op) {
    json::value value;
    TRY_STATUS(take("move", text(op, "from"), &value));
    return put("move", text(op, "path"), std::move(value));
  }

  Status copy(const json::object& op) {
    const std::string from = text(op, "from");
    const Target target = locate(document_, from);
    if (target.container == nullptr)
      return refused(fmt::format(
          "copy operation does not apply: doc is missing from path: {}: missing value", from));
    const json::value* found = step(*target.container, target.key);
    if (found == nullptr && target.container->is_array())
      return refused(
          fmt::format("error in copy for from: '{}': Unable to access invalid index: {}: invalid "
                      "index referenced",
                      from, target.key));
    json::value value = found != nullptr ? *found : json::value(nullptr);
    copied_ += jsonLength(value);
    if (copied_ > kJsonPatchCopyBytesMax)
      return refused(fmt::format(
          "Unable to copy, the accumulated size increase of copy operations is {}, exceeding the "
          "limit {}",
          copied_, kJsonPatchCopyBytesMax));
    return put("copy", text(op, "path"), std::move(value));
  }

  Status test(const json::object& op) {
    const std::string path = text(op, "path");
    const json::value wanted = valueOf(op);
    const auto failed = [&] {
      return refused(fmt::format("testing value {} failed: test failed", path));
    };
    if (path.empty()) return document_ == wanted ? Status() : failed();
    const Target target = locate(document_, path);
    if (target.container == nullptr)
      return refused(
          fmt::format("test operation does not apply: is missing path: {}: missing value", path));
    const json::value* found = step(*target.container, target.key);
    if (found == nullptr) {
      if (target.container->is_array()) return badIndex("test", path, target.key);
      return wanted.is_null() ? Status() : failed();
    }
    return *found == wanted ? Status() : failed();
  }

  json::value& document_;
  size_t copied_ = 0;
};

}  // namespace

Status refusedPatch() {
  return Status(Reason::Invalid, 422,
                "the server rejected our request due to an error in our request")
      .withDetails({});
}

Result<json::value> applyJsonPatch(json::value document, const json::value& patch) {
  const auto unreadable = [](const json::value& value, std::string_view type) {
    const std::string_view kind = value.is_object()   ? "object"
                                  : value.is_array()  ? "array"
                                  : value.is_string() ? "string"
                                  : value.is_bool()   ? "bool"
                                                      : "number";
    return badRequest(
        fmt::format("json: cannot unmarshal {} into Go value of type jsonpatch.{}", kind, type));
  };
  const json::array* operations = patch.if_array();
  if (operations == nullptr) return unreadable(patch, "Patch");
  if (operations->size() > kJsonPatchOperationsMax)
    return requestEntityTooLarge(fmt::format(
        "Request entity too large: The allowed maximum operations in a JSON patch is {}, "
        "got {}",
        kJsonPatchOperationsMax, operations->size()));
  for (const auto& operation : *operations) {
    if (!operation.is_object() && !operation.is_null()) return unreadable(operation, "Operation");
    if (!depthWithin(operation, kPatchDepthMax)) return badRequest("patch is nested too deeply");
  }
  Applier applier(document);
  for (const auto& operation : *operations)
    TRY_STATUS(applier.operation(operation.is_object() ? operation.get_object() : json::object()));
  if (!depthWithin(document, kPatchDepthMax)) return refused("document is nested too deeply");
  return document;
}

}  // namespace coxswain::api
