#include "operator/object_writer.h"

#include <algorithm>

#include "api/names.h"

namespace stockade::sandbox_operator {

bool HasLabels(const api::StringMap& live, const api::StringMap& desired) {
  return std::ranges::all_of(desired, [&live](const auto& label) {
    const auto found = live.find(label.first);
    return found != live.end() && found->second == label.second;
  });
}

bool IsFormerSelf(const ControllerOwner& owner, const api::AgentSandbox& sandbox) {
  return owner.kind == api::kAgentSandboxKind && owner.name == sandbox.metadata.name &&
         owner.api_version.starts_with(std::string(api::kGroup) + "/") &&
         owner.uid != sandbox.metadata.uid;
}

void RepairMetadata(codec::Json& live, const codec::Json& desired) {
  codec::Json& metadata = live["metadata"];
  const codec::Json& wanted = desired["metadata"];
  if (wanted.contains("labels")) metadata["labels"].update(wanted["labels"]);
  if (wanted.contains("ownerReferences")) metadata["ownerReferences"] = wanted["ownerReferences"];
}

Claimed JudgeOwner(const ControllerOwner& owner, bool deleting, const api::AgentSandbox& sandbox) {
  if (IsFormerSelf(owner, sandbox)) return Claimed::kWaiting;
  if (owner.uid != sandbox.metadata.uid) return Claimed::kStrangers;
  return deleting ? Claimed::kWaiting : Claimed::kOurs;
}

}  // namespace stockade::sandbox_operator
