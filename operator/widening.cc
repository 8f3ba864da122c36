#include "operator/widening.h"

#include <algorithm>

#include "api/gateway_names.h"
#include "api/names.h"
#include "operator/claimant.h"
#include "operator/egress_gateways.h"
#include "render/gateway.h"

namespace stockade::sandbox_operator {
namespace {

// The name of the first policy that lets something through, in the namespace at large or for the
// sandbox, and that `widens(policy)` says yes to.
template <typename Widens>
std::string FindAllowance(const Caches& caches, const api::AgentSandbox& sandbox, Widens&& widens) {
  const runtime::ObjectKey key{sandbox.metadata.namespace_name, sandbox.metadata.name};
  for (const runtime::ObjectKey& group : {runtime::ObjectKey{key.namespace_name, ""}, key}) {
    for (const auto& policy : caches.AllowancesFor(group)) {
      if (widens(*policy)) return policy->key.name;
    }
  }
  return {};
}

// What the operator makes for gateways, or repairs.
bool IsGateways(const CachedPolicy& policy, const api::AgentSandbox& sandbox,
                const std::string& gateway) {
  const std::string& name = policy.key.name;
  if (name == api::kDenyAllPolicyName || name == api::kGatewayDenyAllPolicyName) return true;
  return name == api::GatewayPartName(gateway) &&
         Claimant::OfGateway(sandbox, gateway).Judge(policy) != Claimed::kStrangers;
}

}  // namespace

std::string FindPolicyWideningPod(const Caches& caches, const api::AgentSandbox& sandbox,
                                  const std::string& gateway, api::StringMap labels,
                                  bool has_node) {
  labels.insert_or_assign(std::string(api::kSandboxLabel), sandbox.metadata.name);
  const std::string own = api::IngressPolicyName(sandbox.metadata.name);
  return FindAllowance(caches, sandbox, [&](const CachedPolicy& policy) {
    if (policy.key.name == api::kDenyAllPolicyName) return false;
    if (policy.key.name == own && Claimant(sandbox).IsOwner(policy.owner)) return false;
    if (!gateway.empty() && EgressGateways::IsAllowance(policy, gateway, sandbox)) return false;
    return has_node ? policy.pod_selector.Matches(labels)
                    : policy.pod_selector.WhereverScheduled().Matches(labels);
  });
}

std::string FindPolicyWideningGateway(const Caches& caches, const api::AgentSandbox& sandbox,
                                      const std::string& gateway) {
  const api::StringMap to_come = render::GatewayPodLabels(gateway);
  const auto pods = caches.PodsOfGateway({sandbox.metadata.namespace_name, gateway});
  return FindAllowance(caches, sandbox, [&](const CachedPolicy& policy) {
    if (IsGateways(policy, sandbox, gateway)) return false;
    // One that is to come may come to any node.
    if (policy.pod_selector.WhereverScheduled().Matches(to_come)) return true;
    // Controllers add labels of their own, such as pod-template-hash.
    return std::ranges::any_of(
        pods, [&policy](const auto& pod) { return policy.pod_selector.Matches(pod->labels); });
  });
}

}  // namespace stockade::sandbox_operator
