#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/lifecycle.h"
#include "base/status.h"
#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::api {

struct AgentSandboxClaimSpec {
  // Exactly one of the two is set.
  std::string template_name;
  std::string pool_name;
  std::vector<std::pair<std::string, std::string>> env;  // in the order of the list
  StringMap pod_labels;
  StringMap pod_annotations;
  std::optional<TimePoint> shutdown_time;
  std::optional<std::int64_t> max_lifetime_seconds;
  std::optional<std::int64_t> ttl_seconds_after_finished;
  std::optional<std::int64_t> timeout_seconds;
};

// Somebody's wish for one sandbox of a pool or a template.
struct AgentSandboxClaim {
  ObjectMeta metadata;
  AgentSandboxClaimSpec spec;
  JsonText status;  // as last seen; written only by the operator
};

// Decodes what the API server stores. BadRequest names every field of the wrong type. Fields that
// this version does not know are left alone.
Result<AgentSandboxClaim> DecodeAgentSandboxClaim(codec::JsonView object);

// As above, and also reports each unknown field.
std::vector<codec::FieldError> CheckAgentSandboxClaimFields(codec::JsonView object);

}  // namespace stockade::api
