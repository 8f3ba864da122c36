#pragma once

#include <optional>
#include <utility>

#include "base/status.h"

namespace stockade::kube {

// What came last of something that is tried again and again, so that each new failure is told once:
// the same once more is no news. For one thread, or under its owner's mutex.
class FailureNotice {
 public:
  void Set(Status outcome) {
    if (outcome.message() != outcome_.message()) told_ = false;
    outcome_ = std::move(outcome);
  }
  [[nodiscard]] const Status& outcome() const { return outcome_; }
  // The failure, when it is one and nobody was told yet.
  std::optional<Status> Take() {
    if (outcome_.ok() || std::exchange(told_, true)) return std::nullopt;
    return outcome_;
  }

 private:
  Status outcome_;
  bool told_ = false;
};

}  // namespace stockade::kube
