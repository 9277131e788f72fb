#include "apiserver/registry/core/pod_internal_json.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <optional>
#include <span>
#include <vector>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/helpers/go_names.h"
#include "api/meta/raw.h"
#include "api/meta/time.h"
#include "api/names/quote.h"
#include "api/reflect/box.h"
#include "api/reflect/visit.h"

namespace coxswain::apiserver {

namespace {

using api::FieldInfo;
using api::FieldType;
using api::MessageInfo;
using api::Shape;

/// Members that stand elsewhere in Go: right behind another.
struct Moved {
  std::string_view message, name, behind;
};
constexpr Moved kMoved[] = {
    {"PersistentVolumeSource", "quobyte", "rbd"},
    {"PersistentVolumeSource", "flexVolume", "iscsi"},
    {"Volume", "quobyte", "rbd"},
};

constexpr std::string_view kSpecOrder[] = {"volumes",
                                           "initContainers",
                                           "containers",
                                           "ephemeralContainers",
                                           "restartPolicy",
                                           "terminationGracePeriodSeconds",
                                           "activeDeadlineSeconds",
                                           "dnsPolicy",
                                           "nodeSelector",
                                           "serviceAccountName",
                                           "automountServiceAccountToken",
                                           "nodeName",
                                           "securityContext",
                                           "imagePullSecrets",
                                           "hostname",
                                           "subdomain",
                                           "setHostnameAsFQDN",
                                           "affinity",
                                           "schedulerName",
                                           "tolerations",
                                           "hostAliases",
                                           "priorityClassName",
                                           "priority",
                                           "preemptionPolicy",
                                           "dnsConfig",
                                           "readinessGates",
                                           "runtimeClassName",
                                           "overhead",
                                           "enableServiceLinks",
                                           "topologySpreadConstraints",
                                           "os",
                                           "schedulingGates",
                                           "resourceClaims",
                                           "resources",
                                           "hostnameOverride",
                                           "schedulingGroup"};
/// Upstream keeps these of the spec in its security context.
constexpr std::string_view kHostFields[] = {"hostNetwork", "hostPID", "hostIPC",
                                            "shareProcessNamespace", "hostUsers"};
constexpr std::string_view kContextOrder[] = {"seLinuxOptions",
                                              "windowsOptions",
                                              "runAsUser",
                                              "runAsGroup",
                                              "runAsNonRoot",
                                              "supplementalGroups",
                                              "supplementalGroupsPolicy",
                                              "fsGroup",
                                              "fsGroupChangePolicy",
                                              "sysctls",
                                              "seccompProfile",
                                              "appArmorProfile",
                                              "seLinuxChangePolicy"};

class Writer {
 public:
  std::string take() { return std::move(out_); }

  void message(const MessageInfo& info, const void* object) {
    if (info.package.find("meta.v1") != std::string_view::npos) {
      api::encodeJson(info, object, out_, {.typeMeta = false});
      return;
    }
    out_.push_back('{');
    bool first = true;
    if (info.name == "PodSpec") {
      podSpec(info, object, first);
    } else {
      inAttribute_ = info.name == "DeviceAttribute";
      for (const auto& entry : info.jsonMembers) {
        if (!isMoved(info, entry.field->name)) inOrder(info, entry, object, first);
      }
      inAttribute_ = false;
    }
    out_.push_back('}');
  }

 private:
  static bool isMoved(const MessageInfo& info, std::string_view name) {
    return std::ranges::any_of(
        kMoved, [&](const Moved& each) { return each.message == info.name && each.name == name; });
  }

  /// The member and those that stand behind it.
  void inOrder(const MessageInfo& info, const api::JsonMember& entry, const void* object,
               bool& first) {
    member(entry, object, first, info.name);
    for (const auto& each : kMoved) {
      if (each.message != info.name || each.behind != entry.field->name) continue;
      if (const auto* moved = info.findJson(each.name)) member(*moved, object, first, info.name);
    }
  }

  void podSpec(const MessageInfo& info, const void* object, bool& first) {
    for (const auto name : kSpecOrder) {
      const auto* entry = info.findJson(name);
      if (entry == nullptr) continue;
      if (name != "securityContext") {
        member(*entry, object, first);
        continue;
      }
      key("SecurityContext", first);
      const void* context = static_cast<const api::BoxBase*>(entry->in(object))->pointer;
      if (context == nullptr) {
        out_.append("null");
        continue;
      }
      out_.push_back('{');
      bool inner = true;
      for (const auto field : kHostFields) member(*info.findJson(field), object, inner);
      for (const auto field : kContextOrder) {
        member(*entry->field->message->findJson(field), context, inner);
      }
      out_.push_back('}');
    }
  }

