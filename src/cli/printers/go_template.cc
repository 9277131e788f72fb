#include "cli/printers/go_template.h"

#include <algorithm>
#include <ranges>

#include "cli/printers/go_template_node.h"
#include "cli/printers/go_template_value.h"

namespace coxswain::cli {

namespace go_template {

namespace {

constexpr size_t kOutputMax = 64U << 20;
constexpr int kCallsMax = 100;

using Parts = std::map<std::string, std::shared_ptr<const List>, std::less<>>;

/// Runs a tree; one a run.
class Executor {
 public:
  Executor(std::string_view text, const Parts& parts) : text_(text), parts_(parts) {}

  Result<std::string> run(const json::value& data) {
    const Datum whole = Datum::part(data);
    variables_.emplace_back("$", whole);
    TRY_STATUS(list(*parts_.at("output"), whole));
    return std::move(out_);
  }

 private:
  enum class Flow : uint8_t { On, Break, Continue };

  Status failed(size_t at, std::string_view piece, std::string_view message) const {
    return badRequest(position(text_, at, true) + ": executing \"output\" at <" +
                      std::string(piece) + ">: " + std::string(message));
  }

  Status list(const List& nodes, const Datum& dot) {
    for (const Node& node : nodes.nodes) {
      TRY_STATUS(walk(node, dot));
      if (flow_ != Flow::On) return {};
    }
    return {};
  }

  Status write(std::string_view text) {
    if (out_.size() + text.size() > kOutputMax) return badRequest("the output grows too long");
    out_ += text;
    return {};
  }

  Status walk(const Node& node, const Datum& dot) {
    switch (node.kind) {
      case Node::Kind::Text:
        return write(node.text);
      case Node::Kind::Action: {
        TRY(const Datum value, pipeline(*node.pipe, dot));
        if (!node.pipe->declared.empty()) return {};
        return write(value.isNil() ? "<no value>" : value.print());
      }
      case Node::Kind::If:
      case Node::Kind::With:
        return choose(node, dot);
      case Node::Kind::Range:
        return range(node, dot);
      case Node::Kind::Template:
        return call(node, dot);
      case Node::Kind::Break:
        flow_ = Flow::Break;
        return {};
      case Node::Kind::Continue:
        flow_ = Flow::Continue;
        return {};
    }
    return {};
  }

  Status choose(const Node& node, const Datum& dot) {
    const size_t scope = variables_.size();
    TRY(const Datum value, pipeline(*node.pipe, dot));
    Status done;
    if (value.isTrue()) {
      done = list(*node.body, node.kind == Node::Kind::With ? value : dot);
    } else if (node.otherwise) {
      done = list(*node.otherwise, dot);
    }
    variables_.resize(scope);
    return done;
  }

  Status once(const Node& node, const Datum& key, const Datum& element) {
    const size_t scope = variables_.size();
    const auto& names = node.pipe->declared;
    for (size_t i = 0; i < names.size(); ++i) {
      const Datum& value = i + 1 < names.size() ? key : element;
      if (node.pipe->assigns) {
        assign(names[i], value);
      } else {
        variables_.emplace_back(names[i], value);
      }
    }
    Status done = list(*node.body, element);
    variables_.resize(scope);
    if (flow_ == Flow::Continue) flow_ = Flow::On;
    return done;
  }

  Status range(const Node& node, const Datum& dot) {
    TRY(const Datum value, stages(*node.pipe, dot));
    bool any = false;
    const auto step = [&](const Datum& key, const Datum& element) {
      any = true;
      return once(node, key, element);
    };
    if (value.isNil()) {
      // As an empty one.
    } else if (const auto count = value.integer()) {
      for (int64_t i = 0; i < *count && flow_ == Flow::On; ++i) {
        TRY_STATUS(step(Datum::own(i), Datum::own(i)));
        if (out_.size() > kOutputMax || i > static_cast<int64_t>(kOutputMax)) {
          return badRequest("the output grows too long");
        }
      }
    } else if (const auto* items = value.value().if_array()) {
      for (size_t i = 0; i < items->size() && flow_ == Flow::On; ++i) {
        TRY_STATUS(step(Datum::own(static_cast<int64_t>(i)), value.inner((*items)[i])));
      }
    } else if (const auto* map = value.value().if_object()) {
      std::vector<const json::key_value_pair*> members;
      for (const auto& member : *map) members.push_back(&member);
      std::ranges::sort(members, {}, [](const auto* m) { return std::string_view(m->key()); });
      for (const auto* member : members) {
        if (flow_ != Flow::On) break;
        TRY_STATUS(step(Datum::own(json::string(member->key())), value.inner(member->value())));
      }
    } else {
      return failed(node.pipe->at, node.pipe->text, "range can't iterate over " + value.print());
    }
    if (flow_ == Flow::Break) flow_ = Flow::On;
    if (any || !node.otherwise) return {};
    return list(*node.otherwise, dot);
  }

