#include "kubelet/server/access.h"

#include <algorithm>

#include "net/certs.h"
#include "net/http.h"

namespace coxswain::kubelet::server {
namespace {

/// "/pods" guards itself and what is below it, but not "/podsX".
bool under(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

bool Caller::inGroup(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

std::vector<std::string> subresourcesOf(std::string_view path) {
  struct Rule {
    std::string_view prefix;
    std::string_view subresource;
    bool alsoProxy;
  };
  static constexpr Rule kRules[] = {
      {"/stats", "stats", false},     {"/metrics", "metrics", false},
      {"/logs", "log", false},        {"/checkpoint", "checkpoint", false},
      {"/statusz", "statusz", false}, {"/flagz", "configz", false},
      {"/pods", "pods", true},        {"/runningpods", "pods", true},
      {"/healthz", "healthz", true},  {"/configz", "configz", true},
  };
  for (const auto& rule : kRules) {
    if (!under(path, rule.prefix)) continue;
    std::vector<std::string> out = {std::string(rule.subresource)};
    if (rule.alsoProxy) out.emplace_back("proxy");
    return out;
  }
  return {"proxy"};
}

std::string_view verbOf(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "get";
}

Status refusal(const AccessQuestion& question) {
  return Status(Reason::Forbidden, 403,
                "Forbidden (user=" + question.caller.name + ", verb=" + question.verb +
                    ", resource=nodes, subresource(s)=[" + join(question.subresources) + "])\n");
}

Task<Status> GroupAuthorizer::authorize(AccessQuestion question, std::stop_token) {
  bool allowed = std::find(users_.begin(), users_.end(), question.caller.name) != users_.end();
  for (const auto& group : groups_) allowed = allowed || question.caller.inGroup(group);
  co_return allowed ? Status() : refusal(question);
}

Task<Result<Caller>> authenticate(const net::Request& request, TokenAuthenticator* tokens,
                                  std::stop_token stop) {
  if (request.tls && request.tls->peerVerified && !request.tls->peerCertificates.empty()) {
    CO_TRY(auto leaf, net::parseCertificate(request.tls->peerCertificates.front()));
    Caller caller;
    caller.name = leaf.commonName;
    caller.groups = leaf.organizations;
    caller.groups.emplace_back("system:authenticated");
    if (caller.name.empty()) co_return unauthorized();
    co_return std::move(caller);
  }
  constexpr std::string_view kBearer = "Bearer ";
  auto header = request.headers.get("Authorization");
  if (!tokens || header.size() <= kBearer.size() ||
      !net::equalNoCase(header.substr(0, kBearer.size()), kBearer))
    co_return unauthorized();
  auto token = header.substr(kBearer.size());
  while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
  if (token.empty()) co_return unauthorized();
  co_return co_await tokens->authenticate(std::string(token), stop);
}

}  // namespace coxswain::kubelet::server
