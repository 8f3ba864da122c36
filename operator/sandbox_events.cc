#include "operator/sandbox_events.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "operator/cached_objects.h"
#include "operator/sandbox_idleness.h"
#include "operator/sandbox_lifetime.h"
#include "operator/sandbox_status.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

// Reasons of a sandbox that is not ready and of which nobody has to do anything.
constexpr std::array<std::string_view, 11> kInOrder = {
    "PodMissing",  "PodStarting",  "PodNotReady", "PodTerminating",       "Suspended",
    kIdleReason,   "PodSucceeded", "NameTaken",   "NamespaceTerminating", "Deleting",
    kExpiredReason};

runtime::Event Warning(const api::AgentSandbox& sandbox, api::Condition condition,
                       std::string action) {
  return {ReferenceTo(sandbox), runtime::EventType::kWarning, std::move(condition.reason),
          std::move(action), std::move(condition.message)};
}

}  // namespace

std::vector<runtime::Event> EventsOfChange(const api::AgentSandbox& sandbox, const Json& before,
                                           const Json& after) {
  std::vector<runtime::Event> events;
  const api::Condition ready = FindCondition(after, "Ready");
  const api::Condition was_ready = FindCondition(before, "Ready");
  const bool stalled = FindCondition(after, "Stalled").status == "True";
  const bool told = ready.status == was_ready.status && ready.reason == was_ready.reason &&
                    (!stalled || ready.message == was_ready.message);
  if (ready.status == "False" && !told &&
      std::ranges::find(kInOrder, ready.reason) == kInOrder.end()) {
    events.push_back(Warning(sandbox, ready, "Reconcile"));
  }
  const api::Condition isolated = FindCondition(after, "EgressIsolated");
  const api::Condition was_isolated = FindCondition(before, "EgressIsolated");
  if (isolated.status == "False" &&
      (was_isolated.status != "False" || isolated.message != was_isolated.message)) {
    events.push_back(Warning(sandbox, isolated, "Isolate"));
  }
  if (isolated.reason == kProbeFailsReason && was_isolated.reason != kProbeFailsReason) {
    events.push_back(Warning(sandbox, isolated, "Isolate"));
  }
  const api::Condition soon = FindCondition(after, "ExpiresSoon");
  if (soon.status == "True" && soon.message != FindCondition(before, "ExpiresSoon").message) {
    events.push_back(
        {ReferenceTo(sandbox), runtime::EventType::kWarning, soon.type, "Expire", soon.message});
  }
  if (ready.reason == kExpiredReason && was_ready.reason != kExpiredReason) {
    events.push_back(
        {ReferenceTo(sandbox), runtime::EventType::kNormal, ready.reason, "Expire", ready.message});
  }
  if (ready.reason == kIdleReason && was_ready.reason != kIdleReason) {
    events.push_back({ReferenceTo(sandbox), runtime::EventType::kNormal, ready.reason, "Suspend",
                      ready.message});
  }
  return events;
}

runtime::Event RepairEvent(runtime::ObjectReference regarding, std::string note) {
  return {std::move(regarding), runtime::EventType::kNormal, "Repaired", "Repair", std::move(note)};
}

runtime::ObjectReference ReferenceTo(const api::AgentSandbox& sandbox) {
  return {kAgentSandboxes.api_version(),
          std::string(kAgentSandboxes.kind),
          sandbox.metadata.namespace_name,
          sandbox.metadata.name,
          sandbox.metadata.uid,
          sandbox.metadata.resource_version};
}

}  // namespace stockade::sandbox_operator
