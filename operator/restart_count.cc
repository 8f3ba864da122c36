#include "operator/restart_count.h"

#include <algorithm>

#include "base/clock.h"
#include "base/rfc3339.h"

namespace stockade::sandbox_operator {
namespace {

using std::chrono::milliseconds;

// As RestartBackoff has it for pods that are lost.
constexpr std::chrono::minutes kHealthyRun{10};

}  // namespace

std::optional<RestartCount> ReadRestartCount(const api::AgentSandbox& sandbox) {
  const auto status = codec::JsonDocument::Parse(sandbox.status.text());
  if (!status.ok()) return std::nullopt;
  const codec::JsonView value = status->root()["restarts"];
  if (!value.IsObject() ||
      value["observedGeneration"].AsInt() != std::optional(sandbox.metadata.generation)) {
    return std::nullopt;
  }
  RestartCount count;
  count.attempts = value["count"].AsInt().value_or(0);
  count.failed_pod_uid = value["failedPodUID"].StringOrEmpty();
  if (const auto next = ParseRfc3339(value["nextAttemptTime"].StringOrEmpty())) {
    count.next_attempt = *next;
  }
  return count;
}

codec::Json ToJson(const RestartCount& count, std::int64_t generation) {
  return {{"count", count.attempts},
          {"failedPodUID", count.failed_pod_uid},
          {"nextAttemptTime", FormatTime(count.next_attempt)},
          {"observedGeneration", generation}};
}

RestartDecision DecideRestart(const api::Restart& restart,
                              const std::optional<RestartCount>& before, const CachedPod& failed,
                              api::TimePoint now) {
  RestartDecision decision;
  if (before) decision.count = *before;
  RestartCount& count = decision.count;
  decision.counted = before && before->failed_pod_uid == failed.uid;
  if (!decision.counted) {
    if (failed.ran_for && *failed.ran_for >= kHealthyRun) count.attempts = 0;
    if (count.attempts >= restart.max_attempts) {
      decision.exhausted = true;
      return decision;
    }
    ++count.attempts;
    count.failed_pod_uid = failed.uid;
    // Times in a status have whole seconds.
    count.next_attempt =
        std::chrono::ceil<std::chrono::seconds>(now) + restart.WaitBefore(count.attempts);
  }
  const milliseconds longest = restart.WaitBefore(count.attempts) + std::chrono::seconds(1);
  decision.wait = std::clamp(std::chrono::ceil<milliseconds>(count.next_attempt - now),
                             milliseconds(0), longest);
  return decision;
}

}  // namespace stockade::sandbox_operator
