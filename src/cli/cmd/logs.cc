#include "api/meta/time.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/remote/join_session.h"
#include "cli/remote/pods.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

constexpr std::string_view kExpected =
    "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
    "POD or TYPE/NAME is a required argument for the logs command";
constexpr int64_t kSelectorTail = 10;
constexpr Duration kPodTimeout = 20s;

/// One container's log to be read.
struct LogSource {
  std::string ns;
  std::string pod;
  std::string container;
};

/// Whole lines with their prefix, so that several logs do not mix within one.
class LineWriter {
 public:
  LineWriter(int fd, std::string prefix) : fd_(fd), prefix_(std::move(prefix)) {}
  bool write(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      auto feed = text.find('\n');
      rest_ += text.substr(0, feed);
      if (feed == std::string_view::npos) break;
      out += prefix_ + rest_ + "\n";
      rest_.clear();
      text.remove_prefix(feed + 1);
    }
    return writeAll(fd_, out);
  }
  /// A last line without a line feed.
  void finish() {
    if (!rest_.empty()) writeAll(fd_, prefix_ + rest_);
    rest_.clear();
  }

 private:
  int fd_;
  std::string prefix_;
  std::string rest_;
};

class Logs final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.boolean(&allContainers_, "all-containers", 0, "The logs of all containers of the pod.");
    flags.boolean(&allPods_, "all-pods", 0,
                  "The logs of all pods of the object; lines begin with their source.");
    flags.text(&container_, "container", 'c', "The container whose log is wanted.");
    flags.boolean(&follow_, "follow", 'f', "Go on with what is logged from now on.");
    flags.boolean(&ignoreErrors_, "ignore-errors", 0,
                  "A log that cannot be read (any more) is no failure.");
    flags.boolean(&insecureBackend_, "insecure-skip-tls-verify-backend", 0,
                  "The API server shall not check the kubelet's certificate.");
    flags.integer(&limitBytes_, "limit-bytes", 0, "At most so many bytes of each log.");
    flags.integer(&maxRequests_, "max-log-requests", 0,
                  "How many logs may be followed at the same time.");
    flags.duration(&podTimeout_, "pod-running-timeout", 0,
                   "How long to wait until there is a pod.");
    flags.boolean(&prefix_, "prefix", 0, "Begin each line with its pod and container.");
    flags.boolean(&previous_, "previous", 'p',
                  "The log of the container's last run instead of the present one.");
    flags.text(&selector_, "selector", 'l', "Label selector of the pods whose logs are wanted.");
    flags.duration(&since_, "since", 0, "Only lines that are not older: 5s, 2m, 3h.");
    flags.text(&sinceTime_, "since-time", 0, "Only lines from this time on (RFC 3339).");
    flags.integer(&tail_, "tail", 0,
                  "Only so many of the last lines; -1: all. With a selector 10 where not given.");
    flags.boolean(&timestamps_, "timestamps", 0, "Begin each line with its time.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    CO_TRY_STATUS(check(session, words, given));
    CO_TRY(auto sources, co_await findSources(session, words));
    if (follow_ && sources.size() > 1 && static_cast<int64_t>(sources.size()) > maxRequests_)
      co_return fault("you are attempting to follow " + std::to_string(sources.size()) +
                      " log streams, but maximum allowed concurrency is " +
                      std::to_string(maxRequests_) +
                      ", use --max-log-requests to increase the "
                      "limit");
    CO_TRY(auto* rest, session.rest());
    if (follow_ && sources.size() > 1) {
      std::vector<Task<void>> all;
      std::vector<Status> outcomes(sources.size());
      for (size_t i = 0; i < sources.size(); ++i)
        all.push_back(readInto(session, *rest, sources[i], outcomes[i]));
      co_await whenAll(std::move(all));
      for (auto& outcome : outcomes) CO_TRY_STATUS(std::move(outcome));
      co_return Status();
    }
    for (const auto& source : sources)
      CO_TRY_STATUS(co_await read(session, *rest, source, sources.size() > 1));
    co_return Status();
  }

 private:
  Status check(Session& session, const std::vector<std::string>& words, const FlagSet& given) {
    if (selector_.empty() && (words.empty() || words.size() > 2))
      return session.usageError(kExpected);
    if (!selector_.empty() && !words.empty())
      return session.usageError("only a selector (-l) or a POD name is allowed");
    if (words.size() == 2 && !container_.empty())
      return fault("only one of -c or an inline [CONTAINER] arg is allowed");
    if (words.size() == 2) container_ = words[1];
    if (!sinceTime_.empty() && given.changed("since"))
      return fault("at most one of `sinceTime` or `sinceSeconds` may be specified");
    if (allContainers_ && !container_.empty())
      return fault("--all-containers=true should not be specified with container name " +
                   container_);
    if (given.changed("limit-bytes") && limitBytes_ <= 0)
      return fault("--limit-bytes must be greater than 0");
    if (given.changed("since") && since_ <= Duration::zero())
      return fault("--since must be greater than 0");
    if (tail_ < -1) return fault("--tail must be greater than or equal to -1");
    if (!sinceTime_.empty()) {
      auto parsed = api::Time::parse(sinceTime_);
      if (!parsed.ok()) return asFault(parsed.status());
    }
    if (!selector_.empty() && !given.changed("tail")) tail_ = kSelectorTail;
    if (allPods_) prefix_ = true;
    return {};
  }

  Task<Result<std::vector<LogSource>>> findSources(Session& session,
                                                   const std::vector<std::string>& words) {
    std::vector<LogSource> out;
    if (!selector_.empty()) {
      CO_TRY(auto ns, session.ns());
      CO_TRY(auto pods, co_await podsOf(session, ns, selector_, PodOrder::Logging));
      if (pods.empty()) session.error("No resources found in " + ns + " namespace.\n");
      for (const auto& pod : pods) CO_TRY_STATUS(addPod(session, pod, out));
      co_return std::move(out);
    }
    CO_TRY(auto object, co_await namedObject(session, words[0]));
    if (allPods_ && !object.isPod()) {
      CO_TRY(auto selector, podSelectorOf(object.object));
      CO_TRY(auto pods, co_await podsOf(session, object.ns, selector, PodOrder::Logging));
      for (const auto& pod : pods) CO_TRY_STATUS(addPod(session, pod, out));
      co_return std::move(out);
    }
    size_t count = 0;
    CO_TRY(auto pod,
           co_await firstPod(session, std::move(object), PodOrder::Logging, podTimeout_, &count));
    if (count > 1)
      session.error("Found " + std::to_string(count) + " pods, using pod/" + nameOf(pod) + "\n");
    CO_TRY_STATUS(addPod(session, pod, out));
    co_return std::move(out);
  }

  Status addPod(Session& session, const json::value& pod, std::vector<LogSource>& out) {
    if (allContainers_) {
      for (const auto& container : containersOf(pod))
        out.push_back({namespaceOf(pod), nameOf(pod), container.name});
      return {};
    }
    TRY(auto container, chooseContainer(session, pod, container_, allPods_));
    out.push_back({namespaceOf(pod), nameOf(pod), container.name});
    return {};
  }

  client::RestRequest requestFor(const LogSource& source) const {
    client::RestRequest request;
    request.path = "/api/v1/namespaces/" + client::percentEncode(source.ns) + "/pods/" +
                   client::percentEncode(source.pod) + "/log";
    auto add = [&request](std::string name, std::string value) {
      request.query.emplace_back(std::move(name), std::move(value));
    };
    add("container", source.container);
    if (follow_) add("follow", "true");
    if (previous_) add("previous", "true");
    if (timestamps_) add("timestamps", "true");
    if (insecureBackend_) add("insecureSkipTLSVerifyBackend", "true");
    if (tail_ >= 0) add("tailLines", std::to_string(tail_));
    if (limitBytes_ > 0) add("limitBytes", std::to_string(limitBytes_));
    if (!sinceTime_.empty()) add("sinceTime", sinceTime_);
    if (since_ > Duration::zero()) {
      // Part of a second counts as one.
      auto seconds = std::chrono::ceil<std::chrono::seconds>(since_).count();
      add("sinceSeconds", std::to_string(seconds));
    }
    return request;
  }

  Task<Status> read(Session& session, client::RestClient& rest, LogSource source, bool byLines) {
    Status status = co_await copy(session, rest, source, byLines || prefix_);
    if (status.ok() || !ignoreErrors_) co_return status;
    session.out().flush();
    writeAll(session.streams().out, "error: " + status.message() + "\n");
    co_return Status();
  }

  Task<void> readInto(Session& session, client::RestClient& rest, LogSource source,
                      Status& outcome) {
    outcome = co_await read(session, rest, std::move(source), true);
  }

  Task<Status> copy(Session& session, client::RestClient& rest, LogSource source, bool byLines) {
    CO_TRY(auto response, co_await rest.stream(requestFor(source), {}));
    int fd = session.streams().out;
    LineWriter lines(fd, prefix_ ? "[pod/" + source.pod + "/" + source.container + "] " : "");
    while (true) {
      auto piece = co_await response->body().read({});
      if (!piece.ok()) {
        lines.finish();
        co_return fault(piece.status().message());
      }
      if (piece->empty()) break;
      bool written = byLines ? lines.write(*piece) : writeAll(fd, *piece);
      if (!written) co_return Status();  // nobody reads any more
    }
    lines.finish();
    co_return Status();
  }

  bool allContainers_ = false;
  bool allPods_ = false;
  std::string container_;
  bool follow_ = false;
  bool ignoreErrors_ = false;
  bool insecureBackend_ = false;
  int64_t limitBytes_ = 0;
  int64_t maxRequests_ = 5;
  Duration podTimeout_ = kPodTimeout;
  bool prefix_ = false;
  bool previous_ = false;
  std::string selector_;
  Duration since_{};
  std::string sinceTime_;
  int64_t tail_ = -1;
  bool timestamps_ = false;
};

}  // namespace

Command logsCommand() {
  Command command;
  command.name = "logs";
  command.usage = "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [options]";
  command.summary = "Print the logs for a container in a pod";
  command.details =
      "Prints what a container has written. With one container in the pod its name is not needed.";
  command.examples =
      "  # The log of a pod's only container, then of one of several\n"
      "  kubectl logs web-0\n  kubectl logs web-0 -c proxy\n\n"
      "  # The last 20 lines, and what comes, of a pod of a deployment\n"
      "  kubectl logs -f --tail=20 deployment/web\n\n"
      "  # The last hour of all containers of pods with a label\n"
      "  kubectl logs --since=1h -l app=web --all-containers --prefix\n\n"
      "  # Why the container ended before\n  kubectl logs -p web-0\n";
  command.group = "Troubleshooting and Debugging Commands";
  command.make = makeVerb<Logs>;
  return command;
}

}  // namespace coxswain::cli
