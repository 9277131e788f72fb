#include "dns/forward.h"

#include "dns/tcp.h"
#include "net/stream.h"
#include "net/udp.h"
#include "runtime/spawn.h"

namespace coxswain::dns {

Forwarder::Forwarder(Reactor& reactor, Random& random, ForwardOptions options)
    : reactor_(reactor), random_(random), options_(std::move(options)), cache_(options_.cache) {}

void Forwarder::setUpstreams(std::vector<std::string> upstreams) {
  options_.upstreams = std::move(upstreams);
  cache_.clear();
}

Forwarder::Reply Forwarder::cached(const Question& question, bool dnssecOk, bool checkingDisabled) {
  auto hit = cache_.find(Cache::keyOf(question, dnssecOk, checkingDisabled), reactor_.now());
  return {std::move(hit.answer), hit.age};
}

Task<Result<Forwarder::Reply>> Forwarder::ask(Question question, bool dnssecOk,
                                              bool checkingDisabled, std::stop_token stop) {
  auto kept = cached(question, dnssecOk, checkingDisabled);
  if (kept.answer) co_return std::move(kept);
  if (options_.upstreams.empty())
    co_return Status(Reason::NotFound, 404, "no upstream server is configured");
  const auto key = Cache::keyOf(question, dnssecOk, checkingDisabled);
  if (auto flying = flights_.find(key); flying != flights_.end()) {
    auto flight = flying->second;
    CO_TRY_STATUS(co_await flight->done.wait(stop));
    if (!flight->result.ok()) co_return flight->result.status();
    co_return Reply{*flight->result, 0};
  }
  if (flights_.size() >= options_.queriesMax)
    co_return tooManyRequests("too many questions are being forwarded", 1);
  auto flight = std::make_shared<Flight>();
  flights_[key] = flight;
  Wanted wanted{std::move(question), dnssecOk, checkingDisabled};
  flight->result = co_await askAll(std::move(wanted), stop);
  flights_.erase(key);
  flight->done.set();
  if (!flight->result.ok()) co_return flight->result.status();
  cache_.put(key, *flight->result, reactor_.now());
  co_return Reply{*flight->result, 0};
}

Task<Result<AnswerPointer>> Forwarder::askAll(Wanted wanted, std::stop_token stop) {
  Result<AnswerPointer> last{timeoutError("no upstream server answered")};
  const auto upstreams = options_.upstreams;  // they may change meanwhile
  for (int round = 0; round < options_.rounds; ++round) {
    for (const auto& upstream : upstreams) {
      auto answer = co_await askOne(wanted, upstream, stop);
      if (stop.stop_requested()) co_return canceled();
      if (answer.ok()) {
        const auto code = (*answer)->info.rcode;
        if (code == Rcode::NoError || code == Rcode::NxDomain) co_return answer;
        // Another one may know better; if none does, this is the answer.
        last = std::move(answer);
      } else if (!last.ok()) {
        last = answer.status();
      }
    }
    if (last.ok()) co_return last;
  }
  co_return last;
}

Task<Result<AnswerPointer>> Forwarder::askOne(const Wanted& wanted, const std::string& upstream,
                                              std::stop_token stop) {
  Deadline deadline(options_.timeout, stop);
  auto answer = co_await overUdp(wanted, upstream, deadline.token());
  if (answer.ok() && (*answer)->info.truncated) {
    Deadline again(options_.timeout, stop);
    auto whole = co_await overTcp(wanted, upstream, again.token());
    // A server without TCP: what it could say is better than nothing.
    if (whole.ok()) answer = std::move(whole);
  }
  if (!answer.ok() && deadline.expired())
    co_return timeoutError("upstream " + upstream + " did not answer");
  co_return answer;
}

Task<Result<AnswerPointer>> Forwarder::overUdp(const Wanted& wanted, const std::string& upstream,
                                               std::stop_token stop) {
  CO_TRY(auto socket, net::UdpSocket::connect(reactor_, upstream));
  const auto id = static_cast<uint16_t>(random_.next());
  CO_TRY_STATUS(
      socket->send(encodeQuery(id, wanted.question, wanted.dnssecOk, wanted.checkingDisabled)));
  while (true) {
    CO_TRY(auto datagram, co_await socket->receive(stop));
    auto info = inspectAnswer(datagram.data, wanted.question);
    // Something else's answer, or a forged one: the right one may still come.
    if (!info.ok() || info->id != id) continue;
    ForwardedAnswer answer{std::move(datagram.data), std::move(*info)};
    co_return AnswerPointer(std::make_shared<const ForwardedAnswer>(std::move(answer)));
  }
}

Task<Result<AnswerPointer>> Forwarder::overTcp(const Wanted& wanted, const std::string& upstream,
                                               std::stop_token stop) {
  CO_TRY(auto stream, co_await net::dial(reactor_, upstream, stop));
  const auto id = static_cast<uint16_t>(random_.next());
  auto query = encodeQuery(id, wanted.question, wanted.dnssecOk, wanted.checkingDisabled);
  CO_TRY_STATUS(co_await writeMessage(*stream, std::move(query), stop));
  CO_TRY(auto bytes, co_await readMessage(*stream, stop));
  CO_TRY(auto info, inspectAnswer(bytes, wanted.question));
  if (info.id != id) co_return badRequest("the answer has another id");
  ForwardedAnswer answer{std::move(bytes), std::move(info)};
  co_return AnswerPointer(std::make_shared<const ForwardedAnswer>(std::move(answer)));
}

}  // namespace coxswain::dns
