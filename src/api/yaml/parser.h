#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace coxswain::api {

/// A scalar as it stands in the text, folded and unescaped.
struct YamlToken {
  std::string text;
  std::string anchor;  ///< without '&'; empty: none
  std::string tag;     ///< "str" of !!str, "!x" of a local one, "!" alone; empty: none
  bool plain = true;   ///< neither quoted nor a block
  size_t line = 1;
};

/// What the parser tells, in document order. A failure ends parsing and is what parse() returns.
class YamlEvents {
 public:
  virtual ~YamlEvents() = default;
  virtual Status scalar(YamlToken token) = 0;
  virtual Status alias(std::string_view anchor, size_t line) = 0;
  virtual Status beginMap(YamlToken properties) = 0;
  virtual Status beginList(YamlToken properties) = 0;
  virtual Status end() = 0;
};

/// Reads the first document of `text` (UTF-8) and reports what is in it. YAML 1.1 in what
/// Kubernetes objects use of it: block and flow collections, all five scalar styles, anchors, tags,
/// explicit keys. Directives are skipped. Time is linear, stack bounded by `depthMax`. Errors are
/// BadRequest "yaml: line N: ..." in go-yaml's words.
Status parseYaml(std::string_view text, int depthMax, YamlEvents& events);

}  // namespace coxswain::api
