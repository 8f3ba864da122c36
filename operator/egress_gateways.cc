#include "operator/egress_gateways.h"

#include <algorithm>
#include <utility>

#include "api/gateway_names.h"
#include "base/strings.h"
#include "operator/owned_kinds.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

// Both say in their termination messages what is wrong.
constexpr const char* kPrepareContainer = "stockade-prepare";
constexpr const char* kExchangeContainer = "stockade-credentials";

Blocker SharedUnavailable() {
  return {"SharedGatewayUnavailable",
          "spec.egress.gateway is Shared, which this version of the operator does not make; set it "
          "to Dedicated. No pod is started meanwhile",
          true};
}

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
  if (sandbox.spec.egress->gateway == api::GatewayMode::kShared) {
    ReconcileStep step = Remove(sandbox);
    if (step.Continue()) step = {SharedUnavailable(), kStalledRetry, Status::Ok()};
    return {std::move(step), std::nullopt, /*refused=*/true};
  }
  Way way;
  way.profile = render::MakeEgressProfile(*sandbox.spec.egress, sandbox.spec.credentials);
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
  render::GatewayState state = {.identity_secret = GatewayIdentitySecret(sandbox),
                                .leaves_secret = LeavesSecret(sandbox),
                                .address = {},
                                .authorities = way.authorities->interception.bundle,
                                .public_roots = config_.public_roots};
  const std::string name = render::GatewayName(sandbox, way.profile);
  const Json service = render::RenderGatewayService(sandbox, way.profile);
  ReconcileStep step =
      StepFrom(EnsureOwned(client_, ServiceKind(caches_), sandbox, service), "Service", name);
  if (!step.Continue()) return {std::move(step), std::nullopt};
  const auto live = caches_.services.store().Get({namespace_name, name});
  if (!live || live->address.empty()) {
    return {{std::nullopt, std::nullopt,
             Status(StatusCode::kConflict, "Service " + name + " has no address yet")},
            std::nullopt};
  }
  way.owner = {name, live->uid};
  state.address = live->address;

  render::GatewayObjects objects =
      render::RenderGatewayObjects(sandbox, way.profile, config_.settings, state);
  if (sandbox.spec.operating_mode == api::OperatingMode::kSuspended) {
    objects.deployment["spec"]["replicas"] = 0;
  }
  step = EnsureNetwork(sandbox, objects);
  if (step.Continue()) step = EnsureConfiguration(sandbox, objects);
  if (step.Continue()) step = EnsureDeployment(sandbox, objects, way);
  if (!step.Continue()) return {std::move(step), std::nullopt};

  way.egress = {.settings = config_.settings,
                .gateway = name,
                .address = state.address,
                .profile_hash = way.profile.hash,
                .identity_secret = SandboxIdentitySecret(sandbox)};
  way.digest = SandboxIdentityDigest(way.profile, way.owner, *way.authorities,
                                     config_.settings.trust_domain);
  return {{}, std::move(way)};
}

ReconcileStep EgressGateways::EnsureNetwork(const api::AgentSandbox& sandbox,
                                            const render::GatewayObjects& objects) {
  const auto policies = PolicyKind(caches_);
  for (const Json* policy : {&objects.gateway_allowance, &objects.sandbox_allowance}) {
    ReconcileStep step = StepFrom(EnsureOwned(client_, policies, sandbox, *policy), "NetworkPolicy",
                                  NameOf(*policy));
    if (!step.Continue()) return step;
  }
  return {};
}

