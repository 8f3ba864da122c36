#include "webhook/agent_sandbox_policy_handler.h"

#include <string>
#include <utility>

#include "api/names.h"
#include "policy/compiled_policy.h"
#include "policy/policy_set.h"
#include "webhook/review_checks.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

constexpr JudgedKind kJudged{api::kAgentSandboxPolicyKind, "AgentSandboxPolicies",
                             "agentsandboxpolicies"};

}  // namespace

AdmissionResponse ReviewAgentSandboxPolicy(const AdmissionRequest& request) {
  if (std::string why = Misdirected(request, kJudged); !why.empty()) {
    return Refuse(request, std::move(why));
  }
  if (OnlyLetsGo(request)) return Allow();
  auto errors = policy::CheckPolicy(request.object);
  if (!errors.empty()) return RefuseFields(request, "cannot be applied", std::move(errors));
  const policy::SharedPolicy policy = policy::CompiledPolicy::Compile(request.object);
  // What neither of the two walks objects to alone, the other may.
  if (!policy->problem().empty()) {
    return RefuseFields(request, "cannot be applied", {{"", policy->problem()}});
  }
  AdmissionResponse response = Allow();
  response.warnings = policy::WarningsOf(*policy);
  return response;
}

}  // namespace stockade::webhook
