#include "operator/app.h"

#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "base/mutex.h"
#include "base/sleep.h"
#include "base/stop_after.h"
#include "http_server/health.h"
#include "http_server/metrics.h"
#include "http_server/server.h"
#include "kube/client.h"
#include "kube/measured_transport.h"
#include "operator/authority_keeper.h"
#include "operator/binding_metrics.h"
#include "operator/caches.h"
#include "operator/claim_reconciler.h"
#include "operator/egress_gateways.h"
#include "operator/gateway_diagnosis.h"
#include "operator/network_boundary.h"
#include "operator/operator_metrics.h"
#include "operator/policy_judge.h"
#include "operator/policy_reconciler.h"
#include "operator/policy_verdicts.h"
#include "operator/pool_reconciler.h"
#include "operator/sandbox_binder.h"
#include "operator/sandbox_reconciler.h"
#include "runtime/controller.h"
#include "runtime/event_recorder.h"
#include "runtime/leader_elector.h"
#include "runtime/leader_fence.h"
#include "runtime/lease_client.h"
#include "runtime/process_identity.h"
#include "runtime/wall_clock_watch.h"

namespace stockade::sandbox_operator {
namespace {

constexpr auto kSyncPoll = std::chrono::milliseconds(20);
// Releasing a namespace's policy waits for pods that others delete: look again soon, not often.
constexpr std::size_t kBoundaryWorkers = 1;
constexpr std::size_t kPolicyWorkers = 1;     // see PolicyReconciler
constexpr std::size_t kAuthorityWorkers = 1;  // see AuthorityKeeper
constexpr std::size_t kGatewayWorkers = 1;    // for those that nobody shares any more
constexpr std::size_t kPoolWorkers = 2;       // to fill a pool does not hold another up
constexpr std::chrono::milliseconds kPoolPause{100};
// Nothing waits for an event but, at the end, the process.
constexpr auto kEventDeadline = std::chrono::seconds(3);
// For the writes under way, and for what they had to tell, when the process stops. A write takes
// milliseconds where an API server answers, and 30 seconds after its signal the kubelet kills: what
// LeaseClient then takes has to fit in as well.
constexpr auto kStopGrace = std::chrono::seconds(5);

std::unique_ptr<kube::Transport> MakeTransport(TransportKind kind,
                                               std::shared_ptr<const kube::ConnectionConfig> config,
                                               std::stop_token stop) {
  kube::TransportOptions options;
  options.stop = std::move(stop);
  return kind == TransportKind::kBeast
             ? kube::MakeBeastTransport(std::move(config), std::move(options))
             : kube::MakeCppRestTransport(std::move(config), std::move(options));
}

runtime::LeaderElectionOptions ElectionOptions(const LeaderElectionConfig& config,
                                               const kube::ConnectionConfig& connection,
                                               const std::string& identity) {
  runtime::LeaderElectionOptions options;
  options.namespace_name =
      config.namespace_name.empty() ? connection.default_namespace : config.namespace_name;
  options.lease = config.lease;
  options.identity = identity;
  options.lease_duration = std::chrono::seconds(config.lease_duration_seconds);
  options.renew_deadline = std::chrono::seconds(config.renew_deadline_seconds);
  options.retry_period = std::chrono::seconds(config.retry_period_seconds);
  return options;
}

runtime::EventRecorderOptions EventOptions(const std::string& identity) {
  runtime::EventRecorderOptions options;
  options.controller = std::string(api::kGroup) + "/operator";
  options.instance = identity;
  return options;
}

bool IsSandbox(const ControllerOwner& owner) {
  return owner.kind == api::kAgentSandboxKind &&
         owner.api_version.starts_with(std::string(api::kGroup) + "/");
}

}  // namespace

struct OperatorApp::Impl {
  Impl(OperatorConfig configuration, kube::ConnectionConfig api_server, const Clock& the_clock,
       Logger& the_logger, std::function<void()> on_lost)
      : config(std::move(configuration)),
        connection(std::make_shared<const kube::ConnectionConfig>(std::move(api_server))),
        clock(the_clock),
        logger(the_logger),
        on_leadership_lost(std::move(on_lost)),
        fence(std::make_shared<runtime::LeaderFence>(the_clock)),
        client(MakeWritingTransport()),
        caches(logger, config.egress.enabled, config.watch_namespaces),
        event_client(MakeWritingTransport(), kEventDeadline),
        events(event_client, EventOptions(identity), the_clock, logger),
        boundary(client, caches, logger, &events),
        gateway_boundary(client, caches, logger, &events, BoundaryOf::kGateways),
        authority_keeper(
            client, the_clock, logger,
            {ElectionOptions(config.leader_election, *connection, identity).namespace_name,
             config.egress.identity, config.egress.interception}),
        gateways(client, caches, gateway_boundary, authority_keeper, the_clock, config.egress),
        policy_judge(caches, config.facts, verdicts),
        reconciler(client, caches, boundary, policy_judge, the_clock, logger,
                   {config.profile, config.facts, &own_metrics, &events,
                    config.egress.enabled ? &gateways : nullptr,
                    [this](const runtime::Store<CachedSandbox>::Change& change) {
                      OnSharerChange(change);
                    }}),
        sandboxes("sandbox", the_clock, logger,
                  [this](const runtime::ObjectKey& key) { return ReconcileSandbox(key); }),
        namespaces("boundary", the_clock, logger,
                   [this](const runtime::ObjectKey& key) {
                     return runtime::ReconcileResult{ReconcileBoundaries(key.name), std::nullopt};
                   }),
        shared_gateways("gateway", the_clock, logger,
                        [this](const runtime::ObjectKey& key) {
                          return runtime::ReconcileResult{gateways.RemoveIfUnused(key),
                                                          std::nullopt};
                        }),
        authorities("authority", the_clock, logger,
                    [this](const runtime::ObjectKey&) { return authority_keeper.Reconcile(); }),
        policy_reconciler(client, caches, verdicts, the_clock),
        policies(
            "policy", the_clock, logger,
            [this](const runtime::ObjectKey& key) { return policy_reconciler.Reconcile(key); }),
        binder(client, caches, config.facts, the_clock,
               [this](const runtime::Store<CachedSandbox>::Change& change) {
                 OnSandboxChange(change);
               }),
        claim_reconciler(client, caches, binder, the_clock, logger, &binding_metrics, &events),
        claims("claim", the_clock, logger,
               [this](const runtime::ObjectKey& key) { return claim_reconciler.Reconcile(key); }),
        pool_reconciler(client, caches, binder, the_clock, logger, &binding_metrics, &events),
        pools("pool", the_clock, logger,
              [this](const runtime::ObjectKey& key) { return pool_reconciler.Reconcile(key); }),
        wall_clock(the_clock, logger, [this] { OnClockJump(); }) {
    Connect();
    Measure();
    if (config.leader_election.enabled) PrepareElection();
  }

