#pragma once

#include <string>
#include <vector>

#include "cli/conversion.h"
#include "codec/json.h"
#include "policy/evaluate.h"

// What the fields of agent-sandbox's SandboxTemplate, SandboxWarmPool and SandboxClaim say
// (versions v1alpha1 and v1beta1), in ours.
namespace stockade::cli {

// The sandbox that a SandboxTemplate describes, as an AgentSandbox of its name, for the rules to
// judge.
[[nodiscard]] codec::Json BlueprintOf(const codec::Json& sandbox_template, Account& account);

// What the SandboxClaims of a template set: names and keys, each once.
struct SetByClaims {
  std::vector<std::string> variables;
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
};
void NoteWhatIsSet(const codec::Json& claim, const policy::Facts& facts, SetByClaims& set);

// The variables that a SandboxTemplate lets its claims set, of those that they do set.
[[nodiscard]] std::vector<std::string> VariablesForClaims(const codec::Json& sandbox_template,
                                                          const std::vector<std::string>& wanted,
                                                          Account& account);

// An AgentSandboxTemplate that makes sandboxes like the blueprint, of which claims may set that.
[[nodiscard]] codec::Json TemplateFrom(const codec::Json& blueprint, const SetByClaims& allowed);

// An AgentSandboxPool from a SandboxWarmPool.
[[nodiscard]] codec::Json FromWarmPool(const codec::Json& pool, Account& account);

// An AgentSandboxClaim from a SandboxClaim. `default_pool` is the pool that a claim of v1alpha1
// takes from when it names none; empty when there is none. Labels and annotations of the pod that
// the rules refuse are left out.
[[nodiscard]] codec::Json FromClaim(const codec::Json& claim, const std::string& default_pool,
                                    const policy::Facts& facts, Account& account);

// Points a HorizontalPodAutoscaler of a SandboxWarmPool to the AgentSandboxPool that it becomes.
void ScaleOurPool(codec::Json& autoscaler, Account& account);

}  // namespace stockade::cli
