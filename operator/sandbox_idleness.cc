#include "operator/sandbox_idleness.h"

#include <algorithm>
#include <string>

#include "base/rfc3339.h"
#include "codec/json.h"

namespace stockade::sandbox_operator {
namespace {

using api::TimePoint;
using std::chrono::seconds;

// What the status, as it was last written, tells.
struct Told {
  std::optional<TimePoint> last_activity;
  bool ran = false;
  bool was_suspended = false;
};

Told ReadStatus(const api::AgentSandbox& sandbox) {
  Told told;
  const auto status = codec::JsonDocument::Parse(sandbox.status.text());
  if (!status.ok()) return told;
  told.last_activity = ParseRfc3339(status->root()["lastActivityTime"].StringOrEmpty());
  status->root()["conditions"].ForEachElement([&told](std::size_t, codec::JsonView condition) {
    if (condition["type"].StringOrEmpty() != "Suspended") return;
    const std::string_view reason = condition["reason"].StringOrEmpty();
    told.ran = reason == "Running";
    told.was_suspended = reason.starts_with("Pod");
  });
  return told;
}

// Whether the sidecar's word is news, and all of the time that it tells of is the agent's and lies
// after the last activity that is known otherwise.
bool IsIdle(const UseSeen& seen, seconds after, TimePoint last_activity, TimePoint now) {
  if (!seen.idle_exit || !seen.agent_start) return false;
  const TimePoint exit = *seen.idle_exit;
  if (exit < now - kIdleExitFreshness || exit > now + kIdleExitFreshness) return false;
  return exit - after >= last_activity && exit - *seen.agent_start >= after - kStartAllowance;
}

}  // namespace

Idleness JudgeIdleness(const api::AgentSandbox& sandbox, const UseSeen& seen, TimePoint now) {
  Idleness idleness;
  const bool is_suspended = sandbox.spec.operating_mode == api::OperatingMode::kSuspended;
  idleness.suspended = is_suspended && seen.suspended_at.has_value();
  const auto& idle = sandbox.spec.lifecycle.idle;
  if (!idle || seen.pooled || sandbox.metadata.deleting) return idleness;
  const Told told = ReadStatus(sandbox);
  const seconds after = idle->SuspendAfter();
  // One that is seen for the first time, or has just got to whoever claimed it, begins now.
  TimePoint last = told.last_activity.value_or(now);
  const auto used = [&last, now](TimePoint at) { last = std::max(last, std::min(at, now)); };
  last = std::min(last, now);
  if (seen.entered) used(*seen.entered);
  if (!is_suspended && told.was_suspended) used(now);
  if (is_suspended && told.ran) used(idleness.suspended ? *seen.suspended_at - after : now);
  // As the status has it: in whole seconds.
  last = std::chrono::floor<seconds>(last);
  idleness.last_activity = last;
  if (!is_suspended) {
    idleness.suspend = IsIdle(seen, after, last, now);
  } else if (idle->delete_after) {
    idleness.end = last + *idle->delete_after;
  }
  return idleness;
}

}  // namespace stockade::sandbox_operator
