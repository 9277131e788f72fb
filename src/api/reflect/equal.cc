#include "api/reflect/equal.h"

#include <optional>

#include "api/reflect/box.h"
#include "api/reflect/visit.h"

namespace coxswain::api {
namespace {

template <bool kSemantic>
bool messagesEqual(const MessageInfo& info, const void* a, const void* b);

template <bool kSemantic, typename T>
bool valuesEqual(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, Quantity>) {
    return a == b && (kSemantic || a.format() == b.format());
  } else {
    return a == b;
  }
}

template <bool kSemantic>
bool elementsEqual(const FieldInfo& field, const void* a, const void* b) {
  if (field.type == FieldType::Message) return messagesEqual<kSemantic>(*field.message, a, b);
  return visitType(field.type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return valuesEqual<kSemantic>(*static_cast<const T*>(a), *static_cast<const T*>(b));
  });
}

template <bool kSemantic>
bool containersEqual(const FieldInfo& field, const void* a, const void* b) {
  const ContainerOps& ops = *field.container;
  size_t size = ops.size(a);
  if (size != ops.size(b)) return false;
  if (size == 0) return true;
  for (size_t i = 0; i < size; ++i) {
    if (field.shape == Shape::Map && ops.keyAt(a, i) != ops.keyAt(b, i)) return false;
    if (!elementsEqual<kSemantic>(field, ops.at(a, i), ops.at(b, i))) return false;
  }
  return true;
}

template <bool kSemantic>
bool fieldsEqual(const FieldInfo& field, const void* a, const void* b) {
  switch (field.shape) {
    case Shape::Value:
      return elementsEqual<kSemantic>(field, a, b);
    case Shape::Box: {
      const void* x = static_cast<const BoxBase*>(a)->pointer;
      const void* y = static_cast<const BoxBase*>(b)->pointer;
      if (!x || !y) return x == y;
      return messagesEqual<kSemantic>(*field.message, x, y);
    }
    case Shape::Optional:
      return visitType(field.type, [&](auto tag) {
        using T = std::optional<typename decltype(tag)::type>;
        const T& x = *static_cast<const T*>(a);
        const T& y = *static_cast<const T*>(b);
        if (!x || !y) return x.has_value() == y.has_value();
        return valuesEqual<kSemantic>(*x, *y);
      });
    case Shape::Vector:
    case Shape::Map:
      return containersEqual<kSemantic>(field, a, b);
  }
  return false;
}

template <bool kSemantic>
bool messagesEqual(const MessageInfo& info, const void* a, const void* b) {
  if (a == b) return true;
  for (const FieldInfo& field : info.fields) {
    if (!fieldsEqual<kSemantic>(field, field.in(a), field.in(b))) return false;
  }
  return true;
}

}  // namespace

bool equal(const MessageInfo& info, const void* a, const void* b) {
  return messagesEqual<false>(info, a, b);
}

bool semanticEqual(const MessageInfo& info, const void* a, const void* b) {
  return messagesEqual<true>(info, a, b);
}

}  // namespace coxswain::api
