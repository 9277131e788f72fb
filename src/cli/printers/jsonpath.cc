#include "cli/printers/jsonpath.h"

#include "api/codec/value.h"
#include "cli/framework/errors.h"
#include "cli/printers/jsonpath_node.h"

namespace coxswain::cli {

using Node = JsonPath::Node;
using Kind = JsonPath::Node::Kind;
using Values = std::vector<const json::value*>;

namespace {

/// Bounds what ".." over ".." may ask for.
constexpr size_t kResultsMax = 1'000'000;
constexpr size_t kStepsMax = 20'000'000;

class Evaluator {
 public:
  Evaluator(const json::value& root, const JsonPath::Options& options,
            std::deque<json::value>& made)
      : root_(root), options_(options), made_(made) {}

  Result<Values> path(const std::vector<Node>& steps, Values current) {
    for (const auto& step : steps) {
      TRY(current, apply(step, std::move(current)));
      if (current.size() > kResultsMax || spent_ > kStepsMax) {
        return fault("jsonpath gives too many results");
      }
    }
    return current;
  }

  [[nodiscard]] const json::value& root() const { return root_; }

 private:
  Result<Values> apply(const Node& step, Values current) {
    spent_ += current.size() + 1;
    switch (step.kind) {
      case Kind::Root:
        return Values{&root_};
      case Kind::Literal: {
        made_.push_back(step.literal);
        return Values{&made_.back()};
      }
      case Kind::Field:
        return field(step, current);
      case Kind::Wildcard:
        return wildcard(current);
      case Kind::Recursive: {
        Values out;
        for (const auto* value : current) {
          if (!descend(*value, out)) return fault("jsonpath gives too many results");
        }
        return out;
      }
      case Kind::Slice:
        return slice(step, current);
      case Kind::Filter:
        return filter(step, current);
      case Kind::Union: {
        Values out;
        for (const auto& part : step.children) {
          TRY(auto some, path(part.children, current));
          out.insert(out.end(), some.begin(), some.end());
        }
        return out;
      }
      case Kind::Action:
        return path(step.children, std::move(current));
      case Kind::Text:
      case Kind::Range:
        break;
    }
    return fault("unexpected node");
  }

  Result<Values> field(const Node& step, const Values& current) const {
    if (step.text.empty()) return current;
    Values out;
    for (const auto* value : current) {
      const auto* object = value->if_object();
      const auto* member = object ? object->if_contains(key(step.text)) : nullptr;
      if (member && !member->is_null()) out.push_back(member);
    }
    if (out.empty() && !options_.allowMissing) return fault(step.text + " is not found");
    return out;
  }

  static Result<Values> wildcard(const Values& current) {
    Values out;
    for (const auto* value : current) {
      if (const auto* array = value->if_array()) {
        for (const auto& item : *array) out.push_back(&item);
      } else if (const auto* object = value->if_object()) {
        for (const auto& member : *object) out.push_back(&member.value());
      }
    }
    return out;
  }

  /// The value and all within; false: too many.
  bool descend(const json::value& value, Values& out) {
    if (out.size() >= kResultsMax) return false;
    out.push_back(&value);
    if (const auto* array = value.if_array()) {
      for (const auto& item : *array) {
        if (!descend(item, out)) return false;
      }
    } else if (const auto* object = value.if_object()) {
      for (const auto& member : *object) {
        if (!descend(member.value(), out)) return false;
      }
    }
    return true;
  }

  Result<Values> slice(const Node& step, const Values& current) const {
    Values out;
    for (const auto* value : current) {
      const auto* array = value->if_array();
      if (!array) {
        if (value->is_null() || options_.allowMissing) continue;
        return fault(api::writeJsonValue(*value) + " is not array or slice");
      }
      const auto size = static_cast<int64_t>(array->size());
      int64_t from = step.from.known ? step.from.value : 0;
      int64_t to = step.single ? from + 1 : step.to.known ? step.to.value : size;
      if (step.single && from == -1) to = size;
      if (from < 0) from += size;
      if (to < 0 || (step.single && to <= 0)) to += size;
      if (from < 0 || from >= size) {
        if (options_.allowMissing || (!step.single && size == 0)) continue;
        return fault("array index out of bounds: index " + std::to_string(step.from.value) +
                     ", length " + std::to_string(size));
      }
      to = std::min(to, size);
      const int64_t stride = step.step.known ? step.step.value : 1;
      for (int64_t i = from; i < to; i += stride) {
        out.push_back(&(*array)[static_cast<size_t>(i)]);
        if (i > size - stride) break;
      }
    }
    return out;
  }

