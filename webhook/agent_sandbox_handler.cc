#include "webhook/agent_sandbox_handler.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/agent_sandbox_template.h"
#include "api/binding_names.h"
#include "api/names.h"
#include "api/pod_view.h"
#include "policy/guard_rules.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "webhook/review_checks.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

using policy::PolicyFinding;

constexpr JudgedKind kJudged{api::kAgentSandboxKind, "AgentSandboxes", "agentsandboxes"};
constexpr JudgedKind kJudgedTemplates{api::kAgentSandboxTemplateKind, "AgentSandboxTemplates",
                                      "agentsandboxtemplates"};
constexpr std::string_view kPodTemplatePath = "spec.podTemplate";

api::PodView PodTemplateOf(codec::JsonView object) {
  return {object["spec"]["podTemplate"], kPodTemplatePath};
}

// Where a sandbox names a Secret: the field, and its name.
std::vector<std::pair<std::string, std::string>> SecretsOf(const api::AgentSandbox& sandbox) {
  std::vector<std::pair<std::string, std::string>> named;
  const auto& credentials = sandbox.spec.credentials;
  for (std::size_t i = 0; i < credentials.size(); ++i) {
    if (credentials[i].kind == api::CredentialKind::kAws) continue;
    const char* const kind =
        credentials[i].kind == api::CredentialKind::kHeader ? "header" : "basicAuth";
    named.emplace_back("spec.credentials[" + std::to_string(i) + "]." + kind + ".secretKeyRef.name",
                       credentials[i].secret.name);
  }
  return named;
}

// Whether an update leaves what is sent where as it was.
bool KeepsCredentials(const AdmissionRequest& request) {
  if (request.operation != Operation::kUpdate) return false;
  const codec::JsonView before = request.old_object["spec"];
  const codec::JsonView after = request.object["spec"];
  return before["egress"].Canonical() == after["egress"].Canonical() &&
         before["credentials"].Canonical() == after["credentials"].Canonical();
}

bool KeepsSpec(const AdmissionRequest& request) {
  return request.operation == Operation::kUpdate &&
         request.object["spec"].Canonical() == request.old_object["spec"].Canonical();
}

AdmissionResponse RefuseUnreadable(const AdmissionRequest& request, const Status& why,
                                   std::string_view place) {
  // The same walk as the decoder's, with each error apart.
  auto errors = api::CheckAgentSandboxFields(request.object);
  for (codec::FieldError& error : errors) error.path.insert(0, place);
  if (errors.empty()) errors.push_back({"", why.message()});
  return RefuseFields(request, "cannot be understood", std::move(errors));
}

void Place(std::vector<policy::Finding>& findings, std::string_view place) {
  for (policy::Finding& finding : findings) finding.field.insert(0, place);
}

// A sandbox that a template makes, whose name is its claim's or pool's affair; null for none.
codec::JsonDocument SandboxOfTemplate(codec::JsonView object) {
  if (!object.IsObject()) return codec::ParseTrusted(nullptr);
  codec::Json metadata = object["metadata"].ToJson();
  if (metadata.is_object()) metadata["name"] = "template";
  return codec::ParseTrusted({{"apiVersion", api::kGroupVersion},
                              {"kind", api::kAgentSandboxKind},
                              {"metadata", std::move(metadata)},
                              {"spec", object["spec"]["template"]["spec"].ToJson()}});
}

}  // namespace

AdmissionResponse AgentSandboxHandler::Review(const AdmissionRequest& request) const {
  if (std::string why = Misdirected(request, kJudged); !why.empty()) {
    return Refuse(request, std::move(why));
  }
  if (OnlyLetsGo(request)) return Allow();
  return Judge(request, "");
}

