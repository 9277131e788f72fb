// The API server in one thread under virtual time, from paths and bytes down to the store, with
// concurrent writers, watchers, listers, compactions, slow and broken connections and restarts. A
// model that knows the store's true history checks what every client saw: no event lost, repeated
// or out of order, selections entered and left as they should be, bookmarks never ahead, "gone"
// only where it is allowed. One number, the seed, decides a run: a failure prints it and the
// command that repeats it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/server/api_server.h"
#include "base/log.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/sync.h"
#include "storage/memory/memory_store.h"
#include "storage/sqlite/sqlite_store.h"
#include "watches/connection.h"
#include "watches/delayed_store.h"
#include "watches/model.h"

namespace coxswain {
namespace {

using storage::Revision;

constexpr std::string_view kPrefix = "/registry/pods/";
constexpr std::string_view kNamespaces[] = {"default", "kube-public"};
constexpr std::string_view kTiers[] = {"", "web", "db"};
constexpr std::string_view kPhases[] = {"Pending", "Running", "Succeeded"};
constexpr std::string_view kNodes[] = {"", "n1", "n2"};
constexpr size_t kEventsKept = 24;
constexpr size_t kWatcherEvents = 12;
constexpr int kWriters = 3;
constexpr int kWatchers = 6;
constexpr int kListers = 2;
constexpr Duration kBusy = 20s;  ///< while writers write
constexpr Duration kQuiet = 5min;

bool gSqlite = false;
bool gVerbose = false;

PodState stateOf(std::string_view stored) {
  PodState state;
  auto envelope = api::openEnvelope(stored);
  if (!envelope.ok()) return state;
  auto pod = api::decodeProtobuf<api::core::v1::Pod>(envelope->raw);
  if (!pod.ok()) return state;
  const auto& labels = pod->metadata.labels;
  if (auto tier = labels.find("tier"); tier != labels.end()) state.tier = tier->second;
  state.phase = pod->status.phase;
  state.node = pod->spec.nodeName;
  return state;
}

SeenEvent seenOf(std::string type, const boost::json::value& object) {
  SeenEvent seen;
  seen.type = std::move(type);
  seen.revision = std::strtoll(textAt(object, "/metadata/resourceVersion").c_str(), nullptr, 10);
  if (seen.type == "BOOKMARK") return seen;
  seen.key = textAt(object, "/metadata/namespace") + "/" + textAt(object, "/metadata/name");
  seen.pod = {textAt(object, "/metadata/labels/tier"), textAt(object, "/status/phase"),
              textAt(object, "/spec/nodeName")};
  return seen;
}

std::string textOf(const std::vector<SeenEvent>& events) {
  std::string out;
  for (const auto& event : events) out += "\n  " + event.text();
  return out;
}

/// A store, a server, its clients.
class World {
 public:
  explicit World(uint64_t seed)
      : executor_(seed), random_(seed * 3 + 1), serverRandom_(seed * 5 + 2), folder_(folder(seed)) {
    openStore();
    delayed_ = std::make_unique<DelayedStore>(*store_, executor_, seed * 7 + 3);
    storage::WatchRequest all;
    all.prefix = kPrefix;
    truth_ = store_->watch(std::move(all), [this](const storage::WatchDelivery& delivery) {
      for (const auto& event : delivery.events) {
        std::optional<PodState> state;
        if (event.type == storage::WatchEvent::Type::Put) state = stateOf(*event.item->value);
        model_.add(event.item->modRevision, event.item->key.substr(kPrefix.size()), state);
      }
    });
    auto tokens = apiserver::StaticTokens::parse("t,admin,1,\"system:masters\"\n");
    apiserver::Authenticator::Options options;
    options.tokens = std::move(*tokens);
    authenticator_ = std::make_unique<apiserver::Authenticator>(std::move(options));
    startServer();
  }
  ~World() {
    endConnections();
    server_.reset();
    truth_.reset();
    delayed_.reset();
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void run() {
    for (int i = 0; i < kWriters; ++i) start(writer(*this, i));
    for (int i = 0; i < kWatchers; ++i) start(watcher(*this));
    for (int i = 0; i < kListers; ++i) start(lister(*this));
    start(compactor(*this));
    const auto end = executor_.now() + kBusy;
    while (executor_.now() < end) {
      executor_.runFor(std::chrono::milliseconds(random_.below(4000)));
      if (random_.below(8) == 0) restart();
    }
    busy_ = false;
    // Everything that is open gets to see everything.
    executor_.runFor(kQuiet);
    quiet_ = true;
    endConnections();
    EXPECT_TRUE(executor_.runUntil([this] { return running_ == 0; }, 1h)) << "clients hang";
  }
  [[nodiscard]] size_t eventsSeen() const { return eventsSeen_; }
  [[nodiscard]] size_t gones() const { return gones_; }

 private:
  static std::string folder(uint64_t seed) {
    if (!gSqlite) return "";
    std::string base = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    base += "/watch_model." + std::to_string(::getpid()) + "." + std::to_string(seed);
    std::filesystem::create_directories(base);
    return base;
  }
  void openStore() {
    storage::StoreOptions options;
    options.now = [this] { return executor_.wallNow(); };
    options.ownThread = false;
    if (!gSqlite) {
      store_ = storage::makeMemoryStore(std::move(options));
      return;
    }
    storage::SqliteOptions sqlite;
    sqlite.store = std::move(options);
    sqlite.path = folder_ + "/state.db";
    auto opened = storage::openSqliteStore(std::move(sqlite));
    ASSERT_TRUE(opened.ok()) << opened.status().toString();
    store_ = std::move(*opened);
  }
  void startServer() {
    apiserver::ApiServerOptions options;
    options.watchEventsKept = kEventsKept;
    options.watcherEventsMax = kWatcherEvents;
    server_ = std::make_unique<apiserver::ApiServer>(executor_, *delayed_, *authenticator_,
                                                     serverRandom_, std::move(options));
    serverStart_ = store_->revision();
    bool done = false;
    spawn(executor_, bootstrap(*server_, done));
    ASSERT_TRUE(executor_.runUntil([&done] { return done; }, 1h));
  }
  static Task<void> bootstrap(apiserver::ApiServer& server, bool& done) {
    for (int attempt = 0; attempt < 50; ++attempt) {
      Status status = co_await server.bootstrap();
      if (status.ok()) break;
    }
    done = true;
  }
  /// The server goes away and comes back on the same store; its memory of events is gone.
  void restart() {
    if (gVerbose) std::cerr << "restart at " << store_->revision() << "\n";
    restarting_ = true;
    endConnections();
    server_.reset();
    startServer();
    restarting_ = false;
    up_.set();
  }
  void endConnections() {
    for (auto* connection : connections_) connection->leave();
    EXPECT_TRUE(executor_.runUntil([this] { return serving_ == 0; }, 1h)) << "requests hang";
  }
  void start(Task<void> task) {
    ++running_;
    spawn(executor_, counted(*this, std::move(task)));
  }
  static Task<void> counted(World& self, Task<void> task) {
    co_await std::move(task);
    --self.running_;
  }

  /// One exchange, from start to end.
  static Task<void> exchange(World& self, Connection& connection, std::string method,
                             std::string path, std::string query, std::string body,
                             std::string contentType) {
    while (self.restarting_) {
      self.up_.reset();
      (void)co_await self.up_.wait();
    }
    net::TextBody text(std::move(body));
    net::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    request.headers.add("Authorization", "Bearer t");
    if (!contentType.empty()) request.headers.add("Content-Type", std::move(contentType));
    request.body = &text;
    request.peerAddress = "127.0.0.1:1";
    request.stop = connection.stop.get_token();
    ++self.serving_;
    self.connections_.insert(&connection);
    co_await self.server_->serve(request, connection);
    if (auto rest = std::move(connection.lasting)) {
      co_await net::runToEnd(std::move(rest), connection, request.stop);
    }
    self.connections_.erase(&connection);
    --self.serving_;
  }

  template <size_t N>
  std::string oneOf(const std::string_view (&choices)[N]) {
    return std::string(choices[random_.below(N)]);
  }
  Task<void> pause(uint64_t msMax) {
    (void)co_await sleepFor(std::chrono::milliseconds(random_.below(msMax)));
  }
  Selection someSelection() {
    Selection selection;
    if (random_.below(2) == 0) selection.ns = oneOf(kNamespaces);
    if (random_.below(3) == 0) selection.tier = kTiers[1 + random_.below(2)];
    if (selection.tier.empty() && random_.below(5) == 0) selection.tierNot = "web";
    if (random_.below(4) == 0) selection.phase = oneOf(kPhases);
    if (random_.below(4) == 0) selection.node = kNodes[1 + random_.below(2)];
    return selection;
  }
  static std::string pathOf(const Selection& selection) {
    return selection.ns.empty() ? "/api/v1/pods" : "/api/v1/namespaces/" + selection.ns + "/pods";
  }
  void acknowledged(const Connection& connection) {
    if (connection.code >= 300) return;
    auto revision = textAt(connection.json(), "/metadata/resourceVersion");
    acknowledged_ = std::max<Revision>(acknowledged_, std::strtoll(revision.c_str(), nullptr, 10));
  }

  static Task<void> writer(World& self, int id) {
    while (self.busy_) {
      co_await self.pause(self.random_.below(5) == 0 ? 2000 : 120);
      const auto collection = "/api/v1/namespaces/" + self.oneOf(kNamespaces) + "/pods";
      const auto name = "p" + std::to_string(self.random_.below(6));
      const auto tier = self.oneOf(kTiers);
      Connection connection;
      std::string method = "PATCH";
      auto path = collection + "/" + name;
      std::string query;
      std::string body;
      std::string type = "application/merge-patch+json";
      switch (self.random_.below(8)) {
        case 0:
        case 1:
        case 2: {
          method = "POST";
          path = collection;
          type = "application/json";
          const auto node = self.oneOf(kNodes);
          body = R"({"metadata":{"name":")" + name + R"(","labels":{"tier":")" + tier +
                 R"("}},"spec":{"nodeName":")" + node +
                 R"(","containers":[{"name":"c","image":"i"}]}})";
          break;
        }
        case 3:
        case 4:
          body = R"({"metadata":{"labels":{"tier":)" +
                 (tier.empty() ? std::string("null") : "\"" + tier + "\"") + "}}}";
          break;
        case 5:
          path += "/status";
          body = R"({"status":{"phase":")" + self.oneOf(kPhases) + "\"}}";
          break;
        case 6:
          // Changes nothing anybody selects by.
          body = R"({"metadata":{"annotations":{"n":")" + std::to_string(self.random_.below(100)) +
                 "\"}}}";
          break;
        default:
          method = "DELETE";
          type = "";
          if (self.random_.below(3) != 0) query = "gracePeriodSeconds=0";
          if (self.random_.below(12) == 0) path = collection;
          break;
      }
      if (self.random_.below(20) == 0) connection.leave();
      co_await exchange(self, connection, method, path, query, body, type);
      const int code = connection.code;
      EXPECT_TRUE(code < 300 || code == 404 || code == 409 || code == 504 || code == 0)
          << method << " " << path << ": " << code << " " << connection.body;
      if (method != "DELETE") self.acknowledged(connection);
    }
  }

  /// A watch as the client knows it.
  struct Stream {
    Selection selection;
    Revision asked = 0;         ///< the store's when it was opened
    Revision after = 0;         ///< resourceVersion; 0: the state first
    Revision serverStart = 0;   ///< of the server it was opened at
    Revision acknowledged = 0;  ///< what the client knew to be written
    bool initialEvents = false;
    bool bookmarks = false;
    bool slow = false;
    std::vector<SeenEvent> seen;
    std::vector<Revision> storeAt;  ///< of the store, when each was seen
    Revision goneAt = 0;            ///< of the store, at a 410; 0: none
    std::string query;
  };

  static Task<void> watcher(World& self) {
    Revision resume = 0;
    Selection selection = self.someSelection();
    while (!self.quiet_) {
      Stream stream;
      if (resume == 0) selection = self.someSelection();
      stream.selection = selection;
      stream.bookmarks = self.random_.below(3) != 0;
      stream.slow = self.random_.below(5) == 0;
      std::string query = "watch=true" + selection.query();
      if (stream.bookmarks) query += "&allowWatchBookmarks=true";
      if (resume != 0) {
        stream.after = resume;
        query += "&resourceVersion=" + std::to_string(resume);
        if (self.random_.below(6) == 0) stream.initialEvents = true;
      } else if (self.random_.below(3) == 0) {
        stream.initialEvents = true;
        if (self.random_.below(2) == 0) query += "&resourceVersion=0";
      } else if (self.random_.below(2) == 0) {
        query += "&resourceVersion=0";
      }
      if (stream.initialEvents) {
        if (!stream.bookmarks) query += "&allowWatchBookmarks=true";
        stream.bookmarks = true;
        query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
      }
      // Now and then the server ends it; the last ones stay open to the end.
      const bool timed = self.busy_ && self.random_.below(3) == 0;
      if (timed) {
        query += "&timeoutSeconds=" + std::to_string(1 + self.random_.below(6));
      }
      Connection connection;
      if (stream.slow) connection.slow = std::chrono::milliseconds(self.random_.below(4000));
      std::optional<Executor::TimerId> leaving;
      if (self.busy_ && self.random_.below(2) == 0) {
        leaving = self.executor_.schedule(
            self.executor_.now() + std::chrono::milliseconds(self.random_.below(6000)),
            [&connection, &leaving] {
              leaving.reset();
              connection.leave();
            });
      }
      stream.query = query;
      connection.onLine = [&self, &stream](std::string_view line) { self.onLine(stream, line); };
      while (self.restarting_) {
        self.up_.reset();
        (void)co_await self.up_.wait();
      }
      stream.asked = self.store_->revision();
      stream.acknowledged = self.acknowledged_;
      stream.serverStart = self.serverStart_;
      co_await exchange(self, connection, "GET", pathOf(selection), query, "", "");
      if (leaving) self.executor_.cancel(*leaving);
      if (connection.code != 200 && !connection.stop.stop_requested()) {
        ADD_FAILURE() << query << ": " << connection.code << " " << connection.body;
        co_return;
      }
      // A watch that is slow is ended, so that it may go on from where it is.
      EXPECT_TRUE(timed || stream.slow || stream.goneAt != 0 || connection.stop.stop_requested())
          << "ended for no reason: " << query;
      self.check(stream, self.quiet_ && !stream.slow);
      resume = resumePoint(self, stream);
      if (stream.goneAt != 0 || self.random_.below(4) == 0) resume = 0;
      co_await self.pause(self.busy_ ? 1500 : 100);
    }
  }

  /// Up to where the client has seen everything; 0: it cannot know.
  static Revision resumePoint(const World& self, const Stream& stream) {
    if (stream.seen.empty()) return stream.initialEvents ? 0 : stream.after;
    if (stream.initialEvents) {
      for (const auto& event : stream.seen) {
        if (event.type == "BOOKMARK") return stream.seen.back().revision;
      }
      return 0;
    }
    if (stream.after != 0) return stream.seen.back().revision;
    // From 0 the state comes in no order of revision: only events and bookmarks beyond what was
    // there then say where the client is.
    const Revision last = stream.seen.back().revision;
    return stream.seen.back().type == "BOOKMARK" || last > self.lastStateOf(stream) ? last : 0;
  }
  /// The revision of the state that a watch from 0 began with, at most.
  [[nodiscard]] Revision lastStateOf(const Stream& stream) const {
    return stream.storeAt.empty() ? stream.asked : stream.storeAt.front();
  }

  void onLine(Stream& stream, std::string_view line) {
    auto frame = api::parseJsonValue(line);
    ASSERT_TRUE(frame.ok()) << line;
    const auto type = textAt(*frame, "/type");
    if (type == "ERROR") {
      ASSERT_EQ(textAt(*frame, "/object/code"), "410") << line;
      ASSERT_EQ(textAt(*frame, "/object/reason"), "Expired") << line;
      stream.goneAt = store_->revision();
      ++gones_;
      return;
    }
    ASSERT_EQ(stream.goneAt, 0) << "an event after the end: " << line;
    boost::system::error_code error;
    const auto* object = frame->find_pointer("/object", error);
    ASSERT_NE(object, nullptr) << line;
    auto seen = seenOf(type, *object);
    if (type == "BOOKMARK") {
      const bool first =
          textAt(*object, "/metadata/annotations/k8s.io~1initial-events-end") == "true";
      const bool told = std::any_of(stream.seen.begin(), stream.seen.end(),
                                    [](const auto& e) { return e.type == "BOOKMARK"; });
      EXPECT_EQ(first, stream.initialEvents && !told) << line;
      EXPECT_TRUE(first || stream.bookmarks) << line;
    }
    stream.seen.push_back(std::move(seen));
    stream.storeAt.push_back(store_->revision());
    ++eventsSeen_;
  }

  /// `whole`: everything there is must have been seen.
  void check(const Stream& stream, bool whole) {
    if (::testing::Test::HasFailure()) return;
    const Revision now = store_->revision();
    SCOPED_TRACE(pathOf(stream.selection) + "?" + stream.query + " asked at " +
                 std::to_string(stream.asked) + ", store at " + std::to_string(now) +
                 ", server since " + std::to_string(stream.serverStart) +
                 ", saw:" + textOf(stream.seen));
    Revision from = stream.after;
    std::vector<SeenEvent> rest = stream.seen;
    std::vector<Revision> storeAt = stream.storeAt;
    if (stream.goneAt != 0 && stream.seen.empty() && !stream.initialEvents && from != 0) {
      const bool forgotten = from < stream.serverStart || model_.countAfter(from) > kEventsKept;
      EXPECT_TRUE(forgotten || stream.slow) << "410 for a revision that is still known";
      return;
    }
    if (stream.initialEvents || from == 0) {
      const Revision state = checkState(stream, rest, storeAt);
      if (state < 0) return;
      if (stream.initialEvents) EXPECT_GE(state, stream.after);
      from = state;
    }
    Revision reached = from;
    std::vector<SeenEvent> events;
    for (size_t i = 0; i < rest.size(); ++i) {
      EXPECT_LE(rest[i].revision, storeAt[i]) << "from the future: " << rest[i].text();
      EXPECT_GE(rest[i].revision, reached) << "back in time: " << rest[i].text();
      if (rest[i].type == "BOOKMARK") {
        // All up to it was delivered.
        EXPECT_EQ(model_.events(stream.selection, from, rest[i].revision).size(), events.size())
            << "a bookmark ahead of its events: " << rest[i].text();
      } else {
        events.push_back(rest[i]);
      }
      reached = rest[i].revision;
    }
    auto expected = model_.events(stream.selection, from, now);
    if (whole && stream.goneAt == 0) {
      EXPECT_EQ(textOf(events), textOf(expected)) << "after " << from;
    } else {
      ASSERT_LE(events.size(), expected.size()) << "expected only:" << textOf(expected);
      const auto unseen = expected.size() - events.size();
      expected.resize(events.size());
      EXPECT_EQ(textOf(events), textOf(expected)) << "after " << from;
      EXPECT_EQ(stream.goneAt, 0) << "410 for a watch that had begun, with " << unseen << " unseen";
    }
  }

  /// The state that a watch begins with: what of it was seen is taken off; its revision, or -1
  /// where it was cut short.
  Revision checkState(const Stream& stream, std::vector<SeenEvent>& rest,
                      std::vector<Revision>& storeAt) {
    if (stream.initialEvents) {
      auto end = std::find_if(rest.begin(), rest.end(),
                              [](const auto& e) { return e.type == "BOOKMARK"; });
      if (end == rest.end()) return -1;
      const Revision state = end->revision;
      std::vector<SeenEvent> initial(rest.begin(), end);
      EXPECT_EQ(textOf(initial), textOf(model_.state(stream.selection, state))) << "initial events";
      EXPECT_GE(state, stream.acknowledged);
      const auto n = end - rest.begin();
      rest.erase(rest.begin(), end + 1);
      storeAt.erase(storeAt.begin(), storeAt.begin() + n + 1);
      return state;
    }
    // No revision was told: one at which everything fits.
    const Revision latest = storeAt.empty() ? stream.asked : storeAt.front();
    for (Revision state = stream.acknowledged; state <= latest; ++state) {
      const auto expected = model_.state(stream.selection, state);
      if (expected.size() > rest.size()) continue;
      if (!std::equal(expected.begin(), expected.end(), rest.begin())) continue;
      auto after = model_.events(stream.selection, state, store_->revision());
      size_t next = 0;
      bool fits = true;
      for (size_t i = expected.size(); i < rest.size() && fits; ++i) {
        if (rest[i].type == "BOOKMARK") continue;
        fits = next < after.size() && rest[i] == after[next++];
      }
      if (!fits) continue;
      rest.erase(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(expected.size()));
      storeAt.erase(storeAt.begin(), storeAt.begin() + static_cast<ptrdiff_t>(expected.size()));
      return state;
    }
    // Cut short within the state?
    for (Revision state = stream.acknowledged; state <= latest; ++state) {
      const auto expected = model_.state(stream.selection, state);
      if (rest.size() < expected.size() && std::equal(rest.begin(), rest.end(), expected.begin())) {
        return -1;
      }
    }
    ADD_FAILURE() << "no state of the store explains what the watch told";
    return -1;
  }

  /// Lists in pages, with pauses, while the store is compacted below them.
  static Task<void> lister(World& self) {
    while (self.busy_) {
      co_await self.pause(1500);
      const auto selection = self.someSelection();
      const auto limit = self.random_.below(4);
      std::string token;
      Revision revision = 0;
      std::string startAfter;
      std::vector<SeenEvent> items;
      for (bool first = true; first || !token.empty(); first = false) {
        Connection connection;
        std::string query = "limit=" + std::to_string(limit) + selection.query();
        Revision exact = 0;
        if (!token.empty()) query += "&continue=" + token;
        if (first && self.random_.below(5) == 0 && self.model_.last() > 0) {
          exact = 1 + static_cast<Revision>(self.random_.below(self.model_.last()));
          query += "&resourceVersion=" + std::to_string(exact);
          // Pages are exact by themselves.
          if (limit == 0 || self.random_.below(2) == 0) query += "&resourceVersionMatch=Exact";
        }
        const auto known = self.acknowledged_;
        co_await exchange(self, connection, "GET", pathOf(selection), query, "", "");
        if (connection.code == 0) break;
        const auto answer = connection.json();
        if (connection.code == 410) {
          const auto wanted = exact != 0 ? exact : revision;
          EXPECT_LT(wanted, self.store_->compactedRevision()) << query << connection.body;
          EXPECT_EQ(textAt(answer, "/reason"), "Expired");
          token = textAt(answer, "/metadata/continue");
          EXPECT_EQ(token.empty(), exact != 0) << connection.body;
          // What is left, as it is now.
          items.clear();
          revision = 0;
          continue;
        }
        EXPECT_EQ(connection.code, 200) << query << connection.body;
        if (connection.code != 200) break;
        const auto shown =
            std::strtoll(textAt(answer, "/metadata/resourceVersion").c_str(), nullptr, 10);
        if (exact != 0) {
          EXPECT_EQ(shown, exact) << query;
        } else if (revision != 0) {
          EXPECT_EQ(shown, revision) << query;
        } else if (first) {
          EXPECT_GE(shown, known) << "older than what was acknowledged";
        }
        revision = shown;
        boost::system::error_code error;
        const auto* found = answer.find_pointer("/items", error);
        EXPECT_TRUE(found && found->is_array()) << connection.body;
        if (!found || !found->is_array()) break;
        if (limit > 0) EXPECT_LE(found->get_array().size(), limit);
        for (const auto& item : found->get_array()) {
          items.push_back(seenOf("ADDED", item));
        }
        token = textAt(answer, "/metadata/continue");
        auto expected = self.model_.state(selection, revision);
        std::erase_if(expected, [&](const auto& e) { return e.key <= startAfter; });
        const bool more = !token.empty();
        if (more && expected.size() > items.size()) expected.resize(items.size());
        EXPECT_EQ(textOf(items), textOf(expected)) << query << " after " << startAfter;
        if (!items.empty() && more) {
          startAfter = items.back().key;
          items.clear();
        }
        if (self.random_.below(3) == 0) co_await self.pause(4000);
      }
    }
  }

  static Task<void> compactor(World& self) {
    while (self.busy_) {
      co_await self.pause(3000);
      const auto now = self.store_->revision();
      const auto behind = static_cast<Revision>(self.random_.below(30));
      if (now - behind > self.store_->compactedRevision()) {
        self.store_->compact(now - behind, [](Status) {});
      }
    }
  }

  sim::SimExecutor executor_;
  SeededRandom random_;
  SeededRandom serverRandom_;
  const std::string folder_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<DelayedStore> delayed_;
  Model model_;
  std::unique_ptr<storage::Watch> truth_;
  std::unique_ptr<apiserver::Authenticator> authenticator_;
  std::unique_ptr<apiserver::ApiServer> server_;
  Revision serverStart_ = 0;
  Revision acknowledged_ = 0;
  std::set<Connection*> connections_;
  int serving_ = 0;
  int running_ = 0;
  bool restarting_ = false;
  Event up_;
  bool busy_ = true;
  bool quiet_ = false;
  size_t eventsSeen_ = 0;
  size_t gones_ = 0;
};

