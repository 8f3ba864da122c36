#include "cli/sandbox_explanation.h"

#include <algorithm>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/names.h"
#include "base/strings.h"
#include "cli/reasons.h"
#include "cli/wrap.h"
#include "operator/cached_objects.h"
#include "operator/pod_diagnosis.h"
#include "policy/escaping.h"
#include "policy/evaluate.h"

namespace stockade::cli {
namespace {

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
    const std::string title =
        policy::EscapeControls("AgentSandbox " + metadata_.namespace_name + "/" + metadata_.name);
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
    std::string text = colours_.Bold(title) + " " + state + " (" +
                       policy::EscapeControls(ready->reason) + ")\n  " + Wrap(ready->message, 2);
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
      std::string line = "  " + policy::EscapeControls(condition.type);
      line.resize(std::max<std::size_t>(line.size() + 1, 20), ' ');
      line += policy::EscapeControls(condition.status);
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
    text +=
        "  " +
        Wrap(pod_->phase +
                 (pod_->node_name.empty() ? ", on no node yet" : " on node " + pod_->node_name) +
                 (pod_->runtime_class.empty() ? "" : ", RuntimeClass " + pod_->runtime_class) +
                 (pod_->deleting ? ", being deleted" : ""),
             2);
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

}  // namespace

std::string ExplainSandbox(codec::JsonView sandbox, const std::optional<codec::JsonDocument>& pod,
                           const std::vector<policy::Finding>& findings, const Colours& colours) {
  return Explanation(sandbox, pod, colours).Text(findings);
}

}  // namespace stockade::cli
