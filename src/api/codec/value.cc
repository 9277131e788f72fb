#include "api/codec/value.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "api/codec/json_decode_engine.h"
#include "api/codec/json_encode_engine.h"
#include "api/codec/json_text.h"
#include "api/codec/json_writer.h"
#include "api/meta/base64.h"

namespace coxswain::api {
namespace {

namespace json = boost::json;

std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}
json::string_view boostView(std::string_view text) {
  return {text.data(), text.size()};
}

void writeValue(const json::value& value, JsonTextWriter& out) {
  switch (value.kind()) {
    case json::kind::null:
      out.null();
      return;
    case json::kind::bool_:
      out.boolean(value.get_bool());
      return;
    case json::kind::int64:
      out.integer(value.get_int64());
      return;
    case json::kind::uint64:
      out.unsignedInteger(value.get_uint64());
      return;
    case json::kind::double_:
      out.real(value.get_double());
      return;
    case json::kind::string:
      out.string(view(value.get_string()));
      return;
    case json::kind::array:
      out.beginArray();
      for (const json::value& item : value.get_array()) writeValue(item, out);
      out.endArray();
      return;
    case json::kind::object: {
      std::vector<const json::key_value_pair*> sorted;
      sorted.reserve(value.get_object().size());
      for (const auto& entry : value.get_object()) sorted.push_back(&entry);
      std::sort(sorted.begin(), sorted.end(),
                [](const auto* a, const auto* b) { return view(a->key()) < view(b->key()); });
      out.beginObject();
      for (const auto* entry : sorted) {
        out.key(view(entry->key()));
        writeValue(entry->value(), out);
      }
      out.endObject();
      return;
    }
  }
}

/// Builds a value tree from text.
class TreeBuilder {
 public:
  TreeBuilder(JsonTextReader& in, JsonReport* report, int depth)
      : in_(in), report_(report), depthLeft_(depth) {}

  json::value build() {
    std::string_view text;
    switch (in_.peek()) {
      case JsonType::Null:
        in_.null();
        return nullptr;
      case JsonType::Bool: {
        bool flag = false;
        in_.boolean(flag);
        return flag;
      }
      case JsonType::Number:
        return number();
      case JsonType::String:
        if (!in_.string(text)) return nullptr;
        return json::value(boostView(text));
      case JsonType::Array:
        return array();
      case JsonType::Object:
        return object();
      case JsonType::Broken:
        break;
    }
    return nullptr;
  }

 private:
  json::value number() {
    std::string_view text;
    if (!in_.number(text)) return nullptr;
    int64_t whole = 0;
    const char* end = text.data() + text.size();
    auto parsed = std::from_chars(text.data(), end, whole);
    if (parsed.ec == std::errc() && parsed.ptr == end) return whole;
    double real = 0;
    parsed = std::from_chars(text.data(), end, real);
    if (parsed.ec == std::errc() && parsed.ptr == end) return real;
    in_.fail("json: cannot unmarshal number " + std::string(text) +
             " into Go value of type float64");
    return nullptr;
  }

  bool deeper() { return --depthLeft_ >= 0 || in_.fail("exceeded max depth"); }

  json::value array() {
    json::array result;
    if (!deeper()) return nullptr;
    in_.beginArray();
    size_t length = path_.size();
    for (size_t i = 0; in_.nextElement(); ++i) {
      if (report_) path_ += '[' + std::to_string(i) + ']';
      result.push_back(build());
      path_.resize(length);
    }
    ++depthLeft_;
    return result;
  }

  json::value object() {
    json::object result;
    if (!deeper()) return nullptr;
    in_.beginObject();
    size_t length = path_.size();
    std::string_view key;
    while (in_.nextKey(key)) {
      auto [entry, added] = result.emplace(boostView(key), nullptr);
      size_t index = static_cast<size_t>(entry - result.begin());
      if (report_) {
        if (length > 0) path_ += '.';
        path_ += key;
        if (!added) duplicate();
      }
      json::value value = build();
      (result.begin() + static_cast<ptrdiff_t>(index))->value() = std::move(value);
      path_.resize(length);
    }
    ++depthLeft_;
    return result;
  }

  void duplicate() {
    std::string text = "duplicate field \"" + path_ + '"';
    auto& list = report_->strict;
    if (list.size() < 100 && std::find(list.begin(), list.end(), text) == list.end()) {
      list.push_back(std::move(text));
    }
  }

  JsonTextReader& in_;
  JsonReport* report_;
  int depthLeft_;
  std::string path_;
};

/// JsonTextWriter's interface over a tree.
class ValueWriter {
 public:
  explicit ValueWriter(json::storage_ptr storage) : storage_(storage), root_(storage) {
    open_.reserve(16);
  }
  json::value take() { return std::move(root_); }

  void beginObject() { open_.push_back(put(json::object(storage_))); }
  void endObject() { open_.pop_back(); }
  void beginArray() { open_.push_back(put(json::array(storage_))); }
  void endArray() { open_.pop_back(); }
  void key(std::string_view name) { key_ = name; }
  void plainKey(std::string_view name) { key_ = name; }
  void string(std::string_view text) { put(json::value(boostView(text), storage_)); }
  void null() { put(json::value(nullptr, storage_)); }
  void boolean(bool value) { put(json::value(value, storage_)); }
  void integer(int64_t value) { put(json::value(value, storage_)); }
  void unsignedInteger(uint64_t value) { put(json::value(value, storage_)); }
  void real(double value) { put(json::value(value, storage_)); }
  void bytes(std::string_view data) { string(base64Encode(data)); }
  void raw(std::string_view text) {
    JsonTextReader reader(text);
    json::value value = TreeBuilder(reader, nullptr, JsonDecodeOptions().depth).build();
    if (text.empty() || !reader.finish()) value = nullptr;
    put(std::move(value));
  }

