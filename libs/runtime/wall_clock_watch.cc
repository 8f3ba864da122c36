#include "runtime/wall_clock_watch.h"

#include <utility>

#include "base/sleep.h"

namespace stockade::runtime {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds kInterval{2};
constexpr std::chrono::seconds kTolerance{1};
// Between the readings of two clocks that are compared.
constexpr std::chrono::milliseconds kLongestReading{100};

}  // namespace

WallClockWatch::WallClockWatch(const Clock& clock, Logger& logger, std::function<void()> on_jump)
    : clock_(clock), logger_(logger), on_jump_(std::move(on_jump)), lead_(Lead()) {}

void WallClockWatch::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (SleepUnlessStopped(stop, kInterval)) Check();
  });
}

void WallClockWatch::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

std::optional<nanoseconds> WallClockWatch::Lead() const {
  const nanoseconds before = clock_.SinceBoot();
  const nanoseconds wall = clock_.Now().time_since_epoch();
  if (clock_.SinceBoot() - before > kLongestReading) return std::nullopt;
  return wall - before;
}

void WallClockWatch::Check() {
  const auto lead = Lead();
  if (!lead) return;  // the next time, then
  const nanoseconds jump = *lead - lead_.value_or(*lead);
  if (lead_ && jump <= kTolerance && jump >= -kTolerance) return;
  lead_ = lead;
  if (jump == nanoseconds::zero()) return;
  logger_.Warning("the wall clock was set; what waits for a time of day is looked at again",
                  {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(jump).count()}});
  on_jump_();
}

}  // namespace stockade::runtime