  Result<Values> filter(const Node& step, const Values& current) {
    Values out;
    Evaluator inside(root_, JsonPath::Options(), made_);
    for (const auto* value : current) {
      const auto* array = value->if_array();
      if (!array) {
        if (value->is_null() || options_.allowMissing) continue;
        return fault(api::writeJsonValue(*value) + " is not array or slice and cannot be filtered");
      }
      for (const auto& item : *array) {
        TRY(auto left, inside.path(step.children[0].children, {&item}));
        spent_ += inside.spent_;
        inside.spent_ = 0;
        if (step.text.empty()) {
          if (!left.empty()) out.push_back(&item);
          continue;
        }
        if (left.empty()) continue;
        TRY(auto right, inside.path(step.children[1].children, {&item}));
        if (right.empty()) continue;
        if (left.size() > 1 || right.size() > 1) {
          return fault("can only compare one element at a time");
        }
        TRY(const bool holds, compare(*left[0], step.text, *right[0]));
        if (holds) out.push_back(&item);
      }
      if (spent_ > kStepsMax) return fault("jsonpath gives too many results");
    }
    return out;
  }

  static Result<bool> compare(const json::value& left, const std::string& op,
                              const json::value& right) {
    const bool ordering = op != "==" && op != "!=";
    const auto decide = [&](auto a, auto b) {
      if (op == "==") return a == b;
      if (op == "!=") return a != b;
      if (op == "<") return a < b;
      if (op == "<=") return a <= b;
      if (op == ">") return a > b;
      return a >= b;
    };
    if (left.is_number() && right.is_number()) {
      if (left.is_int64() && right.is_int64()) return decide(left.get_int64(), right.get_int64());
      return decide(left.to_number<double>(), right.to_number<double>());
    }
    if (left.is_string() && right.is_string()) {
      return decide(view(left.get_string()), view(right.get_string()));
    }
    if (left.is_bool() && right.is_bool() && !ordering) {
      return decide(left.get_bool(), right.get_bool());
    }
    if (ordering || left.is_structured() || right.is_structured()) {
      return fault("incompatible types for comparison");
    }
    // As kubectl: what is of another type is never equal, but compared all the same.
    return fault("incompatible types for comparison");
  }

  const json::value& root_;
  JsonPath::Options options_;
  std::deque<json::value>& made_;
  size_t spent_ = 0;
};

std::string shown(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(view(*text));
  return api::writeJsonValue(value);
}

/// Walks a template and tells of each text and action.
template <typename OnText, typename OnAction>
Status walk(Evaluator& evaluator, const std::vector<Node>& nodes, size_t first,
            const json::value& here, OnText& onText, OnAction& onAction) {
  for (size_t i = first; i < nodes.size(); ++i) {
    const auto& node = nodes[i];
    if (node.kind == Kind::Text) {
      onText(node.text);
    } else if (node.kind == Kind::Range) {
      TRY(auto values, evaluator.path(node.children[0].children, {&here}));
      for (const auto* value : values) {
        TRY_STATUS(walk(evaluator, node.children, 1, *value, onText, onAction));
      }
    } else {
      TRY(auto values, evaluator.path(node.children, {&here}));
      TRY_STATUS(onAction(std::move(values)));
    }
  }
  return {};
}

}  // namespace

JsonPath::JsonPath(Nodes nodes) : nodes_(std::make_unique<Nodes>(std::move(nodes))) {}
JsonPath::~JsonPath() = default;
JsonPath::JsonPath(JsonPath&&) noexcept = default;
JsonPath& JsonPath::operator=(JsonPath&&) noexcept = default;

Result<JsonPath::Found> JsonPath::find(const json::value& root, const Options& options) const {
  Found found;
  Evaluator evaluator(root, options, found.made);
  const auto onText = [](const std::string&) {};
  const auto onAction = [&](Values values) {
    if (found.actions.size() >= kResultsMax) return fault("jsonpath gives too many results");
    found.actions.push_back(std::move(values));
    return Status();
  };
  TRY_STATUS(walk(evaluator, *nodes_, 0, root, onText, onAction));
  return found;
}

Result<std::string> JsonPath::print(const json::value& root, const Options& options) const {
  constexpr size_t kOutputMax = 256 << 20;
  std::string out;
  std::deque<json::value> made;
  Evaluator evaluator(root, options, made);
  const auto onText = [&](const std::string& text) { out += text; };
  const auto onAction = [&](Values values) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out.push_back(' ');
      out += shown(*values[i]);
    }
    return out.size() > kOutputMax ? fault("jsonpath gives too much text") : Status();
  };
  TRY_STATUS(walk(evaluator, *nodes_, 0, root, onText, onAction));
  return out;
}

}  // namespace coxswain::cli
