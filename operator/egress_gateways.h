#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/agent_sandbox.h"
#include "base/clock.h"
#include "kube/client.h"
#include "operator/authority_keeper.h"
#include "operator/caches.h"
#include "operator/claimant.h"
#include "operator/egress_config.h"
#include "operator/issued.h"
#include "operator/network_boundary.h"
#include "operator/reconcile_step.h"
#include "render/egress_profile.h"
#include "render/gateway.h"
#include "render/sandbox_egress.h"

namespace stockade::sandbox_operator {

// Makes the cluster match what one sandbox's spec.egress asks for, in the order in which nothing is
// ever open: the deny-all of gateways, the allowances, what the gateway is made of, its Secrets,
// its Deployment; the pod is for others to create, once Ensure says with what. Secrets are written
// and never read. Safe to call for different sandboxes at once.
//
// A Dedicated gateway is its sandbox's. A Shared one is nobody's: every sandbox of the namespace
// with its profile makes it what it should be, one after the other, since all come to the same
// objects; it goes when the cache knows no such sandbox any more (RemoveIfUnused). Whoever comes
// while it goes waits, and then makes it anew.
class EgressGateways {
 public:
  // `boundary` is that of gateways; `authorities` outlives this.
  EgressGateways(kube::Client& client, Caches& caches, NetworkBoundary& boundary,
                 const AuthorityKeeper& authorities, const Clock& clock, EgressConfig config);

  // What the sandbox's pod leads to, and what was issued it.
  struct Way {
    render::EgressProfile profile;
    render::SandboxEgress egress;
    GatewayService service;
    std::shared_ptr<const Authorities> authorities;
    std::string digest;  // of the sandbox's identity
    // When the gateway's Secrets are to be renewed.
    pki::TimePoint renew_at = pki::TimePoint::max();
  };
  struct Outcome {
    ReconcileStep step;
    std::optional<Way> way;  // when all is in place
    // The spec asks for what cannot be: a pod that follows an earlier one may not go on either.
    bool refused = false;
  };

  // For a sandbox that has spec.egress.
  Outcome Ensure(const api::AgentSandbox& sandbox);

  // For one that has none, or no more, to itself: what is left of its gateway goes.
  ReconcileStep RemoveDedicated(const api::AgentSandbox& sandbox);

  // What is left of a shared gateway goes, unless a sandbox shares it.
  Status RemoveIfUnused(const runtime::ObjectKey& gateway);

  // Writes the Secret with the sandbox's identity anew. Returns the note of what was issued, for
  // the pod. `existed`: it was issued before, so it is likely to be there.
  Result<std::string> IssueIdentity(const api::AgentSandbox& sandbox, const Way& way, bool existed);
  // Whether a pod with that note needs no new identity yet; else `renew_at` is left alone.
  [[nodiscard]] bool IsCurrent(const std::string& note, const Way& way,
                               pki::TimePoint& renew_at) const;

  // Whether the gateway answers in its newest form, so that a pod may be started.
  [[nodiscard]] bool IsReady(const api::AgentSandbox& sandbox, const Way& way) const;
  // Whether it is the operator's policy by which pods of the sandbox reach that gateway of its.
  [[nodiscard]] static bool IsAllowance(const CachedPolicy& policy, const std::string& gateway,
                                        const api::AgentSandbox& sandbox);
  // Whether anything can be said of gateways: not before the authorities were looked up.
  [[nodiscard]] bool IsPrepared() const { return authorities_.LookedUp(); }
  // For the sandbox's pod: what DescribeDistrust says; nothing while no authorities are known.
  [[nodiscard]] std::string DistrustIn(const CachedPod& pod) const;
  // What keeps it from that, in words; from its pods.
  [[nodiscard]] GatewayView View(const api::AgentSandbox& sandbox) const;

  [[nodiscard]] bool DenyAllInPlace(const std::string& namespace_name) const {
    return boundary_.InPlace(namespace_name);
  }

 private:
  // Held while a shared gateway is made or removed.
  [[nodiscard]] std::unique_lock<std::mutex> TakeTurn(const runtime::ObjectKey& gateway);
  // The steps from the Service on, of either kind of gateway.
  Outcome EnsureObjects(const api::AgentSandbox& sandbox, const Claimant& claimant, Way way);
  [[nodiscard]] bool HasToRun(const api::AgentSandbox& sandbox, const std::string& gateway) const;
  Status RemoveObjects(const Claimant& claimant, const std::string& gateway);
  ReconcileStep EnsureNetwork(const Claimant& claimant, const render::GatewayObjects& objects);
  ReconcileStep EnsureConfiguration(const Claimant& claimant,
                                    const render::GatewayObjects& objects);
  ReconcileStep EnsureAccount(const std::string& namespace_name);
  // With the Secrets before it.
  ReconcileStep EnsureDeployment(const api::AgentSandbox& sandbox, const Claimant& claimant,
                                 render::GatewayObjects& objects, Way& way);
  Status IssueToGateway(const api::AgentSandbox& sandbox, const Way& way, bool existed);
  // Replaces the Secret, or creates it.
  Status Write(codec::Json secret, bool existed);
  [[nodiscard]] IssueRequest RequestFor(const api::AgentSandbox& sandbox, const Way& way) const;

  kube::Client& client_;
  Caches& caches_;
  NetworkBoundary& boundary_;
  const AuthorityKeeper& authorities_;
  const Clock& clock_;
  const EgressConfig config_;
  // One lock for many shared gateways: two that have the same one only wait for each other.
  std::array<std::mutex, 64> turns_;
};

}  // namespace stockade::sandbox_operator
