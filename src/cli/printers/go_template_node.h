#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/resources/json.h"

/// The tree of a template, between its parser and its executor. `at` is an offset into the text;
/// `text` is the piece as Go writes it into messages.
namespace coxswain::cli::go_template {

struct Pipe;

/// An operand: a constant, or where a value comes from, and the fields taken of it.
struct Operand {
  enum class Kind : uint8_t { Dot, Nil, Constant, Field, Variable, Function, Parenthesis };
  Kind kind = Kind::Dot;
  json::value constant;  ///< text, bool, int64 or double
  std::string name;      ///< of a variable ("$", "$x") or function
  std::vector<std::string> fields;
  std::shared_ptr<Pipe> pipe;
  std::string text;
  size_t at = 0;
};

struct Command {
  std::vector<Operand> operands;
  std::string text;
  size_t at = 0;
};

struct Pipe {
  std::vector<std::string> declared;  ///< "$x"
  bool assigns = false;               ///< "=" instead of ":="
  std::vector<Command> commands;
  std::string text;
  size_t at = 0;
};

struct Node;
struct List {
  std::vector<Node> nodes;
};

struct Node {
  enum class Kind : uint8_t { Text, Action, If, Range, With, Template, Break, Continue };
  Kind kind = Kind::Text;
  std::string text;  ///< or the name of a template
  std::shared_ptr<Pipe> pipe;
  std::shared_ptr<List> body;
  std::shared_ptr<List> otherwise;
  size_t at = 0;
};

/// "template: output:3" and, with `column`, ":7".
std::string position(std::string_view text, size_t at, bool column);

bool isFunction(std::string_view name);

}  // namespace coxswain::cli::go_template
