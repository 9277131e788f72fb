#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/reflect/info.h"
#include "api/reflect/object.h"
#include "base/result.h"

namespace coxswain::api {

/// Bounds on hostile input; more is BadRequest.
struct ProtobufLimits {
  int depth = 200;
  /// Bytes of structs and containers that a body may grow to, beyond 32 times its own size.
  size_t memory = 64U << 20;
};

/// Appends the wire form as upstream writes it: ascending numbers; scalars and messages that are
/// not pointers are always there; map entries sorted. Messages of proto3 files leave zeros out.
void encodeProtobuf(const MessageInfo& info, const void* object, std::string& out);

/// Reads into `object`, a new one (repeated fields and maps are added to). Skips unknown fields.
Status decodeProtobuf(const MessageInfo& info, std::string_view bytes, void* object,
                      const ProtobufLimits& limits = {});

template <typename T>
std::string encodeProtobuf(const T& object) {
  std::string out;
  encodeProtobuf(T::info(), &object, out);
  return out;
}

template <typename T>
Result<T> decodeProtobuf(std::string_view bytes) {
  T object;
  TRY_STATUS(decodeProtobuf(T::info(), bytes, &object));
  return object;
}

// The envelope that every Kubernetes body and stored value has: "k8s\0", then runtime.Unknown.

/// The parts of an envelope; views into its bytes.
struct Envelope {
  std::string_view apiVersion;
  std::string_view kind;
  std::string_view raw;
  std::string_view contentEncoding;
  std::string_view contentType;
};

inline constexpr std::string_view kProtobufMagic{"k8s\0", 4};

inline bool hasProtobufMagic(std::string_view bytes) {
  return bytes.starts_with(kProtobufMagic);
}

/// BadRequest where the magic is missing or the envelope is broken. Does not look into `raw`.
Result<Envelope> openEnvelope(std::string_view bytes);

/// Appends the envelope with the object in it. apiVersion and kind are those of the type unless
/// given (a type that is served under several versions; a WatchEvent).
void encodeEnvelope(const MessageInfo& info, const void* object, std::string& out,
                    std::string_view apiVersion = {}, std::string_view kind = {});
/// Around bytes that are encoded already.
void wrapEnvelope(std::string_view apiVersion, std::string_view kind, std::string_view raw,
                  std::string& out);

template <typename T>
std::string encodeEnvelope(const T& object) {
  std::string out;
  encodeEnvelope(T::info(), &object, out);
  return out;
}

/// Opens it, finds the kind and decodes. BadRequest also for a kind that is not registered.
Result<Object> decodeEnvelope(std::string_view bytes, const ProtobufLimits& limits = {});

}  // namespace coxswain::api
