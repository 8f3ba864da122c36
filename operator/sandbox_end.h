#pragma once

#include "api/agent_sandbox.h"
#include "kube/client.h"
#include "operator/caches.h"
#include "operator/egress_gateways.h"
#include "operator/reconcile_step.h"

namespace stockade::sandbox_operator {

// What follows a sandbox's pod at the end that spec.lifecycle sets. The caller has removed the pod
// before: nothing of the boundary goes while it runs. Volumes stay, and go with the sandbox itself.
// Safe to call for different sandboxes at once.
class SandboxEnd {
 public:
  // `gateways` may be null, and outlives this.
  SandboxEnd(kube::Client& client, Caches& caches, EgressGateways* gateways)
      : client_(client), caches_(caches), gateways_(gateways) {}

  // The ways to the sandbox and out of it go: Service, ingress policy and, where it has one to
  // itself, its egress gateway. A shared one goes when the last one that shares it has ended.
  ReconcileStep RemoveSurroundings(const api::AgentSandbox& sandbox);

  // Claims that are to outlive the sandbox have no owner by then, whenever that was decided.
  ReconcileStep ReleaseClaims(const api::AgentSandbox& sandbox);

  // Deletes the sandbox as it was seen: one that somebody has changed since stays.
  ReconcileStep Delete(const api::AgentSandbox& sandbox);

 private:
  kube::Client& client_;
  Caches& caches_;
  EgressGateways* gateways_;
};

}  // namespace stockade::sandbox_operator
