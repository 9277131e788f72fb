#include "cli/framework/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/meta/time.h"
#include "cli/framework/errors.h"
#include "cli/resources/mapper.h"

namespace coxswain::cli {

namespace {
constexpr std::string_view kUserAgent = "kubectl/v1.36.2 (linux) coxswain";

Result<Duration> requestTimeout(const std::string& text) {
  if (!text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
      text.size() < 10) {
    return Duration(std::chrono::seconds(std::stol(text)));
  }
  auto parsed = api::GoDuration::parse(text);
  if (!parsed.ok()) {
    return fault(
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer "
        "followed by a corresponding time unit (e.g. 1s | 2m | 3h)");
  }
  return parsed->duration();
}
}  // namespace

void GlobalFlags::declare(FlagSet& flags) {
  flags.text(&kubeconfig, "kubeconfig", 0, "Path of the kubeconfig file to use.");
  flags.text(&overrides.context, "context", 0, "The kubeconfig context to use.");
  flags.text(&overrides.cluster, "cluster", 0, "The kubeconfig cluster to use.");
  flags.text(&overrides.user, "user", 0, "The kubeconfig user to use.");
  flags.text(&overrides.ns, "namespace", 'n', "The namespace to work in.");
  flags.text(&overrides.server, "server", 's', "Address and port of the API server.");
  flags.text(&overrides.token, "token", 0, "Bearer token for authentication.");
  flags.text(&overrides.username, "username", 0, "Username for basic authentication.");
  flags.text(&overrides.password, "password", 0, "Password for basic authentication.");
  flags.text(&overrides.caFile, "certificate-authority", 0,
             "File with certificates of the authority that vouches for the server.");
  flags.text(&overrides.certificateFile, "client-certificate", 0, "File with our certificate.");
  flags.text(&overrides.keyFile, "client-key", 0, "File with our private key.");
  flags.text(&overrides.tlsServerName, "tls-server-name", 0,
             "Name that the server's certificate must have, instead of its host's.");
  flags.boolean(&overrides.insecure, "insecure-skip-tls-verify", 0,
                "Do not check the server's certificate. Insecure.");
  flags.text(&overrides.impersonateUser, "as", 0, "User to impersonate.");
  flags.list(&overrides.impersonateGroups, "as-group", 0,
             "Group to impersonate; may be given several times.");
  flags.text(&overrides.impersonateUid, "as-uid", 0, "UID to impersonate.");
  flags.text(&requestTimeout, "request-timeout", 0,
             "Time to wait for one answer: 1s, 2m, 3h. 0 means forever.");
  flags.integer(&verbosity, "v", 'v', "How much to tell: 6 and more show requests.");
  flags.boolean(&warningsAsErrors, "warnings-as-errors", 0,
                "End with a failure where the server warns.");
}

Session::Session(Reactor& reactor, Streams streams, const GlobalFlags& globals,
                 std::string commandPath)
    : reactor_(reactor),
      streams_(streams),
      globals_(globals),
      commandPath_(std::move(commandPath)),
      out_(streams.out),
      err_(streams.err) {}

Session::~Session() = default;

void Session::error(std::string_view text) {
  out_.flush();
  err_.write(text);
  err_.flush();
}

void Session::fail(const Status& status) {
  error(errorText(status, server()));
  if (exitCode_ == 0) exitCode_ = 1;
}

Status Session::usageError(std::string_view message) const {
  return fault(std::string(message) + "\nSee '" + commandPath_ + " -h' for help and examples");
}

std::string Session::server() const {
  if (!config_) return {};
  std::string_view url = config_->client.server;
  auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find('/')));
}

Result<const client::ResolvedConfig*> Session::config() {
  if (config_) return &*config_;
  auto paths = client::KubeConfigPaths::find(globals_.kubeconfig);
  auto loaded = client::KubeConfig::load(paths);
  if (!loaded.ok()) return asFault(loaded.status());
  auto resolved = client::resolveConfig(*loaded, globals_.overrides);
  if (!resolved.ok()) return asFault(resolved.status());
  if (loaded->empty() && globals_.overrides.server.empty()) {
    if (auto inside = client::inClusterConfig(); inside.ok()) {
      resolved->client = std::move(*inside);
      auto ns = client::readWholeFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace");
      if (ns.ok() && !ns->empty() && !namespaceGiven()) resolved->ns = std::move(*ns);
    }
  }
  TRY(resolved->client.timeout, requestTimeout(globals_.requestTimeout));
  resolved->client.userAgent = kUserAgent;
  resolved->client.protobuf = false;
  resolved->client.onWarning = [this](std::string_view text) {
    warned_ = true;
    warn(text);
  };
  if (globals_.verbosity >= 6) {
    resolved->client.onAnswer = [this](std::string_view method, std::string_view target, int status,
                                       Duration took) {
      error(fmt::format("{} {}{} {} in {} milliseconds\n", method, config_->client.server, target,
                        status == 0 ? "failed" : std::to_string(status), took / 1ms));
    };
  }
  config_ = std::move(*resolved);
  return &*config_;
}

Result<std::string> Session::ns() {
  TRY(const auto* resolved, config());
  return resolved->ns;
}

Result<client::RestClient*> Session::rest() {
  if (rest_) return rest_.get();
  TRY(const auto* resolved, config());
  auto made = client::RestClient::create(reactor_, resolved->client);
  if (!made.ok()) return asFault(made.status());
  rest_ = std::move(*made);
  return rest_.get();
}

Task<Result<Mapper*>> Session::mapper() {
  if (mapper_) co_return mapper_.get();
  CO_TRY(auto* client, rest());
  CO_TRY(auto resources, co_await discover(*client));
  mapper_ = std::make_unique<Mapper>(std::move(resources));
  co_return mapper_.get();
}

Task<void> Session::close() {
  out_.flush();
  if (rest_) co_await rest_->close();
  if (warned_ && globals_.warningsAsErrors && exitCode_ == 0) {
    error("error: 1 warning received\n");
    exitCode_ = 1;
  }
}

}  // namespace coxswain::cli
