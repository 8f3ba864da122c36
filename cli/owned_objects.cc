#include "cli/owned_objects.h"

#include <utility>

#include "operator/pod_metadata.h"

namespace stockade::cli {

std::string OwnedObject::Title() const { return std::string(resource.kind) + " " + name(); }

std::vector<OwnedObject> OwnedObjects(const api::AgentSandbox& sandbox,
                                      const render::Profile& profile) {
  render::DesiredObjects desired = render::Render(sandbox, profile);
  std::vector<OwnedObject> objects;
  objects.push_back(
      {kube::kNetworkPolicies, render::RenderDenyAllPolicy(sandbox.metadata.namespace_name)});
  for (codec::Json& claim : desired.claims) {
    objects.push_back({kube::kPersistentVolumeClaims, std::move(claim)});
  }
  if (desired.service) objects.push_back({kube::kServices, std::move(*desired.service)});
  if (desired.ingress_policy) {
    objects.push_back({kube::kNetworkPolicies, std::move(*desired.ingress_policy)});
  }
  if (sandbox.spec.operating_mode != api::OperatingMode::kSuspended) {
    sandbox_operator::AnnotateRenderedPod(desired.pod, sandbox.spec.pod_template);
    objects.push_back({kube::kPods, std::move(desired.pod)});
  }
  return objects;
}

void DropUnknownOwner(codec::Json& object) {
  codec::Json& metadata = object["metadata"];
  if (!metadata.contains("ownerReferences")) return;
  for (const codec::Json& owner : metadata["ownerReferences"]) {
    if (!owner.value("uid", "").empty()) return;
  }
  metadata.erase("ownerReferences");
}

}  // namespace stockade::cli
