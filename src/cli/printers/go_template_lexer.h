#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::cli::go_template {

struct Token {
  enum class Kind : uint8_t {
    Text,      ///< outside actions
    Open,      ///< {{
    Close,     ///< }}
    Field,     ///< .name
    Dot,       ///< . alone
    Variable,  ///< $ or $name
    Word,      ///< a function or keyword
    Number,
    Character,
    String,     ///< "..." with escapes
    RawString,  ///< `...`
    Sign,       ///< one of ( ) | , = or :=
    Space,
    End,
  };
  Kind kind = Kind::End;
  std::string_view text;
  size_t at = 0;
};

/// A template in pieces, comments left out and text trimmed where "{{-" and "-}}" say so. Views
/// into `text`. BadRequest with Go's text.
Result<std::vector<Token>> lex(std::string_view text);

}  // namespace coxswain::cli::go_template
