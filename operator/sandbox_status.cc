#include "operator/sandbox_status.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "base/clock.h"
#include "base/strings.h"
#include "operator/conditions.h"

namespace stockade::sandbox_operator {
namespace {

using api::Condition;
using codec::Json;

// The canary's exit code for addresses that answered though they have to be shut.
constexpr std::int64_t kCanaryFoundOpen = 1;

std::string DescribeFindings(const std::vector<policy::Finding>& findings) {
  std::string text;
  for (const policy::Finding& finding : findings) {
    if (finding.severity != policy::Severity::kError) continue;
    if (!text.empty()) text += "; ";
    text += finding.field + ": [" + std::string(finding.code) + "] " + finding.message;
  }
  return text;
}

std::string FirstErrorCode(const std::vector<policy::Finding>& findings) {
  const auto first = std::ranges::find_if(findings, [](const policy::Finding& finding) {
    return finding.severity == policy::Severity::kError;
  });
  return first == findings.end() ? "" : std::string(first->code);
}

struct Verdict {
  std::string status;  // of Ready
  std::string reason;
  std::string message;
  bool stalled = false;
  bool finished = false;
};

// Of a sandbox whose end is reached.
Verdict JudgeEnd(const Observation& seen) {
  const std::string when = "the sandbox's end, " + FormatTime(*seen.lifetime.end) + ", is reached" +
                           (seen.lifetime.by_idleness ? ", since nothing used it: " : ": ");
  if (seen.blocker) return {"False", kExpiredReason, when + seen.blocker->message, false, false};
  if (!seen.ended) {
    return {"False", kExpiredReason, when + "its pod is ending, and its egress gateway after it",
            false, false};
  }
  if (seen.lifetime.deletes) {
    return {"False", kExpiredReason,
            when + "its pod is gone, and the sandbox is about to be deleted", false, true};
  }
  if (seen.lifetime.by_idleness) {
    return {"False", kExpiredReason, when + "its pod is gone, and it goes with its claim", false,
            true};
  }
  return {"False", kExpiredReason,
          when +
              "its pod and its egress gateway are gone, and its volumes are kept until it is "
              "deleted; to go on, set a later end in spec.lifecycle",
          false, true};
}

// Of a pod that failed by itself, where spec.lifecycle.restart says what is to be done.
Verdict JudgeFailure(const api::Restart& restart, const RestartDecision& decision,
                     const std::string& message) {
  const std::string most = std::to_string(restart.max_attempts);
  if (decision.exhausted) {
    return {"False", "RestartsExhausted",
            message + "; it was created again " + std::to_string(decision.count.attempts) +
                " times, and maxAttempts of spec.lifecycle.restart is " + most +
                ": any change of the spec starts the count anew",
            false, true};
  }
  return {"False", "PodRestarting",
          message + "; attempt " + std::to_string(decision.count.attempts) + " of " + most +
              " to run it again is made at " + FormatTime(decision.count.next_attempt),
          false, false};
}

// Of a sandbox that the operator suspended.
Verdict JudgeIdle(const api::AgentSandbox& sandbox, const Observation& seen) {
  const auto& idle = sandbox.spec.lifecycle.idle;
  return {"False", kIdleReason,
          "nothing used the sandbox" +
              (idle ? " for " + std::to_string(idle->SuspendAfter().count()) + " seconds"
                    : std::string()) +
              ", so that it is suspended: its pod is " + (seen.pod ? "ending" : "gone") +
              " and its volumes are kept; to resume it, set spec.operatingMode to Running",
          false, false};
}

Verdict JudgeReadiness(const api::AgentSandbox& sandbox, const Observation& seen) {
  if (seen.lifetime.expired && !sandbox.metadata.deleting) return JudgeEnd(seen);
  if (policy::HasErrors(seen.findings)) {
    return {"False", FirstErrorCode(seen.findings), DescribeFindings(seen.findings), true, false};
  }
  if (seen.blocker) {
    return {"False", seen.blocker->reason, seen.blocker->message, seen.blocker->stalled, false};
  }
  if (sandbox.spec.operating_mode == api::OperatingMode::kSuspended) {
    if (seen.idleness.suspended) return JudgeIdle(sandbox, seen);
    return {"False", "Suspended",
            seen.pod ? "the sandbox is being suspended: its pod is ending"
                     : "the sandbox is suspended: its pod is gone and its volumes are kept",
            false, false};
  }
  if (!seen.pod) return {"False", "PodMissing", "the pod is about to be created", false, false};
  PodDiagnosis diagnosis = DiagnosePod(*seen.pod);
  if (diagnosis.outcome == PodOutcome::kFinished && seen.restart &&
      sandbox.spec.lifecycle.restart) {
    return JudgeFailure(*sandbox.spec.lifecycle.restart, *seen.restart, diagnosis.message);
  }
  const bool ready = diagnosis.outcome == PodOutcome::kReady;
  return {ready ? "True" : "False", std::move(diagnosis.reason), std::move(diagnosis.message),
          diagnosis.outcome == PodOutcome::kHopeless, diagnosis.outcome == PodOutcome::kFinished};
}

Condition RuntimeHardened(const api::AgentSandbox& sandbox, const Observation& seen,
                          const render::Profile& profile) {
  const std::string& wanted = profile.RuntimeClassFor(sandbox.spec.isolation);
  const std::string tier(api::IsolationName(sandbox.spec.isolation));
  if (!seen.pod) return MakeCondition("RuntimeHardened", "Unknown", "NoPod", "there is no pod");
  if (seen.pod->runtime_class != wanted) {
    return MakeCondition("RuntimeHardened", "False", "RuntimeClassDiffers",
                         "the pod runs under RuntimeClass \"" + seen.pod->runtime_class +
                             "\" and the tier " + tier + " means \"" + wanted + "\"");
  }
  return MakeCondition("RuntimeHardened", "True", tier,
                       wanted.empty()
                           ? "the pod runs hardened under the cluster's default runtime"
                           : "the pod runs hardened under RuntimeClass \"" + wanted + "\"");
}

// What the canary found in the pod of a sandbox that has a gateway.
Condition ProvenByCanary(const Observation& seen) {
  constexpr const char* kType = "EgressIsolated";
  if (!seen.gateway_deny_all_in_place) {
    return MakeCondition(kType, "Unknown", "DenyAllMissing",
                         "NetworkPolicy \"" + std::string(api::kGatewayDenyAllPolicyName) +
                             "\" is not in place; no pod is started without it");
  }
  if (!seen.pod) return MakeCondition(kType, "Unknown", "NoPod", "there is no pod to prove it in");
  for (const ContainerTrouble& trouble : seen.pod->troubles) {
    if (trouble.container != api::kCanaryContainer || !trouble.exit_code) continue;
    if (*trouble.exit_code == kCanaryFoundOpen) {
      return MakeCondition(
          kType, "False", "NetworkOpen",
          "the canary reached what has to be shut, so that the agent is not started: " +
              trouble.exit_message +
              "; does the cluster's network plugin enforce "
              "NetworkPolicies?");
    }
    return MakeCondition(
        kType, "Unknown", "NotProven",
        "the canary could not prove that the network is shut, so that the agent is not "
        "started: " +
            trouble.exit_message);
  }
  if (!seen.pod->canary_passed) {
    return MakeCondition(kType, "Unknown", "CanaryPending",
                         "the canary has not come to an end yet");
  }
  if (seen.pod->phase == "Running" && !seen.pod->proxy_ready) {
    return MakeCondition(
        kType, "Unknown", std::string(kProbeFailsReason),
        "the canary found the network shut as the pod began; the same check, repeated by "
        "the probes of stockade-proxy, does not pass now");
  }
  return MakeCondition(kType, "True", "ProvenByCanary",
                       "the canary found shut what has to be shut, and only the egress gateway \"" +
                           seen.gateway.name + "\" answered");
}

// With the one that the gateway is given by a cloud for its model.
std::size_t CountCredentials(const api::AgentSandboxSpec& spec) {
  const auto by_cloud = [](const api::EgressModel& model) {
    return model.provider == api::ModelProvider::kBedrock ||
           model.provider == api::ModelProvider::kVertex;
  };
  const bool of_model = spec.egress && spec.egress->model && by_cloud(*spec.egress->model);
  return spec.credentials.size() + (of_model ? 1 : 0);
}

Condition CredentialsBrokered(const api::AgentSandbox& sandbox, const Observation& seen) {
  constexpr const char* kType = "CredentialsBrokered";
  if (seen.gateway.credentials_missing) {
    return MakeCondition(
        kType, "False", "CredentialMissing",
        seen.gateway.trouble +
            "; create the Secret, or correct spec.credentials: the gateway tries again");
  }
  if (!seen.gateway.available) {
    return MakeCondition(kType, "Unknown", "GatewayNotReady",
                         "the egress gateway \"" + seen.gateway.name + "\" does not answer" +
                             (seen.gateway.trouble.empty() ? "" : ": " + seen.gateway.trouble));
  }
  const std::size_t count = CountCredentials(sandbox.spec);
  return MakeCondition(kType, "True", "Brokered",
                       std::to_string(count) +
                           (count == 1 ? " credential is" : " credentials are") +
                           " with the egress gateway \"" + seen.gateway.name + "\" alone");
}

Condition WidenedBy(const std::string& policy, const std::string& selected) {
  return MakeCondition("EgressIsolated", "False", "WidenedBy",
                       "NetworkPolicy \"" + policy + "\" selects " + selected +
                           " and lets traffic through; " + ExcludeFromPodSelector());
}

Condition EgressIsolated(const Observation& seen) {
  if (!seen.widened_by.empty()) return WidenedBy(seen.widened_by, "the sandbox's pod");
  if (!seen.gateway_widened_by.empty()) {
    return WidenedBy(seen.gateway_widened_by,
                     "pods of its egress gateway \"" + seen.gateway.name + "\"");
  }
  if (!seen.deny_all_in_place) {
    return MakeCondition("EgressIsolated", "Unknown", "DenyAllMissing",
                         "NetworkPolicy \"" + std::string(api::kDenyAllPolicyName) +
                             "\" is not in place; no pod is started without it");
  }
  if (seen.has_gateway) return ProvenByCanary(seen);
  return MakeCondition("EgressIsolated", "True", "DenyAll",
                       "NetworkPolicy \"" + std::string(api::kDenyAllPolicyName) +
                           "\" allows the pod no connection to anything");
}

// Those that Enforce demands first: the others break nothing.
std::string DescribePolicyFindings(const std::vector<policy::PolicyFinding>& findings) {
  std::string text;
  for (const std::string_view enforcement : api::kEnforcementNames) {
    for (const policy::PolicyFinding& finding : findings) {
      if (api::EnforcementName(finding.enforcement) != enforcement) continue;
      if (!text.empty()) text += "; ";
      text += finding.finding.field + ": [" + std::string(finding.finding.code) + "] " +
              finding.finding.message + " under " + std::string(enforcement);
    }
  }
  return text;
}

std::string FirstPolicyCode(const std::vector<policy::PolicyFinding>& findings) {
  const auto first = std::ranges::min_element(findings, {}, &policy::PolicyFinding::enforcement);
  return std::string(first->finding.code);
}

Condition PolicyCompliant(const Observation& seen) {
  if (policy::HasErrors(seen.findings)) {
    return MakeCondition("PolicyCompliant", "False", FirstErrorCode(seen.findings),
                         DescribeFindings(seen.findings));
  }
  const PolicyJudgement& judged = seen.by_policies;
  if (!judged.namespace_known) {
    return MakeCondition("PolicyCompliant", "Unknown", "NamespaceUnknown",
                         "the namespace was not read yet, so nobody can tell which policies apply");
  }
  if (!judged.broken.empty()) {
    return MakeCondition("PolicyCompliant", "False", "PolicyInvalid",
                         "AgentSandboxPolicy \"" + judged.broken + "\" cannot be understood: " +
                             judged.problem + "; correct it, or delete it");
  }
  if (!judged.findings.empty()) {
    return MakeCondition("PolicyCompliant", "False", FirstPolicyCode(judged.findings),
                         DescribePolicyFindings(judged.findings));
  }
  if (judged.policies.empty()) {
    return MakeCondition(
        "PolicyCompliant", "True", "NoPolicies",
        "every rule of the floor is met, and no AgentSandboxPolicy selects the namespace");
  }
  return MakeCondition(
      "PolicyCompliant", "True", "NoFindings",
      "every rule of the floor is met, and of these policies: " + Join(judged.policies, ", "));
}

Condition PodScheduled(const Observation& seen) {
  if (!seen.pod || seen.pod->scheduled.empty()) {
    return MakeCondition(
        "PodScheduled", "Unknown", seen.pod ? "Pending" : "NoPod",
        seen.pod ? "the scheduler has not looked at the pod yet" : "there is no pod");
  }
  const bool scheduled = seen.pod->scheduled == "True";
  return MakeCondition("PodScheduled", seen.pod->scheduled,
                       seen.pod->scheduled_reason.empty()
                           ? (scheduled ? "Scheduled" : "Unschedulable")
                           : seen.pod->scheduled_reason,
                       scheduled ? "the pod is bound to node \"" + seen.pod->node_name + "\""
                                 : seen.pod->scheduled_message);
}

Condition Suspended(const api::AgentSandbox& sandbox, const Observation& seen) {
  if (sandbox.spec.operating_mode != api::OperatingMode::kSuspended) {
    return MakeCondition("Suspended", "False", "Running", "spec.operatingMode is Running");
  }
  if (seen.pod && seen.pod->deleting) {
    return MakeCondition("Suspended", "False", "PodTerminating", "the pod is ending");
  }
  if (seen.pod)
    return MakeCondition("Suspended", "False", "PodRunning", "the pod is still to be deleted");
  return MakeCondition("Suspended", "True", "PodGone", "the pod is gone; its volumes are kept");
}

// Only one of the two can wait for as long as it likes.
Condition PodOutdated(const Observation& seen) {
  constexpr const char* kType = "PodOutdated";
  const std::string profile =
      "the operator would render its part of the pod differently now; the next start of the pod "
      "takes it";
  if (seen.distrust.empty()) return MakeCondition(kType, "True", "ProfileChanged", profile);
  return MakeCondition(kType, "True", "AuthorityRotated",
                       seen.distrust + (seen.outdated ? ". Besides, " + profile : ""));
}

Condition IdleExpiresSoon(const api::Lifecycle& lifecycle, const SandboxLifetime& lifetime) {
  const bool retained = lifecycle.volume_policy == api::VolumePolicy::kRetain;
  return MakeCondition(
      "ExpiresSoon", "True", kIdleReason,
      "nothing uses the sandbox, and it ends at " + FormatTime(*lifetime.end) + ": it is deleted" +
          (lifetime.deletes ? (retained ? "" : " with its volumes") : " with its claim's end") +
          "; to keep it, set spec.operatingMode to Running, or raise "
          "spec.lifecycle.idle.deleteAfterSeconds");
}

Condition ExpiresSoon(const api::AgentSandbox& sandbox, const SandboxLifetime& lifetime) {
  const api::Lifecycle& lifecycle = sandbox.spec.lifecycle;
  if (lifetime.by_idleness) return IdleExpiresSoon(lifecycle, lifetime);
  const bool by_time = lifecycle.shutdown_time == lifetime.end;
  const bool deleted = lifecycle.shutdown_policy == api::ShutdownPolicy::kDelete;
  const bool retained = lifecycle.volume_policy == api::VolumePolicy::kRetain;
  return MakeCondition(
      "ExpiresSoon", "True", by_time ? "ShutdownTime" : "MaxLifetime",
      "the sandbox ends at " + FormatTime(*lifetime.end) + ": " +
          (!deleted
               ? "its pod and its egress gateway go, and its volumes are kept until it is deleted"
           : retained ? "its pod ends, it is deleted, and its volumes are kept"
                      : "its pod ends, and it is deleted with its volumes") +
          "; to go on, raise " +
          (by_time ? "spec.lifecycle.shutdownTime" : "spec.lifecycle.maxLifetimeSeconds"));
}

std::vector<Condition> ComputeConditions(const api::AgentSandbox& sandbox, const Observation& seen,
                                         const render::Profile& profile) {
  Verdict verdict = JudgeReadiness(sandbox, seen);
  std::vector<Condition> conditions;
  conditions.push_back(MakeCondition("Ready", verdict.status, verdict.reason, verdict.message));
  conditions.push_back(RuntimeHardened(sandbox, seen, profile));
  conditions.push_back(EgressIsolated(seen));
  conditions.push_back(PolicyCompliant(seen));
  conditions.push_back(PodScheduled(seen));
  conditions.push_back(Suspended(sandbox, seen));
  if (seen.has_gateway && CountCredentials(sandbox.spec) > 0) {
    conditions.push_back(CredentialsBrokered(sandbox, seen));
  }
  // These say something only by being there.
  if (verdict.finished) {
    conditions.push_back(MakeCondition("Finished", "True", verdict.reason, verdict.message));
  }
  if (verdict.stalled) {
    conditions.push_back(MakeCondition("Stalled", "True", verdict.reason, verdict.message));
  }
  if (seen.lifetime.ends_soon) conditions.push_back(ExpiresSoon(sandbox, seen.lifetime));
  if (seen.outdated || !seen.distrust.empty()) conditions.push_back(PodOutdated(seen));
  return conditions;
}

}  // namespace

std::string ExcludeFromPodSelector() {
  return "exclude sandboxes and gateways from its podSelector with matchExpressions on " +
         std::string(api::kSandboxLabel) + " and " + std::string(api::kGatewayLabel) +
         " DoesNotExist";
}

Json ComputeStatus(const api::AgentSandbox& sandbox, const Observation& seen,
                   const render::Profile& profile, std::chrono::system_clock::time_point now) {
  Json status = Json::object();
  status["observedGeneration"] = sandbox.metadata.generation;
  status["conditions"] =
      ConditionList(ComputeConditions(sandbox, seen, profile), ConditionsOf(sandbox.status),
                    sandbox.metadata.generation, now);
  status["selector"] = std::string(api::kSandboxLabel) + "=" + sandbox.metadata.name;
  status["isolation"] = {{"tier", api::IsolationName(sandbox.spec.isolation)},
                         {"runtimeClassName", profile.RuntimeClassFor(sandbox.spec.isolation)}};
  if (!sandbox.spec.service_ports.empty()) {
    status["serviceFQDN"] = api::SandboxObjectName(sandbox.metadata.name) + "." +
                            sandbox.metadata.namespace_name + ".svc." + profile.cluster_domain;
  }
  if (seen.lifetime.end) status["expiresAt"] = FormatTime(*seen.lifetime.end);
  if (seen.idleness.last_activity) {
    status["lastActivityTime"] = FormatTime(*seen.idleness.last_activity);
  }
  if (seen.restarts) status["restarts"] = ToJson(*seen.restarts, sandbox.metadata.generation);
  if (seen.has_gateway && !seen.gateway.address.empty()) {
    status["egress"] = {{"gateway", seen.gateway.name},
                        {"address", seen.gateway.address},
                        {"profileHash", seen.gateway.profile},
                        {"hosts", seen.gateway.hosts}};
  }
  if (seen.pod) {
    status["podName"] = seen.pod->key.name;
    if (!seen.pod->node_name.empty()) status["nodeName"] = seen.pod->node_name;
    if (!seen.pod->pod_ips.empty()) {
      status["podIPs"] = Json::array();
      for (const std::string& address : seen.pod->pod_ips) {
        status["podIPs"].push_back({{"ip", address}});
      }
    }
    status["controls"] = Json::array();
    for (const render::Control& control : render::Controls(sandbox, profile)) {
      status["controls"].push_back(
          {{"name", control.name}, {"state", control.state}, {"detail", control.detail}});
    }
  }
  return status;
}

Condition FindCondition(const Json& status, std::string_view type) {
  if (!status.is_object() || !status.contains("conditions")) return {};
  for (const Json& condition : status["conditions"]) {
    if (condition.value("type", "") != type) continue;
    Condition found;
    found.type = type;
    found.status = condition.value("status", "");
    found.reason = condition.value("reason", "");
    found.message = condition.value("message", "");
    found.last_transition_time = condition.value("lastTransitionTime", "");
    return found;
  }
  return {};
}

bool IsMereProgress(const Observation& seen) {
  if (policy::HasErrors(seen.findings) || seen.blocker || !seen.pod) return false;
  return DiagnosePod(*seen.pod).outcome == PodOutcome::kProgressing;
}

}  // namespace stockade::sandbox_operator
