#include "operator/binding_events.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "operator/binding_objects.h"
#include "operator/cached_objects.h"
#include "operator/sandbox_status.h"

namespace stockade::sandbox_operator {
namespace {

using api::Condition;
using codec::Json;

// Reasons of a claim without a sandbox, and of a pool that is not full, of which nobody has to do
// anything.
constexpr std::array<std::string_view, 3> kInOrder = {"Pending", "NameTaken", "Filling"};

runtime::ObjectReference ReferenceTo(const kube::Resource& resource,
                                     const api::ObjectMeta& metadata) {
  return {
      resource.api_version(), std::string(resource.kind), metadata.namespace_name, metadata.name,
      metadata.uid,           metadata.resource_version};
}

runtime::Event Tell(const runtime::ObjectReference& regarding, runtime::EventType type,
                    const Condition& condition, std::string action) {
  return {regarding, type, condition.reason, std::move(action), condition.message};
}

// A condition is False for a reason that it did not have before, and somebody has to act on it.
bool IsNewTrouble(const Condition& before, const Condition& after) {
  return after.status == "False" &&
         (before.status != after.status || before.reason != after.reason) &&
         std::ranges::find(kInOrder, after.reason) == kInOrder.end();
}

}  // namespace

std::vector<runtime::Event> EventsOfChange(const api::AgentSandboxClaim& claim, const Json& before,
                                           const Json& after) {
  std::vector<runtime::Event> events;
  const auto regarding = ReferenceTo(kAgentSandboxClaims, claim.metadata);
  if (const Condition finished = FindCondition(after, "Finished"); finished.status == "True") {
    if (FindCondition(before, "Finished").status == "True") return events;
    const bool in_vain = finished.reason == "TimedOut";
    events.push_back(Tell(regarding,
                          in_vain ? runtime::EventType::kWarning : runtime::EventType::kNormal,
                          finished, "Finish"));
    return events;
  }
  const Condition bound = FindCondition(after, "Bound");
  if (IsNewTrouble(FindCondition(before, "Bound"), bound)) {
    events.push_back(Tell(regarding, runtime::EventType::kWarning, bound, "Bind"));
  }
  const Condition soon = FindCondition(after, "ExpiresSoon");
  if (soon.status == "True" && soon.message != FindCondition(before, "ExpiresSoon").message) {
    events.push_back({regarding, runtime::EventType::kWarning, soon.type, "Expire", soon.message});
  }
  return events;
}

std::vector<runtime::Event> EventsOfChange(const api::AgentSandboxPool& pool, const Json& before,
                                           const Json& after) {
  std::vector<runtime::Event> events;
  const Condition ready = FindCondition(after, "Ready");
  if (IsNewTrouble(FindCondition(before, "Ready"), ready)) {
    events.push_back(Tell(ReferenceTo(kAgentSandboxPools, pool.metadata),
                          runtime::EventType::kWarning, ready, "Fill"));
  }
  return events;
}

void RecordAll(runtime::EventRecorder* recorder, std::vector<runtime::Event> events) {
  if (recorder == nullptr) return;
  for (runtime::Event& event : events) recorder->Record(std::move(event));
}

}  // namespace stockade::sandbox_operator
