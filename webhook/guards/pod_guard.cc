#include "webhook/guards/pod_guard.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "api/pod_view.h"
#include "policy/evaluate.h"
#include "policy/guard_rules.h"
#include "policy/metadata_keys.h"
#include "policy/quoting.h"
#include "webhook/guards/gateway_guard.h"
#include "webhook/guards/object_changes.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using codec::JsonView;
using policy::Finding;
using policy::KeyedPath;
using policy::Quote;

JsonView SandboxLabel(JsonView pod) { return pod["metadata"]["labels"][api::kSandboxLabel]; }

bool IsSandboxPod(JsonView pod) { return SandboxLabel(pod).exists(); }

// By its label, or by its owner where somebody has taken the label off.
bool ConcernsSandbox(const AdmissionRequest& request) {
  const auto concerns = [](JsonView pod) {
    return IsSandboxPod(pod) || IsOwnedBySandbox(pod["metadata"]);
  };
  return concerns(request.object) || concerns(request.old_object);
}

bool ConcernsGateway(const AdmissionRequest& request) {
  return IsGatewayPod(request.object) || IsGatewayPod(request.old_object);
}

std::string LabelPath() { return KeyedPath("metadata.labels", api::kSandboxLabel); }

// Of those that the operator may use: the one that the pod names, or else the first, which it then
// lacks.
std::string_view ExpectedRuntimeClass(JsonView pod, const GuardConfig& config) {
  const std::string_view name = pod["spec"]["runtimeClassName"].StringOrEmpty();
  const auto& known = config.runtime_classes;
  if (std::ranges::find(known, name) != known.end()) return name;
  return known.empty() ? std::string_view() : std::string_view(known.front());
}

// Names are what the guards of exec and the like go by, so a pod has its sandbox's.
void CheckName(JsonView pod, GuardReport& report) {
  const std::string_view sandbox = SandboxLabel(pod).StringOrEmpty();
  const std::string_view name = pod["metadata"]["name"].StringOrEmpty();
  if (!sandbox.empty() && name == api::SandboxObjectName(sandbox)) return;
  report.Add(policy::kForgedSandboxPod, "metadata.name",
             Quote(name) + " is not the name of the pod of sandbox " + Quote(sandbox),
             "the operator names it " + Quote(api::SandboxObjectName(sandbox)));
}

// The agent is the default of exec and attach because the operator's containers stand elsewhere.
void CheckOrdinaryContainers(JsonView pod, GuardReport& report) {
  pod["spec"]["containers"].ForEachElement([&](std::size_t index, JsonView container) {
    const std::string_view name = container["name"].StringOrEmpty();
    if (!name.starts_with(api::kReservedNamePrefix)) return;
    report.Add(policy::kForgedSandboxPod, "spec.containers[" + std::to_string(index) + "].name",
               "the container " + Quote(name) + " of the operator stands among the agent's",
               "the operator puts its own among initContainers");
  });
}

// An AgentSandbox of that name is the pod's controller.
bool IsPodOf(std::string_view sandbox, JsonView pod) {
  bool is_pod = false;
  pod["metadata"]["ownerReferences"].ForEachElement([&](std::size_t, JsonView owner) {
    is_pod = is_pod || (IsSandboxController(owner) && owner["name"].StringOrEmpty() == sandbox);
  });
  return is_pod && pod["metadata"]["name"].StringOrEmpty() == api::SandboxObjectName(sandbox);
}

// The operator puts the label back on a pod of its own that has lost it, and makes no other pod a
// sandbox's after its creation: that is when the pod's form is judged.
void CheckOperatorsUpdate(const AdmissionRequest& admission, GuardReport& report) {
  const JsonView before = admission.old_object;
  const JsonView after = admission.object;
  const JsonView label = SandboxLabel(after);
  if (label.Canonical() != SandboxLabel(before).Canonical()) {
    if (!label.exists()) {
      report.Add(policy::kSandboxLabelChanged, LabelPath(), "the operator never takes it off");
    } else if (!IsPodOf(label.StringOrEmpty(), before)) {
      report.Add(policy::kSandboxLabelChanged, LabelPath(),
                 "the pod is not one of sandbox " + Quote(label) + " by its name and controller");
    }
  }
  if (IsOwnedBySandbox(after["metadata"]) && !IsOwnedBySandbox(before["metadata"])) {
    report.Add(policy::kManagedObjectChanged, "metadata.ownerReferences",
               "a pod is a sandbox's from its creation", "leave the owner references as they are");
  }
}

