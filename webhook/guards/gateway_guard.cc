#include "webhook/guards/gateway_guard.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "api/gateway_names.h"
#include "policy/guard_rules.h"
#include "policy/quoting.h"
#include "webhook/guards/object_changes.h"

namespace stockade::webhook {
namespace {

using codec::JsonView;
using policy::KeyedPath;
using policy::Quote;

struct WorkloadKind {
  std::string_view group;
  std::string_view resource;
  std::string_view template_path;
};

constexpr std::array<WorkloadKind, 8> kWorkloads = {{
    {"apps", "deployments", "spec.template"},
    {"apps", "replicasets", "spec.template"},
    {"apps", "statefulsets", "spec.template"},
    {"apps", "daemonsets", "spec.template"},
    {"batch", "jobs", "spec.template"},
    {"batch", "cronjobs", "spec.jobTemplate.spec.template"},
    {"", "replicationcontrollers", "spec.template"},
    {"", "podtemplates", "template"},
}};

const WorkloadKind* FindWorkload(std::string_view group, std::string_view resource) {
  const auto* const found = std::ranges::find_if(kWorkloads, [&](const WorkloadKind& kind) {
    return kind.group == group && kind.resource == resource;
  });
  return found == kWorkloads.end() ? nullptr : found;
}

JsonView TemplateOf(JsonView object, const WorkloadKind& kind) {
  if (kind.resource == "cronjobs") return object["spec"]["jobTemplate"]["spec"]["template"];
  return kind.resource == "podtemplates" ? object["template"] : object["spec"]["template"];
}

JsonView GatewayLabel(JsonView object) { return object["metadata"]["labels"][api::kGatewayLabel]; }

std::string_view NameOf(JsonView object) {
  const std::string_view name = object["metadata"]["name"].StringOrEmpty();
  return name.empty() ? object["metadata"]["generateName"].StringOrEmpty() : name;
}

bool StartsWithNameAndDash(std::string_view text, std::string_view name) {
  return !name.empty() && text.size() > name.size() && text.starts_with(name) &&
         text[name.size()] == '-';
}

// Of the control plane, where its controllers have an account each, or one for all.
bool IsController(const GuardRequest& request, std::string_view account) {
  const std::string_view user = request.admission.user_name;
  return request.requester == Requester::kControlPlane &&
         (user == "system:kube-controller-manager" || user == account);
}

// The name of the object's controller, if it is of that kind of the group apps.
std::string_view ControllerOf(JsonView object, std::string_view kind) {
  std::string_view name;
  object["metadata"]["ownerReferences"].ForEachElement([&](std::size_t, JsonView owner) {
    if (owner["controller"].IsTrue() && owner["apiVersion"].StringOrEmpty() == "apps/v1" &&
        owner["kind"].StringOrEmpty() == kind) {
      name = owner["name"].StringOrEmpty();
    }
  });
  return name;
}

// The second link: a ReplicaSet that the Deployment of that gateway has.
bool IsReplicaSetOfGateway(const GuardRequest& request, std::string_view gateway) {
  const JsonView object = request.admission.object;
  return request.admission.resource == "replicasets" &&
         IsController(request, "system:serviceaccount:kube-system:deployment-controller") &&
         ControllerOf(object, "Deployment") == gateway &&
         StartsWithNameAndDash(NameOf(object), gateway);
}

// The third: a pod that such a ReplicaSet has.
bool IsPodOfGateway(const GuardRequest& request, std::string_view gateway) {
  const JsonView pod = request.admission.object;
  const std::string_view owner = ControllerOf(pod, "ReplicaSet");
  return IsController(request, "system:serviceaccount:kube-system:replicaset-controller") &&
         StartsWithNameAndDash(owner, gateway) && StartsWithNameAndDash(NameOf(pod), owner);
}

void ReportForgery(const GuardRequest& request, JsonView label, const std::string& label_path,
                   GuardReport& report) {
  if (label.exists()) {
    report.Add(policy::kGatewayLabelForged, label_path,
               Quote(request.admission.user_name) + " makes a pod of gateway " + Quote(label) +
                   ", which only the operator's Deployment does");
  } else {
    report.Add(
        policy::kGatewayLabelForged, "metadata.name",
        Quote(NameOf(request.admission.object)) + " is a name of the operator's, for a gateway",
        "choose another name");
  }
}

}  // namespace

bool IsGatewayPod(JsonView pod) { return GatewayLabel(pod).exists(); }

bool IsWorkload(std::string_view group, std::string_view resource) {
  return FindWorkload(group, resource) != nullptr;
}

void JudgeGatewayPodCreation(const GuardRequest& request, GuardReport& report) {
  const JsonView pod = request.admission.object;
  const JsonView label = GatewayLabel(pod);
  if (!label.exists() && !NameOf(pod).starts_with(api::kGatewayObjectPrefix)) return;
  if (label.exists() && IsPodOfGateway(request, label.StringOrEmpty())) return;
  ReportForgery(request, label, KeyedPath("metadata.labels", api::kGatewayLabel), report);
}

GuardFindings JudgeWorkload(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  const WorkloadKind& kind = *FindWorkload(admission.resource_group, admission.resource);
  const JsonView before = GatewayLabel(TemplateOf(admission.old_object, kind));
  const JsonView after = GatewayLabel(TemplateOf(admission.object, kind));
  GuardReport report;
  if (request.ByOperator() || !admission.object.IsObject()) return report.Take();
  if (after.exists() && IsReplicaSetOfGateway(request, after.StringOrEmpty())) {
    return report.Take();
  }
  const bool is_new = admission.operation == Operation::kCreate;
  if (before.exists()) {
    ReportMetadataChanges(request, /*is_pod=*/false, report);
    ReportContentChanges(admission.old_object, admission.object, report);
  } else if (after.exists() ||
             (is_new && NameOf(admission.object).starts_with(api::kGatewayObjectPrefix))) {
    ReportForgery(
        request, after,
        KeyedPath(std::string(kind.template_path) + ".metadata.labels", api::kGatewayLabel),
        report);
  }
  return report.Take();
}

}  // namespace stockade::webhook
