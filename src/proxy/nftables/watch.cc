#include "proxy/nftables/watch.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace coxswain::proxy::nftables {
namespace {

constexpr uint16_t messageType(int message) {
  return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

Result<int> openNetlink(int flags, uint32_t groups) {
  int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_NETFILTER);
  if (fd < 0) return errnoStatus("netlink socket", errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  int error = errno;
  ::close(fd);
  if (error == EPERM) return Status(Reason::Forbidden, 403, "netlink: not permitted");
  return errnoStatus("netlink bind", error);
}

/// Lets through what says that a transaction has ended, and nothing of its content.
bool filterGenerations(int fd) {
  // Loads are big-endian, the field is not.
  const auto wanted = htons(messageType(NFT_MSG_NEWGEN));
  std::array<sock_filter, 4> code{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wanted, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

struct Request {
  nlmsghdr header;
  nfgenmsg family;
  nlattr name;
  char text[64];
};

/// The handle in a NEWTABLE message; nullopt: it has none.
std::optional<uint64_t> handleOf(const char* data, size_t size) {
  constexpr size_t kFixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  for (size_t at = kFixed; at + NLA_HDRLEN <= size;) {
    nlattr attribute;
    std::memcpy(&attribute, data + at, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || at + attribute.nla_len > size) return std::nullopt;
    if ((attribute.nla_type & NLA_TYPE_MASK) == NFTA_TABLE_HANDLE &&
        attribute.nla_len == NLA_HDRLEN + sizeof(uint64_t)) {
      uint64_t value = 0;
      std::memcpy(&value, data + at + NLA_HDRLEN, sizeof value);
      return be64toh(value);
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return std::nullopt;
}

Result<uint64_t> readHandle(int fd) {
  std::array<char, 8192> buffer;
  const auto size = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (size < 0) return errnoStatus("netlink receive", errno);
  nlmsghdr header{};
  if (static_cast<size_t>(size) < sizeof header) return internalError("short netlink message");
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.nlmsg_len > static_cast<size_t>(size)) return internalError("cut netlink message");
  if (header.nlmsg_type == NLMSG_ERROR) {
    nlmsgerr error{};
    if (header.nlmsg_len < NLMSG_HDRLEN + sizeof error.error)
      return internalError("short netlink error");
    std::memcpy(&error.error, buffer.data() + NLMSG_HDRLEN, sizeof error.error);
    if (error.error == -ENOENT) return uint64_t{0};
    return errnoStatus("ask for a table", -error.error);
  }
  auto handle = handleOf(buffer.data(), header.nlmsg_len);
  if (!handle) return internalError("a table without a handle");
  return *handle;
}

}  // namespace

RulesetWatch::RulesetWatch(std::unique_ptr<Reactor::Descriptor> socket)
    : socket_(std::move(socket)) {}
RulesetWatch::~RulesetWatch() = default;

Result<std::unique_ptr<RulesetWatch>> RulesetWatch::create(Reactor& reactor) {
  TRY(int fd, openNetlink(SOCK_NONBLOCK, 1U << (NFNLGRP_NFTABLES - 1)));
  if (!filterGenerations(fd)) {
    int error = errno;
    ::close(fd);
    return errnoStatus("netlink filter", error);
  }
  TRY(auto descriptor, Reactor::Descriptor::create(reactor, fd));
  return std::unique_ptr<RulesetWatch>(new RulesetWatch(std::move(descriptor)));
}

Task<Status> RulesetWatch::changed(std::stop_token stop) {
  std::array<char, 4096> ignored;
  bool heard = false;
  while (true) {
    const auto size = ::recv(socket_->fd(), ignored.data(), ignored.size(), 0);
    if (size > 0 || (size < 0 && errno == ENOBUFS)) {
      heard = true;
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
      co_return errnoStatus("netlink receive", size < 0 ? errno : EPIPE);
    } else if (errno == EAGAIN) {
      // Only after everything was read does the reactor tell of more.
      if (heard) co_return Status();
      CO_TRY_STATUS(co_await socket_->waitReadable(stop));
    }
  }
}

Result<uint64_t> tableHandle(Family family, std::string_view table) {
  Request request{};
  if (table.size() >= sizeof request.text) return badRequest("a table's name is too long");
  TRY(int fd, openNetlink(0, 0));
  std::memcpy(request.text, table.data(), table.size());
  request.name.nla_type = NFTA_TABLE_NAME;
  request.name.nla_len = static_cast<uint16_t>(NLA_HDRLEN + table.size() + 1);
  request.family.nfgen_family = family == Family::V4 ? AF_INET : AF_INET6;
  request.family.version = NFNETLINK_V0;
  request.header.nlmsg_type = messageType(NFT_MSG_GETTABLE);
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_len =
      static_cast<uint32_t>(offsetof(Request, name) + NLA_ALIGN(request.name.nla_len));
  timeval limit{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  Result<uint64_t> handle = ::send(fd, &request, request.header.nlmsg_len, 0) < 0
                                ? Result<uint64_t>(errnoStatus("netlink send", errno))
                                : readHandle(fd);
  ::close(fd);
  return handle;
}

}  // namespace coxswain::proxy::nftables