GuardFindings JudgeCreation(const GuardRequest& request) {
  const JsonView pod = request.admission.object;
  GuardReport report;
  JudgeGatewayPodCreation(request, report);
  if (request.ByOperator() && !IsSandboxPod(pod) && !IsGatewayPod(pod)) {
    report.Add(policy::kForgedSandboxPod, LabelPath(),
               "the operator makes the pods of sandboxes, each with its label, and no others");
    return report.Take();
  }
  if (!ConcernsSandbox(request.admission)) return report.Take();
  if (!request.ByOperator()) {
    report.Add(policy::kForgedSandboxPod,
               IsSandboxPod(pod) ? LabelPath() : std::string("metadata.ownerReferences"),
               Quote(request.admission.user_name) +
                   " is not the operator, which makes the pods of "
                   "sandboxes");
    return report.Take();
  }
  CheckName(pod, report);
  CheckOrdinaryContainers(pod, report);
  GuardJudgement judgement = report.Take();
  for (Finding& finding :
       policy::EvaluateRenderedPod(api::PodView(pod, ""), ExpectedRuntimeClass(pod, request.config),
                                   request.config.facts)) {
    if (finding.severity == policy::Severity::kError) judgement.floor.push_back(std::move(finding));
  }
  return judgement;
}

// Images apart, which have a rule of their own, what differs of the spec.
void ReportSpecChanges(const GuardRequest& request, GuardReport& report) {
  const JsonView before = request.admission.old_object["spec"];
  const JsonView after = request.admission.object["spec"];
  if (IsSame(before, after)) return;
  Json rest = {{"spec", after.ToJson()}};
  for (const char* const list : {"initContainers", "containers"}) {
    if (!before[list].IsArray() || !after[list].IsArray() ||
        before[list].size() != after[list].size()) {
      continue;
    }
    before[list].ForEachElement([&](std::size_t index, JsonView container) {
      Json& changed = rest["spec"][list][index];
      if (!changed.is_object()) return;
      Json& image = changed["image"];
      if (image == container["image"].ToJson()) return;
      report.Add(policy::kImageChanged,
                 std::string(list).insert(0, "spec.") + "[" + std::to_string(index) + "].image",
                 "the container runs " + Quote(container["image"]));
      image = container["image"].ToJson();
    });
  }
  const codec::JsonDocument old_rest = codec::ParseTrusted(Json{{"spec", before.ToJson()}});
  const codec::JsonDocument new_rest = codec::ParseTrusted(rest);
  ReportContentChanges(old_rest.root(), new_rest.root(), report);
}

// An update of the pod itself, or of its status: labels and annotations can be changed by both.
GuardFindings JudgeUpdate(const GuardRequest& request) {
  const bool sandbox = ConcernsSandbox(request.admission);
  if (!sandbox && !ConcernsGateway(request.admission)) return GuardJudgement();
  GuardReport report;
  const JsonView before = request.admission.old_object;
  const JsonView after = request.admission.object;
  if (sandbox && request.ByOperator()) CheckOperatorsUpdate(request.admission, report);
  ReportMetadataChanges(request, /*is_pod=*/true, report);
  if (request.admission.sub_resource.empty()) {
    if (!request.ByOperator()) ReportSpecChanges(request, report);
  } else if (!RunsPods(request.requester) && !IsSame(before["status"], after["status"])) {
    report.Add(policy::kStatusForged, "status",
               Quote(request.admission.user_name) + " is no node and not of the control plane");
  }
  return report.Take();
}

GuardFindings JudgeEphemeralContainers(const GuardRequest& request) {
  GuardReport report;
  if (ConcernsGateway(request.admission)) {
    report.Add(policy::kEphemeralContainer, "spec.ephemeralContainers",
               "an ephemeral container would run beside a gateway's credentials",
               "read the gateway's logs, and the status of the AgentSandbox");
    return report.Take();
  }
  if (!ConcernsSandbox(request.admission)) return GuardJudgement();
  report.Add(policy::kEphemeralContainer, "spec.ephemeralContainers",
             "an ephemeral container would run beside the agent unjudged",
             "use kubectl exec as far as spec.access allows it");
  return report.Take();
}

GuardFindings JudgeResize(const GuardRequest& request) {
  GuardReport report;
  if (ConcernsGateway(request.admission)) {
    report.Add(policy::kPodResize, "spec.containers", "a running gateway is not resized",
               "leave its resources to the operator");
    return report.Take();
  }
  if (!ConcernsSandbox(request.admission)) return GuardJudgement();
  report.Add(policy::kPodResize, "spec.containers", "a running sandbox is not resized");
  return report.Take();
}

