#include "webhook/guards/connect_guard.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "api/gateway_names.h"
#include "api/names.h"
#include "base/strings.h"
#include "policy/guard_rules.h"
#include "policy/policy_set.h"
#include "policy/quoting.h"

namespace stockade::webhook {
namespace {

using policy::Quote;

struct SandboxAccess {
  std::string sandbox;
  bool exists = false;
  api::Access access;
};

Result<SandboxAccess> AccessTo(const GuardRequest& request) {
  SandboxAccess found;
  found.sandbox = request.admission.name.substr(api::kSandboxObjectPrefix.size());
  const auto access = request.view.AccessOf(request.admission.namespace_name, found.sandbox);
  if (!access.ok()) return access.status();
  if (*access) {
    found.exists = true;
    found.access = **access;
  } else {
    // Its pod may outlive it, and what it allowed is not known any more.
    found.access = {.exec = api::Permission::kDeny,
                    .attach = api::Permission::kDeny,
                    .port_forward = api::Permission::kDeny};
  }
  return found;
}

// What a policy that cannot be understood would forbid is not known.
Status CheckPolicies(std::span<const policy::SharedPolicy> policies) {
  const policy::CompiledPolicy* const broken = policy::FirstBroken(policies);
  if (broken == nullptr) return Status::Ok();
  return {StatusCode::kUnavailable, "the AgentSandboxPolicy " + Quote(broken->name()) +
                                        " cannot be understood (" + broken->problem() +
                                        "); correct it, or delete it"};
}

// A way into a sandbox's pod. The sandbox says whether it is open, and policies may shut it.
struct Door {
  std::string_view sub_resource;
  std::string_view code;
  std::string_view field;       // of the sandbox
  std::string_view forbidding;  // of a policy
  std::string_view instead;     // what a sandbox may have whatever a policy says of this door
  std::string_view what;        // the sandbox decides, where there is one
  api::Permission api::Access::* permission;
  bool api::AccessRestrictions::* forbidden;
};

constexpr std::array kDoors = {
    Door{"exec", policy::kExecForbidden, "spec.access.exec", "access.forbidExec", "",
         "who may enter its pod", &api::Access::exec, &api::AccessRestrictions::forbid_exec},
    Door{"attach", policy::kExecForbidden, "spec.access.attach", "access.forbidAttach", "",
         "who may enter its pod", &api::Access::attach, &api::AccessRestrictions::forbid_attach},
    Door{"portforward", policy::kPortForward, "spec.access.portForward", "access.forbidPortForward",
         "allow peers in spec.ingress, or ", "who may reach its pod", &api::Access::port_forward,
         &api::AccessRestrictions::forbid_port_forward},
};

// What the policies have against it. Returns the first that denies, or null.
const policy::CompiledPolicy* ReportPolicies(const Door& door,
                                             std::span<const policy::SharedPolicy> policies,
                                             GuardReport& report) {
  const policy::CompiledPolicy* denying = nullptr;
  for (const policy::SharedPolicy& by : policies) {
    if (!(by->access().*door.forbidden)) continue;
    // The rule's own remedy is spec.access, where the policy would refuse it or it would not help.
    report.AddByPolicy(
        *by, door.code, std::string(door.field), std::string(door.forbidding) + " is set",
        std::string(door.instead) + "ask whoever owns the policy: spec.access cannot allow it");
    if (denying == nullptr && by->enforcement() == api::Enforcement::kEnforce) denying = by.get();
  }
  return denying;
}

void ReportSandbox(const Door& door, const SandboxAccess& target,
                   const policy::CompiledPolicy* denying, GuardReport& report) {
  if (target.access.*door.permission != api::Permission::kDeny) return;
  const bool by_default = api::Access().*door.permission == api::Permission::kDeny;
  const std::string problem = target.exists ? "sandbox " + Quote(target.sandbox) + " says Deny" +
                                                  (by_default ? ", which is the default" : "")
                                            : "there is no sandbox " + Quote(target.sandbox) +
                                                  ", so nobody says " + std::string(door.what);
  if (denying == nullptr) {
    report.Add(door.code, std::string(door.field), problem);
  } else {
    report.Add(door.code, std::string(door.field), problem,
               "Allow would not help while the policy " + Quote(denying->name()) + " forbids it");
  }
}

GuardFindings JudgeDoor(const GuardRequest& request, const Door& door) {
  GuardReport report;
  const codec::JsonView container = request.admission.object["container"];
  if (container.StringOrEmpty().starts_with(api::kReservedNamePrefix)) {
    report.Add(policy::kExecIntoProxy, "container",
               "the container " + Quote(container) + " is the operator's");
  }
  const auto target = AccessTo(request);
  if (!target.ok()) return target.status();
  const auto policies = request.view.PoliciesOf(request.admission.namespace_name);
  if (!policies.ok()) return policies.status();
  if (Status known = CheckPolicies(*policies); !known.ok()) return known;
  ReportSandbox(door, *target, ReportPolicies(door, *policies, report), report);
  return report.Take();
}

bool AnyPartStartsWith(std::string_view name, std::string_view prefix) {
  const auto parts = Split(name, ':');
  return std::ranges::any_of(parts,
                             [prefix](std::string_view part) { return part.starts_with(prefix); });
}

GuardFindings JudgeProxy(const GuardRequest& request) {
  GuardReport report;
  const std::string_view name = request.admission.name;
  if (IsProxyNameOfSandbox(name)) {
    report.Add(policy::kProxySubresource, "name", Quote(name) + " belongs to a sandbox");
  } else if (AnyPartStartsWith(name, api::kGatewayObjectPrefix)) {
    report.Add(policy::kProxySubresource, "name", Quote(name) + " belongs to a gateway",
               "only sandboxes connect to a gateway");
  }
  return report.Take();
}

// A gateway's pod holds the credentials of its sandboxes, and its identity.
GuardFindings JudgeGatewayDoor(const GuardRequest& request) {
  GuardReport report;
  const std::string name = Quote(request.admission.name);
  if (request.admission.sub_resource == "portforward") {
    report.Add(policy::kPortForward, "name", name + " is a pod of a gateway",
               "only sandboxes connect to a gateway");
  } else {
    report.Add(policy::kExecIntoProxy, "name",
               name + " is a pod of a gateway, which holds credentials",
               "read its logs, and the status of the AgentSandbox");
  }
  return report.Take();
}

}  // namespace

bool IsProxyNameOfSandbox(std::string_view name) {
  return AnyPartStartsWith(name, api::kSandboxObjectPrefix);
}

GuardFindings JudgeConnection(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  if (admission.sub_resource == "proxy") return JudgeProxy(request);
  if (admission.name.starts_with(api::kGatewayObjectPrefix)) return JudgeGatewayDoor(request);
  if (!admission.name.starts_with(api::kSandboxObjectPrefix)) return GuardJudgement();
  const auto* const door = std::ranges::find(kDoors, admission.sub_resource, &Door::sub_resource);
  if (door == kDoors.end()) return Status(StatusCode::kBadRequest, "the guards know no such door");
  return JudgeDoor(request, *door);
}

}  // namespace stockade::webhook