ReconcileStep EgressGateways::EnsureConfiguration(const api::AgentSandbox& sandbox,
                                                  const render::GatewayObjects& objects) {
  const auto maps = ConfigMapKind(caches_);
  for (const Json* map :
       {&objects.authorities, &*objects.sidecar_configuration, &objects.configuration}) {
    ReconcileStep step =
        StepFrom(EnsureOwned(client_, maps, sandbox, *map), "ConfigMap", NameOf(*map));
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
                                               render::GatewayObjects& objects, Way& way) {
  const auto live =
      caches_.deployments.store().Get({sandbox.metadata.namespace_name, objects.name});
  const std::string note = live ? live->issued : std::string();
  const std::string digest = GatewayDigest(way.profile, way.owner, *way.authorities);
  std::string wanted = note;
  if (!IssuedNote::IsCurrent(note, digest, clock_.Now(), config_.certificate_lifetime,
                             way.renew_at)) {
    way.renew_at = RenewAt(sandbox, clock_.Now(), config_.certificate_lifetime);
    if (Status issued = IssueToGateway(sandbox, way, !note.empty()); !issued.ok()) {
      return StepFromError(std::move(issued), "a Secret of the egress gateway");
    }
    wanted = IssuedNote(digest, way.renew_at).ToString();
  }
  // Nobody tells when the account is gone, but without it no pod of the gateway comes to be.
  if (!live || !live->available) {
    ReconcileStep account = EnsureAccount(sandbox.metadata.namespace_name);
    if (!account.Continue()) return account;
  }
  objects.deployment["metadata"]["annotations"][std::string(api::kIssuedAnnotation)] = wanted;
  return StepFrom(EnsureOwned(client_, DeploymentKind(caches_), sandbox, objects.deployment),
                  "Deployment", objects.name);
}

IssueRequest EgressGateways::RequestFor(const api::AgentSandbox& sandbox, const Way& way) const {
  return {.sandbox = sandbox,
          .profile = way.profile,
          .owner = way.owner,
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
  return IssuedNote(way.digest, RenewAt(sandbox, clock_.Now(), config_.certificate_lifetime))
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

ReconcileStep EgressGateways::Remove(const api::AgentSandbox& sandbox) {
  const std::string gateway = api::DedicatedGatewayName(sandbox.metadata.name);
  Status removed = RemoveOwned(client_, DeploymentKind(caches_), sandbox, gateway);
  for (const std::string& name : {api::GatewayPartName(gateway), api::SandboxesPartName(gateway)}) {
    if (removed.ok()) removed = RemoveOwned(client_, PolicyKind(caches_), sandbox, name);
  }
  for (const std::string& name : {api::GatewayPartName(gateway), api::SandboxesPartName(gateway),
                                  api::AuthoritiesPartName(gateway)}) {
    if (removed.ok()) removed = RemoveOwned(client_, ConfigMapKind(caches_), sandbox, name);
  }
  // With it the Secrets go, which it owns.
  if (removed.ok()) removed = RemoveOwned(client_, ServiceKind(caches_), sandbox, gateway);
  return {std::nullopt, std::nullopt, std::move(removed)};
}

bool EgressGateways::IsReady(const api::AgentSandbox& sandbox) const {
  const auto live = caches_.deployments.store().Get(
      {sandbox.metadata.namespace_name, api::DedicatedGatewayName(sandbox.metadata.name)});
  return live && live->rolled_out;
}

GatewayView EgressGateways::View(const api::AgentSandbox& sandbox) const {
  const std::string& namespace_name = sandbox.metadata.namespace_name;
  const render::EgressProfile profile =
      render::MakeEgressProfile(*sandbox.spec.egress, sandbox.spec.credentials);
  GatewayView view;
  view.name = render::GatewayName(sandbox, profile);
  view.profile = profile.hash;
  if (const auto service = caches_.services.store().Get({namespace_name, view.name});
      service && service->owner.uid == sandbox.metadata.uid) {
    view.address = service->address;
  }
  const auto deployment = caches_.deployments.store().Get({namespace_name, view.name});
  view.available =
      deployment && deployment->owner.uid == sandbox.metadata.uid && deployment->available;
  for (const auto& pod : caches_.gateway_pods.store().ListNamespace(namespace_name)) {
    const auto gateway = pod->labels.find(std::string(api::kGatewayLabel));
    if (gateway == pod->labels.end() || gateway->second != view.name || pod->deleting) continue;
    for (const ContainerTrouble& trouble : pod->troubles) {
      if (trouble.container == kPrepareContainer && !trouble.exit_message.empty()) {
        view.credentials_missing = true;
        view.trouble = trouble.exit_message;
        return view;
      }
    }
    const PodDiagnosis diagnosis = DiagnosePod(*pod);
    if (diagnosis.outcome == PodOutcome::kReady) continue;
    const auto said =
        std::ranges::find(pod->troubles, kExchangeContainer, &ContainerTrouble::container);
    const bool exchange = said != pod->troubles.end() && !said->exit_message.empty();
    view.trouble = exchange ? said->exit_message : diagnosis.message;
  }
  return view;
}

}  // namespace stockade::sandbox_operator
