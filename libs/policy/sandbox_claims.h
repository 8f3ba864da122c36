#pragma once

#include <string>
#include <vector>

#include "api/agent_sandbox_claim.h"
#include "api/agent_sandbox_template.h"
#include "codec/json.h"
#include "policy/evaluate.h"
#include "policy/rule.h"

// What a template makes of a claim, and what the floor says of a claim alone. Pure.
namespace stockade::policy {

// The floor's findings about what a claim adds to a pod, with the fields of the claim: its
// variables, labels and annotations. Whether the template allows them is another question, as the
// template may change.
[[nodiscard]] std::vector<Finding> EvaluateClaim(const api::AgentSandboxClaim& claim,
                                                 const Facts& facts);

// What a claim sets that its template does not let it set, by name or key.
struct NotAllowed {
  std::vector<std::string> variables;  // in the order of the claim
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
};
[[nodiscard]] NotAllowed WhatIsNotAllowed(const api::AgentSandboxClaim& claim,
                                          const api::AgentSandboxTemplate& made_from);

// The labels and annotations for the pod of a sandbox that a claim gets, as members of
// spec.podTemplate.metadata; `own` are those of its spec, which stay. Members that would be empty
// are left out.
[[nodiscard]] codec::Json PodMetadataFor(const api::AgentSandboxClaim& claim,
                                         const api::PodTemplate& own);

// The spec of a sandbox that is made from a template for a claim, whatever the template allows.
// Variables of the claim take the place of the template's in every container that is no init
// container, or come after them, with their values as they are: a "$" in them refers to nothing.
[[nodiscard]] codec::Json SandboxSpecFor(const api::AgentSandboxTemplate& made_from,
                                         const api::AgentSandboxClaim& claim);

}  // namespace stockade::policy
