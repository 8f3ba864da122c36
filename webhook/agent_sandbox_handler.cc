#include "webhook/agent_sandbox_handler.h"

#include <string>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/names.h"
#include "api/pod_view.h"
#include "base/strings.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

constexpr std::string_view kResource = "agentsandboxes";
constexpr std::string_view kPodTemplatePath = "spec.podTemplate";

// What is wrong with the registration that sent `request` here, or empty.
std::string Misdirected(const AdmissionRequest& request) {
  const auto only = [](std::string_view expected, std::string_view what) {
    return "this webhook judges " + std::string(expected) + ", not " + Truncate(what, 253) +
           "; correct the rules of the ValidatingWebhookConfiguration that sent this here";
  };
  if (request.group != api::kGroup || request.kind != api::kAgentSandboxKind) {
    return only("AgentSandboxes of " + std::string(api::kGroup),
                std::string(request.kind) + " of \"" + std::string(request.group) + "\"");
  }
  if (request.resource_group != api::kGroup || request.resource != kResource) {
    return only(kResource, std::string(request.resource) + " of \"" +
                               std::string(request.resource_group) + "\"");
  }
  if (request.version != api::kVersion) return only(api::kGroupVersion, request.version);
  if (!request.sub_resource.empty()) {
    return only(std::string(kResource) + " themselves",
                "the subresource " + std::string(request.sub_resource));
  }
  if (request.operation != Operation::kCreate && request.operation != Operation::kUpdate) {
    return only("CREATE and UPDATE", OperationName(request.operation));
  }
  if (request.object["apiVersion"].StringOrEmpty() != api::kGroupVersion ||
      request.object["kind"].StringOrEmpty() != api::kAgentSandboxKind) {
    return "request.object is no " + std::string(api::kGroupVersion) + " " +
           std::string(api::kAgentSandboxKind);
  }
  return {};
}

bool IsBeingDeleted(codec::JsonView object) {
  return !object["metadata"]["deletionTimestamp"].IsUnset();
}

bool OnlyLetsGo(const AdmissionRequest& request) {
  return request.operation == Operation::kUpdate && IsBeingDeleted(request.object) &&
         IsBeingDeleted(request.old_object) &&
         request.object["spec"].Canonical() == request.old_object["spec"].Canonical();
}

AdmissionResponse RefuseUnreadable(const AdmissionRequest& request, const Status& why) {
  std::string message = Describe(request) + " cannot be understood:";
  AdmissionResponse response;
  // The same walk as the decoder's, with each error apart.
  auto errors = api::CheckAgentSandboxFields(request.object);
  if (errors.empty()) errors.push_back({"", why.message()});
  if (errors.size() > kMaxListed) errors.resize(kMaxListed);
  std::vector<Cause> causes;
  for (const codec::FieldError& error : errors) {
    message += "\n- " + (error.path.empty() ? "" : error.path + ": ") + error.message;
    causes.push_back({"FieldValueInvalid", error.path, error.message});
  }
  response = Refuse(request, std::move(message));
  response.causes = std::move(causes);
  return response;
}

}  // namespace

AdmissionResponse AgentSandboxHandler::Review(const AdmissionRequest& request) const {
  if (std::string why = Misdirected(request); !why.empty()) return Refuse(request, std::move(why));
  if (OnlyLetsGo(request)) return Allow();
  return Judge(request);
}

AdmissionResponse AgentSandboxHandler::Judge(const AdmissionRequest& request) const {
  const auto sandbox =
      api::DecodeAgentSandbox(request.object, {.pod_spec = false, .status = false});
  if (!sandbox.ok()) return RefuseUnreadable(request, sandbox.status());
  const api::PodView pod_template(request.object["spec"]["podTemplate"], kPodTemplatePath);
  return AnswerFindings(request, policy::EvaluateSandbox(*sandbox, pod_template, facts_));
}

}  // namespace stockade::webhook
