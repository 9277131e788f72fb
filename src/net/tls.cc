#include "net/tls.h"

#include <arpa/inet.h>

#include <cerrno>
#include <csignal>

#include "net/openssl.h"
#include "net/socket_stream.h"

namespace coxswain::net {

using namespace openssl;  // NOLINT

struct TlsContext::Impl {
  SSL_CTX* context = nullptr;
  std::string alpn;  // wire form
  bool verify = false;
  std::string serverName;
  ~Impl() { SSL_CTX_free(context); }
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

namespace {

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<SocketStream> socket, SSL* ssl)
      : socket_(std::move(socket)), ssl_(ssl) {
    SSL_set_fd(ssl_, socket_->descriptor().fd());
  }
  ~TlsStream() override {
    close();
    SSL_free(ssl_);
  }

  Task<Status> handshake(std::stop_token stop) {
    while (true) {
      ERR_clear_error();
      int n = SSL_do_handshake(ssl_);
      if (n == 1) break;
      CO_TRY_STATUS(co_await retry("tls handshake", n, stop));
    }
    learn();
    co_return Status();
  }

  Task<Result<size_t>> read(std::span<char> buffer, std::stop_token stop) override {
    while (!closed_) {
      ERR_clear_error();
      size_t got = 0;
      int n = SSL_read_ex(ssl_, buffer.data(), buffer.size(), &got);
      if (n == 1) co_return got;
      if (SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
      CO_TRY_STATUS(co_await retry("tls read", n, stop));
    }
    co_return canceled();
  }

  Task<Status> write(std::string_view data, std::stop_token stop) override {
    while (!data.empty()) {
      if (closed_) co_return canceled();
      ERR_clear_error();
      size_t done = 0;
      int n = SSL_write_ex(ssl_, data.data(), data.size(), &done);
      if (n == 1) {
        data.remove_prefix(done);
        continue;
      }
      CO_TRY_STATUS(co_await retry("tls write", n, stop));
    }
    co_return Status();
  }

  Task<Status> shutdownWrite(std::stop_token stop) override {
    while (!closed_) {
      ERR_clear_error();
      int n = SSL_shutdown(ssl_);
      if (n >= 0) co_return Status();
      CO_TRY_STATUS(co_await retry("tls shutdown", n, stop));
    }
    co_return canceled();
  }

  void close() override {
    if (closed_) return;
    closed_ = true;
    // A close_notify when it fits into the socket's buffer; nobody waits for it.
    if (SSL_is_init_finished(ssl_) && !failed_) {
      ERR_clear_error();
      SSL_shutdown(ssl_);
    }
    socket_->close();
  }
  void limitStalls(Duration longest) override { socket_->limitStalls(longest); }
  [[nodiscard]] std::string peerAddress() const override { return socket_->peerAddress(); }
  [[nodiscard]] std::string localAddress() const override { return socket_->localAddress(); }
  [[nodiscard]] const TlsInfo* tls() const override { return &info_; }

 private:
  /// Waits for what OpenSSL wants before it is called again, or says why it failed.
  Task<Status> retry(const char* what, int n, std::stop_token stop) {
    int error = SSL_get_error(ssl_, n);
    int number = errno;
    if (error == SSL_ERROR_WANT_READ) co_return co_await socket_->descriptor().waitReadable(stop);
    if (error == SSL_ERROR_WANT_WRITE) co_return co_await socket_->waitToWrite(stop);
    failed_ = true;
    if (error == SSL_ERROR_SYSCALL && number != 0) co_return ioStatus(what, number);
    long verify = SSL_get_verify_result(ssl_);
    if (!SSL_is_init_finished(ssl_) && verify != X509_V_OK) {
      ERR_clear_error();
      co_return unreachable(std::string("tls: failed to verify certificate: ") +
                            X509_verify_cert_error_string(verify));
    }
    co_return unreachable(std::string(what) + ": " + lastError());
  }

  void learn() {
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &alpn, &size);
    info_.alpn.assign(reinterpret_cast<const char*>(alpn), size);
    if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name))
      info_.serverName = name;
    X509* leaf = SSL_get0_peer_certificate(ssl_);
    if (!leaf) return;
    auto add = [this](X509* c) {
      auto der = toDer(c);
      if (der.ok()) info_.peerCertificates.push_back(std::move(*der));
    };
    add(leaf);
    auto* chain = SSL_get_peer_cert_chain(ssl_);
    // The chain has the leaf on the client's side only.
    for (int i = SSL_is_server(ssl_) ? 0 : 1; i < sk_X509_num(chain); ++i)
      add(sk_X509_value(chain, i));
    long verify = SSL_get_verify_result(ssl_);
    info_.peerVerified = verify == X509_V_OK;
    if (!info_.peerVerified) info_.verifyError = X509_verify_cert_error_string(verify);
  }

  std::unique_ptr<SocketStream> socket_;
  SSL* ssl_;
  TlsInfo info_;
  bool closed_ = false;
  bool failed_ = false;
};

int acceptAny(int, X509_STORE_CTX*) {
  return 1;
}

