#include "webhook/guards/connect_guard.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

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

GuardFindings JudgeStream(const GuardRequest& request) {
  const bool exec = request.admission.sub_resource == "exec";
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
  for (const policy::SharedPolicy& by : *policies) {
    const api::AccessRestrictions& access = by->access();
    if (exec ? access.forbid_exec : access.forbid_attach) {
      report.AddByPolicy(*by, policy::kExecForbidden,
                         exec ? "spec.access.exec" : "spec.access.attach",
                         "the AgentSandboxPolicy " + Quote(by->name()) + " forbids it");
    }
  }
  if ((exec ? target->access.exec : target->access.attach) == api::Permission::kDeny) {
    report.Add(policy::kExecForbidden, exec ? "spec.access.exec" : "spec.access.attach",
               target->exists ? "sandbox " + Quote(target->sandbox) + " says Deny"
                              : "there is no sandbox " + Quote(target->sandbox) +
                                    ", so nobody says who may enter its pod");
  }
  return report.Take();
}

GuardFindings JudgePortForward(const GuardRequest& request) {
  const auto target = AccessTo(request);
  if (!target.ok()) return target.status();
  const auto policies = request.view.PoliciesOf(request.admission.namespace_name);
  if (!policies.ok()) return policies.status();
  if (Status known = CheckPolicies(*policies); !known.ok()) return known;
  GuardReport report;
  for (const policy::SharedPolicy& by : *policies) {
    if (!by->access().forbid_port_forward) continue;
    report.AddByPolicy(*by, policy::kPortForward, "spec.access.portForward",
                       "the AgentSandboxPolicy " + Quote(by->name()) + " forbids it");
  }
  if (target->access.port_forward == api::Permission::kDeny) {
    report.Add(policy::kPortForward, "spec.access.portForward",
               target->exists
                   ? "sandbox " + Quote(target->sandbox) + " says Deny, which is the default"
                   : "there is no sandbox " + Quote(target->sandbox) +
                         ", so nobody says who may reach its pod");
  }
  return report.Take();
}

GuardFindings JudgeProxy(const GuardRequest& request) {
  GuardReport report;
  if (IsProxyNameOfSandbox(request.admission.name)) {
    report.Add(policy::kProxySubresource, "name",
               Quote(request.admission.name) + " belongs to a sandbox");
  }
  return report.Take();
}

}  // namespace

bool IsProxyNameOfSandbox(std::string_view name) {
  const auto parts = Split(name, ':');
  return std::ranges::any_of(
      parts, [](std::string_view part) { return part.starts_with(api::kSandboxObjectPrefix); });
}

GuardFindings JudgeConnection(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  if (admission.sub_resource == "proxy") return JudgeProxy(request);
  if (!admission.name.starts_with(api::kSandboxObjectPrefix)) return GuardJudgement();
  if (admission.sub_resource == "portforward") return JudgePortForward(request);
  return JudgeStream(request);
}

}  // namespace stockade::webhook