  Status call(const Node& node, const Datum& dot) {
    const auto found = parts_.find(node.text);
    if (found == parts_.end()) {
      return failed(node.at, "{{template \"" + node.text + "\"}}",
                    "template \"" + node.text + "\" not defined");
    }
    if (++calls_ > kCallsMax) return failed(node.at, node.text, "exceeded maximum template depth");
    Datum argument;
    if (node.pipe) {
      TRY(argument, pipeline(*node.pipe, dot));
    }
    std::vector<std::pair<std::string, Datum>> outer;
    std::swap(outer, variables_);
    variables_.emplace_back("$", argument);
    Status done = list(*found->second, argument);
    std::swap(outer, variables_);
    --calls_;
    return done;
  }

  void assign(const std::string& name, const Datum& value) {
    for (auto& [own, now] : variables_ | std::views::reverse) {
      if (own != name) continue;
      now = value;
      return;
    }
  }

  Result<Datum> pipeline(const Pipe& pipe, const Datum& dot) {
    TRY(Datum value, stages(pipe, dot));
    for (const auto& name : pipe.declared) {
      if (pipe.assigns) {
        assign(name, value);
      } else {
        variables_.emplace_back(name, value);
      }
    }
    return value;
  }

  /// The commands, each with the result of the one before as its last argument.
  Result<Datum> stages(const Pipe& pipe, const Datum& dot) {
    Datum value;
    for (size_t i = 0; i < pipe.commands.size(); ++i) {
      TRY(value, command(pipe.commands[i], dot, i > 0 ? &value : nullptr));
    }
    return value;
  }

  Result<Datum> command(const Command& command, const Datum& dot, const Datum* last) {
    const Operand& first = command.operands[0];
    if (first.kind != Operand::Kind::Function) {
      if (command.operands.size() > 1 || last) {
        return failed(first.at, first.text, "can't give argument to non-function " + first.text);
      }
      if (first.kind == Operand::Kind::Nil) {
        return failed(command.at, command.text, "nil is not a command");
      }
      return operand(first, dot);
    }
    TRY(Datum value, function(command, dot, last));
    return fieldsOf(first, std::move(value));
  }

  Result<Datum> function(const Command& command, const Datum& dot, const Datum* last) {
    const std::string& name = command.operands[0].name;
    const bool isAnd = name == "and";
    if (isAnd || name == "or") {
      // The rest is not looked at once the answer is known.
      Datum value;
      const size_t count = command.operands.size() - 1 + (last ? 1 : 0);
      if (count == 0) {
        return failed(command.at, command.text, "wrong number of args for " + name);
      }
      for (size_t i = 0; i < count; ++i) {
        if (i + 1 < command.operands.size()) {
          TRY(value, operand(command.operands[i + 1], dot));
        } else {
          value = *last;
        }
        if (value.isTrue() != isAnd) break;
      }
      return value;
    }
    std::vector<Datum> arguments;
    for (size_t i = 1; i < command.operands.size(); ++i) {
      TRY(Datum one, operand(command.operands[i], dot));
      arguments.push_back(std::move(one));
    }
    if (last) arguments.push_back(*last);
    auto value = callFunction(name, arguments);
    if (!value.ok()) return failed(command.at, command.text, value.status().message());
    return value;
  }

  Result<Datum> operand(const Operand& operand, const Datum& dot) {
    switch (operand.kind) {
      case Operand::Kind::Dot:
        return dot;
      case Operand::Kind::Nil:
        return Datum();
      case Operand::Kind::Constant:
        return Datum::own(operand.constant);
      case Operand::Kind::Field:
        return fieldsOf(operand, dot);
      case Operand::Kind::Variable: {
        for (const auto& [name, value] : variables_ | std::views::reverse) {
          if (name == operand.name) return fieldsOf(operand, value);
        }
        return failed(operand.at, operand.text, "undefined variable: " + operand.name);
      }
      case Operand::Kind::Parenthesis: {
        TRY(Datum value, pipeline(*operand.pipe, dot));
        return fieldsOf(operand, std::move(value));
      }
      case Operand::Kind::Function: {
        Command alone;
        alone.operands = {operand};
        alone.text = operand.text;
        alone.at = operand.at;
        return command(alone, dot, nullptr);
      }
    }
    return Datum();
  }

  Result<Datum> fieldsOf(const Operand& operand, Datum value) const {
    for (const auto& name : operand.fields) {
      if (value.missing()) return value;
      if (value.isNil()) {
        return failed(operand.at, operand.text, "nil pointer evaluating interface {}." + name);
      }
      const auto* map = value.value().if_object();
      if (!map) {
        return failed(operand.at, operand.text,
                      "can't evaluate field " + name + " in type interface {}");
      }
      const auto* found = map->if_contains(key(name));
      value = found ? value.inner(*found) : Datum();
    }
    return value;
  }

  std::string_view text_;
  const Parts& parts_;
  std::vector<std::pair<std::string, Datum>> variables_;
  std::string out_;
  Flow flow_ = Flow::On;
  int calls_ = 0;
};

}  // namespace

}  // namespace go_template

Result<std::string> GoTemplate::execute(const json::value& data) const {
  return go_template::Executor(*text_, parts_).run(data);
}

}  // namespace coxswain::cli
