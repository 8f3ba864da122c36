#pragma once

#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/lint.h"

namespace stockade::cli {

struct AcceptedSandbox {
  api::AgentSandbox sandbox;
  std::string title;  // of the object that it is or comes of: "AgentSandbox agents/minimal"
};

enum class Sandboxes {
  kThemselves,
  // Also what is made of each template, under the template's name, and of each claim whose template
  // is in the input, and its pool where it names one.
  kAndWhatMakesThem,
};

// The sandboxes of the input, for commands that go on with them. What the rules refuse is told on
// standard error and left out: the operator makes nothing of it. `exit_code` becomes kExitFindings
// then, and kExitError when something could not be read or there is no sandbox.
[[nodiscard]] std::vector<AcceptedSandbox> AcceptSandboxes(const Invocation& invocation,
                                                           const LintOptions& options,
                                                           Sandboxes wanted, int& exit_code);

}  // namespace stockade::cli
