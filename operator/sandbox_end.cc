#include "operator/sandbox_end.h"

#include <utility>

#include "api/names.h"
#include "operator/owned_kinds.h"
#include "render/claims.h"

namespace stockade::sandbox_operator {

ReconcileStep SandboxEnd::RemoveSurroundings(const api::AgentSandbox& sandbox) {
  const std::string& name = sandbox.metadata.name;
  Status removed =
      RemoveOwned(client_, ServiceKind(caches_), sandbox, api::SandboxObjectName(name));
  if (removed.ok()) {
    removed = RemoveOwned(client_, PolicyKind(caches_), sandbox, api::IngressPolicyName(name));
  }
  if (!removed.ok()) return {std::nullopt, std::nullopt, std::move(removed)};
  return gateways_ == nullptr ? ReconcileStep{} : gateways_->RemoveDedicated(sandbox);
}

ReconcileStep SandboxEnd::ReleaseClaims(const api::AgentSandbox& sandbox) {
  if (sandbox.spec.lifecycle.volume_policy == api::VolumePolicy::kDelete) return {};
  for (const api::VolumeClaimTemplate& claim : sandbox.spec.volume_claim_templates) {
    const codec::Json wanted = render::RenderClaim(sandbox, claim);
    const auto name = wanted["metadata"]["name"].get<std::string>();
    if (!caches_.claims.store().Get({sandbox.metadata.namespace_name, name})) continue;
    ReconcileStep step = StepFrom(EnsureOwned(client_, ClaimKind(caches_), sandbox, wanted),
                                  "PersistentVolumeClaim", name);
    if (!step.Continue()) return step;
  }
  return {};
}

ReconcileStep SandboxEnd::Delete(const api::AgentSandbox& sandbox) {
  kube::DeleteOptions options;
  options.uid = sandbox.metadata.uid;
  options.resource_version = sandbox.metadata.resource_version;
  options.propagation_policy = "Background";
  const auto deleted = client_.Delete(kAgentSandboxes, sandbox.metadata.namespace_name,
                                      sandbox.metadata.name, options);
  if (deleted.ok() || deleted.status().code() == StatusCode::kNotFound) return {};
  return {std::nullopt, std::nullopt,
          deleted.status().WithContext("deleting the sandbox at its end")};
}

}  // namespace stockade::sandbox_operator