  // Without an election nothing is fenced: this process is the only one, says its configuration.
  std::unique_ptr<kube::Transport> MakeWritingTransport() {
    auto transport = MakeMeasured(config.transport, requests.get_token());
    if (!config.leader_election.enabled) return transport;
    return runtime::MakeFencedTransport(std::move(transport), fence);
  }

  std::unique_ptr<kube::Transport> MakeMeasured(TransportKind kind, std::stop_token stop) {
    return kube::MakeMeasuredTransport(MakeTransport(kind, connection, std::move(stop)),
                                       *connection, metrics.registry());
  }

  Status ReconcileBoundaries(const std::string& namespace_name) {
    Status of_sandboxes = boundary.Reconcile(namespace_name);
    if (!config.egress.enabled) return of_sandboxes;
    Status of_gateways = gateway_boundary.Reconcile(namespace_name);
    return of_sandboxes.ok() ? of_gateways : of_sandboxes;
  }

  // The status that it writes is news to whoever has the sandbox, and comes back as none.
  runtime::ReconcileResult ReconcileSandbox(const runtime::ObjectKey& key) {
    const auto before = caches.sandboxes.store().Get(key);
    auto result = reconciler.Reconcile(key);
    const auto after = caches.sandboxes.store().Get(key);
    if (after && after != before) EnqueueBinder(*after, runtime::Priority::kNormal);
    return result;
  }