uint64_t gSeed = 0;
uint64_t gSeeds = 15;

void runSeeds(const char* name) {
  size_t events = 0;
  size_t gones = 0;
  const uint64_t first = gSeed != 0 ? gSeed : 1;
  const uint64_t count = gSeed != 0 ? 1 : gSeeds;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed) +
                 "; again: build/dev/bin/watch_model_test --seed=" + std::to_string(seed) +
                 " --gtest_filter='*" + name + "'");
    World world(seed);
    world.run();
    events += world.eventsSeen();
    gones += world.gones();
    if (::testing::Test::HasFailure()) return;
  }
  // A model that checks nothing proves nothing.
  EXPECT_GT(events, count * 20);
  if (count >= 15) EXPECT_GT(gones, 0U);
  std::cerr << count << " schedules, " << events << " events, " << gones << " watches gone\n";
}

TEST(WatchModel, HoldsOnTheMemoryStore) {
  gSqlite = false;
  runSeeds("MemoryStore");
}

TEST(WatchModel, HoldsOnSqlite) {
  gSqlite = true;
  runSeeds("Sqlite");
}

}  // namespace
}  // namespace coxswain

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    auto number = [&](std::string_view flag, uint64_t& out) {
      if (argument.starts_with(flag)) {
        out = std::strtoull(argument.substr(flag.size()).data(), nullptr, 10);
      }
    };
    number("--seed=", coxswain::gSeed);
    number("--seeds=", coxswain::gSeeds);
  }
  coxswain::gVerbose = coxswain::gSeed != 0;
  coxswain::setLogLevel(coxswain::gSeed ? coxswain::LogLevel::Debug : coxswain::LogLevel::Off);
  return RUN_ALL_TESTS();
}
