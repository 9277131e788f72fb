#pragma once

#include <optional>
#include <random>
#include <string>

#include "api/reflect/box.h"
#include "api/reflect/object.h"
#include "api/reflect/visit.h"

namespace coxswain::api::testing {

/// Fills any object with values that every form (JSON, protobuf) can carry. Same seed, same object.
class RandomFiller {
 public:
  explicit RandomFiller(uint64_t seed) : random_(seed) {}

  Object make(const MessageInfo& info) {
    Object object(info);
    budget_ = 400;
    message(info, object.data(), 0);
    return object;
  }

 private:
  uint64_t below(uint64_t bound) { return random_() % bound; }
  bool chance(int percent) { return below(100) < static_cast<uint64_t>(percent); }

  void message(const MessageInfo& info, void* object, int depth) {
    if (info.jsonForm == JsonForm::RawUnknown) {
      static_cast<Bytes*>(info.fields[1].in(object))->data = "{\"a\":1}";
      *static_cast<std::string*>(info.fields[3].in(object)) = "application/json";
      return;
    }
    if (info.jsonForm != JsonForm::Object) return schemaForm(info, object, depth);
    for (const FieldInfo& f : info.fields) field(f, f.in(object), depth);
  }

  /// One of the two: their JSON has room for no more.
  void schemaForm(const MessageInfo& info, void* object, int depth) {
    bool orBool = info.jsonForm == JsonForm::SchemaOrBool;
    const FieldInfo& schema = info.fields[orBool ? 1 : 0];
    const FieldInfo& other = info.fields[orBool ? 0 : 1];
    if (depth < kDeep && budget_ > 0 && chance(50)) {
      auto& box = *static_cast<BoxBase*>(schema.in(object));
      box.pointer = schema.message->create();
      message(*schema.message, box.pointer, depth + 1);
      if (orBool) *static_cast<bool*>(other.in(object)) = true;
    } else if (orBool) {
      *static_cast<bool*>(other.in(object)) = chance(50);
    } else {
      element(other, other.container->append(other.in(object)), depth);
    }
  }

  void field(const FieldInfo& f, void* at, int depth) {
    bool deep = depth >= kDeep || budget_ == 0;
    if (budget_ > 0) --budget_;
    switch (f.shape) {
      case Shape::Value:
        if (f.type == FieldType::Message) return message(*f.message, at, depth + 1);
        if (chance(60)) element(f, at, depth);
        return;
      case Shape::Box:
        if (deep || !chance(50)) return;
        static_cast<BoxBase*>(at)->pointer = f.message->create();
        message(*f.message, static_cast<BoxBase*>(at)->pointer, depth + 1);
        return;
      case Shape::Optional:
        if (!chance(50)) return;
        visitType(f.type, [&](auto tag) {
          using T = typename decltype(tag)::type;
          fill(static_cast<std::optional<T>*>(at)->emplace());
        });
        return;
      case Shape::Vector:
        if (deep && f.type == FieldType::Message) return;
        for (uint64_t n = below(3); n > 0; --n) element(f, f.container->append(at), depth);
        return;
      case Shape::Map:
        if (deep && f.type == FieldType::Message) return;
        for (uint64_t n = below(4); n > 0; --n) {
          bool added = false;
          void* slot = f.container->insert(at, "k" + text(), &added);
          if (added) element(f, slot, depth);
        }
        return;
    }
  }

  void element(const FieldInfo& f, void* at, int depth) {
    if (f.type == FieldType::Message) return message(*f.message, at, depth + 1);
    visitType(f.type, [&](auto tag) { fill(*static_cast<typename decltype(tag)::type*>(at)); });
  }

  std::string text() {
    static constexpr std::string_view kPieces[] = {"a",
                                                   "Z",
                                                   "0",
                                                   "-",
                                                   "/",
                                                   " ",
                                                   "<",
                                                   ">",
                                                   "&",
                                                   "\"",
                                                   "\\",
                                                   "\n",
                                                   "\t",
                                                   "\x01",
                                                   "\x7f",
                                                   "\xc3\xa4",
                                                   "\xe2\x80\xa8",
                                                   "\xe2\x82\xac",
                                                   "\xf0\x9f\x9a\x80",
                                                   "name",
                                                   "example.com"};
    std::string result;
    for (uint64_t n = below(6); n > 0; --n) result += kPieces[below(std::size(kPieces))];
    return result;
  }
  int64_t number() {
    static constexpr int64_t kEdges[] = {0, 1, -1, 127, 128, 255, 16384, INT64_MAX, INT64_MIN};
    return chance(50) ? kEdges[below(std::size(kEdges))] : static_cast<int64_t>(random_());
  }
  int64_t seconds() { return static_cast<int64_t>(below(4'000'000'000)) - 1'000'000'000; }

  void fill(std::string& v) { v = text(); }
  void fill(Bytes& v) {
    v.data = "b";
    for (uint64_t n = below(9); n > 0; --n) v.data.push_back(static_cast<char>(below(256)));
  }
  void fill(bool& v) { v = chance(70); }
  void fill(int32_t& v) { v = static_cast<int32_t>(number()); }
  void fill(int64_t& v) { v = number(); }
  void fill(uint32_t& v) { v = static_cast<uint32_t>(number()); }
  void fill(uint64_t& v) { v = static_cast<uint64_t>(number()); }
  void fill(double& v) { v = static_cast<double>(number()) / 1024; }
  void fill(float& v) { v = static_cast<float>(number()) / 1024; }
  void fill(std::vector<std::string>& v) { v.assign(1 + below(2), text()); }
  void fill(Quantity& v) {
    static constexpr std::string_view kTexts[] = {"0",  "1",  "100m", "1500m", "64Mi",     "1Gi",
                                                  "5G", "-3", "12e6", "1n",    "123456789"};
    v = Quantity::parse(kTexts[below(std::size(kTexts))]).value();
  }
  void fill(IntOrString& v) {
    if (chance(50)) {
      v = IntOrString(static_cast<int32_t>(number()));
    } else {
      v = IntOrString(text());
    }
  }
  void fill(Time& v) { v = Time::fromUnix(seconds()); }
  void fill(MicroTime& v) {
    v = MicroTime::fromUnix(seconds(), static_cast<int32_t>(below(1000000)));
  }
  void fill(GoDuration& v) { v.nanos = number() / 4; }
  template <typename Raw>
  requires requires(Raw r) { r.raw; }
  void fill(Raw& v) {
    static constexpr std::string_view kTexts[] = {"{}", "{\"a\":[1,2.5,\"x\",null,true]}", "[]",
                                                  "\"text\"", "17"};
    v.raw = kTexts[below(std::size(kTexts))];
  }

  static constexpr int kDeep = 8;
  std::mt19937_64 random_;
  uint32_t budget_ = 0;  // fields still to fill: schemas would grow without end
};

}  // namespace coxswain::api::testing