  void Measure();
  void PrepareElection();
  // Which event concerns which sandbox or namespace.
  void Connect();
  void ConnectGateways();
  void ConnectBinders();
  void OnSandboxChange(const runtime::Store<CachedSandbox>::Change& change);
  void EnqueueBinder(const CachedSandbox& sandbox, runtime::Priority priority) {
    const Binder found = BinderOf(sandbox);
    if (found.kind == api::kAgentSandboxClaimKind) claims.Enqueue(found.key, priority);
    // A pool looks at all of its sandboxes, whatever one of them does; claims do not wait for it.
    if (found.kind == api::kAgentSandboxPoolKind) pools.queue().AddAfter(found.key, kPoolPause);
  }
  void EnqueueClaimsOfPool(const runtime::ObjectKey& pool, runtime::Priority priority) {
    for (const auto& claim : caches.ClaimsOfPool(pool)) claims.Enqueue(claim->key, priority);
  }
  void OnDenyAllChange(const NetworkBoundary& whose,
                       const runtime::Store<CachedPolicy>::Change& change);
  void OnPolicyChange(const runtime::Store<CachedPolicy>::Change& change);
  void OnSandboxPolicyChange(const runtime::Store<CachedSandboxPolicy>::Change& change);
  void ConnectPolicies();
  // Ends of sandboxes, and of certificates, are times of day.
  void OnClockJump();
  void EnqueueOwner(const std::string& namespace_name, const ControllerOwner& owner) {
    if (IsSandbox(owner)) EnqueueKnown({namespace_name, owner.name}, runtime::Priority::kNormal);
  }
  // Of one that is gone, or not listed yet, there is nothing to do for its objects.
  void EnqueueKnown(const runtime::ObjectKey& sandbox, runtime::Priority priority) {
    if (caches.sandboxes.store().Get(sandbox)) sandboxes.Enqueue(sandbox, priority);
  }
  // By an object's name, which tells the sandbox even when its owner reference does not.
  void EnqueueByName(const runtime::ObjectKey& object, runtime::Priority priority) {
    if (!object.name.starts_with(api::kSandboxObjectPrefix)) return;
    sandboxes.Enqueue({object.namespace_name, object.name.substr(api::kSandboxObjectPrefix.size())},
                      priority);
  }
  // Those that share the gateway, to make good what is wrong with it; when nobody does, its
  // removal.
  void EnqueueSharers(const runtime::ObjectKey& gateway, runtime::Priority priority) {
    if (gateway.name.empty() || !config.egress.enabled) return;
    const auto sharers = caches.SharersOf(gateway);
    if (sharers.empty()) shared_gateways.Enqueue(gateway);
    EnqueueAll(sharers, priority);
  }
  void OnSharerChange(const runtime::Store<CachedSandbox>::Change& change);
  void EnqueueBoundary(const std::string& namespace_name) {
    namespaces.Enqueue({"", namespace_name});
  }
  void EnqueueAll(const std::vector<std::shared_ptr<const CachedSandbox>>& all,
                  runtime::Priority priority) {
    for (const auto& sandbox : all) sandboxes.Enqueue(sandbox->key, priority);
  }
  template <typename Change>
  static runtime::Priority PriorityOf(const Change& change) {
    return change.listed ? runtime::Priority::kLow : runtime::Priority::kNormal;
  }
  template <typename T>
  void ConnectOwned(runtime::Informer<T>& informer) {
    informer.AddHandler([this](const typename runtime::Store<T>::Change& change) {
      // An owner that was taken off has to hear of it as well.
      for (const auto& object : {change.before, change.after}) {
        if (!object) continue;
        EnqueueOwner(object->key.namespace_name, object->owner);
        // One of a shared gateway has no owner. Claims, which are of no gateway, have no such
        // label.
        EnqueueSharers({object->key.namespace_name, SharedGatewayNamed(object->labels)},
                       PriorityOf(change));
      }
    });
  }
  bool WaitForCaches(const std::stop_token& stop);
  void StartControllers();
  // The starter's thread: waits for the caches, then leads for as long as it can.
  void Run(const std::stop_token& stop);

