#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.h"

namespace stockade::testing {

// A clock that moves only when told to. Safe to call from any thread.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point Now() const override {
    // 2026-01-01T00:00:00Z plus what was advanced, and by how much it was set.
    return std::chrono::system_clock::from_time_t(1767225600) +
           std::chrono::duration_cast<std::chrono::system_clock::duration>(
               SinceBoot() + std::chrono::nanoseconds(set_by_.load()));
  }
  [[nodiscard]] std::chrono::nanoseconds SinceBoot() const override {
    return std::chrono::nanoseconds(elapsed_.load());
  }
  void Advance(std::chrono::nanoseconds duration) { elapsed_ += duration.count(); }
  // The wall clock alone, forwards or back.
  void SetBy(std::chrono::nanoseconds duration) { set_by_ += duration.count(); }

 private:
  std::atomic<std::int64_t> elapsed_ = 0;
  std::atomic<std::int64_t> set_by_ = 0;
};

}  // namespace stockade::testing
