#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "api/names.h"
#include "api/pod_view.h"
#include "base/strings.h"
#include "cli/cluster.h"
#include "cli/colours.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/reasons.h"
#include "cli/wrap.h"
#include "operator/cached_objects.h"
#include "operator/pod_diagnosis.h"
#include "policy/evaluate.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "namespace",
         .value = "NAME",
         .help = "the sandbox's namespace (default: the context's)",
         .letter = 'n'},
    kConfigFlag,
    kKubeconfigFlag,
    kContextFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Tells why a sandbox in the cluster is in the state that it is in: whether it is ready and "
    "what "
    "keeps\nit, its conditions, its pod's containers, what the rules find in it now, and what to "
    "do "
    "next. Reads\nthe AgentSandbox and its pod; nothing is written.\n"
    "\n"
    "Exit codes: 0 the sandbox was found, 2 an error.\n"
    "\n"
    "Examples:\n"
    "  $ stockade explain sandbox my-agent\n"
    "  $ stockade explain sandbox my-agent -n agents --context staging\n";

class Explanation {
 public:
  Explanation(codec::JsonView object, const std::optional<codec::JsonDocument>& pod,
              const Colours& colours)
      : colours_(colours),
        metadata_(api::DecodeObjectMeta(object["metadata"])),
        conditions_(api::DecodeConditions(object["status"]["conditions"])),
        status_(object["status"]) {
    if (!pod) return;
    auto decoded = sandbox_operator::DecodePod(pod->root());
    if (decoded.ok()) pod_ = std::move(decoded).value();
  }

  std::string Text(const std::vector<policy::Finding>& findings) const {
    return Head() + Conditions() + Pod() + Controls() + Findings(findings) + Next(findings);
  }

 private:
  const api::Condition* Find(std::string_view type) const {
    const auto found = std::ranges::find(conditions_, type, &api::Condition::type);
    return found == conditions_.end() ? nullptr : &*found;
  }

  std::string Section(const std::string& title) const { return "\n" + colours_.Bold(title) + "\n"; }

  std::string Head() const {
    const std::string title = "AgentSandbox " + metadata_.namespace_name + "/" + metadata_.name;
    const api::Condition* ready = Find("Ready");
    if (ready == nullptr) {
      return colours_.Bold(title) + " has no status: the operator has not looked at it yet.\n";
    }
    std::string state = colours_.Yellow("is not ready");
    if (ready->status == "True") state = colours_.Green("is ready");
    if (ready->status == "Unknown") state = colours_.Yellow("may be ready or not");
    if (Find("Stalled") != nullptr) {
      state = colours_.Red("is stalled: waiting will not help");
    }
    std::string text = colours_.Bold(title) + " " + state + " (" + ready->reason + ")\n  " +
                       Wrap(ready->message, 2);
    if (ready->observed_generation < metadata_.generation) {
      text +=
          "  This describes an earlier version of the sandbox: the operator has not seen the "
          "last change yet.\n";
    }
    return text;
  }

  std::string Conditions() const {
    if (conditions_.empty()) return "";
    std::string text = Section("Conditions");
    for (const api::Condition& condition : conditions_) {
      std::string line = "  " + condition.type;
      line.resize(std::max<std::size_t>(line.size() + 1, 20), ' ');
      line += condition.status;
      line.resize(std::max<std::size_t>(line.size() + 1, 28), ' ');
      text +=
          line +
          Wrap(condition.reason + (condition.message.empty() ? "" : ": " + condition.message), 28);
    }
    return text;
  }

  std::string Pod() const {
    std::string text = Section("Pod " + api::SandboxObjectName(metadata_.name));
    if (!pod_) return text + "  There is none.\n";
    const sandbox_operator::PodDiagnosis diagnosis = sandbox_operator::DiagnosePod(*pod_);
    text += "  " + pod_->phase +
            (pod_->node_name.empty() ? ", on no node yet" : " on node " + pod_->node_name) +
            (pod_->runtime_class.empty() ? "" : ", RuntimeClass " + pod_->runtime_class) +
            (pod_->deleting ? ", being deleted" : "") + "\n";
    text += "  " + Wrap(diagnosis.reason + ": " + diagnosis.message, 2);
    for (const sandbox_operator::ContainerTrouble& trouble : pod_->troubles) {
      std::string line = "container \"" + trouble.container + "\": ";
      if (!trouble.waiting_reason.empty()) line += "waits, " + trouble.waiting_reason + "; ";
      line += std::to_string(trouble.restarts) + (trouble.restarts == 1 ? " restart" : " restarts");
      if (trouble.exit_code) {
        line += ", last exit code " + std::to_string(*trouble.exit_code) +
                (trouble.exit_reason.empty() ? "" : " (" + trouble.exit_reason + ")");
      }
      text += "  " + Wrap(line, 2);
    }
    return text;
  }

