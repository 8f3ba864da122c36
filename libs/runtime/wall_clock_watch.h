#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/log.h"

namespace stockade::runtime {

// Notices when the wall clock was set, or ran apart from the one that never jumps, by more than a
// second. Whoever waits for a time of day waits on the latter clock, and has to look again then.
// One thread of its own between Start and Stop, which wakes every few seconds.
class WallClockWatch {
 public:
  // `on_jump` is called from that thread.
  WallClockWatch(const Clock& clock, Logger& logger, std::function<void()> on_jump);
  ~WallClockWatch() { Stop(); }
  WallClockWatch(const WallClockWatch&) = delete;
  WallClockWatch& operator=(const WallClockWatch&) = delete;

  void Start();
  void Stop();

  // What the thread does each time it wakes; for it and, without it, for tests.
  void Check();

 private:
  // The wall clock's lead over the other; nothing when this thread was held up between them.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> Lead() const;

  const Clock& clock_;
  Logger& logger_;
  const std::function<void()> on_jump_;
  std::optional<std::chrono::nanoseconds> lead_;  // the thread's
  std::jthread thread_;
};

}  // namespace stockade::runtime
