#pragma once

#include "cli/printers/jsonpath.h"

namespace coxswain::cli {

/// A step of a path, or a whole action.
struct JsonPath::Node {
  enum class Kind : uint8_t {
    Text,       // between actions
    Action,     // {...}: children are its steps
    Field,      // .name, ['name']; empty name: the value itself
    Wildcard,   // .*, [*]
    Recursive,  // ..
    Slice,      // [1], [-1], [1:2:3]
    Filter,     // [?(left op right)]: children[0], children[1] are Actions
    Union,      // [a,b]: children are Actions
    Literal,    // "text", 5, 1.5, true
    Range,      // {range ...}: children[0] its path, the others its body until {end}
    Root,       // $: starts over
  };
  Kind kind = Kind::Text;
  std::string text;  // Text, Field, the operator of a Filter ("": exists)
  json::value literal;
  struct Bound {
    int64_t value = 0;
    bool known = false;
  };
  Bound from;
  Bound to;
  Bound step;
  bool single = false;  // a Slice of one index
  Nodes children;
};

}  // namespace coxswain::cli
