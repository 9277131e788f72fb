#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kubelet/logs/file_watch.h"
#include "kubelet/logs/log_format.h"
#include "kubelet/logs/log_line.h"
#include "kubelet/logs/log_reader.h"
#include "kubelet/logs/tail.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::kubelet::logs {
namespace {

constexpr std::string_view kStamp = "2024-05-06T07:08:09.123456789Z";

std::string entry(std::string_view content, std::string_view tag = "F",
                  std::string_view stream = "stdout", std::string_view stamp = kStamp) {
  return std::string(stamp) + " " + std::string(stream) + " " + std::string(tag) + " " +
         std::string(content) + "\n";
}

std::string show(std::string_view file, const LogOptions& options = {}) {
  LogFormatter format(options);
  std::string out;
  if (format.feed(file, out)) format.finishFile(out);
  return out;
}

TEST(LogLine, Parses) {
  auto line = parseLogLine("2016-10-06T00:17:09.669794202Z stderr P:x a  b ");
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->fromStderr);
  EXPECT_TRUE(line->partial);
  EXPECT_EQ(line->content, "a  b ");
  EXPECT_EQ(line->when.time_since_epoch().count(), 1475713029669794202);
  EXPECT_EQ(parseLogLine("2016-10-06T00:17:09Z stdout F")->content, "");
  EXPECT_EQ(parseLogLine("2016-10-06T00:17:09+02:00 stdout F x")->when.time_since_epoch().count(),
            1475705829000000000);
}

TEST(LogLine, RefusesOthers) {
  for (const char* text :
       {"", " ", "hello", "2016-10-06T00:17:09Z", "2016-10-06T00:17:09Z stdout",
        "2016-10-06T00:17:09Z stdin F x", "yesterday stdout F x", "2016-10-06T00:17:09Z stdout  x",
        "2016-13-06T00:17:09Z stdout F x", "{\"log\":\"x\"}"})
    EXPECT_FALSE(parseLogLine(text)) << text;
}

TEST(LogLine, FixedTimestamps) {
  EXPECT_EQ(fixedTimestamp("2016-10-06T00:17:09Z"), "2016-10-06T00:17:09.000000000Z");
  EXPECT_EQ(fixedTimestamp("2016-10-06T00:17:09.12Z"), "2016-10-06T00:17:09.120000000Z");
  EXPECT_EQ(fixedTimestamp("2016-10-06T00:17:09.123456789+02:00"),
            "2016-10-06T00:17:09.123456789+02:00");
}

TEST(LogFormat, LinesPartsAndRubbish) {
  EXPECT_EQ(show(entry("a") + "rubbish\n" + entry("b", "P") + entry("c") + entry("d")),
            "a\nbc\nd\n");
  EXPECT_EQ(show("2024-05-06T07:08:09Z stdout F unfinished"), "unfinished\n");
}

TEST(LogFormat, AnyPieces) {
  auto file = entry("first") + entry("se", "P") + entry("cond") + entry("", "F", "stderr");
  LogFormatter format{LogOptions()};
  std::string out;
  for (char c : file) EXPECT_TRUE(format.feed(std::string_view(&c, 1), out));
  EXPECT_EQ(out, "first\nsecond\n\n");
}

TEST(LogFormat, Timestamps) {
  LogOptions options;
  options.timestamps = true;
  EXPECT_EQ(show(entry("a", "P") + entry("b") + entry("c"), options),
            std::string(kStamp) + " ab\n" + std::string(kStamp) + " c\n");
}

TEST(LogFormat, SinceStreamsAndLimit) {
  auto file = entry("old", "F", "stdout", "2020-01-01T00:00:00Z") + entry("new") +
              entry("err", "F", "stderr");
  LogOptions since;
  since.since = *parseLogTime("2024-01-01T00:00:00Z");
  EXPECT_EQ(show(file, since), "new\nerr\n");
  LogOptions errors;
  errors.stream = LogStream::Stderr;
  EXPECT_EQ(show(file, errors), "err\n");
  LogOptions outputs;
  outputs.stream = LogStream::Stdout;
  EXPECT_EQ(show(file, outputs), "old\nnew\n");
  LogOptions limit;
  limit.limitBytes = 6;
  EXPECT_EQ(show(file, limit), "old\nne");
}

