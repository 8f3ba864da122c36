#include "cli/owned_objects.h"

#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "operator/issued.h"
#include "operator/pod_metadata.h"
#include "render/egress_profile.h"
#include "render/gateway.h"
#include "render/sandbox_egress.h"

namespace stockade::cli {
namespace {

// Certificates are made in the cluster; their files are named all the same.
constexpr const char* kAuthorities = "(the authorities of the gateway, as PEM)\n";
constexpr const char* kPublicRoots = "(the public authorities, as PEM)\n";

render::EgressSettings WithImages(render::EgressSettings settings) {
  for (std::string* image :
       {&settings.proxy_image, &settings.canary_image, &settings.credentials_image}) {
    if (image->empty()) *image = kUnknownImage;
  }
  return settings;
}

// Adds the gateway of a sandbox with spec.egress, and returns what its pod is rendered with.
render::SandboxEgress AddGateway(const api::AgentSandbox& sandbox,
                                 const render::EgressSettings& settings, const LiveGateway& live,
                                 std::vector<OwnedObject>& objects) {
  const render::EgressProfile profile =
      render::MakeEgressProfile(*sandbox.spec.egress, sandbox.spec.credentials);
  const std::string name = render::GatewayName(sandbox, profile.hash);
  const GatewaySecrets secrets = SecretsOf(sandbox, live);
  const std::string address(live.address.empty() ? kGatewayAddress
                                                 : std::string_view(live.address));
  render::GatewayObjects gateway = render::RenderGatewayObjects(
      sandbox, profile, settings,
      {.identity_secret = secrets.gateway,
       .leaves_secret = secrets.leaves,
       .address = address,
       .authorities = kAuthorities,
       .public_roots = render::NeedsPublicRoots(profile) ? kPublicRoots : ""});
  // One that is shared runs for the others.
  if (sandbox.spec.operating_mode == api::OperatingMode::kSuspended &&
      !api::IsSharedGatewayName(name)) {
    gateway.deployment["spec"]["replicas"] = 0;
  }
  const std::string& space = sandbox.metadata.namespace_name;
  objects.push_back({kube::kNetworkPolicies, render::RenderGatewayDenyAllPolicy(space)});
  objects.push_back({kube::kServiceAccounts, render::RenderGatewayServiceAccount(space)});
  objects.push_back({kube::kServices, std::move(gateway.service)});
  objects.push_back({kube::kConfigMaps, std::move(gateway.configuration)});
  objects.push_back({kube::kConfigMaps, std::move(gateway.authorities)});
  if (gateway.sidecar_configuration) {
    objects.push_back({kube::kConfigMaps, std::move(*gateway.sidecar_configuration)});
  }
  objects.push_back({kube::kNetworkPolicies, std::move(gateway.gateway_allowance)});
  objects.push_back({kube::kNetworkPolicies, std::move(gateway.sandbox_allowance)});
  objects.push_back({kube::kDeployments, std::move(gateway.deployment)});
  return {.settings = settings,
          .gateway = name,
          .address = address,
          .profile_hash = profile.hash,
          .identity_secret = secrets.sandbox};
}

}  // namespace

std::string OwnedObject::Title() const { return std::string(resource.kind) + " " + name(); }

GatewaySecrets SecretsOf(const api::AgentSandbox& sandbox, const LiveGateway& gateway) {
  const std::string name = render::GatewayName(sandbox);
  const sandbox_operator::GatewayService service{
      .name = name, .uid = gateway.uid, .shared = api::IsSharedGatewayName(name)};
  GatewaySecrets secrets{.gateway = name + "-gateway-uid",
                         .leaves = name + "-leaves-uid",
                         .sandbox = name + "-sandbox-uid"};
  if (!service.uid.empty()) {
    secrets.gateway = sandbox_operator::GatewayIdentitySecret(service);
    secrets.leaves = sandbox_operator::LeavesSecret(service);
  }
  if (!(service.shared ? sandbox.metadata.uid : service.uid).empty()) {
    secrets.sandbox = sandbox_operator::SandboxIdentitySecret(sandbox, service);
  }
  return secrets;
}

std::vector<OwnedObject> OwnedObjects(const api::AgentSandbox& sandbox,
                                      const render::Profile& profile,
                                      const std::optional<render::EgressSettings>& egress,
                                      const LiveGateway& gateway) {
  std::vector<OwnedObject> objects;
  objects.push_back(
      {kube::kNetworkPolicies, render::RenderDenyAllPolicy(sandbox.metadata.namespace_name)});
  std::optional<render::SandboxEgress> way_out;
  if (egress && sandbox.spec.egress) {
    way_out = AddGateway(sandbox, WithImages(*egress), gateway, objects);
  }
  render::DesiredObjects desired = render::Render(sandbox, profile, way_out);
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
  const std::string retained_for(api::kRetainedForLabel);
  if (metadata.contains("labels") && metadata["labels"].value(retained_for, "-").empty()) {
    metadata["labels"].erase(retained_for);
  }
  if (!metadata.contains("ownerReferences")) return;
  for (const codec::Json& owner : metadata["ownerReferences"]) {
    if (!owner.value("uid", "").empty()) return;
  }
  metadata.erase("ownerReferences");
}

}  // namespace stockade::cli
