#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"

namespace stockade::render {

// A control of the sandbox that another technology cannot express.
struct Unexpressed {
  std::string field;    // "spec.egress.allow[0].methods"
  std::string meaning;  // what holds there instead

  bool operator==(const Unexpressed&) const = default;
};

// The settings file of sandbox-runtime (`srt --settings FILE`), which confines a command on one's
// own machine by bubblewrap or Seatbelt, and what of the sandbox is not in it. Its schema is that
// of version 0.0.83 of the npm package @anthropic-ai/sandbox-runtime.
struct SandboxRuntimeSettings {
  codec::Json settings;
  std::vector<Unexpressed> unexpressed;
};

// `directories` says by a mount's name which directory of the machine it is; of other mounts it is
// the mount path.
[[nodiscard]] SandboxRuntimeSettings RenderSandboxRuntime(
    const api::AgentSandbox& sandbox, const std::map<std::string, std::string>& directories);

}  // namespace stockade::render
