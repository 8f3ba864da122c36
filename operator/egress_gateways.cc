#include "operator/egress_gateways.h"

#include <functional>
#include <utility>

#include "api/gateway_names.h"
#include "operator/agent_trust.h"
#include "operator/gateway_diagnosis.h"
#include "operator/owned_kinds.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

Blocker RootsMissing() {
  return {"PublicRootsMissing",
          "a host with tls Tunnel, or audit, shows the agent certificates of public authorities, "
          "and the operator's configuration names no egress.publicRootsFile; have it set, or use "
          "tls Terminate",
          false};
}

std::string NameOf(const Json& object) { return object["metadata"]["name"].get<std::string>(); }

}  // namespace

EgressGateways::EgressGateways(kube::Client& client, Caches& caches, NetworkBoundary& boundary,
                               const AuthorityKeeper& authorities, const Clock& clock,
                               EgressConfig config)
    : client_(client),
      caches_(caches),
      boundary_(boundary),
      authorities_(authorities),
      clock_(clock),
      config_(std::move(config)) {}

EgressGateways::Outcome EgressGateways::Ensure(const api::AgentSandbox& sandbox) {
  const std::string& namespace_name = sandbox.metadata.namespace_name;
  Way way;
  way.profile = render::MakeEgressProfile(*sandbox.spec.egress, sandbox.spec.credentials);
  way.service = {.name = render::GatewayName(sandbox, way.profile.hash),
                 .uid = {},
                 .shared = sandbox.spec.egress->gateway == api::GatewayMode::kShared};
  if (way.service.shared) {
    ReconcileStep removed = RemoveDedicated(sandbox);
    if (!removed.Continue()) return {std::move(removed), std::nullopt};
  }
  if (render::NeedsPublicRoots(way.profile) && config_.public_roots.empty()) {
    return {{RootsMissing(), kStalledRetry, Status::Ok()}, std::nullopt, /*refused=*/true};
  }
  way.authorities = authorities_.Current();
  if (!way.authorities) {
    // Whoever makes them has every such sandbox looked at again.
    return {{Blocker{"AuthoritiesMissing",
                     "the authorities of egress gateways are not made yet; the operator's log says "
                     "why if this lasts",
                     false},
             std::nullopt, Status::Ok()},
            std::nullopt};
  }

  const auto hold = boundary_.Hold(namespace_name);
  if (Status denied = boundary_.Ensure(namespace_name); !denied.ok()) {
    return {StepFromError(std::move(denied), "NetworkPolicy stockade-gateway-deny-all"),
            std::nullopt};
  }
  if (!way.service.shared) return EnsureObjects(sandbox, sandbox, std::move(way));
  const runtime::ObjectKey key{namespace_name, way.service.name};
  const auto turn = TakeTurn(key);
  // Whoever removes a gateway after its last sandbox does so once, when that is gone from the
  // cache: from then on nothing may be made for it.
  const auto cached = caches_.sandboxes.store().Get({namespace_name, sandbox.metadata.name});
  if (!cached || cached->uid != sandbox.metadata.uid || cached->shared_gateway != key.name) {
    return {{std::nullopt, std::nullopt,
             Status(StatusCode::kConflict, "the sandbox has changed meanwhile")},
            std::nullopt};
  }
  return EnsureObjects(sandbox, Claimant::OfSharedGateway(key), std::move(way));
}

std::unique_lock<std::mutex> EgressGateways::TakeTurn(const runtime::ObjectKey& gateway) {
  return std::unique_lock(turns_[std::hash<std::string>{}(gateway.ToString()) % turns_.size()]);
}

bool EgressGateways::HasToRun(const api::AgentSandbox& sandbox, const std::string& gateway) const {
  if (sandbox.spec.operating_mode == api::OperatingMode::kRunning) return true;
  return api::IsSharedGatewayName(gateway) &&
         caches_.FirstRunningSharer({sandbox.metadata.namespace_name, gateway}) != nullptr;
}

EgressGateways::Outcome EgressGateways::EnsureObjects(const api::AgentSandbox& sandbox,
                                                      const Claimant& claimant, Way way) {
  const std::string& namespace_name = sandbox.metadata.namespace_name;
  const std::string name = way.service.name;
  const Json service = render::RenderGatewayService(sandbox, way.profile);
  ReconcileStep step =
      StepFrom(EnsureOwned(client_, ServiceKind(caches_), claimant, service), "Service", name);
  if (!step.Continue()) return {std::move(step), std::nullopt};
  const auto live = caches_.services.store().Get({namespace_name, name});
  if (!live || live->address.empty()) {
    return {{std::nullopt, std::nullopt,
             Status(StatusCode::kConflict, "Service " + name + " has no address yet")},
            std::nullopt};
  }
  way.service.uid = live->uid;

  render::GatewayObjects objects =
      render::RenderGatewayObjects(sandbox, way.profile, config_.settings,
                                   {.identity_secret = GatewayIdentitySecret(way.service),
                                    .leaves_secret = LeavesSecret(way.service),
                                    .address = live->address,
                                    .authorities = way.authorities->interception.bundle,
                                    .public_roots = config_.public_roots});
  if (!HasToRun(sandbox, name)) objects.deployment["spec"]["replicas"] = 0;
  step = EnsureNetwork(claimant, objects);
  if (step.Continue()) step = EnsureConfiguration(claimant, objects);
  if (step.Continue()) step = EnsureDeployment(sandbox, claimant, objects, way);
  if (!step.Continue()) return {std::move(step), std::nullopt};

  way.egress = {.settings = config_.settings,
                .gateway = name,
                .address = live->address,
                .profile_hash = way.profile.hash,
                .identity_secret = SandboxIdentitySecret(sandbox, way.service)};
  way.digest = SandboxIdentityDigest(sandbox, way.profile, way.service, *way.authorities,
                                     config_.settings.trust_domain);
  return {{}, std::move(way)};
}

