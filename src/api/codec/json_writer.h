#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coxswain::api {

/// Writes JSON text as Go's encoding/json does: no white space; <, >, & and U+2028/9 escaped.
/// Commas are set by itself; the caller pairs begin and end.
class JsonTextWriter {
 public:
  explicit JsonTextWriter(std::string& out) : out_(out) {}

  void beginObject() { open('{'); }
  void endObject() { close('}'); }
  void beginArray() { open('['); }
  void endArray() { close(']'); }
  void key(std::string_view name) {
    string(name);
    out_.push_back(':');
    comma_ = false;
  }
  /// A name that needs no escapes.
  void plainKey(std::string_view name);

  void string(std::string_view text);
  void null() { plain("null"); }
  void boolean(bool value) { plain(value ? "true" : "false"); }
  void integer(int64_t value);
  void unsignedInteger(uint64_t value);
  /// As Go: shortest digits; exponent from 1e21 and below 1e-6. Infinities become null.
  void real(double value);
  void real(float value);
  /// Base64 in quotes.
  void bytes(std::string_view data);
  /// A JSON text, made compact; `null` where it is empty or broken.
  void raw(std::string_view text);

 private:
  void separate() {
    if (comma_) out_.push_back(',');
    comma_ = true;
  }
  void open(char c) {
    separate();
    out_.push_back(c);
    comma_ = false;
  }
  void close(char c) {
    out_.push_back(c);
    comma_ = true;
  }
  void plain(std::string_view text) {
    separate();
    out_.append(text);
  }

  std::string& out_;
  bool comma_ = false;
};

/// Appends `text` in quotes with Go's escapes.
void appendJsonString(std::string& out, std::string_view text);

/// Appends a valid JSON text without white space between tokens and with HTML escapes; false (and
/// nothing appended) where it is not valid.
bool appendCompactJson(std::string& out, std::string_view text);

/// Assigns a valid JSON text without white space between tokens, otherwise as it is.
void assignCompactJson(std::string& to, std::string_view text);

/// Compact JSON, spread over lines as Go's json.Indent(prefix "", indent "  ") does.
std::string indentJson(std::string_view compact);

}  // namespace coxswain::api
