#include "dns/server.h"

#include <algorithm>

#include "base/log.h"
#include "dns/directory.h"
#include "dns/forward.h"
#include "dns/message.h"
#include "dns/resolv_conf.h"
#include "dns/tcp.h"
#include "dns/zone.h"
#include "net/stream.h"
#include "net/udp.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::dns {
namespace {

const Logger kLog("dns");

constexpr size_t kTcpConnectionsMax = 256;
constexpr Duration kTcpIdle = 10s;
/// Datagrams that are answered before others of the reactor get their turn.
constexpr int kBurst = 64;
/// Questions that wait for upstream servers; more are not answered.
constexpr size_t kWaitingMax = 2000;

constexpr size_t kTcpSizeMax = 65535;

}  // namespace

struct Server::Impl {
  Impl(client::Informers& informers, Reactor& r, Random& rnd, ServerOptions o)
      : reactor(r), random(rnd), options(std::move(o)), directory(informerDirectory(informers)) {}

  Status start() {
    auto domain = Name::parse(options.domain);
    if (!domain || domain->size() == 0)
      return badRequest("\"" + options.domain + "\" is not a domain");
    ZoneOptions zoneOptions;
    zoneOptions.domain = *std::move(domain);
    zoneOptions.podNames = options.podNames;
    zone.emplace(*directory, random, std::move(zoneOptions));
    ForwardOptions forward;
    for (const auto& upstream : options.upstreams) {
      TRY(auto address, upstreamWithPort(upstream));
      forward.upstreams.push_back(std::move(address));
    }
    if (options.upstreams.empty() && !options.resolvConf.empty()) {
      resolvConf.emplace(options.files ? *options.files : systemFiles, options.resolvConf,
                         options.ours);
    }
    forward.cache.entriesMax = options.cacheEntriesMax;
    forwarder.emplace(reactor, random, std::move(forward));
    lookForUpstreams();
    if (options.listen.empty()) return badRequest("the name server needs an address to listen on");
    for (const auto& address : options.listen) TRY_STATUS(listen(address));
    for (auto& socket : sockets) spawn(reactor, serveUdp(*this, gate.enter(), *socket));
    for (auto& listener : listeners) spawn(reactor, serveTcp(*this, gate.enter(), *listener));
    for (const auto& socket : sockets) kLog.info("serving names", {{"address", socket->address()}});
    return {};
  }

  void lookForUpstreams() {
    if (!resolvConf) return;
    if (auto servers = resolvConf->changed(reactor.now())) {
      std::string text;
      for (const auto& server : *servers) text += (text.empty() ? "" : ",") + server;
      kLog.info("upstream servers", {{"servers", text}, {"from", options.resolvConf}});
      forwarder->setUpstreams(std::move(*servers));
    }
  }

  /// UDP and TCP on the same port.
  Status listen(const std::string& address) {
    TRY(auto parts, net::splitHostPort(address));
    const bool v6 = parts.first.find(':') != std::string::npos;
    Status last;
    for (int attempt = 0; attempt < 20; ++attempt) {
      TRY(auto socket, net::UdpSocket::bind(reactor, address));
      auto same =
          (v6 ? "[" + parts.first + "]" : parts.first) + ":" + std::to_string(socket->port());
      auto listener = net::Listener::listen(reactor, same);
      if (listener.ok()) {
        sockets.push_back(std::move(socket));
        listeners.push_back(std::move(*listener));
        return {};
      }
      last = listener.status();
      if (socket->address() == address) break;  // the port was not the kernel's choice
    }
    return last;
  }

  static Task<void> serveUdp(Impl& self, Gate::Pass pass, net::UdpSocket& socket) {
    const auto stop = self.stopping.get_token();
    while (!stop.stop_requested()) {
      auto first = co_await socket.receive(stop);
      if (!first.ok()) {
        if (isCanceled(first.status())) co_return;
        continue;  // an ICMP error of an earlier answer
      }
      std::optional<net::Datagram> datagram(std::move(*first));
      for (int i = 0; datagram && i < kBurst; ++i) {
        self.datagram(socket, std::move(*datagram));
        datagram = i + 1 < kBurst ? socket.tryReceive() : std::nullopt;
      }
      (void)co_await sleepFor(Duration::zero(), stop);
    }
  }

  void datagram(net::UdpSocket& socket, net::Datagram datagram) {
    auto query = parseQuery(datagram.data);
    if (!query.ok()) return;
    const auto sizeMax = udpSizeOf(*query);
    if (auto answer = answerNow(*query, sizeMax)) {
      (void)socket.sendTo(*answer, datagram.peer);
      return;
    }
    if (waiting >= kWaitingMax) {
      (void)socket.sendTo(encodeError(*query, Rcode::ServFail), datagram.peer);
      return;
    }
    ++waiting;
    spawn(reactor, answerDatagram(*this, gate.enter(), socket, std::move(*query), datagram.peer));
  }

  static Task<void> answerDatagram(Impl& self, Gate::Pass pass, net::UdpSocket& socket, Query query,
                                   net::UdpPeer peer) {
    const auto sizeMax = udpSizeOf(query);
    auto answer = co_await self.answerLater(query, sizeMax);
    --self.waiting;
    (void)socket.sendTo(answer, peer);
  }

