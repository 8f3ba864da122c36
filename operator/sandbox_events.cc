#include "operator/sandbox_events.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

// Reasons of a sandbox that is not ready and of which nobody has to do anything.
constexpr std::array<std::string_view, 9> kInOrder = {
    "PodMissing",   "PodStarting", "PodNotReady",          "PodTerminating", "Suspended",
    "PodSucceeded", "NameTaken",   "NamespaceTerminating", "Deleting"};

struct ConditionText {
  std::string status;
  std::string reason;
  std::string message;
};

ConditionText Find(const Json& status, std::string_view type) {
  if (!status.is_object() || !status.contains("conditions")) return {};
  for (const Json& condition : status["conditions"]) {
    if (condition.value("type", "") != type) continue;
    return {condition.value("status", ""), condition.value("reason", ""),
            condition.value("message", "")};
  }
  return {};
}

runtime::Event Warning(const api::AgentSandbox& sandbox, ConditionText condition,
                       std::string action) {
  return {ReferenceTo(sandbox), runtime::EventType::kWarning, std::move(condition.reason),
          std::move(action), std::move(condition.message)};
}

}  // namespace

std::vector<runtime::Event> EventsOfChange(const api::AgentSandbox& sandbox, const Json& before,
                                           const Json& after) {
  std::vector<runtime::Event> events;
  const ConditionText ready = Find(after, "Ready");
  const ConditionText was_ready = Find(before, "Ready");
  const bool stalled = Find(after, "Stalled").status == "True";
  const bool told = ready.status == was_ready.status && ready.reason == was_ready.reason &&
                    (!stalled || ready.message == was_ready.message);
  if (ready.status == "False" && !told &&
      std::ranges::find(kInOrder, ready.reason) == kInOrder.end()) {
    events.push_back(Warning(sandbox, ready, "Reconcile"));
  }
  const ConditionText isolated = Find(after, "EgressIsolated");
  const ConditionText was_isolated = Find(before, "EgressIsolated");
  if (isolated.status == "False" &&
      (was_isolated.status != "False" || isolated.message != was_isolated.message)) {
    events.push_back(Warning(sandbox, isolated, "Isolate"));
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