  const OperatorConfig config;
  const std::shared_ptr<const kube::ConnectionConfig> connection;
  const Clock& clock;
  Logger& logger;
  const std::function<void()> on_leadership_lost;
  const std::string identity = runtime::NewProcessIdentity("operator");
  const std::shared_ptr<runtime::LeaderFence> fence;
  http_server::MetricsEndpoint metrics;
  OperatorMetrics own_metrics{metrics.registry()};
  BindingMetrics binding_metrics{metrics.registry()};
  // Ends the requests of reconciles and events; watches and the election end in their own ways.
  std::stop_source requests;
  kube::Client client;
  kube::IoThread io;
  Caches caches;
  kube::Client event_client;
  runtime::EventRecorder events;
  NetworkBoundary boundary;
  NetworkBoundary gateway_boundary;
  AuthorityKeeper authority_keeper;
  EgressGateways gateways;
  VerdictMemory verdicts;
  PolicyJudge policy_judge;
  SandboxReconciler reconciler;
  runtime::Controller sandboxes;
  runtime::Controller namespaces;
  runtime::Controller shared_gateways;
  runtime::Controller authorities;
  PolicyReconciler policy_reconciler;
  runtime::Controller policies;
  SandboxBinder binder;
  ClaimReconciler claim_reconciler;
  runtime::Controller claims;
  PoolReconciler pool_reconciler;
  runtime::Controller pools;
  runtime::WallClockWatch wall_clock;
  // Both null without an election. The elector is the starter's thread's.
  std::unique_ptr<runtime::LeaseClient> lease_client;
  std::unique_ptr<runtime::LeaderElector> elector;
  std::unique_ptr<http_server::Server> server;
  Mutex life;  // held while the controllers are started or stopped
  bool stopping STOCKADE_GUARDED_BY(life) = false;
  std::jthread starter;
};

void OperatorApp::Impl::PrepareElection() {
  const auto options = ElectionOptions(config.leader_election, *connection, identity);
  // A request of the election gives up in time for another try before the deadline.
  lease_client = std::make_unique<runtime::LeaseClient>(
      [this](std::stop_token stop) { return MakeMeasured(TransportKind::kBeast, std::move(stop)); },
      options.renew_deadline / 2);
  elector = std::make_unique<runtime::LeaderElector>(lease_client->client(), options, clock, fence,
                                                     logger);
}

void OperatorApp::Impl::Measure() {
  sandboxes.Measure(metrics.registry());
  namespaces.Measure(metrics.registry());
  policies.Measure(metrics.registry());
  claims.Measure(metrics.registry());
  pools.Measure(metrics.registry());
  if (config.egress.enabled) {
    authorities.Measure(metrics.registry());
    shared_gateways.Measure(metrics.registry());
  }
  events.Measure(metrics.registry());
  metrics.BeforeScrape([this] {
    sandboxes.RefreshMetrics();
    namespaces.RefreshMetrics();
    policies.RefreshMetrics();
    claims.RefreshMetrics();
    pools.RefreshMetrics();
    if (config.egress.enabled) {
      authorities.RefreshMetrics();
      shared_gateways.RefreshMetrics();
    }
    own_metrics.CountSandboxes(caches.sandboxes.store().List());
    binding_metrics.Count(caches.sandbox_claims.store().List(),
                          caches.sandbox_pools.store().List());
    own_metrics.SetLeading(!config.leader_election.enabled || fence->Leads());
  });
}

void OperatorApp::Impl::Connect() {
  caches.sandboxes.AddHandler(
      [this](const runtime::Store<CachedSandbox>::Change& change) { OnSandboxChange(change); });
  caches.pods.AddHandler([this](const runtime::Store<CachedPod>::Change& change) {
    const auto& object = change.after ? change.after : change.before;
    EnqueueByName(object->key, PriorityOf(change));
    if (!change.before || !change.after) EnqueueBoundary(object->key.namespace_name);
  });
  caches.policies.AddHandler([this](const runtime::Store<CachedPolicy>::Change& change) {
    const auto& object = change.after ? change.after : change.before;
    if (object->key.name == api::kDenyAllPolicyName) {
      OnDenyAllChange(boundary, change);
    } else if (object->key.name == api::kGatewayDenyAllPolicyName && config.egress.enabled) {
      OnDenyAllChange(gateway_boundary, change);
    } else {
      OnPolicyChange(change);
    }
  });
  ConnectOwned(caches.services);
  ConnectOwned(caches.claims);
  // A claim that is to outlive its sandbox has no owner.
  caches.claims.AddHandler([this](const runtime::Store<CachedClaim>::Change& change) {
    const auto& object = change.after ? change.after : change.before;
    const auto sandbox = object->labels.find(std::string(api::kSandboxLabel));
    if (!object->labels.contains(std::string(api::kRetainedForLabel)) ||
        sandbox == object->labels.end()) {
      return;
    }
    EnqueueKnown({object->key.namespace_name, sandbox->second}, PriorityOf(change));
  });
  caches.runtime_classes.AddHandler([this](const runtime::Store<CachedRuntimeClass>::Change&) {
    EnqueueAll(caches.sandboxes.store().List(), runtime::Priority::kLow);
  });
  caches.connections.AddHandler([this](const runtime::Store<CachedConnection>::Change& change) {
    if (change.after) EnqueueKnown(change.after->sandbox, PriorityOf(change));
  });
  ConnectPolicies();
  ConnectGateways();
  ConnectBinders();
}

void OperatorApp::Impl::OnSandboxChange(const runtime::Store<CachedSandbox>::Change& change) {
  const auto& object = change.after ? change.after : change.before;
  sandboxes.Enqueue(object->key, PriorityOf(change));
  if (!change.after) {
    reconciler.Forget(change.before->uid);
    EnqueueBoundary(object->key.namespace_name);
  }
  OnSharerChange(change);
  for (const auto& seen : {change.before, change.after}) {
    if (seen) EnqueueBinder(*seen, PriorityOf(change));
  }
}

void OperatorApp::Impl::ConnectBinders() {
  caches.sandbox_claims.AddHandler(
      [this](const runtime::Store<CachedSandboxClaim>::Change& change) {
        const auto& object = change.after ? change.after : change.before;
        if (!change.before && !change.listed) claim_reconciler.Begin(object->uid);
        if (!change.after) claim_reconciler.Forget(object->uid);
        claims.Enqueue(object->key, PriorityOf(change));
      });
  caches.sandbox_pools.AddHandler([this](const runtime::Store<CachedSandboxPool>::Change& change) {
    const auto& object = change.after ? change.after : change.before;
    if (!change.after) pool_reconciler.Forget(object->uid);
    pools.Enqueue(object->key, PriorityOf(change));
    // Its status is nothing that a claim asks for.
    if (change.before && change.after &&
        change.before->pool.metadata.generation == change.after->pool.metadata.generation) {
      return;
    }
    EnqueueClaimsOfPool(object->key, runtime::Priority::kLow);
  });
  caches.sandbox_templates.AddHandler(
      [this](const runtime::Store<CachedSandboxTemplate>::Change& change) {
        const auto& object = change.after ? change.after : change.before;
        for (const auto& claim : caches.ClaimsOfTemplate(object->key)) {
          claims.Enqueue(claim->key, runtime::Priority::kLow);
        }
        for (const auto& pool : caches.PoolsOfTemplate(object->key)) {
          pools.Enqueue(pool->key, runtime::Priority::kLow);
          EnqueueClaimsOfPool(pool->key, runtime::Priority::kLow);
        }
      });
}

void OperatorApp::Impl::ConnectPolicies() {
  caches.sandbox_policies.AddHandler(
      [this](const runtime::Store<CachedSandboxPolicy>::Change& change) {
        OnSandboxPolicyChange(change);
      });
  caches.namespaces.AddHandler([this](const runtime::Store<CachedNamespace>::Change& change) {
    // Labels that are equal are the same: they are interned.
    if (!change.after || (change.before && change.before->labels == change.after->labels)) return;
    EnqueueAll(caches.sandboxes.store().ListNamespace(change.after->key.name),
               runtime::Priority::kLow);
  });
  verdicts.NotifyTo([this](const std::string& policy) { policies.Enqueue({"", policy}); });
}

void OperatorApp::Impl::OnSandboxPolicyChange(
    const runtime::Store<CachedSandboxPolicy>::Change& change) {
  policies.Enqueue((change.after ? change.after : change.before)->key);
  // Its status is nothing that a sandbox is judged by.
  if (change.before && change.after && change.before->uid == change.after->uid &&
      change.before->policy->generation() == change.after->policy->generation()) {
    return;
  }
  for (const auto& cached : caches.namespaces.store().List()) {
    const bool concerned = (change.before && change.before->policy->Selects(*cached->labels)) ||
                           (change.after && change.after->policy->Selects(*cached->labels));
    if (!concerned) continue;
    EnqueueAll(caches.sandboxes.store().ListNamespace(cached->key.name), runtime::Priority::kLow);
  }
}

void OperatorApp::Impl::ConnectGateways() {
  if (!config.egress.enabled) return;
  ConnectOwned(caches.config_maps);
  caches.deployments.AddHandler([this](const runtime::Store<CachedDeployment>::Change& change) {
    const auto& object = change.after ? change.after : change.before;
    for (const auto& seen : {change.before, change.after}) {
      if (!seen) continue;
      EnqueueOwner(object->key.namespace_name, seen->owner);
      if (ConcernsSharers(change)) {
        EnqueueSharers({object->key.namespace_name, SharedGatewayNamed(seen->labels)},
                       PriorityOf(change));
      }
    }
    if (!change.before || !change.after) EnqueueBoundary(object->key.namespace_name);
  });
  caches.gateway_pods.AddHandler([this](const runtime::Store<CachedPod>::Change& change) {
    const auto& object = change.after ? change.after : change.before;
    if (!change.before || !change.after) EnqueueBoundary(object->key.namespace_name);
    const auto gateway = object->labels.find(std::string(api::kGatewayLabel));
    if (gateway == object->labels.end()) return;
    if (const auto sandbox = api::SandboxOfDedicatedGateway(gateway->second)) {
      EnqueueKnown({object->key.namespace_name, *sandbox}, PriorityOf(change));
    } else if (ConcernsSharers(change)) {
      EnqueueAll(caches.SharersOf({object->key.namespace_name, gateway->second}),
                 PriorityOf(change));
    }
  });
  authority_keeper.NotifyTo([this] {
    for (const auto& sandbox : caches.sandboxes.store().List()) {
      if (sandbox->sandbox.spec.egress) sandboxes.Enqueue(sandbox->key, runtime::Priority::kLow);
    }
  });
}

void OperatorApp::Impl::OnSharerChange(const runtime::Store<CachedSandbox>::Change& change) {
  if (!change.before || change.before->shared_gateway.empty() || !config.egress.enabled) return;
  const CachedSandbox& before = *change.before;
  const runtime::ObjectKey gateway{before.key.namespace_name, before.shared_gateway};
  const bool left = !change.after || change.after->shared_gateway != gateway.name;
  if (!left) return;
  const bool ran = before.sandbox.spec.operating_mode == api::OperatingMode::kRunning;
  if (!caches.AnySharers(gateway)) {
    shared_gateways.Enqueue(gateway);
  } else if (ran && !caches.FirstRunningSharer(gateway)) {
    // Those that are left are suspended, and the gateway is to be so as well.
    EnqueueSharers(gateway, PriorityOf(change));
  }
}

void OperatorApp::Impl::OnClockJump() {
  EnqueueAll(caches.sandboxes.store().List(), runtime::Priority::kLow);
  for (const auto& claim : caches.sandbox_claims.store().List()) {
    claims.Enqueue(claim->key, runtime::Priority::kLow);
  }
  for (const auto& pool : caches.sandbox_pools.store().List()) {
    pools.Enqueue(pool->key, runtime::Priority::kLow);
  }
  if (config.egress.enabled) authorities.Enqueue({"", std::string(kAuthoritiesSecret)});
}

void OperatorApp::Impl::OnDenyAllChange(const NetworkBoundary& whose,
                                        const runtime::Store<CachedPolicy>::Change& change) {
  const std::string& namespace_name =
      (change.after ? change.after : change.before)->key.namespace_name;
  EnqueueBoundary(namespace_name);
  const bool was_in_place = change.before && whose.IsAsWanted(*change.before);
  const bool is_in_place = change.after && whose.IsAsWanted(*change.after);
  if (was_in_place == is_in_place) return;
  EnqueueAll(caches.sandboxes.store().ListNamespace(namespace_name), PriorityOf(change));
}

void OperatorApp::Impl::OnPolicyChange(const runtime::Store<CachedPolicy>::Change& change) {
  for (const auto& object : {change.before, change.after}) {
    if (!object) continue;
    const std::string& namespace_name = object->key.namespace_name;
    EnqueueOwner(namespace_name, object->owner);
    EnqueueSharers({namespace_name, SharedGatewayNamed(object->labels)}, PriorityOf(change));
    // A stranger's that had the name of one of ours.
    if (const auto named = api::SandboxOfIngressPolicy(object->key.name)) {
      EnqueueKnown({namespace_name, *named}, PriorityOf(change));
    }
    if (!object->allows_egress && !object->allows_ingress) continue;
    // It begins or ceases to widen those that it selects.
    const runtime::ObjectKey selected = SelectedSandbox(*object);
    if (const std::string shared = SelectedSharedGateway(*object); !shared.empty()) {
      EnqueueAll(caches.SharersOf({namespace_name, shared}), PriorityOf(change));
    } else if (selected.name.empty()) {
      EnqueueAll(caches.sandboxes.store().ListNamespace(selected.namespace_name),
                 PriorityOf(change));
    } else {
      EnqueueKnown(selected, PriorityOf(change));
    }
  }
}

bool OperatorApp::Impl::WaitForCaches(const std::stop_token& stop) {
  while (!caches.HasSynced()) {
    if (!SleepUnlessStopped(stop, kSyncPoll)) return false;
  }
  logger.Info("caches have synced", {{"sandboxes", caches.sandboxes.store().size()},
                                     {"pods", caches.pods.store().size()}});
  return true;
}

void OperatorApp::Impl::StartControllers() {
  const MutexLock lock(life);
  if (stopping) return;
  // What was deleted while no operator ran left a namespace whose policy nobody else releases.
  for (const auto& policy : caches.policies.store().List()) {
    if (policy->key.name == api::kDenyAllPolicyName ||
        policy->key.name == api::kGatewayDenyAllPolicyName) {
      EnqueueBoundary(policy->key.namespace_name);
    }
  }
  // Of pools and claims that went while no operator ran.
  for (const auto& sandbox : caches.sandboxes.store().List()) {
    EnqueueBinder(*sandbox, runtime::Priority::kLow);
  }
  events.Start();
  namespaces.Start(kBoundaryWorkers);
  policies.Start(kPolicyWorkers);
  if (config.egress.enabled) {
    authorities.Enqueue({"", std::string(kAuthoritiesSecret)});
    authorities.Start(kAuthorityWorkers);
    shared_gateways.Start(kGatewayWorkers);
  }
  // As many as sandboxes: each claim waits for writes of its own.
  claims.Start(static_cast<std::size_t>(config.workers));
  pools.Start(kPoolWorkers);
  sandboxes.Start(static_cast<std::size_t>(config.workers));
  wall_clock.Start();
}

void OperatorApp::Impl::Run(const std::stop_token& stop) {
  if (!WaitForCaches(stop)) return;
  if (!config.leader_election.enabled) return StartControllers();
  const auto outcome = elector->Run(stop, [this] { StartControllers(); });
  if (outcome != runtime::LeaderElector::Outcome::kStopped) on_leadership_lost();
}

OperatorApp::OperatorApp(OperatorConfig config, kube::ConnectionConfig connection,
                         const Clock& clock, Logger& logger,
                         std::function<void()> on_leadership_lost)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(connection), clock, logger,
                                   std::move(on_leadership_lost))) {}

