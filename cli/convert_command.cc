#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/conversion.h"
#include "cli/options.h"
#include "cli/output_files.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "output-dir",
         .value = "DIR",
         .help = "write a file for each object there instead of all to standard output",
         .letter = 'd'},
    Flag{.name = "force", .value = "", .help = "replace files that are in --output-dir already"},
    Flag{.name = "report",
         .value = "text|json",
         .help = "the format of the account on standard error (default: text)"},
    kFilenameFlag,
    kNamespaceFlag,
    kPolicyFlag,
    kNamespaceLabelsFlag,
    kConfigFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Makes Stockade's resources of the manifests of kubernetes-sigs/agent-sandbox (v1alpha1 and\n"
    "v1beta1): an AgentSandbox of each Sandbox, and templates, pools and claims of its templates,\n"
    "warm pools and claims. A Sandbox that a claim or a pool of the input has made is left to "
    "that.\n"
    "Objects of other kinds are passed through unchanged, but for autoscalers of a warm pool, "
    "which\n"
    "then scale what it becomes. No cluster is needed, and nothing is applied.\n"
    "\n"
    "What the rules refuse is repaired where there is one safe answer, such as a field that is "
    "taken out\nso that the operator hardens it. What only a person can decide, such as where a "
    "credential is to go,\nstays in the output as it was, and is told with its remedy. The account "
    "on standard error says of\nevery object what was tightened and why, what is said in another "
    "field now, what was not carried\nover, and what needs a person. Comments are not kept.\n"
    "\n"
    "The output is judged as lint judges it, with the same options: exit code 0 means that "
    "stockade lint\nis content with it.\n"
    "\n"
    "Exit codes: 0 everything was converted and lints clean, 1 a person has to decide something, 2 "
    "something\ncould not be read or written, or the command line is wrong.\n"
    "\n"
    "Examples:\n"
    "  # one file; the account goes to the terminal\n"
    "  $ stockade convert sandbox.yaml > agentsandbox.yaml\n"
    "\n"
    "  # everything in a directory, one file for each object\n"
    "  $ stockade convert --output-dir converted/ manifests/\n"
    "\n"
    "  # what a chart makes, or what runs in a namespace now\n"
    "  $ helm template agents charts/agents | stockade convert -\n"
    "  $ kubectl get sandboxes,sandboxtemplates,sandboxwarmpools,sandboxclaims -o yaml |\n"
    "      stockade convert -\n"
    "\n"
    "  # in a pipeline: only those that need a person\n"
    "  $ stockade convert --report json - < all.yaml 2> report.json > converted.yaml\n"
    "  $ jq '.objects[] | select(.needsPerson != [])' report.json\n"
    "\n"
    "  # what a code means\n"
    "  $ stockade explain SecretInAgent\n";

std::vector<std::string> TextsOf(const std::vector<codec::Json>& outputs) {
  std::vector<std::string> texts;
  texts.reserve(outputs.size());
  for (const codec::Json& output : outputs) texts.push_back(YamlOf({output}));
  return texts;
}

int Run(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  const std::string_view format = flags.Has("report") ? flags.Value("report") : "text";
  if (format != "text" && format != "json") {
    return invocation.Fail("--report must be text or json, not \"" + std::string(format) + "\"");
  }
  const std::string directory(flags.Value("output-dir"));
  if (flags.Has("force") && directory.empty()) {
    return invocation.Fail("--force is for --output-dir, which is missing");
  }
  ConvertOptions options;
  auto lint = ReadLintOptions(flags);
  if (!lint.ok()) return invocation.Fail(lint.status().message());
  options.lint = std::move(lint).value();
  auto config = LoadConfiguration(std::string(flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  options.profile = config->profile;
  const auto input = ReadManifests(invocation);
  if (!input.ok()) return invocation.Fail(input.status().message());

  const Conversion conversion = Convert(*input, options);
  Console& console = invocation.console;
  std::vector<std::string> files;
  if (directory.empty()) {
    console.out += YamlOf(conversion.outputs);
  } else {
    auto written = WriteFiles(directory, FileNamesFor(conversion.outputs),
                              TextsOf(conversion.outputs), flags.Has("force"));
    if (!written.ok()) return invocation.Fail(written.status().message());
    files = std::move(written).value();
  }
  if (format == "json") {
    console.err += JsonReport(conversion, files);
  } else {
    console.err += TextReport(conversion);
    TellProblems(conversion.problems, conversion.notes, console);
    console.err += Summary(conversion);
  }
  if (!conversion.problems.empty()) return kExitError;
  return conversion.HasErrors() ? kExitFindings : kExitClean;
}

}  // namespace

Command ConvertCommand() {
  return {.name = "convert",
          .arguments = "FILE|DIR|-...",
          .summary = "Make Stockade's resources of the manifests of agent-sandbox",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
