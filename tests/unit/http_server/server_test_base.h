#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "client.h"
#include "http_server/server.h"

namespace stockade::http_server {

// What a server logs, for a test to wait for.
class LogLines {
 public:
  Logger& logger() { return logger_; }

  // Waits for the `count`th line that holds `text`; false when there is none within a minute.
  bool WaitFor(std::string_view text, std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    return added_.wait_for(lock, std::chrono::seconds(60),
                           [&] { return CountLocked(text) >= count; });
  }
  std::size_t Count(std::string_view text) {
    const std::lock_guard lock(mutex_);
    return CountLocked(text);
  }

 private:
  std::size_t CountLocked(std::string_view text) const {
    std::size_t count = 0;
    for (const std::string& line : lines_) {
      if (line.find(text) != std::string::npos) ++count;
    }
    return count;
  }

  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<std::string> lines_;
  Logger logger_{clock_, LogLevel::kDebug, [this](std::string_view line) {
                   const std::lock_guard lock(mutex_);
                   lines_.emplace_back(line);
                   added_.notify_all();
                 }};
};

// An event that one thread waits for and another one causes.
class Event {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  bool Wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

// A server on a free port of 127.0.0.1 that answers every request with what it understood of it.
// Its bounds are so wide that only those which a test narrows can be felt.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    options_.address = "127.0.0.1";
    options_.limits.handshake_timeout = std::chrono::hours(1);
    options_.limits.header_timeout = std::chrono::hours(1);
    options_.limits.body_timeout = std::chrono::hours(1);
    options_.limits.idle_timeout = std::chrono::hours(1);
  }

  static Response Echo(const Request& request) {
    return {.body = std::string(request.method) + " " + std::string(request.path) + "?" +
                    std::string(request.query) + " " + std::string(request.content_type) + " [" +
                    std::string(request.body) + "]"};
  }

  void Start(Handler handler = &Echo) {
    auto server = Server::Start(options_, std::move(handler), log_.logger());
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(server).value();
  }

  // With a certificate of ca_ for "first".
  void StartTls(Handler handler = &Echo) {
    directory_.WriteIdentity(ca_.Issue("first"));
    StartTls(directory_.Files(), std::move(handler));
  }
  void StartTls(const TlsFiles& files, Handler handler = &Echo) {
    options_.tls = &files;
    Start(std::move(handler));
    options_.tls = nullptr;
  }

  Client Connect() { return Client(server_->port()); }
  Client ConnectTls() { return Client(server_->port(), ClientTls{.ca = ca_.certificate()}); }

  LogLines log_;
  Authority ca_{"test authority"};
  CertificateDirectory directory_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

}  // namespace stockade::http_server