OperatorApp::~OperatorApp() { Stop(); }

Status OperatorApp::Start() {
  http_server::HealthEndpoints health;
  health.AddLivenessCheck("ping", [] { return Status::Ok(); });
  for (const runtime::Synced* cache : impl_->caches.All()) {
    health.AddReadinessCheck("cache-" + std::string(cache->name()), [cache] {
      return cache->HasSynced()
                 ? Status::Ok()
                 : Status(StatusCode::kUnavailable, "the first list is not complete yet");
    });
  }
  if (impl_->elector) {
    health.AddReadinessCheck("leader-election",
                             [elector = impl_->elector.get()] { return elector->Health(); });
  }
  http_server::ServerOptions options;
  options.address = impl_->config.http_address;
  options.port = impl_->config.http_port;
  auto server = http_server::Server::Start(
      options, impl_->metrics.MakeHandler(health.MakeHandler()), impl_->logger);
  if (!server.ok()) return server.status().WithContext("http.address");
  impl_->server = std::move(server).value();

  impl_->caches.Start(impl_->io, impl_->connection);
  impl_->starter = std::jthread([this](const std::stop_token& stop) { impl_->Run(stop); });
  impl_->logger.Info("operator has started", {{"api_server", impl_->connection->host},
                                              {"http_port", std::int64_t{impl_->server->port()}},
                                              {"workers", impl_->config.workers}});
  return Status::Ok();
}

