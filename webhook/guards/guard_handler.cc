#include "webhook/guards/guard_handler.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "webhook/guards/connect_guard.h"
#include "webhook/guards/gateway_guard.h"
#include "webhook/guards/guard_request.h"
#include "webhook/guards/network_policy_guard.h"
#include "webhook/guards/owned_object_guard.h"
#include "webhook/guards/pod_guard.h"
#include "webhook/guards/requester.h"
#include "webhook/guards/runtime_class_guard.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

using Guard = GuardFindings (*)(const GuardRequest&);

GuardFindings JudgeKubernetesPolicy(const GuardRequest& request) {
  const bool managed = IsManaged(request.admission, request.admission.object) ||
                       IsManaged(request.admission, request.admission.old_object);
  GuardFindings owned = JudgeOwnedObject(request);
  if (managed || !owned.ok()) return owned;
  return JudgeNetworkPolicy(request);
}

// A gateway's Deployment is also an object of the operator's, which the label of its template may
// not tell of any more.
GuardFindings JudgeWorkloadObject(const GuardRequest& request) {
  GuardFindings workload = JudgeWorkload(request);
  if (request.admission.resource != "deployments" || !workload.ok() || !workload->floor.empty()) {
    return workload;
  }
  return JudgeOwnedObject(request);
}

constexpr std::array<std::string_view, 4> kConnections = {"exec", "attach", "portforward", "proxy"};
constexpr std::array<std::string_view, 4> kOwnedCoreResources = {
    "services", "persistentvolumeclaims", "secrets", "configmaps"};

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

// The guard for what is in the core group, or null.
Guard FindCoreGuard(const AdmissionRequest& request) {
  if (request.operation == Operation::kConnect) {
    const bool known = request.resource == "pods"
                           ? Contains(kConnections, request.sub_resource)
                           : request.resource == "services" && request.sub_resource == "proxy";
    return known ? JudgeConnection : nullptr;
  }
  if (request.resource == "pods" || request.resource == "bindings") return JudgePod;
  // A write of the status of these changes metadata, too.
  if (Contains(kOwnedCoreResources, request.resource)) {
    const bool known = request.sub_resource.empty() || request.sub_resource == "status";
    return known ? JudgeOwnedObject : nullptr;
  }
  if (!request.sub_resource.empty()) return nullptr;
  return IsWorkload("", request.resource) ? JudgeWorkloadObject : nullptr;
}

Guard FindGuard(const AdmissionRequest& request) {
  const std::string_view group = request.resource_group;
  if (group.empty()) return FindCoreGuard(request);
  if (request.operation == Operation::kConnect) return nullptr;
  const bool is_deployment = group == "apps" && request.resource == "deployments";
  if (is_deployment && request.sub_resource == "status") return JudgeOwnedObject;
  if (!request.sub_resource.empty()) return nullptr;
  if (IsWorkload(group, request.resource)) return JudgeWorkloadObject;
  if (group == "networking.k8s.io" && request.resource == "networkpolicies") {
    return JudgeKubernetesPolicy;
  }
  if (group == "node.k8s.io" && request.resource == "runtimeclasses") return JudgeRuntimeClass;
  if (IsOtherPolicyKind(group, request.resource)) return JudgeOtherPolicy;
  return nullptr;
}

bool LacksOldObject(const AdmissionRequest& request) {
  return (request.operation == Operation::kUpdate || request.operation == Operation::kDelete) &&
         !request.old_object.IsObject();
}

// CONNECT carries the options of the stream.
bool LacksObject(const AdmissionRequest& request) {
  return request.operation == Operation::kConnect && !request.object.IsObject();
}

}  // namespace

AdmissionResponse GuardHandler::Review(const AdmissionRequest& request) const {
  const Guard guard = FindGuard(request);
  if (guard == nullptr) {
    return Refuse(request, "no guard is for " + std::string(OperationName(request.operation)) +
                               " of " + Describe(request) +
                               "; correct the rules of the ValidatingWebhookConfiguration that "
                               "sent this here");
  }
  if (LacksObject(request) || LacksOldObject(request)) {
    return Refuse(request, Describe(request) + " cannot be judged: the review lacks the object");
  }
  auto judgement = guard({request, RequesterOf(request, config_), view_, config_});
  if (!judgement.ok()) {
    return Refuse(request,
                  Describe(request) + " cannot be judged: " + judgement.status().message());
  }
  return AnswerJudgement(request, std::move(*judgement));
}

}  // namespace stockade::webhook
