#pragma once

#include <string_view>

#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

// Judges CREATE and UPDATE of NetworkPolicies that the operator did not make, and of the policies
// of network plugins and of policy.networking.k8s.io: one that allows any traffic must select no
// sandbox that there is and no gateway of one. An update that leaves the spec as it was passes, so
// that a finalizer can always be taken off.
//
// Of plugins' kinds only what can be told for certain to pass sandboxes by counts as doing so:
// selectors of namespaces are not looked at, and a selector of Calico's only for the conjuncts
// !has(stockade.dev/sandbox) and !has(stockade.dev/gateway).
[[nodiscard]] GuardFindings JudgeNetworkPolicy(const GuardRequest& request);
[[nodiscard]] GuardFindings JudgeOtherPolicy(const GuardRequest& request);

// True for a kind that JudgeOtherPolicy knows: ("cilium.io", "ciliumnetworkpolicies").
[[nodiscard]] bool IsOtherPolicyKind(std::string_view group, std::string_view resource);

// True when every object that a Calico selector matches certainly lacks the label.
[[nodiscard]] bool CalicoSelectorExcludes(std::string_view selector, std::string_view label);

}  // namespace stockade::webhook
