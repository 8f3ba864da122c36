#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "base/status.h"
#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::api {

// What becomes of the sandboxes that nobody has claimed when the template changes.
enum class PoolUpdate { kOnReplenish, kRecreate };
inline constexpr std::array<std::string_view, 2> kPoolUpdateNames = {"OnReplenish", "Recreate"};

struct AgentSandboxPoolSpec {
  std::string template_name;
  std::int64_t replicas = 1;
  PoolUpdate update = PoolUpdate::kOnReplenish;
  std::int64_t max_starting = 10;
  std::int64_t startup_timeout_seconds = 300;
};

// Sandboxes of one template that are kept ready for claims.
struct AgentSandboxPool {
  ObjectMeta metadata;
  AgentSandboxPoolSpec spec;
  JsonText status;  // as last seen; written only by the operator
};

// Decodes what the API server stores; defaults of the CRD are applied to what is unset. BadRequest
// names every field of the wrong type. Fields that this version does not know are left alone.
Result<AgentSandboxPool> DecodeAgentSandboxPool(codec::JsonView object);

// As above, and also reports each unknown field.
std::vector<codec::FieldError> CheckAgentSandboxPoolFields(codec::JsonView object);

}  // namespace stockade::api
