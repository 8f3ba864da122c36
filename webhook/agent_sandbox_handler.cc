#include "webhook/agent_sandbox_handler.h"

#include <string>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/names.h"
#include "api/pod_view.h"
#include "policy/quoting.h"
#include "webhook/review_checks.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

using policy::PolicyFinding;

constexpr JudgedKind kJudged{api::kAgentSandboxKind, "AgentSandboxes", "agentsandboxes"};
constexpr std::string_view kPodTemplatePath = "spec.podTemplate";

api::PodView PodTemplateOf(codec::JsonView object) {
  return {object["spec"]["podTemplate"], kPodTemplatePath};
}

AdmissionResponse RefuseUnreadable(const AdmissionRequest& request, const Status& why) {
  // The same walk as the decoder's, with each error apart.
  auto errors = api::CheckAgentSandboxFields(request.object);
  if (errors.empty()) errors.push_back({"", why.message()});
  return RefuseFields(request, "cannot be understood", std::move(errors));
}

}  // namespace

AdmissionResponse AgentSandboxHandler::Review(const AdmissionRequest& request) const {
  if (std::string why = Misdirected(request, kJudged); !why.empty()) {
    return Refuse(request, std::move(why));
  }
  if (OnlyLetsGo(request)) return Allow();
  return Judge(request);
}

AdmissionResponse AgentSandboxHandler::Judge(const AdmissionRequest& request) const {
  const auto sandbox =
      api::DecodeAgentSandbox(request.object, {.pod_spec = false, .status = false});
  if (!sandbox.ok()) return RefuseUnreadable(request, sandbox.status());
  const api::PodView pod_template = PodTemplateOf(request.object);

  const auto policies = cluster_.PoliciesOf(request.namespace_name);
  std::string unknown = policies.ok() ? "" : policies.status().message();
  if (policies.ok()) {
    if (const policy::CompiledPolicy* broken = policy::FirstBroken(*policies)) {
      unknown = "the AgentSandboxPolicy " + policy::Quote(broken->name()) +
                " selects this namespace and cannot be understood (" + broken->problem() +
                "); correct it, or delete it";
    }
  }
  if (!unknown.empty()) {
    // What the floor has to say is certain, and more use to the author.
    const auto floor = policy::EvaluateSandbox(*sandbox, pod_template, facts_);
    if (policy::HasErrors(floor)) return AnswerFindings(request, floor);
    return Refuse(request, Describe(request) + " cannot be judged: " + unknown);
  }
  policy::Judgement judgement = policy::Evaluate(*sandbox, pod_template, facts_, *policies);
  if (request.operation == Operation::kUpdate && !judgement.by_policies.empty()) {
    policy::MarkWhatStands(judgement.by_policies, FindingsBefore(request, *policies));
  }
  return AnswerJudgement(request, std::move(judgement));
}

std::vector<PolicyFinding> AgentSandboxHandler::FindingsBefore(
    const AdmissionRequest& request, std::span<const policy::SharedPolicy> policies) const {
  const auto before =
      api::DecodeAgentSandbox(request.old_object, {.pod_spec = false, .status = false});
  if (!before.ok()) return {};
  return policy::EvaluatePolicies(*before, PodTemplateOf(request.old_object), facts_, policies);
}

}  // namespace stockade::webhook
