#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace coxswain::api {

/// Writes JSON text as Go's encoding/json does: no white space; <, >, & and U+2028/9 escaped.
/// Commas are set by itself; the caller pairs begin and end. `out` is whole after finish(), which
/// the destructor calls; leave it alone before.
class JsonTextWriter {
 public:
  explicit JsonTextWriter(std::string& out) : out_(out), used_(out.size()) {}
  JsonTextWriter(const JsonTextWriter&) = delete;
  JsonTextWriter& operator=(const JsonTextWriter&) = delete;
  ~JsonTextWriter() { finish(); }

  void finish() { out_.resize(used_); }

  void beginObject() { open('{'); }
  void endObject() { close('}'); }
  void beginArray() { open('['); }
  void endArray() { close(']'); }
  void key(std::string_view name) {
    string(name);
    room(1);
    put(':');
    comma_ = false;
  }
  /// A name that needs no escapes.
  void plainKey(std::string_view name) {
    room(name.size() + 4);
    if (comma_) put(',');
    put('"');
    put(name);
    put('"');
    put(':');
    comma_ = false;
  }

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
  /// Makes space for `count` bytes: out_ is longer than what is used of it.
  void room(size_t count) {
    if (out_.size() - used_ < count) [[unlikely]]
      grow(count);
  }
  void grow(size_t count);
  // Within room().
  void put(char c) { out_[used_++] = c; }
  void put(std::string_view text) {
    std::memcpy(out_.data() + used_, text.data(), text.size());
    used_ += text.size();
  }
  void separate() {
    room(1);
    if (comma_) put(',');
    comma_ = true;
  }
  void open(char c) {
    room(2);
    if (comma_) put(',');
    put(c);
    comma_ = false;
  }
  void close(char c) {
    room(1);
    put(c);
    comma_ = true;
  }
  void plain(std::string_view text) {
    room(text.size() + 1);
    if (comma_) put(',');
    put(text);
    comma_ = true;
  }
  /// For writers that append to a string.
  template <typename F>
  void append(F&& write) {
    separate();
    out_.resize(used_);
    write(out_);
    used_ = out_.size();
  }

  std::string& out_;
  size_t used_;
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
