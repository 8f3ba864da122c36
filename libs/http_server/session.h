#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "http_server/server.h"

namespace boost::asio::ssl {
class context;
}

namespace stockade::http_server::internal {

// Counts the connections that are open and lets a stopping server wait for the last one. Safe from
// any thread.
class ConnectionCount {
 public:
  void Add() { ++count_; }
  void Remove() {
    const MutexLock lock(mutex_);
    if (--count_ == 0) none_left_.notify_all();
  }
  [[nodiscard]] std::size_t value() const { return count_; }
  // Returns when none is open, or after `duration`.
  void WaitForNone(std::chrono::milliseconds duration) {
    const MutexLock lock(mutex_);
    none_left_.wait_for(mutex_, duration, [this] { return count_ == 0; });
  }

 private:
  std::atomic<std::size_t> count_ = 0;
  Mutex mutex_;  // held while the last one goes and while that is awaited
  std::condition_variable_any none_left_;
};

// What all connections of a server read.
struct SessionSettings {
  Limits limits;
  Handler handler;
  Logger& logger;
};

// One connection, from its first byte to its end. It keeps itself alive while an operation is under
// way and belongs to the one thread that serves it.
class Session {
 public:
  Session() = default;
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Ends the connection if it waits for a request; one under way is answered first.
  virtual void StopSoon() = 0;
};

// The sessions of one thread; the set is touched by that thread alone.
struct SessionGroup {
  std::unordered_set<Session*> sessions;
  std::atomic<std::size_t> size = 0;
  // From the moment on that the server stops, so that even an answer whose handler is at work then
  // says that it is the connection's last.
  std::atomic<bool> stopping = false;
};

// One connection's place in the counts, given back when it goes.
class ConnectionSlot {
 public:
  ConnectionSlot(ConnectionCount& total, SessionGroup& group) : total_(&total), group_(&group) {
    total_->Add();
    ++group_->size;
  }
  ConnectionSlot(ConnectionSlot&& other) noexcept
      : total_(std::exchange(other.total_, nullptr)), group_(other.group_) {}
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  ~ConnectionSlot() {
    if (total_ == nullptr) return;
    --group_->size;
    total_->Remove();
  }

  [[nodiscard]] SessionGroup& group() const { return *group_; }

 private:
  ConnectionCount* total_;
  SessionGroup* group_;
};

// Serves `socket` on the thread of its executor, which must be the calling one. Plain HTTP when
// `tls` is null. `settings` must outlive the session.
void StartSession(boost::asio::ip::tcp::socket socket,
                  std::shared_ptr<boost::asio::ssl::context> tls, const SessionSettings& settings,
                  ConnectionSlot slot);

}  // namespace stockade::http_server::internal
