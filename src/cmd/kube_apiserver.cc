#include <signal.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "apiserver/server/api_server.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "net/certs.h"
#include "net/http_server.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"
#include "storage/sqlite/sqlite_store.h"

namespace coxswain::cmd {
namespace {

const Logger kLog("kube-apiserver");

struct Flags {
  std::string bindAddress = "0.0.0.0";
  uint16_t securePort = 6443;
  std::string advertiseAddress;
  std::string tlsCertFile;
  std::string tlsPrivateKeyFile;
  std::string clientCaFile;
  std::string tokenAuthFile;
  std::string dataDir = "/var/lib/coxswain";
};

Result<std::string> readFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return errnoStatus("open " + path, errno);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

/// Whole or not at all; readable by the owner alone.
Status writeFile(const std::string& path, std::string_view text) {
  auto temporary = path + ".new";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    ::chmod(temporary.c_str(), 0600);
    out << text;
    if (!out.flush()) return errnoStatus("write " + temporary, errno);
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0)
    return errnoStatus("rename " + path, errno);
  return {};
}

Result<net::KeyPair> loadPair(const std::string& certificate, const std::string& key) {
  net::KeyPair pair;
  TRY(pair.certificatePem, readFile(certificate));
  TRY(pair.keyPem, readFile(key));
  return pair;
}

/// The pair under `stem`, made with `make` when it is not there.
template <typename Make>
Result<net::KeyPair> loadOrMake(const std::string& stem, Make make) {
  if (std::filesystem::exists(stem + ".crt")) return loadPair(stem + ".crt", stem + ".key");
  TRY(net::KeyPair pair, make());
  TRY_STATUS(writeFile(stem + ".key", pair.keyPem));
  TRY_STATUS(writeFile(stem + ".crt", pair.certificatePem));
  return pair;
}

struct Keys {
  net::KeyPair server;
  std::string clientCaPem;
};

Result<Keys> prepareKeys(const Flags& flags, WallTime now) {
  Keys keys;
  const bool given = !flags.tlsCertFile.empty();
  if (given != !flags.tlsPrivateKeyFile.empty()) {
    return badRequest("--tls-cert-file and --tls-private-key-file go together");
  }
  auto folder = flags.dataDir + "/pki";
  const auto notBefore = now - 1h;
  const auto notAfter = now + 24h * 3650;
  TRY(auto ca,
      loadOrMake(folder + "/ca", [&] { return net::createCa("kubernetes", notBefore, notAfter); }));
  if (given) {
    TRY(keys.server, loadPair(flags.tlsCertFile, flags.tlsPrivateKeyFile));
  } else {
    TRY(keys.server, loadOrMake(folder + "/apiserver", [&] {
          net::CertificateRequest request;
          request.commonName = "kube-apiserver";
          request.dnsNames = {"localhost", "kubernetes", "kubernetes.default",
                              "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"};
          request.ipAddresses = {"127.0.0.1"};
          if (!flags.advertiseAddress.empty() && flags.advertiseAddress != "127.0.0.1") {
            request.ipAddresses.push_back(flags.advertiseAddress);
          }
          request.server = true;
          request.notBefore = notBefore;
          request.notAfter = notAfter;
          return net::issueCertificate(ca, request);
        }));
    TRY(auto admin, loadOrMake(folder + "/admin", [&] {
          net::CertificateRequest request;
          request.commonName = "kubernetes-admin";
          request.organizations = {"system:masters"};
          request.client = true;
          request.notBefore = notBefore;
          request.notAfter = notAfter;
          return net::issueCertificate(ca, request);
        }));
  }
  keys.clientCaPem = ca.certificatePem;
  if (!flags.clientCaFile.empty()) {
    TRY(keys.clientCaPem, readFile(flags.clientCaFile));
  }
  return keys;
}

Task<Status> serveUntilSignal(Reactor& reactor, const Flags& flags, std::stop_token stop) {
  std::error_code error;
  std::filesystem::create_directories(flags.dataDir + "/pki", error);
  if (error) co_return errnoStatus("create " + flags.dataDir, error.value());
  CO_TRY(auto keys, prepareKeys(flags, reactor.wallNow()));
  apiserver::StaticTokens tokens;
  if (!flags.tokenAuthFile.empty()) {
    CO_TRY(tokens, apiserver::StaticTokens::load(flags.tokenAuthFile));
  }
  storage::SqliteOptions storeOptions;
  storeOptions.path = flags.dataDir + "/store.db";
  CO_TRY(auto store, storage::openSqliteStore(storeOptions));

  SystemRandom random;
  apiserver::ApiServerOptions options;
  options.version = COXSWAIN_VERSION;
  auto advertised = flags.advertiseAddress.empty() ? "127.0.0.1" : flags.advertiseAddress;
  options.advertiseAddress = advertised + ":" + std::to_string(flags.securePort);
  apiserver::Authenticator::Options who;
  who.tokens = std::move(tokens);
  apiserver::Authenticator authenticator(std::move(who));
  apiserver::ApiServer server(reactor, *store, authenticator, random, options);
  CO_TRY_STATUS(co_await server.bootstrap());

  net::TlsServerOptions tls;
  tls.certificatePem = keys.server.certificatePem;
  tls.keyPem = keys.server.keyPem;
  tls.clientCaPem = keys.clientCaPem;
  tls.alpn = {"h2", "http/1.1"};
  net::HttpServerOptions http;
  http.endpoint = flags.bindAddress + ":" + std::to_string(flags.securePort);
  CO_TRY(http.tls, net::TlsContext::server(tls));
  CO_TRY(auto listener, net::HttpServer::start(reactor, std::move(http), server));
  kLog.info("serving", {{"address", listener->address()}, {"data", flags.dataDir}});

  Event never;
  Status stopped = co_await never.wait(stop);
  kLog.info("stopping", {{"why", stopped}});
  co_await listener->stop(5s);
  co_return Status();
}

/// SIGINT and SIGTERM become a stop request; a second one ends the program at once.
class SignalStop {
 public:
  explicit SignalStop(Reactor& reactor) : reactor_(reactor) {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    thread_ = std::thread([this] { wait(); });
  }
  ~SignalStop() {
    done_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  void wait() {
    int number = 0;
    while (sigwait(&set_, &number) == 0 && !done_) {
      if (source_.stop_requested()) std::_Exit(130);
      reactor_.post([source = source_]() mutable { source.request_stop(); });
    }
  }
  Reactor& reactor_;
  sigset_t set_{};
  std::stop_source source_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace

int kubeApiserver(int argc, char** argv) {
  Flags flags;
  CLI::App app("The API server: the cluster's front door and the only part that touches the store",
               "kube-apiserver");
  app.add_option("--bind-address", flags.bindAddress, "address to listen on")
      ->capture_default_str();
  app.add_option("--secure-port", flags.securePort, "port to listen on")->capture_default_str();
  app.add_option("--advertise-address", flags.advertiseAddress,
                 "address that clients are told; also put into the generated certificate");
  app.add_option("--tls-cert-file", flags.tlsCertFile,
                 "server certificate (PEM); made in the data folder if not given");
  app.add_option("--tls-private-key-file", flags.tlsPrivateKeyFile, "its private key (PEM)");
  app.add_option("--client-ca-file", flags.clientCaFile,
                 "who signs client certificates; the generated CA if not given");
  app.add_option("--token-auth-file", flags.tokenAuthFile,
                 "static tokens: lines of token,user,uid,\"group1,group2\"");
  app.add_option("--data-dir", flags.dataDir, "folder of the store and the keys")
      ->capture_default_str();
  std::vector<const char*> arguments{"kube-apiserver"};
  arguments.insert(arguments.end(), argv, argv + argc);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  ::signal(SIGPIPE, SIG_IGN);
  Reactor reactor;
  SignalStop signals(reactor);
  Status status = blockOn(reactor, serveUntilSignal(reactor, flags, signals.token()));
  if (status.ok()) return 0;
  std::fprintf(stderr, "kube-apiserver: %s\n", status.message().c_str());
  return 1;
}

}  // namespace coxswain::cmd
