#include "webhook/agent_sandbox_claim_handler.h"

#include <string>
#include <utility>

#include "api/agent_sandbox_claim.h"
#include "api/binding_names.h"
#include "policy/sandbox_claims.h"
#include "webhook/review_checks.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

constexpr JudgedKind kJudged{api::kAgentSandboxClaimKind, "AgentSandboxClaims",
                             "agentsandboxclaims"};

}  // namespace

AdmissionResponse ReviewAgentSandboxClaim(const AdmissionRequest& request,
                                          const policy::Facts& facts) {
  if (std::string why = Misdirected(request, kJudged); !why.empty()) {
    return Refuse(request, std::move(why));
  }
  if (OnlyLetsGo(request)) return Allow();
  auto errors = api::CheckAgentSandboxClaimFields(request.object);
  if (!errors.empty()) return RefuseFields(request, "cannot be understood", std::move(errors));
  const auto claim = api::DecodeAgentSandboxClaim(request.object);
  if (!claim.ok()) {
    return RefuseFields(request, "cannot be understood", {{"", claim.status().message()}});
  }
  return AnswerFindings(request, policy::EvaluateClaim(*claim, facts));
}

}  // namespace stockade::webhook
