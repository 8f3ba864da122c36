#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "api/names.h"
#include "base/strings.h"
#include "cli/colours.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/expectations.h"
#include "cli/lint.h"
#include "cli/options.h"
#include "cli/shown.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    kNamespaceFlag, kPolicyFlag, kNamespaceLabelsFlag, kConfigFlag, kHelpFlag,
};

constexpr std::string_view kHelp =
    "Judges every AgentSandbox below a directory and compares the findings with those that the "
    "manifest\nexpects of itself, in comments anywhere in its document:\n"
    "\n"
    "  # expect: RootUser spec.podTemplate.spec.containers[0].securityContext.runAsUser\n"
    "  # expect: ImageReference\n"
    "  # expect: none\n"
    "\n"
    "Each line expects one finding, an error or a warning, by its code, and at that field where it "
    "names\none. A sandbox without such a line, or with \"none\", expects none at all. A finding "
    "that is not\nexpected is a mismatch, and so is one that is expected and missing. What a "
    "policy "
    "in Audit records\nmay be expected, and is no mismatch otherwise.\n"
    "\n"
    "Exit codes: 0 all is as expected, 1 it is not, 2 something could not be read, there was no "
    "sandbox,\nor an expectation cannot be understood.\n"
    "\n"
    "Examples:\n"
    "  $ stockade policy test policies/tests/\n"
    "  $ stockade policy test --policy policies/ --namespace-labels team=research "
    "policies/tests/\n";

std::string Padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

int Run(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  const auto options = ReadLintOptions(flags);
  if (!options.ok()) return invocation.Fail(options.status().message());
  const auto input = ReadManifests(invocation);
  if (!input.ok()) return invocation.Fail(input.status().message());
  TellProblems(input->problems, input->notes, invocation.console);

  const LintContext context(*input, *options);
  const Colours colours(invocation.environment.colour);
  bool unreadable = !input->problems.empty();
  std::vector<std::array<std::string, 3>> rows;
  std::string mismatches;
  std::size_t wrong = 0;
  for (const InputObject& object : input->objects) {
    if (!IsOfKind(object, api::kAgentSandboxKind)) continue;
    const LintedObject linted = LintObject(object, context);
    const auto expected = ReadExpectations(object.comments);
    if (!expected.ok()) {
      unreadable = true;
      invocation.console.Tell(object.source + ": " + expected.status().message());
      continue;
    }
    const std::vector<std::string> problems = CompareWithExpectations(linted, *expected);
    rows.push_back({problems.empty() ? "ok" : "WRONG", linted.Title(), ShownFile(object.source)});
    if (problems.empty()) continue;
    ++wrong;
    mismatches += "\n" + colours.Bold(linted.Title()) + " (" + ShownFile(object.source) + ")\n";
    for (const std::string& problem : problems) {
      mismatches += "  " + policy::EscapeControls(problem) + "\n";
    }
  }
  if (rows.empty() && !unreadable) {
    return invocation.Fail("there is no AgentSandbox in the input, so nothing was tested");
  }
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row[1].size());
  for (const auto& row : rows) {
    const std::string state = Padded(row[0], 7);
    invocation.console.out += (row[0] == "ok" ? colours.Green(state) : colours.Red(state)) +
                              Padded(row[1], width + 2) + row[2] + "\n";
  }
  invocation.console.out += mismatches;
  invocation.console.err +=
      std::to_string(rows.size()) + (rows.size() == 1 ? " sandbox, " : " sandboxes, ") +
      std::to_string(rows.size() - wrong) + " as expected, " + std::to_string(wrong) + " not\n";
  if (unreadable) return kExitError;
  return wrong == 0 ? kExitClean : kExitFindings;
}

}  // namespace

Command PolicyTestCommand() {
  return {.name = "policy test",
          .arguments = "DIR|FILE...",
          .summary = "Compare findings with those that manifests expect of themselves",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
