#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "policy/rule.h"

namespace stockade::policy {

// What the rules must know beside the object; from the configuration of the webhook, the operator
// or the command line. A plain value, the same for all three in one installation.
struct Facts {
  // Prefixes before the "/" of label and annotation keys that a pod template may carry, exact or
  // "*.suffix"; keys without a prefix always pass.
  std::vector<std::string> allowed_metadata_prefixes = DefaultAllowedMetadataPrefixes();

  static std::vector<std::string> DefaultAllowedMetadataPrefixes();
};

// Every finding of every rule of the floor, in the order of the rules' table and then of the
// fields. `pod_template` is the view of sandbox.spec.podTemplate with the path
// "spec.podTemplate". Pure; about 10 microseconds for a clean 4 KiB sandbox.
[[nodiscard]] std::vector<Finding> EvaluateSandbox(const api::AgentSandbox& sandbox,
                                                   api::PodView pod_template, const Facts& facts);

// The floor's judgement of a pod as the operator is about to create it, its own containers and
// volumes included: here a hardening field that is unset is a finding too. `isolation` is the tier
// the sandbox declares and `runtime_class` what the configuration maps it to.
[[nodiscard]] std::vector<Finding> EvaluateRenderedPod(api::PodView pod,
                                                       std::string_view runtime_class,
                                                       const Facts& facts);

// True when any finding denies.
[[nodiscard]] bool HasErrors(const std::vector<Finding>& findings);

}  // namespace stockade::policy
