#include <arpa/inet.h>
#include <signal.h>

#include <charconv>

#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/remote/dial.h"
#include "cli/remote/pods.h"
#include "cli/remote/ports.h"
#include "cli/remote/terminal.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::cli {

namespace {

Result<std::vector<std::string>> addressesOf(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const auto& text : texts) {
    unsigned char parsed[16];
    if (text == "localhost") {
      out.emplace_back("127.0.0.1");
      out.emplace_back("::1");
    } else if (::inet_pton(AF_INET, text.c_str(), parsed) == 1 ||
               ::inet_pton(AF_INET6, text.c_str(), parsed) == 1) {
      out.push_back(text);
    } else {
      return fault(text + " is not a valid IP");
    }
  }
  return out;
}

std::string endpoint(const std::string& ip, uint16_t port) {
  bool v6 = ip.find(':') != std::string::npos;
  return (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

struct Listening {
  std::unique_ptr<net::Listener> listener;
  uint16_t remote = 0;
};

class PortForward final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.commaList(&addresses_, "address", 0,
                    "Local addresses to listen on: IP addresses or localhost, which is both "
                    "127.0.0.1 and ::1.");
    flags.duration(&podTimeout_, "pod-running-timeout", 0,
                   "How long to wait until there is a pod.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() < 2)
      co_return session.usageError("TYPE/NAME and list of ports are required for port-forward");
    if (addresses_.empty()) addresses_ = {"localhost"};
    CO_TRY(auto addresses, addressesOf(addresses_));
    std::vector<std::string> texts(words.begin() + 1, words.end());
    CO_TRY(auto object, co_await namedObject(session, words[0]));
    auto asked = object.object;
    CO_TRY(auto pod, co_await firstPod(session, std::move(object), PodOrder::Active, podTimeout_));
    auto phase = textAt(pod, {"status", "phase"});
    if (phase != "Running")
      co_return fault("unable to forward port because pod is not running. Current status=" + phase);
    CO_TRY(auto ports, forwardedPorts(asked, pod, texts));
    CO_TRY(auto* rest, session.rest());
    auto forwarder = co_await dialPorts(*rest, namespaceOf(pod), nameOf(pod), {});
    if (!forwarder.ok())
      co_return isUnreachable(forwarder.status())
          ? fault("error upgrading connection: " + forwarder.status().message())
          : forwarder.status();
    std::vector<Listening> listening;
    Status status = listen(session, addresses, ports, listening);
    if (status.ok()) status = co_await serve(session, **forwarder, listening);
    co_await (*forwarder)->close();
    co_return status;
  }

 private:
  Status listen(Session& session, const std::vector<std::string>& addresses,
                std::vector<ForwardedPort>& ports, std::vector<Listening>& out) {
    for (auto& port : ports) {
      Status why;
      bool any = false;
      for (const auto& address : addresses) {
        auto listener = net::Listener::listen(session.reactor(), endpoint(address, port.local));
        if (!listener.ok()) {
          why = listener.status();
          continue;
        }
        any = true;
        // Chosen once, the same for all addresses.
        if (port.local == 0) port.local = (*listener)->port();
        session.out().line("Forwarding from " + endpoint(address, port.local) + " -> " +
                           std::to_string(port.remote));
        out.push_back({std::move(*listener), port.remote});
      }
      if (!any)
        session.error("Unable to listen on port " + std::to_string(port.local) + ": " +
                      why.message() + "\n");
    }
    session.out().flush();
    if (!out.empty()) return {};
    std::string list;
    for (const auto& port : ports)
      list += (list.empty() ? "{" : " {") + std::to_string(port.local) + " " +
              std::to_string(port.remote) + "}";
    return fault("unable to listen on any of the requested ports: [" + list + "]");
  }

  Task<Status> serve(Session& session, streaming::PortForwarder& forwarder,
                     std::vector<Listening>& listening) {
    std::vector<int> ends = {SIGINT, SIGTERM};
    CO_TRY(auto signals, SignalWatch::create(session.reactor(), std::move(ends)));
    std::stop_source stop;
    std::stop_callback<RequestStop> lost(forwarder.gone(), RequestStop{stop});
    Gate gate;
    for (auto& one : listening)
      spawn(session.reactor(),
            acceptAll(session, forwarder, one, gate, stop.get_token(), gate.enter()));
    auto number = co_await signals->next(stop.get_token());
    stop.request_stop();
    co_await gate.close();
    // A signal is how it is meant to end.
    co_return number.ok() ? Status() : fault("lost connection to pod");
  }

  struct RequestStop {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };

  static Task<void> acceptAll(Session& session, streaming::PortForwarder& forwarder,
                              Listening& listening, Gate& gate, std::stop_token stop,
                              Gate::Pass pass) {
    while (true) {
      auto stream = co_await listening.listener->accept(stop);
      if (!stream.ok()) co_return;
      auto local = listening.listener->port();
      session.out().line("Handling connection for " + std::to_string(local));
      session.out().flush();
      spawn(session.reactor(), carry(session, forwarder, std::move(*stream), local,
                                     listening.remote, stop, gate.enter()));
    }
  }

  static Task<void> carry(Session& session, streaming::PortForwarder& forwarder,
                          std::unique_ptr<net::Stream> stream, uint16_t local, uint16_t remote,
                          std::stop_token stop, Gate::Pass pass) {
    Status status = co_await forwarder.forward(*stream, remote, stop);
    if (status.ok() || isCanceled(status)) co_return;
    session.error("error: an error occurred forwarding " + std::to_string(local) + " -> " +
                  std::to_string(remote) + ": " + status.message() + "\n");
  }

  std::vector<std::string> addresses_;
  Duration podTimeout_ = 1min;
};

}  // namespace

Command portForwardCommand() {
  Command command;
  command.name = "port-forward";
  command.usage = "TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]";
  command.summary = "Forward one or more local ports to a pod";
  command.details =
      "Runs until it is interrupted or the pod ends. With a service or deployment, one of its pods "
      "is taken.";
  command.examples =
      "  # Local ports 5000 and 6000 to the same ports of a pod\n"
      "  kubectl port-forward pod/web-0 5000 6000\n\n"
      "  # Local port 8443 to the port named https of a service\n"
      "  kubectl port-forward service/web 8443:https\n\n"
      "  # Any free local port; other machines may connect, too\n"
      "  kubectl port-forward --address 0.0.0.0 deployment/web :80\n";
  command.group = "Troubleshooting and Debugging Commands";
  command.make = makeVerb<PortForward>;
  return command;
}

}  // namespace coxswain::cli
