#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "kube/transport.h"

namespace stockade::runtime {

// Until when this process may write to the cluster as its leader. Times are those of
// Clock::SinceBoot, which goes on while the process is stopped and the machine sleeps: whoever
// wakes up late finds the fence shut. Safe to call from any thread.
class LeaderFence {
 public:
  explicit LeaderFence(const Clock& clock) : clock_(clock) {}

  // Writes may begin before `until`, and have to be over by `over`.
  void Extend(std::chrono::nanoseconds until, std::chrono::nanoseconds over) {
    over_ = over.count();
    until_ = until.count();
    paused_ = false;
  }
  void Shut() { until_ = 0; }
  // This process leads on, but writes nothing until the next Extend.
  void Pause() { paused_ = true; }

  [[nodiscard]] bool Leads() const { return clock_.SinceBoot().count() < until_; }
  [[nodiscard]] bool IsOpen() const { return !paused_ && Leads(); }
  // How long a write that begins now may take; zero or less when the fence is shut.
  [[nodiscard]] std::chrono::nanoseconds TimeLeft() const {
    const std::chrono::nanoseconds now = clock_.SinceBoot();
    if (paused_ || now.count() >= until_) return std::chrono::nanoseconds::zero();
    return std::chrono::nanoseconds(over_) - now;
  }

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> until_ = 0;
  std::atomic<std::int64_t> over_ = 0;
  std::atomic<bool> paused_ = false;
};

// Sends what only reads as it is, and what writes only while the fence is open, with a deadline
// that ends before another leader may begin; otherwise nothing is sent and the request is
// Cancelled, or Unavailable when the fence only pauses.
std::unique_ptr<kube::Transport> MakeFencedTransport(std::unique_ptr<kube::Transport> transport,
                                                     std::shared_ptr<const LeaderFence> fence);

}  // namespace stockade::runtime
