#include "apiserver/flow_control/classifier.h"

#include <algorithm>
#include <functional>

namespace coxswain::apiserver::flow {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT

constexpr std::string_view kAll = "*";
constexpr std::string_view kServiceAccounts = "system:serviceaccount:";

bool has(std::span<const std::string> list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}
bool hasOrAll(std::span<const std::string> list, std::string_view value) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& one) { return one == kAll || one == value; });
}

/// "system:serviceaccount:NAMESPACE:NAME" without making it.
bool isAccount(std::string_view user, const ServiceAccountSubject& account) {
  if (!user.starts_with(kServiceAccounts)) return false;
  user.remove_prefix(kServiceAccounts.size());
  if (!user.starts_with(account.namespace_)) return false;
  user.remove_prefix(account.namespace_.size());
  if (!user.starts_with(':')) return false;
  return account.name == kAll || user.substr(1) == account.name;
}

bool matchesSubject(const Subject& subject, const RequestDigest& request) {
  if (subject.kind == kSubjectKindUser) {
    return subject.user && (subject.user->name == kAll || subject.user->name == request.user);
  }
  if (subject.kind == kSubjectKindGroup) {
    return subject.group &&
           (subject.group->name == kAll || has(request.groups, subject.group->name));
  }
  return subject.serviceAccount && isAccount(request.user, *subject.serviceAccount);
}

/// Of "pods" and "pods/status".
bool isResource(std::string_view rule, const RequestDigest& request) {
  if (rule == kAll) return true;
  if (request.subresource.empty()) return rule == request.resource;
  return rule.size() == request.resource.size() + 1 + request.subresource.size() &&
         rule.starts_with(request.resource) && rule[request.resource.size()] == '/' &&
         rule.ends_with(request.subresource);
}

bool matchesResource(const ResourcePolicyRule& rule, const RequestDigest& request) {
  if (!hasOrAll(rule.verbs, request.verb) || !hasOrAll(rule.apiGroups, request.group)) return false;
  const bool named = std::any_of(rule.resources.begin(), rule.resources.end(),
                                 [&](const std::string& one) { return isResource(one, request); });
  if (!named) return false;
  return request.ns.empty() ? rule.clusterScope : hasOrAll(rule.namespaces, request.ns);
}

bool matchesPath(const NonResourcePolicyRule& rule, const RequestDigest& request) {
  if (!hasOrAll(rule.verbs, request.verb)) return false;
  return std::any_of(rule.nonResourceURLs.begin(), rule.nonResourceURLs.end(),
                     [&](std::string_view url) {
                       if (url == kAll || url == request.path) return true;
                       if (!url.ends_with("/*")) return false;
                       url.remove_suffix(1);
                       return request.path.starts_with(url);
                     });
}

bool matchesRule(const PolicyRulesWithSubjects& rule, const RequestDigest& request) {
  const bool subject =
      std::any_of(rule.subjects.begin(), rule.subjects.end(),
                  [&](const Subject& one) { return matchesSubject(one, request); });
  if (!subject) return false;
  if (request.isResource) {
    return std::any_of(rule.resourceRules.begin(), rule.resourceRules.end(),
                       [&](const auto& one) { return matchesResource(one, request); });
  }
  return std::any_of(rule.nonResourceRules.begin(), rule.nonResourceRules.end(),
                     [&](const auto& one) { return matchesPath(one, request); });
}

/// Spreads the bits (the finalizer of splitmix64).
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

bool matches(const FlowSchema& schema, const RequestDigest& request) {
  return std::any_of(schema.spec.rules.begin(), schema.spec.rules.end(),
                     [&](const auto& rule) { return matchesRule(rule, request); });
}

uint64_t flowHash(const Schema& schema, const RequestDigest& request) {
  const std::hash<std::string_view> hash;
  std::string_view by;
  if (schema.by == Schema::By::User) by = request.user;
  if (schema.by == Schema::By::Namespace) by = request.ns;
  return mix(mix(hash(schema.object->metadata.name)) ^ hash(by));
}

void dealHand(uint64_t hash, uint32_t deckSize, std::span<uint32_t> hand) {
  for (size_t dealt = 0; dealt < hand.size(); ++dealt) {
    const auto left = deckSize - static_cast<uint32_t>(dealt);
    auto card = static_cast<uint32_t>(hash % left);
    hash /= left;
    // The card-th of those still in the deck: step over the dealt ones, which are kept in order.
    size_t at = 0;
    while (at < dealt && hand[at] <= card) {
      ++card;
      ++at;
    }
    for (size_t i = dealt; i > at; --i) hand[i] = hand[i - 1];
    hand[at] = card;
  }
}

}  // namespace coxswain::apiserver::flow
