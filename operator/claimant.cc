#include "operator/claimant.h"

#include "api/gateway_names.h"
#include "api/names.h"

namespace stockade::sandbox_operator {
namespace {

// An AgentSandbox of this name that is not this one, and so one that is gone.
bool IsFormerSelf(const ControllerOwner& owner, const std::string& name, const std::string& uid) {
  return owner.kind == api::kAgentSandboxKind && owner.name == name &&
         owner.api_version.starts_with(std::string(api::kGroup) + "/") && owner.uid != uid;
}

}  // namespace

Claimant::Claimant(const api::AgentSandbox& sandbox)
    : key_{sandbox.metadata.namespace_name, sandbox.metadata.name}, uid_(sandbox.metadata.uid) {}

Claimant Claimant::OfSharedGateway(const runtime::ObjectKey& gateway) { return Claimant(gateway); }

Claimed Claimant::Judge(const ControllerOwner& owner, const api::StringMap& labels,
                        bool deleting) const {
  if (shared_) {
    if (!owner.uid.empty() || SharedGatewayNamed(labels) != key_.name) return Claimed::kStrangers;
  } else {
    if (IsFormerSelf(owner, key_.name, uid_)) return Claimed::kWaiting;
    if (owner.uid != uid_) return Claimed::kStrangers;
  }
  return deleting ? Claimed::kWaiting : Claimed::kOurs;
}

std::string SharedGatewayNamed(const api::StringMap& labels) {
  const auto managed = labels.find(std::string(api::kManagedByLabel));
  const auto gateway = labels.find(std::string(api::kGatewayLabel));
  const bool ours = managed != labels.end() && managed->second == api::kManagedByValue &&
                    gateway != labels.end() && api::IsSharedGatewayName(gateway->second);
  return ours ? gateway->second : std::string();
}

}  // namespace stockade::sandbox_operator
