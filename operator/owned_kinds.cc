#include "operator/owned_kinds.h"

#include "api/gateway_names.h"
#include "base/strings.h"
#include "render/claims.h"

namespace stockade::sandbox_operator {
namespace {

bool ServiceMatches(const CachedService& live, const CachedService& desired) {
  return live.fingerprint == desired.fingerprint && HasLabels(live.labels, desired.labels);
}

// What the API server allotted to the Service stays; everything that we decide is ours.
void RepairService(codec::Json& live, const codec::Json& desired) {
  codec::Json& spec = live["spec"];
  const codec::Json& wanted = desired["spec"];
  for (const std::string_view added : {"externalIPs", "externalName", "loadBalancerClass",
                                       "loadBalancerSourceRanges", "sessionAffinityConfig"}) {
    spec.erase(std::string(added));
  }
  spec.update(wanted);
}

bool PolicyMatches(const CachedPolicy& live, const CachedPolicy& desired) {
  return live.fingerprint == desired.fingerprint && HasLabels(live.labels, desired.labels);
}

void RepairPolicy(codec::Json& live, const codec::Json& desired) { live["spec"] = desired["spec"]; }

bool ConfigMapMatches(const CachedConfigMap& live, const CachedConfigMap& desired) {
  return live.fingerprint == desired.fingerprint && HasLabels(live.labels, desired.labels);
}

void RepairConfigMap(codec::Json& live, const codec::Json& desired) {
  live["data"] = desired["data"];
  live.erase("binaryData");
}

bool DeploymentMatches(const CachedDeployment& live, const CachedDeployment& desired) {
  return live.fingerprint == desired.fingerprint && live.issued == desired.issued &&
         HasLabels(live.labels, desired.labels);
}

void RepairDeployment(codec::Json& live, const codec::Json& desired) {
  const std::string issued(api::kIssuedAnnotation);
  live["spec"] = desired["spec"];
  live["metadata"]["annotations"][issued] = desired["metadata"]["annotations"][issued];
}

codec::Json AsClaim(const CachedClaim& claim) { return {{"spec", claim.spec.ToJson()}}; }

render::ClaimGrowth Compare(const CachedClaim& live, const codec::Json& desired) {
  const codec::JsonDocument document = codec::ParseTrusted(AsClaim(live));
  return render::GrowthOf(document.root(), desired);
}

bool ClaimMatches(const CachedClaim& live, const CachedClaim& desired) {
  return !Compare(live, AsClaim(desired)).needed && live.owner.uid == desired.owner.uid &&
         HasLabels(live.labels, desired.labels);
}

void RepairClaim(codec::Json& live, const codec::Json& desired) {
  const codec::JsonDocument document = codec::ParseTrusted(live);
  if (!render::GrowthOf(document.root(), desired).needed) return;
  live["spec"]["resources"]["requests"]["storage"] =
      desired["spec"]["resources"]["requests"]["storage"];
}

}  // namespace

OwnedKind<CachedService> ServiceKind(Caches& caches) {
  return {kube::kServices, caches.services.store(), DecodeService, ServiceMatches, RepairService};
}

OwnedKind<CachedConfigMap> ConfigMapKind(Caches& caches) {
  return {kube::kConfigMaps, caches.config_maps.store(), DecodeConfigMap, ConfigMapMatches,
          RepairConfigMap};
}

OwnedKind<CachedDeployment> DeploymentKind(Caches& caches) {
  return {kube::kDeployments, caches.deployments.store(), DecodeDeployment, DeploymentMatches,
          RepairDeployment};
}

OwnedKind<CachedPolicy> PolicyKind(Caches& caches) {
  return {kube::kNetworkPolicies, caches.policies.store(), DecodePolicy, PolicyMatches,
          RepairPolicy};
}

OwnedKind<CachedClaim> ClaimKind(Caches& caches) {
  return {kube::kPersistentVolumeClaims, caches.claims.store(), DecodeClaim, ClaimMatches,
          RepairClaim};
}

std::string DescribeImmutableDifference(const CachedClaim& live, const codec::Json& desired) {
  const render::ClaimGrowth growth = Compare(live, desired);
  std::string text = Join(growth.immutable_fields, ", ");
  if (growth.shrinks) {
    if (!text.empty()) text += ", ";
    text += "resources.requests.storage, which only grows";
  }
  return text;
}

}  // namespace stockade::sandbox_operator
