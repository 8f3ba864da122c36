#include "operator/caches.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "runtime/event.h"

namespace stockade::sandbox_operator {

namespace {

std::vector<std::string> AllowanceGroups(const CachedPolicy& policy) {
  if (!policy.allows_egress && !policy.allows_ingress) return {};
  return {SelectedSandbox(policy).ToString()};
}

std::vector<std::string> SharedGateways(const CachedSandbox& sandbox) {
  if (sandbox.shared_gateway.empty()) return {};
  return {runtime::ObjectKey{sandbox.key.namespace_name, sandbox.shared_gateway}.ToString()};
}

std::vector<std::string> GatewayOfPod(const CachedPod& pod) {
  const auto gateway = pod.labels.find(std::string(api::kGatewayLabel));
  if (gateway == pod.labels.end()) return {};
  return {runtime::ObjectKey{pod.key.namespace_name, gateway->second}.ToString()};
}

std::vector<std::string> RunningGateways(const CachedSandbox& sandbox) {
  const bool runs = sandbox.sandbox.spec.operating_mode == api::OperatingMode::kRunning;
  return runs ? SharedGateways(sandbox) : std::vector<std::string>();
}

std::vector<std::string> BinderOfSandbox(const CachedSandbox& sandbox) {
  const Binder binder = BinderOf(sandbox);
  if (binder.kind.empty()) return {};
  return {binder.ToString()};
}

std::vector<std::string> TemplateOfPool(const CachedSandboxPool& pool) {
  return {runtime::ObjectKey{pool.key.namespace_name, pool.pool.spec.template_name}.ToString()};
}

// The key of what a claim names, in its namespace.
std::vector<std::string> Named(const CachedSandboxClaim& claim, const std::string& name) {
  if (name.empty()) return {};
  return {runtime::ObjectKey{claim.key.namespace_name, name}.ToString()};
}

}  // namespace

Caches::Caches(Logger& logger, bool gateways, std::vector<std::string> watched)
    : sandboxes(kAgentSandboxes, DecodeSandbox, logger),
      sandbox_templates(kAgentSandboxTemplates, DecodeSandboxTemplate, logger),
      sandbox_pools(kAgentSandboxPools, DecodeSandboxPool, logger),
      sandbox_claims(kAgentSandboxClaims, DecodeSandboxClaim, logger),
      pods(kube::kPods, DecodePod, logger),
      connections(runtime::kEvents, DecodeConnection, logger),
      policies(kube::kNetworkPolicies, DecodePolicy, logger),
      services(kube::kServices, DecodeService, logger),
      claims(kube::kPersistentVolumeClaims, DecodeClaim, logger),
      runtime_classes(kube::kRuntimeClasses, DecodeRuntimeClass, logger),
      namespaces(kube::kNamespaces, DecodeNamespace, logger),
      sandbox_policies(kAgentSandboxPolicies, DecodeSandboxPolicy, logger),
      config_maps(kube::kConfigMaps, DecodeConfigMap, logger),
      deployments(kube::kDeployments, DecodeDeployment, logger),
      gateway_pods(kube::kPods, DecodePod, logger),
      gateways_(gateways),
      watched_(std::move(watched)),
      sharers_(sandboxes.store().AddIndex(SharedGateways)),
      running_sharers_(sandboxes.store().AddIndex(RunningGateways)),
      binders_(sandboxes.store().AddIndex(BinderOfSandbox)),
      pools_of_templates_(sandbox_pools.store().AddIndex(TemplateOfPool)),
      claims_of_templates_(sandbox_claims.store().AddIndex([](const CachedSandboxClaim& claim) {
        return Named(claim, claim.claim.spec.template_name);
      })),
      claims_of_pools_(sandbox_claims.store().AddIndex([](const CachedSandboxClaim& claim) {
        return Named(claim, claim.claim.spec.pool_name);
      })),
      entered_(connections.store().AddIndex([](const CachedConnection& connection) {
        return std::vector<std::string>{connection.sandbox_uid};
      })),
      allowances_(policies.store().AddIndex(AllowanceGroups)),
      pods_of_gateways_(gateway_pods.store().AddIndex(GatewayOfPod)) {}

void Caches::Start(kube::IoThread& io,
                   const std::shared_ptr<const kube::ConnectionConfig>& config) {
  kube::WatchOptions all;
  kube::WatchOptions sandbox_pods;
  sandbox_pods.label_selector = std::string(api::kSandboxLabel);
  kube::WatchOptions managed;
  managed.label_selector =
      std::string(api::kManagedByLabel) + "=" + std::string(api::kManagedByValue);

  sandboxes.Start(io, config, all, watched_);
  sandbox_templates.Start(io, config, all, watched_);
  sandbox_pools.Start(io, config, all, watched_);
  sandbox_claims.Start(io, config, all, watched_);
  pods.Start(io, config, sandbox_pods, watched_);
  kube::WatchOptions entries;
  entries.field_selector = "reason=" + std::string(api::kConnectedReason) +
                           ",reportingController=" + std::string(api::kWebhookController);
  connections.Start(io, config, entries, watched_);
  policies.Start(io, config, all, watched_);
  services.Start(io, config, managed, watched_);
  claims.Start(io, config, managed, watched_);
  runtime_classes.Start(io, config, all, watched_);
  namespaces.Start(io, config, all, watched_);
  sandbox_policies.Start(io, config, all, watched_);
  if (!gateways_) return;
  kube::WatchOptions of_gateways;
  of_gateways.label_selector = std::string(api::kGatewayLabel);
  config_maps.Start(io, config, managed, watched_);
  deployments.Start(io, config, managed, watched_);
  gateway_pods.Start(io, config, of_gateways, watched_);
}

void Caches::Stop() {
  sandboxes.Stop();
  sandbox_templates.Stop();
  sandbox_pools.Stop();
  sandbox_claims.Stop();
  pods.Stop();
  connections.Stop();
  policies.Stop();
  services.Stop();
  claims.Stop();
  runtime_classes.Stop();
  namespaces.Stop();
  sandbox_policies.Stop();
  config_maps.Stop();
  deployments.Stop();
  gateway_pods.Stop();
}

std::vector<const runtime::Synced*> Caches::All() const {
  std::vector<const runtime::Synced*> all = {
      &sandboxes,       &pods,       &policies,         &services,          &claims,
      &runtime_classes, &namespaces, &sandbox_policies, &sandbox_templates, &sandbox_pools,
      &sandbox_claims,  &connections};
  if (gateways_) all.insert(all.end(), {&config_maps, &deployments, &gateway_pods});
  return all;
}

std::optional<std::chrono::system_clock::time_point> Caches::LastEntered(
    const std::string& sandbox_uid) const {
  std::optional<std::chrono::system_clock::time_point> last;
  for (const auto& connection : connections.store().ListIndexed(entered_, sandbox_uid)) {
    if (!last || connection->last > *last) last = connection->last;
  }
  return last;
}

bool Caches::HasSynced() const {
  return std::ranges::all_of(All(),
                             [](const runtime::Synced* cache) { return cache->HasSynced(); });
}

}  // namespace stockade::sandbox_operator