ReconcileStep EgressGateways::EnsureNetwork(const Claimant& claimant,
                                            const render::GatewayObjects& objects) {
  const auto policies = PolicyKind(caches_);
  for (const Json* policy : {&objects.gateway_allowance, &objects.sandbox_allowance}) {
    ReconcileStep step = StepFrom(EnsureOwned(client_, policies, claimant, *policy),
                                  "NetworkPolicy", NameOf(*policy));
    if (!step.Continue()) return step;
  }
  return {};
}

ReconcileStep EgressGateways::EnsureConfiguration(const Claimant& claimant,
                                                  const render::GatewayObjects& objects) {
  const auto maps = ConfigMapKind(caches_);
  for (const Json* map :
       {&objects.authorities, &*objects.sidecar_configuration, &objects.configuration}) {
    ReconcileStep step =
        StepFrom(EnsureOwned(client_, maps, claimant, *map), "ConfigMap", NameOf(*map));
    if (!step.Continue()) return step;
  }
  return {};
}

ReconcileStep EgressGateways::EnsureAccount(const std::string& namespace_name) {
  const auto created = client_.Create(kube::kServiceAccounts, namespace_name,
                                      render::RenderGatewayServiceAccount(namespace_name));
  if (created.ok() || created.status().code() == StatusCode::kAlreadyExists) return {};
  return StepFromError(created.status(), "ServiceAccount stockade-gateway");
}

ReconcileStep EgressGateways::EnsureDeployment(const api::AgentSandbox& sandbox,
                                               const Claimant& claimant,
                                               render::GatewayObjects& objects, Way& way) {
  const auto live =
      caches_.deployments.store().Get({sandbox.metadata.namespace_name, objects.name});
  const std::string note = live ? live->issued : std::string();
  const std::string digest = GatewayDigest(way.profile, way.service, *way.authorities);
  std::string wanted = note;
  if (!IssuedNote::IsCurrent(note, digest, clock_.Now(), config_.certificate_lifetime,
                             way.renew_at)) {
    way.renew_at = RenewAt(way.service.uid, clock_.Now(), config_.certificate_lifetime);
    if (Status issued = IssueToGateway(sandbox, way, !note.empty()); !issued.ok()) {
      return StepFromError(std::move(issued), "a Secret of the egress gateway");
    }
    wanted = IssuedNote(digest, way.renew_at).ToString();
  }
  // Nobody tells when the account is gone, but without it no pod of the gateway comes to be. Of the
  // many that may wait for one gateway, one looks after it.
  const auto first = caches_.FirstRunningSharer({sandbox.metadata.namespace_name, objects.name});
  const bool looks_after = !first || first->uid == sandbox.metadata.uid;
  if (!live || (!live->available && looks_after)) {
    ReconcileStep account = EnsureAccount(sandbox.metadata.namespace_name);
    if (!account.Continue()) return account;
  }
  objects.deployment["metadata"]["annotations"][std::string(api::kIssuedAnnotation)] = wanted;
  return StepFrom(EnsureOwned(client_, DeploymentKind(caches_), claimant, objects.deployment),
                  "Deployment", objects.name);
}

IssueRequest EgressGateways::RequestFor(const api::AgentSandbox& sandbox, const Way& way) const {
  return {.sandbox = sandbox,
          .profile = way.profile,
          .gateway = way.service,
          .authorities = *way.authorities,
          .trust_domain = config_.settings.trust_domain,
          .lifetime = config_.certificate_lifetime,
          .now = clock_.Now()};
}

Status EgressGateways::IssueToGateway(const api::AgentSandbox& sandbox, const Way& way,
                                      bool existed) {
  const IssueRequest request = RequestFor(sandbox, way);
  auto identity = IssueGatewayIdentity(request);
  if (!identity.ok()) return identity.status();
  if (Status written = Write(std::move(identity).value(), existed); !written.ok()) return written;
  auto leaves = IssueLeaves(request);
  if (!leaves.ok()) return leaves.status();
  return Write(std::move(leaves).value(), existed);
}

