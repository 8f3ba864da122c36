#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "kube/connection_config.h"
#include "kube/watcher.h"
#include "operator/binding_objects.h"
#include "operator/cached_objects.h"
#include "runtime/informer.h"

namespace stockade::sandbox_operator {

// The informers of everything the operator looks at. Add handlers, then Start, then Stop before
// what the handlers use goes away. Stores may be read and recorded to from any thread.
struct Caches {
  // `gateways`: with what belongs to egress gateways, which else stays empty. `watched`: of what
  // is in a namespace only that of these; where there are none, of all.
  explicit Caches(Logger& logger, bool gateways = false, std::vector<std::string> watched = {});

  void Start(kube::IoThread& io, const std::shared_ptr<const kube::ConnectionConfig>& config);
  void Stop();
  // All of them, for readiness.
  [[nodiscard]] std::vector<const runtime::Synced*> All() const;
  [[nodiscard]] bool HasSynced() const;

  runtime::Informer<CachedSandbox> sandboxes;
  // Those that share the gateway of that key, whatever state they are in: it stays as long as there
  // is one, and runs as long as one of them is to run.
  [[nodiscard]] std::vector<std::shared_ptr<const CachedSandbox>> SharersOf(
      const runtime::ObjectKey& gateway) const {
    return sandboxes.store().ListIndexed(sharers_, gateway.ToString());
  }
  [[nodiscard]] bool AnySharers(const runtime::ObjectKey& gateway) const {
    return sandboxes.store().FirstIndexed(sharers_, gateway.ToString()) != nullptr;
  }
  // The first of those that are not suspended; null when there is none.
  [[nodiscard]] std::shared_ptr<const CachedSandbox> FirstRunningSharer(
      const runtime::ObjectKey& gateway) const {
    return sandboxes.store().FirstIndexed(running_sharers_, gateway.ToString());
  }
  // Those whose controller is that pool or claim, by its name, whichever of that name it is.
  [[nodiscard]] std::vector<std::shared_ptr<const CachedSandbox>> BoundTo(
      const Binder& binder) const {
    return sandboxes.store().ListIndexed(binders_, binder.ToString());
  }
  runtime::Informer<CachedSandboxTemplate> sandbox_templates;
  runtime::Informer<CachedSandboxPool> sandbox_pools;
  [[nodiscard]] std::vector<std::shared_ptr<const CachedSandboxPool>> PoolsOfTemplate(
      const runtime::ObjectKey& made_from) const {
    return sandbox_pools.store().ListIndexed(pools_of_templates_, made_from.ToString());
  }
  runtime::Informer<CachedSandboxClaim> sandbox_claims;
  // Those that name that template themselves, and those that name that pool.
  [[nodiscard]] std::vector<std::shared_ptr<const CachedSandboxClaim>> ClaimsOfTemplate(
      const runtime::ObjectKey& made_from) const {
    return sandbox_claims.store().ListIndexed(claims_of_templates_, made_from.ToString());
  }
  [[nodiscard]] std::vector<std::shared_ptr<const CachedSandboxClaim>> ClaimsOfPool(
      const runtime::ObjectKey& pool) const {
    return sandbox_claims.store().ListIndexed(claims_of_pools_, pool.ToString());
  }
  runtime::Informer<CachedPod> pods;                // those with the sandbox label
  runtime::Informer<CachedConnection> connections;  // the webhook's Events of those who enter
  // When the sandbox of that uid was last entered; nothing when that is not known any more.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> LastEntered(
      const std::string& sandbox_uid) const;
  runtime::Informer<CachedPolicy> policies;  // all: strangers' may widen ours
  // The policies that let something through to or from the sandbox of that key, or, with an empty
  // name, to or from several of the namespace.
  [[nodiscard]] std::vector<std::shared_ptr<const CachedPolicy>> AllowancesFor(
      const runtime::ObjectKey& sandbox) const {
    return policies.store().ListIndexed(allowances_, sandbox.ToString());
  }
  runtime::Informer<CachedService> services;  // those managed by Stockade
  runtime::Informer<CachedClaim> claims;      // those managed by Stockade
  runtime::Informer<CachedRuntimeClass> runtime_classes;
  runtime::Informer<CachedNamespace> namespaces;
  runtime::Informer<CachedSandboxPolicy> sandbox_policies;

  runtime::Informer<CachedConfigMap> config_maps;   // those managed by Stockade
  runtime::Informer<CachedDeployment> deployments;  // those managed by Stockade
  runtime::Informer<CachedPod> gateway_pods;        // those with the gateway label
  // The pods of the gateway of that key.
  [[nodiscard]] std::vector<std::shared_ptr<const CachedPod>> PodsOfGateway(
      const runtime::ObjectKey& gateway) const {
    return gateway_pods.store().ListIndexed(pods_of_gateways_, gateway.ToString());
  }

 private:
  const bool gateways_;
  const std::vector<std::string> watched_;
  std::size_t sharers_;          // an index of sandboxes
  std::size_t running_sharers_;  // of those that are not suspended
  std::size_t binders_;          // of those that a pool or a claim has
  std::size_t pools_of_templates_;
  std::size_t claims_of_templates_;
  std::size_t claims_of_pools_;
  std::size_t entered_;     // an index of connections
  std::size_t allowances_;  // an index of policies
  std::size_t pods_of_gateways_;
};

}  // namespace stockade::sandbox_operator
