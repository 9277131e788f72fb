#include "net/stream.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "net/socket_stream.h"
#include "runtime/one_shot.h"
#include "runtime/spawn.h"

namespace coxswain::net {
namespace {

constexpr std::string_view kUnix = "unix://";

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Result<SocketAddress> unixAddress(const std::string& path) {
  SocketAddress address;
  auto* un = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.empty() || path.size() >= sizeof un->sun_path)
    return badRequest("socket path \"" + path + "\" is empty or too long");
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, path.c_str(), path.size() + 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

using Addresses = std::vector<SocketAddress>;

Result<Addresses> lookUp(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return unreachable("lookup " + host + ": " + ::gai_strerror(error));
  Addresses out;
  for (auto* a = found; a; a = a->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, a->ai_addr, a->ai_addrlen);
    address.size = a->ai_addrlen;
    out.push_back(address);
  }
  ::freeaddrinfo(found);
  return out;
}

std::string nameOf(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (ask(fd, address.get(), &address.size) != 0) return {};
  return formatAddress(address.get(), address.size);
}

int askPeer(int fd, sockaddr* a, socklen_t* n) {
  return ::getpeername(fd, a, n);
}
int askLocal(int fd, sockaddr* a, socklen_t* n) {
  return ::getsockname(fd, a, n);
}

Result<std::unique_ptr<Stream>> wrap(Reactor& reactor, int fd) {
  int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  auto peer = nameOf(fd, askPeer);
  auto local = nameOf(fd, askLocal);
  TRY(auto descriptor, Reactor::Descriptor::create(reactor, fd));
  return std::unique_ptr<Stream>(
      std::make_unique<SocketStream>(std::move(descriptor), std::move(peer), std::move(local)));
}

Task<Result<std::unique_ptr<Stream>>> connectTo(Reactor& reactor, SocketAddress address,
                                                std::string endpoint, std::stop_token stop) {
  int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return errnoStatus("socket", errno);
  CO_TRY(auto stream, wrap(reactor, fd));
  auto& descriptor = static_cast<SocketStream&>(*stream).descriptor();
  if (::connect(fd, address.get(), address.size) != 0) {
    if (errno != EINPROGRESS && errno != EAGAIN)
      co_return unreachable("dial " + endpoint + ": " + std::strerror(errno));
    CO_TRY_STATUS(co_await descriptor.waitWritable(stop));
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) co_return unreachable("dial " + endpoint + ": " + std::strerror(error));
  }
  co_return std::move(stream);
}

void lookUpOnThread(const std::string& host, const std::string& port,
                    OneShot<Result<Addresses>> answer) {
  // getaddrinfo blocks and cannot be stopped; the thread outlives a caller that gave up.
  std::thread([host, port, answer]() mutable { answer.set(lookUp(host, port, 0)); }).detach();
}

}  // namespace

std::string formatAddress(const sockaddr* address, socklen_t size) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address->sa_family == AF_INET) {
    auto* in = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(in->sin_port));
  }
  if (address->sa_family == AF_INET6) {
    auto* in = reinterpret_cast<const sockaddr_in6*>(address);
    auto port = std::to_string(ntohs(in->sin6_port));
    if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
      ::inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, text, sizeof text);
      return std::string(text) + ":" + port;
    }
    ::inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + port;
  }
  return "unix:";
}

Status ioStatus(const char* what, int error) {
  if (error == ECANCELED || error == EBADF) return canceled();
  return unreachable(std::string(what) + ": " + std::strerror(error));
}

Result<std::pair<std::string, std::string>> splitHostPort(std::string_view endpoint) {
  auto colon = endpoint.rfind(':');
  if (colon == std::string_view::npos)
    return badRequest("address " + std::string(endpoint) + ": missing port in address");
  auto host = endpoint.substr(0, colon);
  auto port = endpoint.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return badRequest("address " + std::string(endpoint) + ": too many colons in address");
  }
  return std::pair(std::string(host), std::string(port));
}

Task<Result<size_t>> SocketStream::read(std::span<char> buffer, std::stop_token stop) {
  while (true) {
    if (closed_) co_return canceled();
    ssize_t n = ::recv(descriptor_->fd(), buffer.data(), buffer.size(), 0);
    if (n >= 0) co_return static_cast<size_t>(n);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return ioStatus("read", errno);
    CO_TRY_STATUS(co_await descriptor_->waitReadable(stop));
  }
}

