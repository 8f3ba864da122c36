#pragma once

#include <set>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "webhook/guards/guard_request.h"

// What differs between the old and the new object of an update. Pure.
namespace stockade::webhook {

// Calls f(key, before, after) for each key whose value differs, in the order of the keys; a value
// that is not there is a missing view.
template <typename F>
void ForEachChange(codec::JsonView before, codec::JsonView after, F&& f) {
  std::set<std::string_view> keys;
  before.ForEachMember([&keys](std::string_view key, codec::JsonView) { keys.insert(key); });
  after.ForEachMember([&keys](std::string_view key, codec::JsonView) { keys.insert(key); });
  for (const std::string_view key : keys) {
    if (before[key].Canonical() != after[key].Canonical()) f(key, before[key], after[key]);
  }
}

[[nodiscard]] inline bool IsSame(codec::JsonView before, codec::JsonView after) {
  return before.Canonical() == after.Canonical();
}

// True for an owner reference that makes an AgentSandbox the object's controller.
[[nodiscard]] bool IsSandboxController(codec::JsonView owner);

// True for the metadata of an object that has such an owner.
[[nodiscard]] bool IsOwnedBySandbox(codec::JsonView metadata);

// Labels, annotations, owner references and finalizers that the requester may not change, as
// ManagedObjectChanged; the sandbox label of a pod is SandboxLabelChanged. Nothing for the
// operator.
void ReportMetadataChanges(const GuardRequest& request, bool is_pod, GuardReport& report);

// Everything but metadata and status that differs, as ManagedObjectChanged with the path of the
// field, two levels deep: "spec.egress", "data[key]". Of values, which may be secret, nothing is
// told.
void ReportContentChanges(codec::JsonView before, codec::JsonView after, GuardReport& report);

}  // namespace stockade::webhook
