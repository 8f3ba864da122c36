#pragma once

#include <chrono>
#include <optional>

namespace stockade::kube {

// When credentials that stand in files are to be read again: once in kLifetime, and sooner, but not
// before kPause is over, after the API server did not accept them. Times are those of
// Clock::SinceBoot. For one thread, or under its owner's mutex.
class RereadSchedule {
 public:
  static constexpr std::chrono::seconds kLifetime{60};
  static constexpr std::chrono::seconds kPause{5};

  // Always before the first Read.
  [[nodiscard]] bool Due(std::chrono::nanoseconds now) const {
    return !read_at_ || now - *read_at_ >= (doubted_ ? kPause : kLifetime);
  }
  [[nodiscard]] bool HasRead() const { return read_at_.has_value(); }

  void Read(std::chrono::nanoseconds now) {
    read_at_ = now;
    doubted_ = false;
  }
  // The API server did not accept what was read.
  void Doubt() { doubted_ = true; }

 private:
  std::optional<std::chrono::nanoseconds> read_at_;
  bool doubted_ = false;
};

}  // namespace stockade::kube
