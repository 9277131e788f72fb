#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "apiserver/authz/rules.h"
#include "apiserver/authz/symbols.h"

namespace coxswain::apiserver {

struct Attributes;

/// A question in numbers: made once, put to many rules. Refers to the attributes' texts.
struct RuleQuestion {
  RuleQuestion(const Symbols& symbols, const Attributes& attributes);

  bool isResource;
  uint32_t verbBit;         ///< of the verbs that everybody uses; 0: another verb
  Symbols::Id verb;         ///< kNone: no rule names it
  Symbols::Id group;        ///<
  Symbols::Id resource;     ///< with its subresource: "pods/log"
  Symbols::Id anyResource;  ///< "*/log"; kNone without a subresource
  Symbols::Id name;
  std::string_view path;
};

/// The rules of one role in numbers. Must be cleared before it goes.
class CompiledRules {
 public:
  void assign(Symbols& symbols, const Rules& rules);
  void clear(Symbols& symbols);
  [[nodiscard]] bool allows(const Symbols& symbols, const RuleQuestion& question) const;

 private:
  struct Rule {
    uint32_t first = 0;  ///< in ids_: verbs, groups, resources, names, paths
    uint16_t verbs = 0;
    uint16_t groups = 0;
    uint16_t resources = 0;
    uint16_t names = 0;
    uint16_t paths = 0;
    uint16_t verbBits = 0;  ///< all: every verb
    bool anyGroup = false;
    bool anyResource = false;
  };
  [[nodiscard]] bool allowsResource(const Rule& rule, const RuleQuestion& question) const;
  [[nodiscard]] bool allowsPath(const Symbols& symbols, const Rule& rule,
                                const RuleQuestion& question) const;
  [[nodiscard]] bool has(uint32_t first, uint16_t count, Symbols::Id wanted) const;

  std::vector<Rule> rules_;
  std::vector<Symbols::Id> ids_;
};

/// Does the pattern ("/api", "/api/*", "*") cover the path?
bool pathCovered(std::string_view pattern, std::string_view path);

}  // namespace coxswain::apiserver
