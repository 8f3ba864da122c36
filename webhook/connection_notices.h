#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/event.h"
#include "runtime/recent_map.h"
#include "webhook/admission_review.h"
#include "webhook/cluster_view.h"

namespace stockade::webhook {

// Tells, by Events, of those who enter sandboxes that must not be idle: of an exec, attach or
// port-forward that is let in, since what becomes of it no admission sees. The operator counts that
// as use. At most one Event for each sandbox in kPause, and none for a dry run. Any number of
// threads.
class ConnectionNotices {
 public:
  using Tell = std::function<void(runtime::Event)>;
  static constexpr std::chrono::seconds kPause{30};

  // `view` and `clock` must outlive this. `tell` must neither block nor fail.
  ConnectionNotices(const ClusterView& view, const Clock& clock, Tell tell)
      : view_(view), clock_(clock), tell_(std::move(tell)), told_(kMostRemembered) {}

  void Note(const AdmissionRequest& request, const AdmissionResponse& answer);

 private:
  // Of more sandboxes that are entered within kPause some are told of more often.
  static constexpr std::size_t kMostRemembered = 10000;

  [[nodiscard]] bool IsDue(const std::string& uid);

  const ClusterView& view_;
  const Clock& clock_;
  const Tell tell_;
  Mutex mutex_;
  // When each sandbox, by its uid, was last told of, on Clock::SinceBoot.
  runtime::RecentMap<std::chrono::nanoseconds> told_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::webhook