AdmissionResponse AgentSandboxHandler::ReviewTemplate(const AdmissionRequest& request) const {
  if (std::string why = Misdirected(request, kJudgedTemplates); !why.empty()) {
    return Refuse(request, std::move(why));
  }
  if (OnlyLetsGo(request)) return Allow();
  auto errors = api::CheckAgentSandboxTemplateFields(request.object);
  if (!errors.empty()) return RefuseFields(request, "cannot be understood", std::move(errors));
  const codec::JsonDocument sandbox = SandboxOfTemplate(request.object);
  const codec::JsonDocument before = SandboxOfTemplate(request.old_object);
  AdmissionRequest judged = request;
  judged.object = sandbox.root();
  judged.old_object = before.root();
  return Judge(judged, api::kSandboxSpecInTemplate);
}

AdmissionResponse AgentSandboxHandler::Judge(const AdmissionRequest& request,
                                             std::string_view place) const {
  const auto sandbox =
      api::DecodeAgentSandbox(request.object, {.pod_spec = false, .status = false});
  if (!sandbox.ok()) return RefuseUnreadable(request, sandbox.status(), place);
  const api::PodView pod_template = PodTemplateOf(request.object);

  const auto policies = cluster_.PoliciesOf(request.namespace_name);
  std::string unknown = policies.ok() ? "" : policies.status().message();
  if (policies.ok()) {
    // What a policy says depends on the spec alone, so that an update without it adds nothing.
    const policy::CompiledPolicy* const broken = policy::FirstBroken(*policies);
    if (broken != nullptr && !KeepsSpec(request)) {
      unknown = "the AgentSandboxPolicy " + policy::Quote(broken->name()) +
                " selects this namespace and cannot be understood (" + broken->problem() +
                "); correct it, or delete it";
    }
  }
  if (!unknown.empty()) {
    // What the floor has to say is certain, and more use to the author.
    auto floor = policy::EvaluateSandbox(*sandbox, pod_template, facts_);
    Place(floor, place);
    if (policy::HasErrors(floor)) return AnswerFindings(request, floor);
    return Refuse(request, Describe(request) + " cannot be judged: " + unknown);
  }
  policy::Judgement judgement = policy::Evaluate(*sandbox, pod_template, facts_, *policies);
  if (request.operation == Operation::kUpdate && !judgement.by_policies.empty()) {
    policy::MarkWhatStands(judgement.by_policies, FindingsBefore(request, *policies));
  }
  if (!policy::HasErrors(judgement.floor)) {
    auto credentials = JudgeCredentials(request, *sandbox);
    if (!credentials.ok()) {
      return Refuse(request,
                    Describe(request) + " cannot be judged: " + credentials.status().message());
    }
    std::ranges::move(*credentials, std::back_inserter(judgement.floor));
  }
  Place(judgement.floor, place);
  for (PolicyFinding& found : judgement.by_policies) found.finding.field.insert(0, place);
  return AnswerJudgement(request, std::move(judgement));
}

Result<std::vector<policy::Finding>> AgentSandboxHandler::JudgeCredentials(
    const AdmissionRequest& request, const api::AgentSandbox& sandbox) const {
  const auto named = SecretsOf(sandbox);
  const bool by_operator = !operator_user_.empty() && request.user_name == operator_user_ &&
                           request.operation == Operation::kCreate;
  if (named.empty() || by_operator || KeepsCredentials(request)) {
    return std::vector<policy::Finding>();
  }
  std::set<std::string> secrets;
  for (const auto& [field, secret] : named) secrets.insert(secret);
  const auto refused = secrets_.NotReadable(request.user, request.namespace_name, secrets);
  if (!refused.ok()) return refused.status();
  policy::Report report;
  report.BeginRule(*policy::FindRule(policy::kCredentialNotReadable));
  for (const auto& [field, secret] : named) {
    if (!refused->contains(secret)) continue;
    report.Add(field, policy::Quote(request.user_name) + " may not get the Secret " +
                          policy::Quote(secret));
  }
  return report.Take();
}

std::vector<PolicyFinding> AgentSandboxHandler::FindingsBefore(
    const AdmissionRequest& request, std::span<const policy::SharedPolicy> policies) const {
  const auto before =
      api::DecodeAgentSandbox(request.old_object, {.pod_spec = false, .status = false});
  if (!before.ok()) return {};
  return policy::EvaluatePolicies(*before, PodTemplateOf(request.old_object), facts_, policies);
}

}  // namespace stockade::webhook
