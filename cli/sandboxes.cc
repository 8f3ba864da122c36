#include "cli/sandboxes.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "api/names.h"
#include "cli/configuration.h"
#include "cli/report.h"

namespace stockade::cli {
namespace {

bool HasErrors(const LintedObject& linted) {
  return std::ranges::any_of(linted.findings, [](const LocatedFinding& located) {
    return located.level() == Level::kError;
  });
}

}  // namespace

std::vector<AcceptedSandbox> AcceptSandboxes(const Invocation& invocation,
                                             const LintOptions& options, int& exit_code) {
  exit_code = kExitError;
  const auto input = ReadManifests(invocation);
  if (!input.ok()) {
    exit_code = invocation.Fail(input.status().message());
    return {};
  }
  Console& console = invocation.console;
  TellProblems(input->problems, input->notes, console);
  const LintContext context(*input, options);
  std::vector<AcceptedSandbox> accepted;
  bool any = false;
  bool refused = false;
  for (const InputObject& object : input->objects) {
    if (!IsOfKind(object, api::kAgentSandboxKind)) continue;
    any = true;
    std::optional<api::AgentSandbox> sandbox;
    const LintedObject linted = LintObject(object, context, &sandbox);
    if (HasErrors(linted) || !sandbox) {
      refused = true;
      console.err += TextOf(linted, /*colour=*/false);
      console.err += "stockade: " + linted.Title() +
                     " would be refused, and nothing made of it; correct the errors above\n";
      continue;
    }
    if (sandbox->metadata.name.empty()) {
      refused = true;
      console.err += "stockade: " + linted.Title() +
                     " has a generated name, which only the API server knows; set metadata.name\n";
      continue;
    }
    accepted.push_back({std::move(*sandbox), linted.Title()});
  }
  if (!any && input->problems.empty()) {
    exit_code = invocation.Fail("there is no AgentSandbox in the input");
    return {};
  }
  exit_code = !input->problems.empty() ? kExitError : refused ? kExitFindings : kExitClean;
  return accepted;
}

}  // namespace stockade::cli
