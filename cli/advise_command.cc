#include <array>
#include <string>

#include "cli/advice.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/sandboxes.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "output",
         .value = "text|json",
         .help = "the format (default: text)",
         .letter = 'o'},
    kFilenameFlag,
    kNamespaceFlag,
    kConfigFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Says how much is at risk in each sandbox, template and claim, what of, and which tier and "
    "controls\nthat calls for: where each is set, what it stops and what it costs. The risk is "
    "made "
    "of three things:\ntext that others wrote, something worth taking, and a way for it to leave "
    "or "
    "to stay. No cluster is\nneeded. docs/risk-profiles.md has the reasoning.\n"
    "\n"
    "It reads what the manifest says, and nothing of the image or of what the agent is told to do. "
    "The rules\nhold in any case: what lint refuses is not advised on.\n"
    "\n"
    "Exit codes: 0 nothing is missing that should be there, 1 something is, or the rules refuse "
    "some, "
    "2 something\ncould not be read or the command line is wrong.\n"
    "\n"
    "Examples:\n"
    "  $ stockade advise sandbox.yaml\n"
    "\n"
    "  # what is missing, in a pipeline\n"
    "  $ stockade advise -o json manifests/ |\n"
    "      jq -r '.sandboxes[] | .object as $o | .advice[] | select(.weight == \"should\") |\n"
    "        \"\\($o) \\(.field): \\(.what)\"'\n";

int Run(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  const std::string_view output = flags.Has("output") ? flags.Value("output") : "text";
  if (output != "text" && output != "json") {
    return invocation.Fail("--output must be text or json, not \"" + std::string(output) + "\"");
  }
  const auto config = LoadConfiguration(std::string(flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  LintOptions options{.facts = config->facts};
  if (Status status = ReadNamespace(flags, options.default_namespace); !status.ok()) {
    return invocation.Fail(status.message());
  }
  int exit_code = kExitClean;
  const auto sandboxes =
      AcceptSandboxes(invocation, options, Sandboxes::kAndWhatMakesThem, exit_code);
  codec::Json list = codec::Json::array();
  for (const AcceptedSandbox& accepted : sandboxes) {
    const Assessment assessment = Assess(accepted.sandbox);
    if (assessment.Lacks() && exit_code == kExitClean) exit_code = kExitFindings;
    if (output == "json") {
      list.push_back(ToJson(assessment, accepted.title));
    } else {
      invocation.console.out += TextOf(assessment, accepted.title);
    }
  }
  if (output == "json") {
    invocation.console.out += codec::Json({{"sandboxes", std::move(list)}}).dump(2) + "\n";
  }
  return exit_code;
}

}  // namespace

Command AdviseCommand() {
  return {.name = "advise",
          .arguments = "FILE|DIR|-...",
          .summary = "Say which tier and controls a sandbox's risk calls for, and what they cost",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
