#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::api {

/// What is wrong with a name, in upstream 1.36's words; empty: nothing (and nothing was allocated).
/// Each text fits behind `Invalid value: "x": `. Give them to FieldErrors::invalidEach.
using Messages = std::vector<std::string>;

inline constexpr size_t kDns1123LabelMax = 63;
inline constexpr size_t kDns1123SubdomainMax = 253;

/// At most 63: "my-name".
Messages validateDns1123Label(std::string_view value);
/// At most 253: "example.com". What most objects are named by.
Messages validateDns1123Subdomain(std::string_view value);
/// The same with underscores, for dnsConfig.searches.
Messages validateDns1123SubdomainWithUnderscore(std::string_view value);
/// "*.example.com".
Messages validateWildcardDns1123Subdomain(std::string_view value);
/// At most 63, starts with a letter.
Messages validateDns1035Label(std::string_view value);
/// Two segments at least: "example.com".
Messages validateFullyQualifiedDomainName(std::string_view value);
/// "example.com/path/to".
Messages validateDomainPrefixedPath(std::string_view value);

/// A label or annotation key, a resource or taint key: "[prefix/]name".
Messages validateQualifiedName(std::string_view value);
Messages validateLabelValue(std::string_view value);
/// "key=value" of a node selector term or the like is not meant: a whole label key.
inline Messages validateLabelKey(std::string_view value) {
  return validateQualifiedName(value);
}

Messages validateCIdentifier(std::string_view value);
/// An environment variable's name: printable ASCII without '='
/// (RelaxedEnvironmentVariableValidation).
Messages validateEnvVarName(std::string_view value);
/// The older, narrower rule.
Messages validateStrictEnvVarName(std::string_view value);
/// A key of ConfigMap or Secret data.
Messages validateConfigMapKey(std::string_view value);
Messages validateHttpHeaderName(std::string_view value);
/// An IANA service name as ports have it: at most 15, with a letter.
Messages validatePortName(std::string_view value);
/// 1..65535.
Messages validatePortNumber(int64_t port);
/// "25%".
Messages validatePercent(std::string_view value);
/// `min` to `max`, inclusive.
Messages validateInRange(int64_t value, int64_t min, int64_t max);
Messages validateUserId(int64_t value);
Messages validateGroupId(int64_t value);

/// An object name that stands in URLs: not "." or "..", no '/' or '%' (RBAC and CRD names).
Messages validatePathSegmentName(std::string_view value);
/// The same without the whole-name rules, for a generateName prefix.
Messages validatePathSegmentPrefix(std::string_view value);

/// An address of a new field or object: also canonical.
Messages validateIp(std::string_view value);
/// An address where older objects may hold sloppy ones. `unchanged`: was there before.
Messages validateIpForLegacyField(std::string_view value, bool unchanged = false);
Messages validateIpv4Address(std::string_view value);
Messages validateIpv6Address(std::string_view value);
Messages validateCidr(std::string_view value);
Messages validateCidrForLegacyField(std::string_view value, bool unchanged = false);

/// A finalizer of metadata: a qualified name; with `mustBeFullyQualified` false the standard ones
/// ("orphan", "foregroundDeletion", "kubernetes") need no domain.
Messages validateFinalizerName(std::string_view value);

/// Signature of a rule for metadata.name of a kind.
using NameRule = Messages (*)(std::string_view value);

/// generateName is checked by the name's rule after its trailing dashes, which the suffix follows,
/// are made a letter.
std::string maskTrailingDash(std::string_view generateName);

// The texts, for rules that need one alone.
std::string maxLengthMessage(size_t max);            ///< "must be no more than 63 characters"
std::string maxBytesMessage(size_t max);             ///< "must be no more than 63 bytes"
std::string rangeMessage(int64_t min, int64_t max);  ///< "must be between 1 and 65535, inclusive"
/// "text (e.g. 'a',  or 'b', regex used for validation is 'pattern')".
std::string regexMessage(std::string_view text, std::string_view pattern,
                         std::initializer_list<std::string_view> examples = {});

}  // namespace coxswain::api
