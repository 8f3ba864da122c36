#pragma once

#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"

namespace stockade::render {

// The PersistentVolumeClaim of one volumeClaimTemplate. Owned by the sandbox, with which it
// goes, unless spec.lifecycle.volumePolicy is Retain: then it has no owner and says whose it is.
[[nodiscard]] codec::Json RenderClaim(const api::AgentSandbox& sandbox,
                                      const api::VolumeClaimTemplate& claim);

// How a claim that exists differs from the one rendered. A claim is immutable but for its size,
// which only grows; everything else needs a new claim, and that is for its owner to decide.
struct ClaimGrowth {
  // Whether resources.requests.storage should be raised to that of the rendered claim.
  bool needed = false;
  // The rendered claim asks for less than the live one has: nothing can be done about it.
  bool shrinks = false;
  // Fields of the spec that differ and cannot be changed, such as "storageClassName". What the
  // template leaves unset is the API server's to choose and never differs.
  std::vector<std::string> immutable_fields;
};

// Both are whole claims; `live` may have only a spec.
[[nodiscard]] ClaimGrowth GrowthOf(codec::JsonView live, const codec::Json& rendered);

}  // namespace stockade::render