Result<std::string> EgressGateways::IssueIdentity(const api::AgentSandbox& sandbox, const Way& way,
                                                  bool existed) {
  auto secret = IssueSandboxIdentity(RequestFor(sandbox, way));
  if (!secret.ok()) return secret.status();
  if (Status written = Write(std::move(secret).value(), existed); !written.ok()) return written;
  return IssuedNote(way.digest,
                    RenewAt(sandbox.metadata.uid, clock_.Now(), config_.certificate_lifetime))
      .ToString();
}

bool EgressGateways::IsCurrent(const std::string& note, const Way& way,
                               pki::TimePoint& renew_at) const {
  return IssuedNote::IsCurrent(note, way.digest, clock_.Now(), config_.certificate_lifetime,
                               renew_at);
}

Status EgressGateways::Write(Json secret, bool existed) {
  const auto namespace_name = secret["metadata"]["namespace"].get<std::string>();
  const std::string name = NameOf(secret);
  const auto replace = [&] {
    return client_.Update(kube::kSecrets, namespace_name, name, secret).status();
  };
  const auto create = [&] {
    return client_.Create(kube::kSecrets, namespace_name, secret).status();
  };
  // Whole and without a resourceVersion: whatever is there is not kept.
  Status written = existed ? replace() : create();
  if (existed && written.code() == StatusCode::kNotFound) {
    written = create();
  } else if (!existed && written.code() == StatusCode::kAlreadyExists) {
    written = replace();
  }
  WipeSecret(secret);
  return written.WithContext("writing Secret " + name);
}

ReconcileStep EgressGateways::RemoveDedicated(const api::AgentSandbox& sandbox) {
  return {std::nullopt, std::nullopt,
          RemoveObjects(sandbox, api::DedicatedGatewayName(sandbox.metadata.name))};
}

Status EgressGateways::RemoveIfUnused(const runtime::ObjectKey& gateway) {
  const auto turn = TakeTurn(gateway);
  if (caches_.AnySharers(gateway)) return Status::Ok();
  return RemoveObjects(Claimant::OfSharedGateway(gateway), gateway.name);
}

Status EgressGateways::RemoveObjects(const Claimant& claimant, const std::string& gateway) {
  Status removed = RemoveOwned(client_, DeploymentKind(caches_), claimant, gateway);
  for (const std::string& name : {api::GatewayPartName(gateway), api::SandboxesPartName(gateway)}) {
    if (removed.ok()) removed = RemoveOwned(client_, PolicyKind(caches_), claimant, name);
  }
  for (const std::string& name : {api::GatewayPartName(gateway), api::SandboxesPartName(gateway),
                                  api::AuthoritiesPartName(gateway)}) {
    if (removed.ok()) removed = RemoveOwned(client_, ConfigMapKind(caches_), claimant, name);
  }
  // With it the Secrets go, which it owns.
  if (removed.ok()) removed = RemoveOwned(client_, ServiceKind(caches_), claimant, gateway);
  return removed;
}

bool EgressGateways::IsReady(const api::AgentSandbox& sandbox, const Way& way) const {
  const auto live =
      caches_.deployments.store().Get({sandbox.metadata.namespace_name, way.service.name});
  return live && live->rolled_out;
}

std::string EgressGateways::DistrustIn(const CachedPod& pod) const {
  const auto authorities = authorities_.Current();
  return authorities ? DescribeDistrust(pod, *authorities) : std::string();
}

bool EgressGateways::IsAllowance(const CachedPolicy& policy, const std::string& gateway,
                                 const api::AgentSandbox& sandbox) {
  return policy.key.name == api::SandboxesPartName(gateway) &&
         Claimant::OfGateway(sandbox, gateway).Judge(policy) != Claimed::kStrangers;
}

GatewayView EgressGateways::View(const api::AgentSandbox& sandbox) const {
  const std::string& namespace_name = sandbox.metadata.namespace_name;
  GatewayView view;
  render::EgressProfile profile =
      render::MakeEgressProfile(*sandbox.spec.egress, sandbox.spec.credentials);
  view.hosts = render::ReachableHosts(profile);
  view.profile = std::move(profile.hash);
  view.name = render::GatewayName(sandbox, view.profile);
  const Claimant claimant = Claimant::OfGateway(sandbox, view.name);
  const auto is_ours = [&claimant](const auto& live) {
    return live && claimant.Judge(*live) != Claimed::kStrangers;
  };
  if (const auto service = caches_.services.store().Get({namespace_name, view.name});
      is_ours(service)) {
    view.address = service->address;
  }
  const auto deployment = caches_.deployments.store().Get({namespace_name, view.name});
  view.available = is_ours(deployment) && deployment->available;
  for (const auto& pod : caches_.PodsOfGateway({namespace_name, view.name})) {
    GatewayTrouble trouble = DiagnoseGatewayPod(*pod);
    if (trouble.message.empty()) continue;
    view.trouble = std::move(trouble.message);
    view.credentials_missing = trouble.credentials_missing;
    if (view.credentials_missing) break;
  }
  return view;
}

}  // namespace stockade::sandbox_operator