  // Those that are not in effect; the others need no explanation.
  std::string Controls() const {
    std::string text;
    status_["controls"].ForEachElement([&](std::size_t, codec::JsonView control) {
      const std::string_view state = control["state"].StringOrEmpty();
      if (state == "Enforced") return;
      text += "  " + Wrap(std::string(control["name"].StringOrEmpty()) + " is " + ToLower(state) +
                              ": " + std::string(control["detail"].StringOrEmpty()),
                          2);
    });
    return text.empty() ? "" : Section("Controls that the runtime does not enforce") + text;
  }

  std::string Findings(const std::vector<policy::Finding>& findings) const {
    if (findings.empty()) return "";
    std::string text = Section("What the rules find");
    for (const policy::Finding& finding : findings) {
      const bool error = finding.severity == policy::Severity::kError;
      text += "  " + (error ? colours_.Red("error") : colours_.Yellow("warning")) + " " +
              Wrap(finding.field + ": [" + std::string(finding.code) + "] " + finding.message, 4);
    }
    return text;
  }

  std::string Next(const std::vector<policy::Finding>& findings) const {
    std::string text;
    if (policy::HasErrors(findings)) {
      text += "  " + Wrap("- correct the errors above in the manifest and apply it again", 4);
    }
    std::vector<std::string> told;
    for (const api::Condition& condition : conditions_) {
      const Reason* reason = FindReason(condition.reason);
      if (reason == nullptr || reason->next.empty()) continue;
      // The reason of Ready tells what Suspended, Stalled and the like repeat.
      if (std::ranges::find(told, condition.reason) != told.end()) continue;
      told.push_back(condition.reason);
      text += "  " + Wrap("- " + NextStep(*reason, metadata_.namespace_name, metadata_.name), 4);
    }
    if (conditions_.empty()) text = "  - see that the operator runs and leads\n";
    return text.empty() ? "" : Section("What to do") + text;
  }

  const Colours& colours_;
  api::ObjectMeta metadata_;
  std::vector<api::Condition> conditions_;
  codec::JsonView status_;
  std::optional<sandbox_operator::CachedPod> pod_;
};

int Run(const Invocation& invocation) {
  const std::vector<std::string>& names = invocation.flags.arguments();
  if (names.size() != 1) return invocation.Fail("name one sandbox: explain sandbox NAME");
  const auto config = LoadConfiguration(std::string(invocation.flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  const auto cluster = ConnectToCluster(invocation);
  if (!cluster.ok()) return invocation.Fail(cluster.status().message());
  const std::string& namespace_name = cluster->default_namespace;
  const auto stored =
      Find(*cluster->client, sandbox_operator::kAgentSandboxes, namespace_name, names[0]);
  if (!stored.ok()) return invocation.Fail(stored.status().ToString());
  if (!*stored) {
    return invocation.Fail("there is no AgentSandbox \"" + names[0] + "\" in namespace \"" +
                           namespace_name + "\"; choose another with --namespace");
  }
  const auto pod =
      Find(*cluster->client, kube::kPods, namespace_name, api::SandboxObjectName(names[0]));
  if (!pod.ok()) return invocation.Fail(pod.status().ToString());

  const codec::JsonView object = (*stored)->root();
  std::vector<policy::Finding> findings;
  if (const auto sandbox = api::DecodeAgentSandbox(object); sandbox.ok()) {
    findings = policy::EvaluateSandbox(
        *sandbox, api::PodView(object["spec"]["podTemplate"], "spec.podTemplate"), config->facts);
  }
  const Colours colours(invocation.environment.colour);
  invocation.console.out += Explanation(object, *pod, colours).Text(findings);
  return kExitClean;
}

}  // namespace

Command ExplainSandboxCommand() {
  return {.name = "explain sandbox",
          .arguments = "NAME",
          .summary = "Tell why a sandbox in the cluster is in its state, and what to do",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