TEST(LogFormat, HugeLinesAreLeftOut) {
  auto file = entry("a") + entry(std::string(3 << 20, 'x')) + entry("b");
  EXPECT_EQ(show(file), "a\nb\n");
}

class LogFiles : public ::testing::Test {
 public:
  LogFiles() {
    char pattern[] = "/tmp/coxswain-logs-XXXXXX";
    folder = ::mkdtemp(pattern);
    path = folder + "/0.log";
  }
  ~LogFiles() override { std::filesystem::remove_all(folder); }
  void append(std::string_view text) const {
    std::ofstream(path, std::ios::app | std::ios::binary) << text;
  }
  int64_t tail(int64_t lines) const {
    int fd = ::open(path.c_str(), O_RDONLY);
    auto offset = tailOffset(fd, lines);
    ::close(fd);
    return offset.ok() ? *offset : -1;
  }
  std::string folder;
  std::string path;
};

TEST_F(LogFiles, TailOffsets) {
  append("");
  EXPECT_EQ(tail(3), 0);
  append("a\nb\nc\n");
  EXPECT_EQ(tail(0), 6);
  EXPECT_EQ(tail(1), 4);
  EXPECT_EQ(tail(2), 2);
  EXPECT_EQ(tail(3), 0);
  EXPECT_EQ(tail(9), 0);
  append("d");
  EXPECT_EQ(tail(1), 6);
  EXPECT_EQ(tail(2), 4);
}

TEST_F(LogFiles, TailAcrossBlocks) {
  std::string all;
  for (int i = 0; i < 10000; ++i) all += "line " + std::to_string(i) + "\n";
  append(all);
  for (int64_t lines : {1, 10, 999, 5000, 10000}) {
    auto first = all.find("line " + std::to_string(10000 - lines) + "\n");
    EXPECT_EQ(tail(lines), static_cast<int64_t>(first)) << lines;
  }
}

/// The test's container: runs until told otherwise; writes are seen as they come.
class Container final : public RunningCheck, public LogSink {
 public:
  Task<Result<bool>> running(std::stop_token) override {
    ++checks;
    co_return alive;
  }
  Task<Status> write(std::string_view text) override {
    seen += text;
    changed.set();
    if (failWrites) co_return unreachable("reader left");
    co_return Status();
  }
  Task<bool> awaitSeen(std::string_view text, std::stop_token stop) {
    while (seen.find(text) == std::string::npos) {
      changed.reset();
      Status waited = co_await changed.wait(stop);
      if (!waited.ok()) co_return false;
    }
    co_return true;
  }
  bool alive = true;
  bool failWrites = false;
  int checks = 0;
  std::string seen;
  Event changed;
  Status result;
  Event done;
};

Task<void> reading(Reactor& reactor, std::string path, LogOptions options, Container& container,
                   std::stop_token stop) {
  auto file = LogFile::open(path);
  container.result =
      file.ok() ? co_await readLog(reactor, std::move(*file), options, container, container, stop)
                : file.status();
  container.done.set();
}

TEST_F(LogFiles, ReadsWithoutFollowing) {
  append(entry("a") + entry("b") + entry("c"));
  Reactor reactor;
  Container container;
  LogOptions options;
  options.tailLines = 2;
  blockOn(reactor, reading(reactor, path, options, container, {}));
  EXPECT_TRUE(container.result.ok());
  EXPECT_EQ(container.seen, "b\nc\n");
  EXPECT_EQ(container.checks, 0);
}

TEST_F(LogFiles, MissingFile) {
  Reactor reactor;
  Container container;
  blockOn(reactor, reading(reactor, path, {}, container, {}));
  EXPECT_NE(container.result.message().find("failed to try resolving symlinks in path"),
            std::string::npos);
}

