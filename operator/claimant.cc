#include "operator/claimant.h"

#include "api/gateway_names.h"
#include "api/names.h"

namespace stockade::sandbox_operator {
namespace {

// An AgentSandbox of this name: the one that claims, or one that is gone. Whoever may read a
// sandbox can write its uid into a reference to something else, for which no guard asks and which
// the garbage collector may never look up.
bool IsNamesake(const ControllerOwner& owner, const std::string& name) {
  return owner.kind == api::kAgentSandboxKind && owner.name == name &&
         owner.api_version.starts_with(std::string(api::kGroup) + "/");
}

// The uid of the sandbox of that name for which the operator keeps a claim; empty for any other
// object. Nobody else sets these labels while the guards are there.
std::string RetainedFor(const api::StringMap& labels, const std::string& name) {
  const auto value = [&labels](std::string_view key) {
    const auto found = labels.find(std::string(key));
    return found == labels.end() ? std::string() : found->second;
  };
  const bool ours =
      value(api::kManagedByLabel) == api::kManagedByValue && value(api::kSandboxLabel) == name;
  return ours ? value(api::kRetainedForLabel) : std::string();
}

}  // namespace

Claimant::Claimant(const api::AgentSandbox& sandbox)
    : key_{sandbox.metadata.namespace_name, sandbox.metadata.name},
      uid_(sandbox.metadata.uid),
      retains_(sandbox.spec.lifecycle.volume_policy == api::VolumePolicy::kRetain) {}

Claimant Claimant::OfSharedGateway(const runtime::ObjectKey& gateway) { return Claimant(gateway); }

bool Claimant::IsOwner(const ControllerOwner& owner) const {
  return !shared_ && IsNamesake(owner, key_.name) && owner.uid == uid_;
}

Claimant Claimant::OfGateway(const api::AgentSandbox& sandbox, const std::string& gateway) {
  if (!api::IsSharedGatewayName(gateway)) return sandbox;
  return OfSharedGateway({sandbox.metadata.namespace_name, gateway});
}

Claimed Claimant::Judge(const ControllerOwner& owner, const api::StringMap& labels,
                        bool deleting) const {
  if (shared_) {
    if (!owner.uid.empty() || SharedGatewayNamed(labels) != key_.name) return Claimed::kStrangers;
  } else {
    if (!IsNamesake(owner, key_.name)) return Claimed::kStrangers;
    if (owner.uid != uid_) return Claimed::kWaiting;
  }
  return deleting ? Claimed::kWaiting : Claimed::kOurs;
}

Claimed Claimant::Judge(const CachedClaim& live) const {
  const std::string retained_for = RetainedFor(live.labels, key_.name);
  const bool outlives = live.owner.uid.empty() && !retained_for.empty();
  if (shared_ || !outlives) return Judge(live.owner, live.labels, live.deleting);
  if (retained_for != uid_ && !retains_) return Claimed::kStrangers;
  return live.deleting ? Claimed::kWaiting : Claimed::kOurs;
}

std::string SharedGatewayNamed(const api::StringMap& labels) {
  const auto managed = labels.find(std::string(api::kManagedByLabel));
  const auto gateway = labels.find(std::string(api::kGatewayLabel));
  const bool ours = managed != labels.end() && managed->second == api::kManagedByValue &&
                    gateway != labels.end() && api::IsSharedGatewayName(gateway->second);
  return ours ? gateway->second : std::string();
}

}  // namespace stockade::sandbox_operator
