#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/strings.h"
#include "cli/colours.h"
#include "cli/command.h"
#include "cli/lint.h"
#include "cli/options.h"
#include "cli/reasons.h"
#include "cli/wrap.h"
#include "policy/rule_names.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "list",
         .value = "",
         .help = "every code with its severity, one a line",
         .letter = 'l'},
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Explains a code: of a finding, as lint, the webhook and the status of a sandbox name it in "
    "brackets,\nor the reason of one of a sandbox's conditions. Case does not matter. For a "
    "sandbox "
    "in a cluster\nthere is \"explain sandbox\".\n"
    "\n"
    "Examples:\n"
    "  $ stockade explain RootUser\n"
    "  $ stockade explain ImagePullFailed\n"
    "  $ stockade explain --list\n"
    "  $ stockade explain sandbox my-agent -n agents\n";

std::string_view JudgesText(policy::JudgedObject judges) {
  switch (judges) {
    case policy::JudgedObject::kSandbox:
      return "the sandbox";
    case policy::JudgedObject::kRenderedPod:
      return "the pod as the operator creates it";
    case policy::JudgedObject::kBoth:
      return "the sandbox, and the pod as the operator creates it";
    case policy::JudgedObject::kByPolicy:
      return "the sandbox, where an AgentSandboxPolicy asks for it";
    case policy::JudgedObject::kRequest:
      return "requests that concern what the operator owns";
  }
  return "";
}

std::string Row(const Colours& colours, std::string_view name, std::string_view text) {
  if (text.empty()) return "";
  std::string head(name);
  head.resize(14, ' ');
  return colours.Bold(head) + Wrap(text, 14);
}

std::string ExplainRule(const policy::Rule& rule, const Colours& colours) {
  const policy::References& references = rule.references;
  const std::string pod_security =
      references.pod_security.empty()
          ? ""
          : "Pod Security Standards: " + std::string(references.pod_security);
  const std::string kubescape =
      references.kubescape.empty() ? "" : "Kubescape " + std::string(references.kubescape);
  return colours.Bold(std::string(rule.code)) + " (" +
         std::string(policy::SeverityName(rule.severity)) + ")\n\n" + Wrap(rule.summary, 0) + "\n" +
         Row(colours, "Reads", rule.fields) + Row(colours, "Remedy", rule.remedy) +
         Row(colours, "Judges", JudgesText(rule.judges)) +
         Row(colours, "Principle", policy::PrincipleName(references.principle)) +
         Row(colours, "See", pod_security) + Row(colours, "See", references.cve) +
         Row(colours, "See", kubescape);
}

std::string ExplainReason(const Reason& reason, const Colours& colours) {
  return colours.Bold(std::string(reason.code)) + " (reason of a condition)\n\n" +
         Wrap(reason.meaning, 0) +
         (reason.next.empty() ? ""
                              : "\n" + Row(colours, "Next", NextStep(reason, "NAMESPACE", "NAME")));
}

std::string ListText() {
  std::string text;
  const auto add = [&text](std::string_view code, std::string_view what, std::string_view summary) {
    std::string line(code);
    line.resize(std::max<std::size_t>(line.size() + 1, 24), ' ');
    line += what;
    line.resize(std::max<std::size_t>(line.size() + 1, 34), ' ');
    // The first sentence.
    const std::size_t end = summary.find(". ");
    text += line + std::string(summary.substr(0, end == summary.npos ? end : end + 1)) + "\n";
  };
  for (const policy::Rule* rule : AllRules()) {
    add(rule->code, policy::SeverityName(rule->severity), rule->summary);
  }
  for (const Reason& reason : Reasons()) add(reason.code, "reason", reason.meaning);
  return text;
}

int Unknown(const Invocation& invocation, const std::string& code) {
  std::vector<std::string_view> codes;
  for (const policy::Rule* rule : AllRules()) codes.push_back(rule->code);
  for (const Reason& reason : Reasons()) codes.push_back(reason.code);
  const std::string_view meant = ClosestMatch(code, codes);
  return invocation.Fail("there is no code \"" + code + "\"" +
                         (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?") +
                         "; --list shows all");
}

int Run(const Invocation& invocation) {
  Console& console = invocation.console;
  if (invocation.flags.Has("list")) {
    console.out += ListText();
    return kExitClean;
  }
  const std::vector<std::string>& codes = invocation.flags.arguments();
  if (codes.empty()) return invocation.Fail("name a code, such as RootUser, or --list");
  const Colours colours(invocation.environment.colour);
  for (const std::string& code : codes) {
    const std::string lower = ToLower(code);
    const auto is_meant = [&lower](std::string_view known) { return ToLower(known) == lower; };
    std::string text;
    for (const policy::Rule* rule : AllRules()) {
      if (is_meant(rule->code)) text += ExplainRule(*rule, colours);
    }
    for (const Reason& reason : Reasons()) {
      if (is_meant(reason.code)) text += ExplainReason(reason, colours);
    }
    if (text.empty()) return Unknown(invocation, code);
    if (!console.out.empty()) console.out += '\n';
    console.out += text;
  }
  return kExitClean;
}

}  // namespace

Command ExplainCommand() {
  return {.name = "explain",
          .arguments = "CODE...",
          .summary = "Explain the code of a finding or the reason of a condition",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