void OperatorApp::Stop() {
  {
    const MutexLock lock(impl_->life);
    impl_->stopping = true;
  }
  // Events first, then the reconciles that they caused, what these had to tell, then the Lease
  // under which they wrote.
  impl_->caches.Stop();
  impl_->wall_clock.Stop();
  impl_->namespaces.ShutDown();
  impl_->sandboxes.ShutDown();
  impl_->policies.ShutDown();
  impl_->claims.ShutDown();
  impl_->pools.ShutDown();
  impl_->authorities.ShutDown();
  impl_->shared_gateways.ShutDown();
  {
    // What is not written by then is given up. Whether the API server has taken it is not known, as
    // after a crash, and the next start makes good what is missing in the same way.
    const StopAfter grace(impl_->requests, kStopGrace);
    impl_->namespaces.Stop();
    impl_->sandboxes.Stop();
    impl_->policies.Stop();
    impl_->claims.Stop();
    impl_->pools.Stop();
    impl_->authorities.Stop();
    impl_->shared_gateways.Stop();
    impl_->events.Stop();
  }
  impl_->requests.request_stop();
  if (impl_->starter.joinable()) {
    if (impl_->lease_client) impl_->lease_client->BeginStop();
    impl_->starter.request_stop();
    impl_->starter.join();
  }
  impl_->server.reset();
}

}  // namespace stockade::sandbox_operator
