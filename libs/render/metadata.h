#pragma once

#include <string>
#include <string_view>

#include "api/agent_sandbox.h"
#include "codec/json.h"

namespace stockade::render {

// apiVersion, kind and metadata of an object that belongs to `sandbox`: its name and namespace, the
// labels and annotations given, then the operator's own labels, which win, and the owner reference
// by which the garbage collector takes the object with the sandbox.
[[nodiscard]] codec::Json OwnedObject(const api::AgentSandbox& sandbox,
                                      std::string_view api_version, std::string_view kind,
                                      std::string name, api::StringMap labels = {},
                                      const api::StringMap& annotations = {});

}  // namespace stockade::render