 private:
  json::value* put(json::value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json::value& parent = *open_.back();
    if (parent.is_array()) {
      parent.get_array().push_back(std::move(value));
      return &parent.get_array().back();
    }
    // An emplace after this one may move it, but then nothing inside of it is open any more.
    return &parent.get_object().insert_or_assign(boostView(key_), std::move(value)).first->value();
  }

  const json::storage_ptr storage_;
  json::value root_;
  std::vector<json::value*> open_;
  std::string_view key_;  ///< the caller's: a value follows at once
};

/// JsonTextReader's interface over a tree.
class ValueReader {
 public:
  explicit ValueReader(const json::value& value) : current_(&value) {}

  bool failed() const { return failed_; }
  Status status() const { return failed_ ? badRequest(error_) : Status(); }
  bool fail(std::string error) {
    if (!failed_) error_ = std::move(error);
    failed_ = true;
    return false;
  }
  JsonType peek() const {
    if (failed_) return JsonType::Broken;
    switch (current_->kind()) {
      case json::kind::null:
        return JsonType::Null;
      case json::kind::bool_:
        return JsonType::Bool;
      case json::kind::int64:
      case json::kind::uint64:
      case json::kind::double_:
        return JsonType::Number;
      case json::kind::string:
        return JsonType::String;
      case json::kind::array:
        return JsonType::Array;
      case json::kind::object:
        return JsonType::Object;
    }
    return JsonType::Broken;
  }
  bool null() { return !failed_; }
  bool boolean(bool& value) {
    value = current_->get_bool();
    return true;
  }
  bool number(std::string_view& text) { return raw(text); }
  bool string(std::string_view& text) {
    text = view(current_->get_string());
    return true;
  }
  bool skip() { return !failed_; }
  bool raw(std::string_view& text) {
    scratch_.clear();
    writeJsonValue(*current_, scratch_);
    text = scratch_;
    return !failed_;
  }
  bool beginArray() { return begin(); }
  bool beginObject() { return begin(); }
  bool nextElement() {
    if (failed_) return false;
    Frame& frame = frames_.back();
    const json::array& array = frame.value->get_array();
    if (frame.next == array.size()) return end();
    current_ = &array[frame.next++];
    return true;
  }
  bool nextKey(std::string_view& key) {
    if (failed_) return false;
    Frame& frame = frames_.back();
    const json::object& object = frame.value->get_object();
    if (frame.next == object.size()) return end();
    const auto& entry = *(object.begin() + static_cast<ptrdiff_t>(frame.next++));
    key = view(entry.key());
    current_ = &entry.value();
    return true;
  }
  bool finish() { return !failed_; }

 private:
  struct Frame {
    const json::value* value;
    size_t next;
  };
  bool begin() {
    if (failed_) return false;
    frames_.push_back({current_, 0});
    return true;
  }
  bool end() {
    frames_.pop_back();
    return false;
  }

  const json::value* current_;
  std::vector<Frame> frames_;
  bool failed_ = false;
  std::string error_;
  std::string scratch_;
};

}  // namespace

Result<boost::json::value> parseJsonValue(std::string_view text, JsonReport* report,
                                          const JsonDecodeOptions& options) {
  JsonTextReader reader(text);
  json::value value = TreeBuilder(reader, report, options.depth).build();
  if (!reader.finish()) return reader.status();
  if (report && value.is_object()) {
    const json::object& object = value.get_object();
    auto text_ = [&](const char* name) {
      const json::value* found = object.if_contains(name);
      return found && found->is_string() ? std::string(view(found->get_string())) : std::string();
    };
    report->apiVersion = text_("apiVersion");
    report->kind = text_("kind");
  }
  return value;
}

void writeJsonValue(const boost::json::value& value, std::string& out, bool pretty) {
  if (pretty) {
    out.append(indentJson(writeJsonValue(value)));
    return;
  }
  JsonTextWriter writer(out);
  writeValue(value, writer);
}

std::string writeJsonValue(const boost::json::value& value) {
  std::string out;
  writeJsonValue(value, out);
  return out;
}

boost::json::value encodeValue(const MessageInfo& info, const void* object,
                               const JsonEncodeOptions& options) {
  return encodeValue(info, object, options, json::storage_ptr());
}

boost::json::value encodeValue(const MessageInfo& info, const void* object,
                               const JsonEncodeOptions& options, json::storage_ptr storage) {
  ValueWriter writer(std::move(storage));
  JsonEncoder<ValueWriter>(writer, options).top(info, object);
  return writer.take();
}

Status decodeValue(const MessageInfo& info, const boost::json::value& value, void* object,
                   JsonReport* report, const JsonDecodeOptions& options) {
  ValueReader reader(value);
  // A tree is bigger than its text: what it may grow to is bound by its own limits.
  return JsonDecoder<ValueReader>(reader, size_t{64} << 20, report, options).run(info, object);
}

}  // namespace coxswain::api