Task<Status> SocketStream::write(std::string_view data, std::stop_token stop) {
  while (!data.empty()) {
    if (closed_) co_return canceled();
    ssize_t n = ::send(descriptor_->fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      data.remove_prefix(static_cast<size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return ioStatus("write", errno);
    CO_TRY_STATUS(co_await waitToWrite(stop));
  }
  co_return Status();
}

Task<Status> SocketStream::waitToWrite(std::stop_token stop) {
  if (stallMax_ == Duration(0)) co_return co_await descriptor_->waitWritable(stop);
  Deadline deadline(stallMax_, stop);
  Status waited = co_await descriptor_->waitWritable(deadline.token());
  if (!waited.ok() && deadline.expired()) co_return unreachable("write: the peer does not read");
  co_return waited;
}

Task<Status> SocketStream::shutdownWrite(std::stop_token stop) {
  if (closed_) co_return canceled();
  if (::shutdown(descriptor_->fd(), SHUT_WR) != 0) co_return ioStatus("shutdown", errno);
  co_return Status();
}

Listener::Listener(Reactor& reactor, std::unique_ptr<Reactor::Descriptor> descriptor)
    : reactor_(reactor), descriptor_(std::move(descriptor)) {}
Listener::~Listener() {
  close();
}

void Listener::close() {
  descriptor_->close();
  if (!unixPath_.empty()) ::unlink(unixPath_.c_str());
  unixPath_.clear();
}

Result<std::unique_ptr<Listener>> Listener::listen(Reactor& reactor, const std::string& endpoint) {
  SocketAddress address;
  std::string path;
  if (endpoint.starts_with(kUnix)) {
    path = endpoint.substr(kUnix.size());
    TRY(address, unixAddress(path));
    struct stat info {};
    // Only a socket nobody will miss; never a file somebody put there.
    if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) ::unlink(path.c_str());
  } else {
    TRY(auto hostPort, splitHostPort(endpoint));
    auto host = hostPort.first == "localhost" ? std::string("127.0.0.1") : hostPort.first;
    TRY(auto addresses, lookUp(host, hostPort.second, AI_PASSIVE | AI_NUMERICHOST));
    address = addresses.front();
  }
  int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errnoStatus("socket", errno);
  TRY(auto descriptor, Reactor::Descriptor::create(reactor, fd));
  int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (::bind(fd, address.get(), address.size) != 0)
    return errnoStatus("listen " + endpoint + ": bind", errno);
  if (::listen(fd, 1024) != 0) return errnoStatus("listen " + endpoint, errno);
  std::unique_ptr<Listener> out(new Listener(reactor, std::move(descriptor)));
  out->unixPath_ = path;
  out->address_ = path.empty() ? nameOf(fd, askLocal) : endpoint;
  if (path.empty()) {
    TRY(auto bound, splitHostPort(out->address_));
    out->port_ = static_cast<uint16_t>(std::stoi(bound.second));
  }
  return out;
}

Task<Result<std::unique_ptr<Stream>>> Listener::accept(std::stop_token stop) {
  while (true) {
    int fd = ::accept4(descriptor_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) co_return wrap(reactor_, fd);
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // Out of descriptors: those in use will be given back.
      CO_TRY_STATUS(co_await sleepFor(50ms, stop));
      continue;
    }
    if (errno != EAGAIN) co_return ioStatus("accept", errno);
    CO_TRY_STATUS(co_await descriptor_->waitReadable(stop));
  }
}

Task<Result<std::unique_ptr<Stream>>> dial(Reactor& reactor, std::string endpoint,
                                           std::stop_token stop) {
  if (endpoint.starts_with(kUnix)) {
    CO_TRY(auto address, unixAddress(endpoint.substr(kUnix.size())));
    co_return co_await connectTo(reactor, address, endpoint, stop);
  }
  CO_TRY(auto hostPort, splitHostPort(endpoint));
  auto addresses = lookUp(hostPort.first, hostPort.second, AI_NUMERICHOST);
  if (!addresses.ok()) {
    OneShot<Result<Addresses>> answer;
    lookUpOnThread(hostPort.first, hostPort.second, answer);
    auto answered = co_await answer.wait(stop);
    if (!answered) co_return canceled();
    addresses = std::move(*answered);
  }
  if (!addresses.ok()) co_return addresses.status();
  Status last = unreachable("dial " + endpoint + ": no addresses");
  for (const auto& address : *addresses) {
    auto stream = co_await connectTo(reactor, address, endpoint, stop);
    if (stream.ok()) co_return std::move(stream);
    last = stream.status();
    if (isCanceled(last)) break;
  }
  co_return last;
}

}  // namespace coxswain::net
