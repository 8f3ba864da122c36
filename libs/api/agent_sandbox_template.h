#pragma once

#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "base/status.h"
#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::api {

// A sandbox to make more of, and what those who claim one may set.
struct AgentSandboxTemplate {
  ObjectMeta metadata;
  JsonText sandbox_spec;  // spec.template.spec: of an AgentSandbox, not decoded
  // spec.claims: the names and keys that claims may set, sorted.
  std::vector<std::string> claim_env;
  std::vector<std::string> claim_labels;
  std::vector<std::string> claim_annotations;
};

// Decodes what the API server stores. BadRequest names every field of the wrong type; what is wrong
// with the sandbox's spec is for DecodeAgentSandbox to say, of a sandbox made from it. Fields that
// this version does not know are left alone.
Result<AgentSandboxTemplate> DecodeAgentSandboxTemplate(codec::JsonView object);

// As above, and also reports each unknown field outside the sandbox's spec.
std::vector<codec::FieldError> CheckAgentSandboxTemplateFields(codec::JsonView object);

// Where the spec of the sandbox stands: its "spec.x" is the template's "spec.template.spec.x".
inline constexpr std::string_view kSandboxSpecInTemplate = "spec.template.";

}  // namespace stockade::api
