#include "apiserver/authz/authorizer.h"

namespace coxswain::apiserver {

Verdict AuthorizerChain::authorize(const Attributes& attributes) const {
  Verdict all;
  for (const auto& link : links_) {
    auto verdict = link->authorize(attributes);
    if (!verdict.reason.empty()) {
      if (!all.reason.empty()) all.reason += "\n";
      all.reason += verdict.reason;
    }
    if (verdict.decision == Decision::NoOpinion) continue;
    all.decision = verdict.decision;
    if (verdict.allowed()) all.reason = std::move(verdict.reason);
    break;
  }
  return all;
}

Verdict MastersAuthorizer::authorize(const Attributes& attributes) const {
  if (attributes.user.inGroup("system:masters")) return {Decision::Allow, ""};
  return {};
}

Status forbiddenStatus(const Attributes& attributes, std::string_view reason) {
  const auto& info = attributes.info;
  auto who = "User \"" + attributes.user.name + "\" cannot " + info.verb;
  auto why = reason.empty() ? std::string() : ": " + std::string(reason);
  if (!info.isResource) {
    return Status(Reason::Forbidden, 403, "forbidden: " + who + " path \"" + info.path + "\"" + why)
        .withDetails({});
  }
  auto resource = info.resource + (info.group.empty() ? "" : "." + info.group);
  auto what = info.resource + (info.subresource.empty() ? "" : "/" + info.subresource);
  auto scope = info.ns.empty() ? std::string("at the cluster scope")
                               : "in the namespace \"" + info.ns + "\"";
  return forbidden(
      resource, info.name,
      who + " resource \"" + what + "\" in API group \"" + info.group + "\" " + scope + why);
}

}  // namespace coxswain::apiserver
