#include "operator/operator_metrics.h"

#include <algorithm>
#include <string>

#include "operator/sandbox_status.h"

namespace stockade::sandbox_operator {
namespace {

constexpr std::array<std::string_view, 6> kStateNames = {"Ready",    "NotReady", "Suspended",
                                                         "Finished", "Stalled",  "Pending"};

// The conditions that say whether a sandbox is what it promises to be. The others are in its state.
constexpr std::array<std::string_view, 3> kConditionNames = {"RuntimeHardened", "EgressIsolated",
                                                             "PolicyCompliant"};
constexpr std::array<std::string_view, 3> kConditionValueNames = {"True", "False", "Unknown"};

// From a warm node to an image of gigabytes, in seconds.
const prometheus::Histogram::BucketBoundaries kReadyBuckets = {0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                                               5,    10,  30,   60,  180, 600};
// An age that nobody remembers is very large.
constexpr std::chrono::hours kKnownAge{24};

}  // namespace

std::string_view SandboxState(codec::JsonView status) {
  std::string_view state = "Pending";
  bool stalled = false;
  bool suspended = false;
  bool finished = false;
  status["conditions"].ForEachElement([&](std::size_t, codec::JsonView condition) {
    const std::string_view type = condition["type"].StringOrEmpty();
    const std::string_view value = condition["status"].StringOrEmpty();
    if (type == "Ready" && value != "Unknown") state = value == "True" ? "Ready" : "NotReady";
    if (value != "True") return;
    stalled = stalled || type == "Stalled";
    suspended = suspended || type == "Suspended";
    finished = finished || type == "Finished";
  });
  if (stalled) return "Stalled";
  if (suspended) return "Suspended";
  if (finished) return "Finished";
  return state;
}

OperatorMetrics::OperatorMetrics(prometheus::Registry& registry)
    : restarts_(prometheus::BuildCounter()
                    .Name("stockade_sandbox_restarts_total")
                    .Help("Pods that failed by themselves and were created again, as "
                          "spec.lifecycle.restart says.")
                    .Register(registry)
                    .Add({})),
      leading_(prometheus::BuildGauge()
                   .Name("leader_election_master_status")
                   .Help("Gauge of if the reporting system is master of the relevant lease, 0 "
                         "indicates backup, 1 indicates master.")
                   .Register(registry)
                   .Add({{"name", "stockade-operator"}})) {
  auto& sandboxes = prometheus::BuildGauge()
                        .Name("stockade_sandboxes")
                        .Help("AgentSandboxes, by isolation and by what their status says.")
                        .Register(registry);
  auto& conditions = prometheus::BuildGauge()
                         .Name("stockade_sandbox_conditions")
                         .Help(
                             "AgentSandboxes, by the status of each of the conditions that tell "
                             "of their isolation.")
                         .Register(registry);
  for (std::size_t i = 0; i < kConditions; ++i) {
    for (std::size_t j = 0; j < kConditionValues; ++j) {
      conditions_[i][j] = &conditions.Add({{"condition", std::string(kConditionNames[i])},
                                           {"status", std::string(kConditionValueNames[j])}});
    }
  }
  probes_failing_ = &prometheus::BuildGauge()
                         .Name("stockade_sandbox_probes_failing")
                         .Help(
                             "AgentSandboxes of which the canary found the network shut, and finds "
                             "it so no more.")
                         .Register(registry)
                         .Add({});
  auto& expired =
      prometheus::BuildCounter()
          .Name("stockade_sandboxes_expired_total")
          .Help("AgentSandboxes that reached their end, by spec.lifecycle.shutdownPolicy.")
          .Register(registry);
  for (std::size_t i = 0; i < expired_.size(); ++i) {
    expired_[i] = &expired.Add({{"policy", std::string(api::kShutdownPolicyNames[i])}});
  }
  auto& ready = prometheus::BuildHistogram()
                    .Name("stockade_sandbox_ready_seconds")
                    .Help("Seconds from the creation of a sandbox's pod to its being ready.")
                    .Register(registry);
  for (std::size_t i = 0; i < kIsolations; ++i) {
    const std::string isolation(api::kIsolationNames[i]);
    for (std::size_t j = 0; j < kStates; ++j) {
      sandboxes_[i][j] =
          &sandboxes.Add({{"isolation", isolation}, {"state", std::string(kStateNames[j])}});
    }
    ready_[i] = &ready.Add({{"isolation", isolation}}, kReadyBuckets);
  }
}

void OperatorMetrics::CountSandboxes(
    const std::vector<std::shared_ptr<const CachedSandbox>>& sandboxes) {
  std::array<std::array<double, kStates>, kIsolations> counts{};
  std::array<std::array<double, kConditionValues>, kConditions> conditions{};
  double probes_failing = 0;
  for (const auto& cached : sandboxes) {
    const auto status = codec::JsonDocument::Parse(cached->status.text());
    const std::string_view state = status.ok() ? SandboxState(status->root()) : "Pending";
    const auto index =
        static_cast<std::size_t>(std::ranges::find(kStateNames, state) - kStateNames.begin());
    counts[static_cast<std::size_t>(cached->sandbox.spec.isolation)][index] += 1;
    if (!status.ok()) continue;
    status->root()["conditions"].ForEachElement([&](std::size_t, codec::JsonView condition) {
      const auto* const name =
          std::ranges::find(kConditionNames, condition["type"].StringOrEmpty());
      const auto* const value =
          std::ranges::find(kConditionValueNames, condition["status"].StringOrEmpty());
      if (condition["reason"].StringOrEmpty() == kProbeFailsReason) ++probes_failing;
      if (name == kConditionNames.end() || value == kConditionValueNames.end()) return;
      conditions[static_cast<std::size_t>(name - kConditionNames.begin())]
                [static_cast<std::size_t>(value - kConditionValueNames.begin())] += 1;
    });
  }
  for (std::size_t i = 0; i < kIsolations; ++i) {
    for (std::size_t j = 0; j < kStates; ++j) sandboxes_[i][j]->Set(counts[i][j]);
  }
  for (std::size_t i = 0; i < kConditions; ++i) {
    for (std::size_t j = 0; j < kConditionValues; ++j) conditions_[i][j]->Set(conditions[i][j]);
  }
  probes_failing_->Set(probes_failing);
}

void OperatorMetrics::ObserveReady(api::Isolation isolation, std::chrono::nanoseconds pod_age) {
  if (pod_age > kKnownAge) return;
  ready_[static_cast<std::size_t>(isolation)]->Observe(
      std::chrono::duration<double>(pod_age).count());
}

}  // namespace stockade::sandbox_operator
