#include "operator/gateway_widening.h"

#include <algorithm>

#include "api/gateway_names.h"
#include "api/names.h"
#include "operator/claimant.h"
#include "render/gateway.h"

namespace stockade::sandbox_operator {
namespace {

// What the operator makes for gateways, or repairs.
bool IsOperators(const CachedPolicy& policy, const api::AgentSandbox& sandbox,
                 const std::string& gateway) {
  const std::string& name = policy.key.name;
  if (name == api::kDenyAllPolicyName || name == api::kGatewayDenyAllPolicyName) return true;
  return name == api::GatewayPartName(gateway) &&
         Claimant::OfGateway(sandbox, gateway).Judge(policy) != Claimed::kStrangers;
}

bool SelectsPodsOf(const Caches& caches, const CachedPolicy& policy, const std::string& gateway) {
  // One that is to come may come to any node.
  if (policy.pod_selector.WhereverScheduled().Matches(render::GatewayPodLabels(gateway))) {
    return true;
  }
  // Controllers add labels of their own, such as pod-template-hash.
  return std::ranges::any_of(
      caches.PodsOfGateway({policy.key.namespace_name, gateway}),
      [&policy](const auto& pod) { return policy.pod_selector.Matches(pod->labels); });
}

}  // namespace

std::string FindPolicyWideningGateway(const Caches& caches, const api::AgentSandbox& sandbox,
                                      const std::string& gateway) {
  const runtime::ObjectKey key{sandbox.metadata.namespace_name, sandbox.metadata.name};
  for (const runtime::ObjectKey& group : {runtime::ObjectKey{key.namespace_name, ""}, key}) {
    for (const auto& policy : caches.AllowancesFor(group)) {
      if (IsOperators(*policy, sandbox, gateway)) continue;
      if (SelectsPodsOf(caches, *policy, gateway)) return policy->key.name;
    }
  }
  return {};
}

}  // namespace stockade::sandbox_operator
