#include "webhook/guards/connect_guard.h"

#include <algorithm>
#include <string>
#include <vector>

#include "api/names.h"
#include "base/strings.h"
#include "policy/guard_rules.h"
#include "policy/quoting.h"

namespace stockade::webhook {
namespace {

using policy::Finding;
using policy::Quote;

struct SandboxAccess {
  std::string sandbox;
  api::Access access;
};

Result<SandboxAccess> AccessTo(const GuardRequest& request) {
  SandboxAccess found;
  found.sandbox = request.admission.name.substr(api::kSandboxObjectPrefix.size());
  const auto access = request.view.AccessOf(request.admission.namespace_name, found.sandbox);
  if (!access.ok()) return access.status();
  if (*access) found.access = **access;
  return found;
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
  if ((exec ? target->access.exec : target->access.attach) == api::Permission::kDeny) {
    report.Add(policy::kExecForbidden, exec ? "spec.access.exec" : "spec.access.attach",
               "sandbox " + Quote(target->sandbox) + " says Deny");
  }
  return report.Take();
}

GuardFindings JudgePortForward(const GuardRequest& request) {
  const auto target = AccessTo(request);
  if (!target.ok()) return target.status();
  GuardReport report;
  if (target->access.port_forward == api::Permission::kDeny) {
    report.Add(policy::kPortForward, "spec.access.portForward",
               "sandbox " + Quote(target->sandbox) + " says Deny, which is the default");
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
  if (!admission.name.starts_with(api::kSandboxObjectPrefix)) return std::vector<Finding>();
  if (admission.sub_resource == "portforward") return JudgePortForward(request);
  return JudgeStream(request);
}

}  // namespace stockade::webhook
