#pragma once

#include <chrono>
#include <string>

namespace stockade {

// Where time comes from. Passed in through constructors so that tests can hold it still
// (tests/fakes/fake_clock.h). Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall clock, for timestamps that people and other programs read. It may jump.
  [[nodiscard]] virtual std::chrono::system_clock::time_point Now() const = 0;

  // Never jumps and goes on while the machine sleeps (CLOCK_BOOTTIME), for delays and deadlines.
  [[nodiscard]] virtual std::chrono::nanoseconds SinceBoot() const = 0;
};

// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point Now() const override;
  [[nodiscard]] std::chrono::nanoseconds SinceBoot() const override;
};

// RFC 3339 in UTC with whole seconds, the form of metav1.Time: "2026-11-24T04:15:20Z".
[[nodiscard]] std::string FormatTime(std::chrono::system_clock::time_point time);
// The same with microseconds, the form of metav1.MicroTime: "2026-11-24T04:15:20.000000Z".
[[nodiscard]] std::string FormatMicroTime(std::chrono::system_clock::time_point time);

}  // namespace stockade
