#include "net/udp.h"

#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "net/socket_stream.h"
#include "net/stream.h"

namespace coxswain::net {
namespace {

constexpr size_t kDatagramMax = 65535;

struct AddressInfo {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<AddressInfo> numericAddress(const std::string& endpoint) {
  TRY(auto parts, splitHostPort(endpoint));
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  const char* host = parts.first.empty() ? nullptr : parts.first.c_str();
  if (::getaddrinfo(host, parts.second.c_str(), &hints, &found) != 0 || !found)
    return badRequest("\"" + endpoint + "\" is not an address and port");
  AddressInfo address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

union ControlBuffer {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
};

std::string localOf(msghdr& message) {
  for (auto* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return std::string(reinterpret_cast<const char*>(&info.ipi_addr), sizeof info.ipi_addr);
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return std::string(reinterpret_cast<const char*>(&info.ipi6_addr), sizeof info.ipi6_addr);
    }
  }
  return {};
}

/// Makes the datagram leave from `local`.
template <typename Info>
void putInfo(msghdr& message, ControlBuffer& control, int level, int type, const Info& info) {
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(sizeof info);
  auto* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(c), &info, sizeof info);
}

}  // namespace

std::string UdpPeer::text() const {
  return formatAddress(reinterpret_cast<const sockaddr*>(&address), size);
}

UdpSocket::UdpSocket(std::unique_ptr<Reactor::Descriptor> descriptor)
    : descriptor_(std::move(descriptor)), buffer_(kDatagramMax, '\0') {}
UdpSocket::~UdpSocket() = default;

Result<std::unique_ptr<UdpSocket>> UdpSocket::make(Reactor& reactor, const std::string& endpoint,
                                                   bool connect) {
  TRY(auto address, numericAddress(endpoint));
  const int family = address.storage.ss_family;
  int fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errnoStatus("socket", errno);
  TRY(auto descriptor, Reactor::Descriptor::create(reactor, fd));
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.storage);
  int one = 1;
  if (connect) {
    if (::connect(fd, raw, address.size) != 0)
      return unreachable("connect " + endpoint + ": " + std::strerror(errno));
  } else {
    if (family == AF_INET)
      ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
    else
      ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
    if (::bind(fd, raw, address.size) != 0) return errnoStatus("listen on udp " + endpoint, errno);
  }
  auto socket = std::unique_ptr<UdpSocket>(new UdpSocket(std::move(descriptor)));
  AddressInfo own;
  own.size = sizeof own.storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own.storage), &own.size) == 0) {
    socket->address_ = formatAddress(reinterpret_cast<const sockaddr*>(&own.storage), own.size);
    socket->port_ = ntohs(own.storage.ss_family == AF_INET
                              ? reinterpret_cast<const sockaddr_in*>(&own.storage)->sin_port
                              : reinterpret_cast<const sockaddr_in6*>(&own.storage)->sin6_port);
  }
  return socket;
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::bind(Reactor& reactor, const std::string& endpoint) {
  return make(reactor, endpoint, false);
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::connect(Reactor& reactor,
                                                      const std::string& endpoint) {
  return make(reactor, endpoint, true);
}

Result<Datagram> UdpSocket::receiveOnce() {
  Datagram datagram;
  ControlBuffer control{};
  iovec part{buffer_.data(), buffer_.size()};
  msghdr message{};
  message.msg_name = &datagram.peer.address;
  message.msg_namelen = sizeof datagram.peer.address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t n = ::recvmsg(descriptor_->fd(), &message, 0);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return timeoutError("nothing there");
    return ioStatus("receive", errno);
  }
  datagram.data.assign(buffer_.data(), static_cast<size_t>(n));
  datagram.peer.size = message.msg_namelen;
  datagram.peer.local = localOf(message);
  return datagram;
}

std::optional<Datagram> UdpSocket::tryReceive() {
  auto datagram = receiveOnce();
  if (!datagram.ok()) return std::nullopt;
  return std::move(*datagram);
}

Task<Result<Datagram>> UdpSocket::receive(std::stop_token stop) {
  while (true) {
    if (stop.stop_requested()) co_return canceled();
    auto datagram = receiveOnce();
    if (datagram.ok() || !isTimeout(datagram.status())) co_return datagram;
    CO_TRY_STATUS(co_await descriptor_->waitReadable(stop));
  }
}

Status UdpSocket::sendTo(std::string_view data, const UdpPeer& peer) {
  iovec part{const_cast<char*>(data.data()), data.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_storage*>(&peer.address);
  message.msg_namelen = peer.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control{};
  if (peer.local.size() == sizeof(in_addr)) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, peer.local.data(), sizeof info.ipi_spec_dst);
    putInfo(message, control, IPPROTO_IP, IP_PKTINFO, info);
  } else if (peer.local.size() == sizeof(in6_addr)) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, peer.local.data(), sizeof info.ipi6_addr);
    putInfo(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  if (::sendmsg(descriptor_->fd(), &message, MSG_NOSIGNAL) >= 0) return {};
  return ioStatus("send", errno);
}

Status UdpSocket::send(std::string_view data) {
  if (::send(descriptor_->fd(), data.data(), data.size(), MSG_NOSIGNAL) >= 0) return {};
  return ioStatus("send", errno);
}

}  // namespace coxswain::net
