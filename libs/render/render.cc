#include "render/render.h"

#include "render/claims.h"
#include "render/network_policy.h"
#include "render/pod.h"
#include "render/service.h"

namespace stockade::render {

DesiredObjects Render(const api::AgentSandbox& sandbox, const Profile& profile,
                      const std::optional<SandboxEgress>& egress) {
  DesiredObjects desired;
  desired.pod = RenderPod(sandbox, profile, egress);
  for (const api::VolumeClaimTemplate& claim : sandbox.spec.volume_claim_templates) {
    desired.claims.push_back(RenderClaim(sandbox, claim));
  }
  if (!sandbox.spec.service_ports.empty()) desired.service = RenderService(sandbox);
  desired.ingress_policy = RenderIngressPolicy(sandbox);
  return desired;
}

}  // namespace stockade::render