TEST_F(LogFiles, FollowsAppendsRotationAndTheEnd) {
  append(entry("one"));
  struct Run {
    static Task<bool> all(Reactor& reactor, LogFiles& t, Container& c) {
      Deadline deadline(240s, {});
      LogOptions options;
      options.follow = true;
      spawn(reactor, reading(reactor, t.path, options, c, deadline.token()));
      bool ok = co_await c.awaitSeen("one\n", deadline.token());
      t.append(entry("two"));
      ok = ok && co_await c.awaitSeen("two\n", deadline.token());
      std::filesystem::rename(t.path, t.path + ".20240506-070809");
      std::ofstream(t.path + ".20240506-070809", std::ios::app) << entry("last of the old");
      t.append(entry("first of the new"));
      ok = ok && co_await c.awaitSeen("first of the new\n", deadline.token());
      c.alive = false;
      t.append(entry("bye"));  // and closes the file, so that the end is noticed at once
      Status done = co_await c.done.wait(deadline.token());
      co_return ok&& done.ok();
    }
  };
  Reactor reactor;
  Container container;
  EXPECT_TRUE(blockOn(reactor, Run::all(reactor, *this, container)));
  EXPECT_TRUE(container.result.ok());
  EXPECT_EQ(container.seen, "one\ntwo\nlast of the old\nfirst of the new\nbye\n");
}

Task<std::vector<Status>> look(std::unique_ptr<FileWatch> watch) {
  std::vector<Status> out;
  out.push_back(co_await watch->wait(1ms, {}));
  watch->renew();
  std::stop_source stop;
  stop.request_stop();
  out.push_back(co_await watch->wait(1h, stop.get_token()));
  co_return out;
}

TEST_F(LogFiles, WatchingWithoutEventsEndsByItself) {
  Reactor reactor;
  auto waited = blockOn(reactor, look(FileWatch::withoutEvents(path)));
  EXPECT_TRUE(waited[0].ok());
  EXPECT_TRUE(isCanceled(waited[1]));
}

TEST_F(LogFiles, FollowingAnEndedContainerEndsAtOnce) {
  append(entry("one"));
  Reactor reactor;
  Container container;
  container.alive = false;
  LogOptions options;
  options.follow = true;
  blockOn(reactor, reading(reactor, path, options, container, {}));
  EXPECT_TRUE(container.result.ok());
  EXPECT_EQ(container.seen, "one\n");
  EXPECT_EQ(container.checks, 1);
}

TEST_F(LogFiles, StopAndLeavingReaderEndFollowing) {
  append(entry("one"));
  struct Run {
    static Task<void> all(Reactor& reactor, LogFiles& t, Container& c) {
      std::stop_source stop;
      LogOptions options;
      options.follow = true;
      spawn(reactor, reading(reactor, t.path, options, c, stop.get_token()));
      co_await c.awaitSeen("one", {});
      stop.request_stop();
      Status done = co_await c.done.wait({});
    }
  };
  Reactor reactor;
  Container container;
  blockOn(reactor, Run::all(reactor, *this, container));
  EXPECT_TRUE(isCanceled(container.result));
  Reactor second;
  Container leaving;
  leaving.failWrites = true;
  LogOptions options;
  options.follow = true;
  blockOn(second, reading(second, path, options, leaving, {}));
  EXPECT_TRUE(isUnreachable(leaving.result));
}

Result<LogOptions> parseOptions(std::string_view text) {
  auto query = net::Query::parse(text);
  return LogOptions::parse(*query, WallTime(1000s));
}

TEST(LogOptions, FromQueries) {
  auto options = parseOptions(
      "tailLines=5&follow=true&timestamps=true&previous=false&limitBytes=9&sinceSeconds=60");
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->tailLines, 5);
  EXPECT_TRUE(options->follow && options->timestamps && !options->previous);
  EXPECT_EQ(options->limitBytes, 9);
  EXPECT_EQ(options->since, WallTime(940s));
  EXPECT_EQ(parseOptions("sinceTime=1970-01-01T00:00:07Z")->since, WallTime(7s));
  EXPECT_EQ(parseOptions("stream=Stderr")->stream, LogStream::Stderr);
}

TEST(LogOptions, Refusals) {
  for (const char* text :
       {"tailLines=x", "tailLines=-1", "limitBytes=0", "sinceSeconds=0", "sinceTime=noon",
        "sinceSeconds=1&sinceTime=1970-01-01T00:00:07Z", "stream=x", "stream=Stdout&tailLines=1"})
    EXPECT_FALSE(parseOptions(text).ok()) << text;
}

}  // namespace
}  // namespace coxswain::kubelet::logs