int chooseAlpn(SSL*, const unsigned char** out, unsigned char* outSize, const unsigned char* in,
               unsigned inSize, void* wanted) {
  auto& alpn = *static_cast<std::string*>(wanted);
  int chosen = SSL_select_next_proto(const_cast<unsigned char**>(out), outSize,
                                     reinterpret_cast<const unsigned char*>(alpn.data()),
                                     static_cast<unsigned>(alpn.size()), in, inSize);
  return chosen == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string alpnWire(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    out += static_cast<char>(name.size());
    out += name;
  }
  return out;
}

Status useCertificate(SSL_CTX* context, const std::string& certificatePem,
                      const std::string& keyPem) {
  TRY(auto chain, certificatesFromPem(certificatePem));
  TRY(auto key, privateKeyFromPem(keyPem));
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1)
    return badRequest("certificate: " + lastError());
  for (size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return badRequest("private key: " + lastError());
  return {};
}

Status trust(SSL_CTX* context, const std::string& caPem) {
  TRY(auto cas, certificatesFromPem(caPem));
  auto* store = SSL_CTX_get_cert_store(context);
  for (auto& ca : cas) X509_STORE_add_cert(store, ca.get());
  // As Go: a configured certificate is a root even where another one signed it.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

void basics(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // Forward secrecy and AEAD only, as Go's defaults.
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
}

void ignoreBrokenPipes() {
  // OpenSSL writes with write(2), which raises the signal.
  struct sigaction old {};
  if (::sigaction(SIGPIPE, nullptr, &old) == 0 && old.sa_handler == SIG_DFL)
    ::signal(SIGPIPE, SIG_IGN);
}

bool isAddress(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

Task<Result<std::unique_ptr<Stream>>> shakeHands(std::unique_ptr<Stream> raw, SSL* ssl,
                                                 std::stop_token stop) {
  auto* socket = dynamic_cast<SocketStream*>(raw.get());
  if (!socket) {
    SSL_free(ssl);
    co_return internalError("TLS needs a socket");
  }
  raw.release();
  auto stream = std::make_unique<TlsStream>(std::unique_ptr<SocketStream>(socket), ssl);
  CO_TRY_STATUS(co_await stream->handshake(stop));
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const TlsServerOptions& options) {
  ignoreBrokenPipes();
  auto impl = std::make_unique<Impl>();
  impl->context = SSL_CTX_new(TLS_server_method());
  if (!impl->context) return internalError("SSL_CTX_new: " + lastError());
  auto* context = impl->context;
  basics(context);
  TRY_STATUS(useCertificate(context, options.certificatePem, options.keyPem));
  if (!options.clientCaPem.empty()) {
    TRY_STATUS(trust(context, options.clientCaPem));
    TRY(auto cas, certificatesFromPem(options.clientCaPem));
    for (auto& ca : cas) SSL_CTX_add_client_CA(context, ca.get());
  }
  if (options.requestClientCertificate) SSL_CTX_set_verify(context, SSL_VERIFY_PEER, acceptAny);
  impl->alpn = alpnWire(options.alpn);
  if (!impl->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, chooseAlpn, &impl->alpn);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const TlsClientOptions& options) {
  ignoreBrokenPipes();
  auto impl = std::make_unique<Impl>();
  impl->context = SSL_CTX_new(TLS_client_method());
  if (!impl->context) return internalError("SSL_CTX_new: " + lastError());
  auto* context = impl->context;
  basics(context);
  if (!options.certificatePem.empty())
    TRY_STATUS(useCertificate(context, options.certificatePem, options.keyPem));
  if (!options.caPem.empty()) {
    TRY_STATUS(trust(context, options.caPem));
  } else if (!options.insecureSkipVerify) {
    SSL_CTX_set_default_verify_paths(context);
  }
  impl->verify = !options.insecureSkipVerify;
  impl->serverName = options.serverName;
  SSL_CTX_set_verify(context, impl->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  impl->alpn = alpnWire(options.alpn);
  if (!impl->alpn.empty())
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(impl->alpn.data()),
                            static_cast<unsigned>(impl->alpn.size()));
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

Task<Result<std::unique_ptr<Stream>>> TlsContext::accept(std::unique_ptr<Stream> raw,
                                                         std::stop_token stop) const {
  SSL* ssl = SSL_new(impl_->context);
  SSL_set_accept_state(ssl);
  return shakeHands(std::move(raw), ssl, std::move(stop));
}

Task<Result<std::unique_ptr<Stream>>> TlsContext::connect(std::unique_ptr<Stream> raw,
                                                          std::string host, bool offerHttp2,
                                                          std::stop_token stop) const {
  SSL* ssl = SSL_new(impl_->context);
  SSL_set_connect_state(ssl);
  if (!offerHttp2) {
    static constexpr unsigned char kHttp1[] = "\x08http/1.1";
    SSL_set_alpn_protos(ssl, kHttp1, sizeof kHttp1 - 1);
  }
  const auto& name = impl_->serverName.empty() ? host : impl_->serverName;
  if (isAddress(name)) {
    if (impl_->verify) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, name.c_str());
    if (impl_->verify) SSL_set1_host(ssl, name.c_str());
  }
  return shakeHands(std::move(raw), ssl, std::move(stop));
}

}  // namespace coxswain::net
