#pragma once

#include <string>

namespace coxswain::api {

namespace core::v1 {
struct PodTemplateSpec;
}

/// The template as upstream's controllers write it down before they hash it: Go's types, names and
/// values of the struct, pointers followed, maps sorted.
///
/// Exact for what an API server stores, but for amounts beyond what Go keeps in 64 bits and times
/// inside of a template's metadata. Driven by the reflect tables; Go's own names that those do not
/// have are in go_dump.cc, tested against hashes of a real cluster (helpers_test.cc).
/// Upstream: pkg/util/hash, apimachinery/pkg/util/dump (the layout is go-spew's "%#v").
std::string dumpAsGo(const core::v1::PodTemplateSpec& podTemplate);

}  // namespace coxswain::api