  static Task<void> serveTcp(Impl& self, Gate::Pass pass, net::Listener& listener) {
    const auto stop = self.stopping.get_token();
    while (!stop.stop_requested()) {
      auto stream = co_await listener.accept(stop);
      if (!stream.ok()) {
        if (isCanceled(stream.status())) co_return;
        (void)co_await sleepFor(10ms, stop);  // no descriptors left
        continue;
      }
      if (self.connections >= kTcpConnectionsMax) continue;  // closed by going away
      ++self.connections;
      spawn(self.reactor, serveConnection(self, self.gate.enter(), std::move(*stream)));
    }
  }

  static Task<void> serveConnection(Impl& self, Gate::Pass pass,
                                    std::unique_ptr<net::Stream> stream) {
    const auto stop = self.stopping.get_token();
    while (!stop.stop_requested()) {
      Deadline idle(kTcpIdle, stop);
      auto bytes = co_await readMessage(*stream, idle.token());
      if (!bytes.ok()) break;
      auto query = parseQuery(*bytes);
      if (!query.ok()) break;
      std::string answer;
      if (auto now = self.answerNow(*query, kTcpSizeMax))
        answer = std::move(*now);
      else
        answer = co_await self.answerLater(*query, kTcpSizeMax);
      Deadline slow(kTcpIdle, stop);
      Status written = co_await writeMessage(*stream, std::move(answer), slow.token());
      if (!written.ok()) break;
    }
    --self.connections;
  }

  /// Nullopt: other servers must be asked.
  std::optional<std::string> answerNow(const Query& query, size_t sizeMax) {
    if (query.malformed != Rcode::NoError) return encodeError(query, query.malformed);
    const auto& question = query.question;
    lookForUpstreams();
    if (question.klass != kClassIn) return encodeError(query, Rcode::Refused);
    if (auto response = zone->answer(question)) {
      if (followInside(*response, question)) return std::nullopt;
      response->recursionAvailable = forwarder->hasUpstreams();
      return encodeResponse(query, *response, sizeMax);
    }
    if (!query.recursionDesired || !forwarder->hasUpstreams())
      return encodeError(query, Rcode::Refused);
    auto kept = forwarder->cached(question, query.dnssecOk, query.checkingDisabled);
    if (!kept.answer) return std::nullopt;
    return adaptAnswer(kept.answer->bytes, kept.answer->info, query, kept.age, sizeMax);
  }

  /// Follows names to services of the cluster. True: one leads outside, where we can ask.
  bool followInside(Response& response, Question question) {
    for (int i = 0; i < 8; ++i) {
      auto target = zone->openTarget(response, question);
      if (!target) return false;
      Question next{*target, question.type, question.klass};
      auto more = zone->answer(next);
      if (!more) return forwarder->hasUpstreams();
      response.answers.insert(response.answers.end(), more->answers.begin(), more->answers.end());
      if (more->answers.empty()) return false;
    }
    return false;
  }

  Task<std::string> answerLater(Query query, size_t sizeMax) {
    const auto stop = stopping.get_token();
    auto question = query.question;
    auto inside = zone->answer(question);
    if (!inside) {
      auto reply = co_await forwarder->ask(question, query.dnssecOk, query.checkingDisabled, stop);
      if (!reply.ok()) co_return encodeError(query, Rcode::ServFail);
      co_return adaptAnswer(reply->answer->bytes, reply->answer->info, query, reply->age, sizeMax);
    }
    (void)followInside(*inside, question);
    if (auto target = zone->openTarget(*inside, question)) {
      Question next{*target, question.type, question.klass};
      auto reply = co_await forwarder->ask(next, false, false, stop);
      if (!reply.ok()) {
        co_return encodeError(query, Rcode::ServFail);
      }
      for (auto record : reply->answer->info.records) {
        record.ttl -= std::min(record.ttl, reply->age);
        inside->answers.push_back(std::move(record));
      }
    }
    co_return encodeResponse(query, *inside, sizeMax);
  }

  Reactor& reactor;
  Random& random;
  ServerOptions options;
  std::unique_ptr<Directory> directory;
  SystemFiles systemFiles;
  std::optional<ResolvConf> resolvConf;
  std::optional<Zone> zone;
  std::optional<Forwarder> forwarder;
  std::vector<std::unique_ptr<net::UdpSocket>> sockets;
  std::vector<std::unique_ptr<net::Listener>> listeners;
  size_t connections = 0;
  size_t waiting = 0;
  Gate gate;
  std::stop_source stopping;
};

Server::Server(client::Informers& informers, Reactor& reactor, Random& random,
               ServerOptions options)
    : impl_(std::make_unique<Impl>(informers, reactor, random, std::move(options))) {}

Server::~Server() = default;

Status Server::start() {
  return impl_->start();
}

Task<void> Server::stop() {
  impl_->stopping.request_stop();
  co_await impl_->gate.close();
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> out;
  for (const auto& socket : impl_->sockets) out.push_back(socket->address());
  return out;
}

}  // namespace coxswain::dns
