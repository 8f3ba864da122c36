#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/watcher.h"
#include "tests/fakes/scripted_server.h"
#include "tests/fakes/test_authority.h"

namespace stockade::kube {

// Writes down each call as one line: "list", "item a", "listed 10", "aborted", "added a",
// "modified a", "deleted a", "error Unavailable". Safe to call from any thread.
class RecordingHandler final : public WatchHandler {
 public:
  void OnListStart() override { Record("list"); }
  void OnListItem(codec::JsonView object) override { Record("item " + Name(object)); }
  void OnListEnd(std::string_view resource_version) override {
    Record("listed " + std::string(resource_version));
  }
  void OnListAborted() override { Record("aborted"); }
  void OnAdded(codec::JsonView object) override {
    Record("added " + Name(object));
    if (Name(object) == "poison") throw std::runtime_error("the handler failed");
  }
  void OnModified(codec::JsonView object) override { Record("modified " + Name(object)); }
  void OnDeleted(codec::JsonView object) override { Record("deleted " + Name(object)); }
  void OnError(const Status& status) override {
    {
      const std::lock_guard lock(mutex_);
      errors_.push_back(status);
    }
    Record("error " + std::string(StatusCodeName(status.code())));
  }

  // The next `count` lines that were not taken, or fewer when they do not come within a minute.
  std::vector<std::string> Take(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::minutes(1),
                      [&] { return lines_.size() >= taken_ + count; });
    const std::size_t end = std::min(taken_ + count, lines_.size());
    std::vector<std::string> lines(lines_.begin() + static_cast<std::ptrdiff_t>(taken_),
                                   lines_.begin() + static_cast<std::ptrdiff_t>(end));
    taken_ = end;
    return lines;
  }
  // All lines that were not taken.
  [[nodiscard]] std::size_t left() const {
    const std::lock_guard lock(mutex_);
    return lines_.size() - taken_;
  }
  // The last error that was reported.
  [[nodiscard]] Status last_error() const {
    const std::lock_guard lock(mutex_);
    return errors_.empty() ? Status() : errors_.back();
  }

 private:
  static std::string Name(codec::JsonView object) {
    return std::string(object["metadata"]["name"].StringOrEmpty());
  }
  void Record(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;  // guarded by mutex_
  std::vector<Status> errors_;      // guarded by mutex_
  std::size_t taken_ = 0;           // guarded by mutex_
};

// One watcher of pods against a server whose side the test plays: Expect takes the watcher's next
// request, and the exchange that it gives is answered by hand.
class WatcherTest : public ::testing::Test {
 protected:
  using Lines = std::vector<std::string>;
  using ExchangePtr = std::unique_ptr<testing::Exchange>;

  static constexpr std::string_view kVersionCheck = "/api/v1/namespaces/ns/pods?limit=1";

  WatcherTest() {
    testing::ServerOptions server;
    server.identity = authority_.Issue({.alternative_names = "IP:127.0.0.1"});
    server_ = std::make_unique<testing::ScriptedServer>(std::move(server));
    config_.host = "127.0.0.1";
    config_.port = server_->port();
    config_.ca_pem = authority_.certificate();
    // Pauses that no test waits for; the other times are too long for any test to come to.
    options_.timings.first_pause = std::chrono::milliseconds(1);
    options_.timings.longest_pause = std::chrono::milliseconds(10);
    options_.namespace_name = "ns";
    options_.stream_lists = false;
  }

  void Start() {
    watcher_ = std::make_unique<Watcher>(io_, std::make_shared<const ConnectionConfig>(config_),
                                         kPods, options_, handler_);
    watcher_->Start();
  }

  // The watcher's next request, which must be a list: its first page, or that of a token.
  ExchangePtr ExpectList(const std::string& continue_token = {}) {
    ExchangePtr exchange = server_->Next();
    if (exchange == nullptr) throw std::runtime_error("the watcher asked for nothing");
    EXPECT_EQ(exchange->request().method, "GET");
    EXPECT_EQ(exchange->request().target,
              "/api/v1/namespaces/ns/pods?limit=500" +
                  (continue_token.empty() ? "" : "&continue=" + continue_token));
    return exchange;
  }
  // The watcher's next request, which must ask how new the server's data is.
  ExchangePtr ExpectVersionCheck() {
    ExchangePtr exchange = server_->Next();
    if (exchange == nullptr) throw std::runtime_error("the watcher asked for nothing");
    EXPECT_EQ(exchange->request().target, kVersionCheck);
    return exchange;
  }
  // The watcher's next request, which must be a watch from that version. Over a new connection it
  // asks first how new the server's data is, and is told that it is as before.
  ExchangePtr ExpectWatch(const std::string& resource_version) {
    ExchangePtr exchange = server_->Next();
    if (exchange != nullptr && exchange->request().target == kVersionCheck) {
      exchange->Respond(200, Page(resource_version, ""));
      exchange.reset();
      exchange = server_->Next();
    }
    if (exchange == nullptr) throw std::runtime_error("the watcher asked for nothing");
    EXPECT_TRUE(exchange->request().target.starts_with(
        "/api/v1/namespaces/ns/pods?watch=true&resourceVersion=" + resource_version +
        "&allowWatchBookmarks=true&timeoutSeconds="))
        << exchange->request().target << " instead of a watch from " << resource_version;
    return exchange;
  }

  static std::string Object(const std::string& name, const std::string& version) {
    return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + version + R"("}})";
  }
  static std::string Page(const std::string& version, const std::string& items,
                          const std::string& continue_token = {}) {
    return R"({"kind":"PodList","metadata":{"resourceVersion":")" + version + R"(","continue":")" +
           continue_token + R"("},"items":[)" + items + "]}";
  }
  static std::string Event(const std::string& type, const std::string& object) {
    return R"({"type":")" + type + R"(","object":)" + object + "}\n";
  }
  static std::string Failure(int code, const std::string& reason) {
    return R"({"kind":"Status","status":"Failure","code":)" + std::to_string(code) +
           R"(,"reason":")" + reason + R"(","message":"because"})";
  }

  // Answers a list without items, and takes the lines of it.
  void AnswerEmptyList(const std::string& version) {
    ExpectList()->Respond(200, Page(version, ""));
    EXPECT_EQ(handler_.Take(2), (Lines{"list", "listed " + version}));
  }

  const testing::TestAuthority authority_;
  ConnectionConfig config_;
  WatchOptions options_;
  std::unique_ptr<testing::ScriptedServer> server_;
  RecordingHandler handler_;
  IoThread io_;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace stockade::kube
