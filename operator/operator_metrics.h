#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <memory>
#include <vector>

#include "api/agent_sandbox.h"
#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {

// The operator's own metrics, beside those of its parts: stockade_sandboxes by isolation and state,
// stockade_sandbox_conditions, stockade_sandbox_ready_seconds, stockade_sandboxes_expired_total,
// stockade_sandbox_restarts_total, and leader_election_master_status under the name of client-go.
// Safe to call from any thread.
class OperatorMetrics {
 public:
  explicit OperatorMetrics(prometheus::Registry& registry);

  // Counts the sandboxes by what their status says.
  void CountSandboxes(const std::vector<std::shared_ptr<const CachedSandbox>>& sandboxes);
  // A sandbox became ready so long after its pod was created; ages of pods that an earlier operator
  // created are not known and not counted.
  void ObserveReady(api::Isolation isolation, std::chrono::nanoseconds pod_age);
  // A sandbox reached its end; a pod that failed is to be created again.
  void CountExpired(api::ShutdownPolicy policy) {
    expired_[static_cast<std::size_t>(policy)]->Increment();
  }
  void CountRestart() { restarts_.Increment(); }
  void SetLeading(bool leading) { leading_.Set(leading ? 1 : 0); }

 private:
  static constexpr std::size_t kIsolations = api::kIsolationNames.size();
  static constexpr std::size_t kStates = 6;
  static constexpr std::size_t kConditions = 3;
  static constexpr std::size_t kConditionValues = 3;

  std::array<std::array<prometheus::Gauge*, kStates>, kIsolations> sandboxes_{};
  std::array<std::array<prometheus::Gauge*, kConditionValues>, kConditions> conditions_{};
  prometheus::Gauge* probes_failing_ = nullptr;
  std::array<prometheus::Histogram*, kIsolations> ready_{};
  std::array<prometheus::Counter*, api::kShutdownPolicyNames.size()> expired_{};
  prometheus::Counter& restarts_;
  prometheus::Gauge& leading_;
};

// "Ready", "NotReady", "Suspended", "Finished", "Stalled", or "Pending" before the first status:
// the values of the label state.
[[nodiscard]] std::string_view SandboxState(codec::JsonView status);

}  // namespace stockade::sandbox_operator