  void key(std::string_view name, bool& first) {
    if (!first) out_.push_back(',');
    first = false;
    api::appendJsonQuoted(out_, name);
    out_.push_back(':');
  }

  /// `owner`: the message that the member is of.
  void jsonKey(std::string_view name, bool& first, std::string_view owner) {
    key(api::goFieldName(owner, name), first);
  }

  /// "ints" of a device's attribute: IntValues.
  void attributeKey(std::string_view name, bool& first) {
    const bool list = name.ends_with('s');
    std::string made(list ? name.substr(0, name.size() - 1) : name);
    made[0] = static_cast<char>(made[0] - 'a' + 'A');
    key(made + (list ? "Values" : "Value"), first);
  }

  void member(const api::JsonMember& entry, const void* object, bool& first,
              std::string_view owner = {}) {
    const FieldInfo& field = *entry.field;
    const void* at = entry.in(object);
    if (inAttribute_) {
      attributeKey(field.name, first);
      return value(field, at);
    }
    if (field.message != nullptr && field.message->name == "ObjectMeta") {
      // Embedded in Go: its members stand among those of the parent.
      const std::string text = [&] {
        std::string json;
        api::encodeJson(*field.message, at, json, {.typeMeta = false});
        return json;
      }();
      if (text.size() <= 2) return;
      if (!first) out_.push_back(',');
      first = false;
      out_.append(text, 1, text.size() - 2);
      return;
    }
    jsonKey(field.name, first, owner);
    value(field, at);
  }

  void value(const FieldInfo& field, const void* at) {
    switch (field.shape) {
      case Shape::Value:
        return element(field, at);
      case Shape::Box: {
        const void* pointer = static_cast<const api::BoxBase*>(at)->pointer;
        if (pointer == nullptr) {
          out_.append("null");
        } else {
          message(*field.message, pointer);
        }
        return;
      }
      case Shape::Optional:
        return api::visitType(field.type, [&]<typename T>(std::type_identity<T>) {
          const auto& optional = *static_cast<const std::optional<T>*>(at);
          if (optional) {
            scalar(*optional);
          } else {
            out_.append("null");
          }
        });
      case Shape::Vector:
      case Shape::Map:
        return list(field, at);
    }
  }

  void list(const FieldInfo& field, const void* at) {
    const auto& ops = *field.container;
    const size_t count = ops.size(at);
    if (count == 0) {
      out_.append("null");
      return;
    }
    const bool map = field.shape == Shape::Map;
    out_.push_back(map ? '{' : '[');
    bool first = true;
    for (size_t i = 0; i < count; ++i) {
      if (map) {
        key(ops.keyAt(at, i), first);
      } else if (i > 0) {
        out_.push_back(',');
      }
      element(field, ops.at(at, i));
    }
    out_.push_back(map ? '}' : ']');
  }

  void element(const FieldInfo& field, const void* at) {
    if (field.type == FieldType::Message) return message(*field.message, at);
    api::visitType(field.type,
                   [&]<typename T>(std::type_identity<T>) { scalar(*static_cast<const T*>(at)); });
  }

  void scalar(const std::string& text) { api::appendJsonQuoted(out_, text); }
  void scalar(bool flag) { out_.append(flag ? "true" : "false"); }
  void scalar(const api::Quantity& quantity) { api::appendJsonQuoted(out_, quantity.str()); }
  void scalar(const api::IntOrString& either) {
    if (either.isString()) {
      api::appendJsonQuoted(out_, either.strVal);
    } else {
      out_.append(std::to_string(either.intVal));
    }
  }
  template <typename T>
  void scalar(const T& other) {
    if constexpr (std::is_arithmetic_v<T>) {
      out_.append(std::to_string(other));
    } else if constexpr (std::is_same_v<T, api::Time>) {
      if (other.isZero()) {
        out_.append("null");
      } else {
        api::appendJsonQuoted(out_, other.str());
      }
    } else if constexpr (std::is_same_v<T, api::RawExtension>) {
      const auto json = api::parseJsonValue(other.raw);
      out_.append(json.ok() ? api::writeJsonValue(*json) : "null");
    } else {
      out_.append("null");  // none stands in what messages show
    }
  }

