#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/agent_sandbox_policy.h"
#include "api/pod_view.h"
#include "api/quantity.h"
#include "api/resources.h"
#include "policy/rule.h"

namespace stockade::policy {

// What the rules must know beside the object; from the configuration of the webhook, the operator
// or the command line. A plain value, the same for all three in one installation.
struct Facts {
  // Prefixes before the "/" of label and annotation keys that a pod template may carry, exact or
  // "*.suffix"; keys without a prefix always pass.
  std::vector<std::string> allowed_metadata_prefixes = DefaultAllowedMetadataPrefixes();

  // The limits that the operator gives a container that names none, by api::kResourceNames: what is
  // unset is judged by what will be filled in.
  std::array<api::Quantity, api::kResourceCount> default_limits = DefaultLimits();

  static std::vector<std::string> DefaultAllowedMetadataPrefixes();
  static std::array<api::Quantity, api::kResourceCount> DefaultLimits();
};

class CompiledPolicy;

// One thing that a policy has against a sandbox.
struct PolicyFinding {
  Finding finding;  // an error under Enforce, else a warning
  std::string policy;
  api::Enforcement enforcement = api::Enforcement::kEnforce;
  // What makes it the same finding in another version of the sandbox, wherever it stands there: the
  // image, the resource, the demand that is not met. And how far it goes, where it can go further.
  std::string subject;
  api::Quantity amount;
  bool stands = false;  // it was there before the update that is judged: see MarkWhatStands
};

// Everything that is to be said of a sandbox.
struct Judgement {
  std::vector<Finding> floor;
  std::vector<PolicyFinding> by_policies;
};

// Every finding of every rule of the floor, in the order of the rules' table and then of the
// fields. `pod_template` is the view of sandbox.spec.podTemplate with the path
// "spec.podTemplate". Pure; about 10 microseconds for a clean 4 KiB sandbox.
[[nodiscard]] std::vector<Finding> EvaluateSandbox(const api::AgentSandbox& sandbox,
                                                   api::PodView pod_template, const Facts& facts);

// What policies say of a sandbox, in the order of the rules' table, then of the policies, then of
// the fields; `policies` are those that select its namespace. A policy that has a problem judges
// nothing: see FirstBroken.
[[nodiscard]] std::vector<PolicyFinding> EvaluatePolicies(
    const api::AgentSandbox& sandbox, api::PodView pod_template, const Facts& facts,
    std::span<const std::shared_ptr<const CompiledPolicy>> policies);

// Both at once, for little more than the floor costs.
[[nodiscard]] Judgement Evaluate(const api::AgentSandbox& sandbox, api::PodView pod_template,
                                 const Facts& facts,
                                 std::span<const std::shared_ptr<const CompiledPolicy>> policies);

// Marks those of `now` that were there `before`, by rule, policy and subject: a new policy breaks
// no sandbox that exists, and an update is judged by what it adds. Each earlier finding stands for
// one of now that goes no further; a second container with the same forbidden image is one more.
void MarkWhatStands(std::vector<PolicyFinding>& now, const std::vector<PolicyFinding>& before);

// The floor's judgement of a pod as the operator is about to create it, its own containers and
// volumes included: here a hardening field that is unset is a finding too. `isolation` is the tier
// the sandbox declares and `runtime_class` what the configuration maps it to.
[[nodiscard]] std::vector<Finding> EvaluateRenderedPod(api::PodView pod,
                                                       std::string_view runtime_class,
                                                       const Facts& facts);

// True when any finding denies.
[[nodiscard]] bool HasErrors(const std::vector<Finding>& findings);

}  // namespace stockade::policy
