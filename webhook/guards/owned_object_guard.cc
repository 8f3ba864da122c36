#include "webhook/guards/owned_object_guard.h"

#include <string>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "policy/guard_rules.h"
#include "policy/quoting.h"
#include "webhook/guards/object_changes.h"

namespace stockade::webhook {
namespace {

using codec::JsonView;
using policy::KeyedPath;
using policy::Quote;

bool IsLabelledAsManaged(JsonView object) {
  return object["metadata"]["labels"][api::kManagedByLabel].StringOrEmpty() == api::kManagedByValue;
}

// The deletion of a whole collection names its objects only in themselves.
std::string_view NameOf(const AdmissionRequest& request) {
  if (!request.name.empty()) return request.name;
  const JsonView object = request.object.IsObject() ? request.object : request.old_object;
  const std::string_view name = object["metadata"]["name"].StringOrEmpty();
  return name.empty() ? object["metadata"]["generateName"].StringOrEmpty() : name;
}

bool IsDenyAll(const AdmissionRequest& request) {
  const std::string_view name = NameOf(request);
  return request.resource == "networkpolicies" &&
         (name == api::kDenyAllPolicyName || name == api::kGatewayDenyAllPolicyName);
}

bool IsNamedLikeGateways(const AdmissionRequest& request) {
  return NameOf(request).starts_with(api::kGatewayObjectPrefix);
}

GuardFindings JudgeCreation(const GuardRequest& request) {
  const JsonView object = request.admission.object;
  GuardReport report;
  if (IsDenyAll(request.admission)) {
    report.Add(policy::kManagedObjectChanged, "metadata.name",
               "the operator makes " + Quote(NameOf(request.admission)) +
                   " for a namespace that has sandboxes",
               "choose another name");
  }
  if (IsNamedLikeGateways(request.admission)) {
    report.Add(policy::kGatewayLabelForged, "metadata.name",
               Quote(NameOf(request.admission)) + " is a name of the operator's, for a gateway",
               "choose another name");
  }
  if (IsLabelledAsManaged(object)) {
    report.Add(policy::kManagedObjectChanged, KeyedPath("metadata.labels", api::kManagedByLabel),
               "the label says that the operator made the object", "remove the label");
  }
  if (IsOwnedBySandbox(object["metadata"])) {
    report.Add(policy::kManagedObjectChanged, "metadata.ownerReferences",
               "an AgentSandbox is the controller of what the operator made alone",
               "leave out controller: the object still goes with its owner");
  }
  return report.Take();
}

GuardFindings JudgeUpdate(const GuardRequest& request) {
  GuardReport report;
  ReportMetadataChanges(request, /*is_pod=*/false, report);
  // The volume binder and the resizer write into the spec of claims.
  const bool binds = request.requester == Requester::kControlPlane &&
                     request.admission.resource == "persistentvolumeclaims";
  if (!binds) {
    ReportContentChanges(request.admission.old_object, request.admission.object, report);
  }
  return report.Take();
}

GuardFindings JudgeDeletion(const GuardRequest& request) {
  GuardReport report;
  // The namespace controller deletes it with the namespace, and its finalizer holds it.
  if (IsDenyAll(request.admission) && request.requester != Requester::kControlPlane) {
    report.Add(policy::kManagedObjectChanged, "metadata.name",
               Quote(NameOf(request.admission)) + " shuts the network of every " +
                   (NameOf(request.admission) == api::kDenyAllPolicyName ? "sandbox" : "gateway") +
                   " in the namespace",
               "delete the AgentSandboxes, and the operator deletes it after the last");
  }
  return report.Take();
}

}  // namespace

bool IsManaged(const AdmissionRequest& request, JsonView object) {
  return object.IsObject() && (IsDenyAll(request) || IsNamedLikeGateways(request) ||
                               IsLabelledAsManaged(object) || IsOwnedBySandbox(object["metadata"]));
}

GuardFindings JudgeOwnedObject(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  const bool concerned =
      IsManaged(admission, admission.object) || IsManaged(admission, admission.old_object);
  if (!concerned || request.ByOperator()) return GuardJudgement();
  switch (admission.operation) {
    case Operation::kCreate:
      return JudgeCreation(request);
    case Operation::kUpdate:
      return JudgeUpdate(request);
    case Operation::kDelete:
      return JudgeDeletion(request);
    case Operation::kConnect:
      break;
  }
  return GuardJudgement();
}

}  // namespace stockade::webhook
