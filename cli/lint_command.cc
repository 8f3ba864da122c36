#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/input.h"
#include "cli/lint.h"
#include "cli/options.h"
#include "cli/report.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "output",
         .value = "text|json|sarif|junit",
         .help = "the format of the findings (default: text)",
         .letter = 'o'},
    kFilenameFlag,
    kNamespaceFlag,
    kPolicyFlag,
    kNamespaceLabelsFlag,
    kConfigFlag,
    Flag{.name = "warnings-as-errors", .value = "", .help = "exit with 1 for warnings as well"},
    Flag{.name = "quiet", .value = "", .help = "no summary", .letter = 'q'},
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Judges every AgentSandbox by the schema of its CustomResourceDefinition, as the API server "
    "does, and\nby every rule of the floor, as the webhook does. All findings are told at once, "
    "with their place in\nthe file. Objects of other kinds are left alone and counted. No cluster "
    "is needed.\n"
    "\n"
    "AgentSandboxPolicies of --policy and of the input judge the sandboxes of the namespaces that "
    "they\nselect, by the labels of Namespaces in the input, or those of --namespace-labels: what "
    "Enforce finds\nis an error, what Warn finds a warning, and what Audit finds a note.\n"
    "\n"
    "Directories are read with all that is below them: *.yaml, *.yml and *.json. - is standard "
    "input, so\nthat what Helm and Kustomize print can be judged.\n"
    "\n"
    "Exit codes: 0 no errors, 1 errors (with --warnings-as-errors also warnings), 2 something "
    "could not be\nread or the command line is wrong.\n"
    "\n"
    "Examples:\n"
    "  # everything in a directory\n"
    "  $ stockade lint manifests/\n"
    "\n"
    "  # what a chart and an overlay make\n"
    "  $ helm template agents charts/agents | stockade lint -\n"
    "  $ kustomize build overlays/production | stockade lint -\n"
    "\n"
    "  # by the policies of a team's namespaces\n"
    "  $ stockade lint --policy policies/ --namespace-labels team=research manifests/\n"
    "\n"
    "  # for a code scanning service\n"
    "  $ stockade lint --output sarif manifests/ > stockade.sarif\n"
    "\n"
    "  # what a code means\n"
    "  $ stockade explain RootUser\n";

std::optional<ReportFormat> FormatOf(std::string_view name) {
  if (name.empty()) return ReportFormat::kText;
  const auto found = std::ranges::find(kReportFormatNames, name);
  if (found == kReportFormatNames.end()) return std::nullopt;
  return static_cast<ReportFormat>(found - kReportFormatNames.begin());
}

std::string Write(const LintReport& report, ReportFormat format, bool warnings_fail, bool colour) {
  switch (format) {
    case ReportFormat::kText:
      return TextReport(report, colour);
    case ReportFormat::kJson:
      return JsonReport(report);
    case ReportFormat::kSarif:
      return SarifReport(report);
    case ReportFormat::kJunit:
      return JunitReport(report, warnings_fail);
  }
  return "";
}

int Run(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  const auto format = FormatOf(flags.Value("output"));
  if (!format) {
    return invocation.Fail("--output must be one of text, json, sarif, junit, not \"" +
                           std::string(flags.Value("output")) + "\"");
  }
  const auto options = ReadLintOptions(flags);
  if (!options.ok()) return invocation.Fail(options.status().message());
  const auto input = ReadManifests(invocation);
  if (!input.ok()) return invocation.Fail(input.status().message());

  const LintReport report = Lint(*input, *options);
  const bool warnings_fail = flags.Has("warnings-as-errors");
  Console& console = invocation.console;
  console.out += Write(report, *format, warnings_fail, invocation.environment.colour);
  TellProblems(report.problems, report.notes, console);
  if (!flags.Has("quiet")) console.err += Summary(report);
  if (!report.problems.empty()) return kExitError;
  const bool found =
      report.Count(Level::kError) > 0 || (warnings_fail && report.Count(Level::kWarning) > 0);
  return found ? kExitFindings : kExitClean;
}

}  // namespace

Command LintCommand() {
  return {.name = "lint",
          .arguments = "FILE|DIR|-...",
          .summary = "Judge AgentSandboxes as the API server and the webhook would",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