  std::string out_;
  bool inAttribute_ = false;
};

/// Lines of compact JSON laid out as Go's Indent does with one space.
std::vector<std::string> layOut(std::string_view json) {
  std::vector<std::string> lines(1);
  size_t depth = 0;
  const auto newLine = [&] { lines.emplace_back(depth, ' '); };
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {
      size_t end = i + 1;
      while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
      lines.back().append(json.substr(i, end + 1 - i));
      i = end;
    } else if (c == '{' || c == '[') {
      lines.back().push_back(c);
      if (i + 1 < json.size() && (json[i + 1] == '}' || json[i + 1] == ']')) {
        lines.back().push_back(json[++i]);
      } else {
        ++depth;
        newLine();
      }
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      newLine();
      lines.back().push_back(c);
    } else if (c == ',') {
      lines.back().push_back(c);
      newLine();
    } else if (c == ':') {
      lines.back().append(": ");
    } else {
      lines.back().push_back(c);
    }
  }
  return lines;
}

/// One line of the diff: ' ' both, '-' before only, '+' after only.
struct Edit {
  char kind;
  const std::string* line;
};

using Lines = std::span<const std::string>;

void editMiddle(Lines a, Lines b, std::vector<Edit>& edits) {
  constexpr size_t kMaxCells = 4U << 20;
  if (a.size() * b.size() > kMaxCells) {
    for (const auto& line : a) edits.push_back({'-', &line});
    for (const auto& line : b) edits.push_back({'+', &line});
    return;
  }
  // Length of the longest common subsequence of what follows (i, j).
  const size_t width = b.size() + 1;
  std::vector<uint32_t> longest((a.size() + 1) * width);
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      longest[i * width + j] =
          a[i] == b[j] ? longest[(i + 1) * width + j + 1] + 1
                       : std::max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      edits.push_back({' ', &a[i]});
      ++i;
      ++j;
    } else if (i < a.size() &&
               (j == b.size() || longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      edits.push_back({'-', &a[i++]});
    } else {
      edits.push_back({'+', &b[j++]});
    }
  }
}

std::vector<Edit> editsOf(Lines a, Lines b) {
  std::vector<Edit> edits;
  size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) {
    edits.push_back({' ', &a[head++]});
  }
  size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  editMiddle(a.subspan(head, a.size() - head - tail), b.subspan(head, b.size() - head - tail),
             edits);
  for (size_t i = a.size() - tail; i < a.size(); ++i) edits.push_back({' ', &a[i]});
  return edits;
}

std::string rangeText(size_t start, size_t count) {
  if (count == 1) return std::to_string(start + 1);
  return std::to_string(count == 0 ? start : start + 1) + "," + std::to_string(count);
}

}  // namespace

std::string internalJson(const MessageInfo& info, const void* object) {
  Writer writer;
  writer.message(info, object);
  return writer.take();
}

std::string jsonDiff(std::string_view before, std::string_view after) {
  constexpr size_t kContext = 3;
  const auto a = layOut(before);
  const auto b = layOut(after);
  const auto edits = editsOf(a, b);
  std::string out;
  size_t lineA = 0;
  size_t lineB = 0;
  for (size_t at = 0; at < edits.size();) {
    const auto changed = [](const Edit& edit) { return edit.kind != ' '; };
    const size_t change = static_cast<size_t>(
        std::find_if(edits.begin() + static_cast<ptrdiff_t>(at), edits.end(), changed) -
        edits.begin());
    if (change == edits.size()) break;
    const size_t begin = change - std::min(change - at, kContext);
    // Changes less than two contexts apart share a hunk.
    size_t last = change;
    for (size_t i = change; i < edits.size() && i <= last + 2 * kContext + 1; ++i) {
      if (changed(edits[i])) last = i;
    }
    const size_t end = std::min(last + kContext + 1, edits.size());
    lineA += begin - at;
    lineB += begin - at;
    size_t countA = 0;
    size_t countB = 0;
    std::string body;
    for (size_t i = begin; i < end; ++i) {
      if (edits[i].kind != '+') ++countA;
      if (edits[i].kind != '-') ++countB;
      body.push_back(edits[i].kind);
      body.append(*edits[i].line).push_back('\n');
    }
    out += "@@ -" + rangeText(lineA, countA) + " +" + rangeText(lineB, countB) + " @@\n" + body;
    lineA += countA;
    lineB += countB;
    at = end;
  }
  return out;
}

}  // namespace coxswain::apiserver