// Where it is true, deletion without grace removes a pod that may still run.
bool MayStillRun(JsonView pod) {
  const std::string_view phase = pod["status"]["phase"].StringOrEmpty();
  return !pod["spec"]["nodeName"].StringOrEmpty().empty() && phase != "Succeeded" &&
         phase != "Failed";
}

GuardFindings JudgeDeletion(const GuardRequest& request) {
  const JsonView pod = request.admission.old_object;
  const JsonView grace = request.admission.options["gracePeriodSeconds"];
  GuardReport report;
  // Less than zero is taken for one second.
  const bool concerned = ConcernsSandbox(request.admission) || ConcernsGateway(request.admission);
  if (concerned && !RunsPods(request.requester) && MayStillRun(pod) && !grace.IsUnset() &&
      grace.AsInt() == 0) {
    report.Add(policy::kForcedDeletion, "gracePeriodSeconds",
               "the pod may still run on node " + Quote(pod["spec"]["nodeName"]));
  }
  return report.Take();
}

// Of requests that carry no labels of the pod.
bool IsNamedLikeOurs(std::string_view pod) {
  return pod.starts_with(api::kSandboxObjectPrefix) || pod.starts_with(api::kGatewayObjectPrefix);
}

// The Eviction knows the pod by its name only; the API server deletes it without asking again.
GuardFindings JudgeEviction(const GuardRequest& request) {
  const JsonView grace = request.admission.object["deleteOptions"]["gracePeriodSeconds"];
  GuardReport report;
  if (IsNamedLikeOurs(request.admission.name) && !RunsPods(request.requester) && !grace.IsUnset() &&
      grace.AsInt() == 0) {
    report.Add(policy::kForcedDeletion, "deleteOptions.gracePeriodSeconds",
               "the pod may still run on its node", "leave it out");
  }
  return report.Take();
}

// The API server copies the labels and annotations of a binding to the pod, which it does not ask
// about again.
void ReportBoundKeys(JsonView metadata, GuardReport& report) {
  for (const std::string_view member : {"labels", "annotations"}) {
    metadata[member].ForEachMember([&](std::string_view key, JsonView) {
      if (!policy::IsReservedKey(key)) return;
      const bool is_label = member == "labels";
      report.Add(is_label && key == api::kSandboxLabel   ? policy::kSandboxLabelChanged
                 : is_label && key == api::kGatewayLabel ? policy::kGatewayLabelForged
                                                         : policy::kManagedObjectChanged,
                 KeyedPath("metadata." + std::string(member), key),
                 "a binding would give the pod the key " + Quote(key) + " of the operator",
                 "leave it out");
    });
  }
}

GuardFindings JudgeBinding(const GuardRequest& request) {
  const std::string_view name = request.admission.object["metadata"]["name"].StringOrEmpty();
  const bool concerned = IsNamedLikeOurs(request.admission.name) || IsNamedLikeOurs(name);
  GuardReport report;
  ReportBoundKeys(request.admission.object["metadata"], report);
  if (concerned && request.requester != Requester::kControlPlane) {
    report.Add(policy::kManagedObjectChanged, "target",
               "the scheduler chooses the nodes of sandboxes and gateways",
               "leave it to the scheduler; the account of another one belongs into "
               "guards.trustedUsers of the webhook's configuration");
  }
  return report.Take();
}

GuardFindings Misdirected(const AdmissionRequest& request) {
  return Status(StatusCode::kBadRequest,
                "the guards know no " + std::string(OperationName(request.operation)) + " of " +
                    std::string(request.resource) + "/" + std::string(request.sub_resource));
}

}  // namespace

GuardFindings JudgePod(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  const std::string_view part = admission.sub_resource;
  switch (admission.operation) {
    case Operation::kCreate:
      if (admission.resource == "bindings" || part == "binding") return JudgeBinding(request);
      if (part == "eviction") return JudgeEviction(request);
      if (part.empty()) return JudgeCreation(request);
      break;
    case Operation::kUpdate:
      if (part.empty() || part == "status") return JudgeUpdate(request);
      if (part == "ephemeralcontainers") return JudgeEphemeralContainers(request);
      if (part == "resize") return JudgeResize(request);
      break;
    case Operation::kDelete:
      if (part.empty()) return JudgeDeletion(request);
      break;
    case Operation::kConnect:
      break;
  }
  return Misdirected(admission);
}

}  // namespace stockade::webhook
