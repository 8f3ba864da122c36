#include "webhook/program.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "api/names.h"
#include "base/clock.h"
#include "base/version.h"
#include "http_server/health.h"
#include "http_server/metrics.h"
#include "http_server/server.h"
#include "kube/client.h"
#include "kube/transport.h"
#include "kube/watcher.h"
#include "runtime/event_recorder.h"
#include "runtime/process_identity.h"
#include "webhook/admission_endpoint.h"
#include "webhook/agent_sandbox_claim_handler.h"
#include "webhook/agent_sandbox_handler.h"
#include "webhook/agent_sandbox_policy_handler.h"
#include "webhook/certificates/certificate_manager.h"
#include "webhook/cluster_cache.h"
#include "webhook/connection_notices.h"
#include "webhook/guards/guard_handler.h"
#include "webhook/review_metrics.h"
#include "webhook/secret_access.h"
#include "webhook/watched_namespaces.h"

namespace stockade::webhook {
namespace {

// Longer than the 5 s that the API server waits for an answer.
constexpr std::chrono::seconds kAdmissionGrace{10};
constexpr std::chrono::seconds kHealthGrace{1};
// Of one question to the API server within a review.
constexpr std::chrono::milliseconds kReviewDeadline{1500};
// Nothing waits for an event but, at the end, the process.
constexpr std::chrono::seconds kEventDeadline{3};
constexpr std::size_t kHealthConnections = 64;

runtime::EventRecorderOptions EventOptions() {
  runtime::EventRecorderOptions options;
  options.controller = std::string(api::kWebhookController);
  options.instance = runtime::NewProcessIdentity("webhook");
  return options;
}

Result<std::unique_ptr<http_server::Server>> StartAdmission(
    const Config& config, const ClusterView& cluster, const SecretAccess& secrets,
    ConnectionNotices& notices, ReviewMetrics& metrics, Logger& logger) {
  http_server::TlsFiles files;
  files.certificate_file = config.certificate_file;
  files.key_file = config.key_file;
  files.client_ca_file = config.client_ca_file;
  files.poll_interval = config.certificate_poll;
  http_server::ServerOptions options;
  options.address = config.listen.address;
  options.port = config.listen.port;
  options.threads = config.threads;
  options.limits.connections = config.connections;
  options.tls = &files;
  AdmissionHandlers handlers;
  const auto sandboxes = std::make_shared<const AgentSandboxHandler>(config.facts, cluster, secrets,
                                                                     config.guards.operator_user);
  const auto within = [&handlers, &config](std::string_view path, AdmissionHandler handler) {
    handlers.emplace(path, WithinNamespaces(config.watch_namespaces, std::move(handler)));
  };
  within(kAgentSandboxPath,
         [sandboxes](const AdmissionRequest& request) { return sandboxes->Review(request); });
  within(kAgentSandboxTemplatePath, [sandboxes](const AdmissionRequest& request) {
    return sandboxes->ReviewTemplate(request);
  });
  within(kAgentSandboxClaimPath, [facts = config.facts](const AdmissionRequest& request) {
    return ReviewAgentSandboxClaim(request, facts);
  });
  handlers.emplace(kAgentSandboxPolicyPath, ReviewAgentSandboxPolicy);
  const auto guards = std::make_shared<const GuardHandler>(cluster, config.guards);
  handlers.emplace(kGuardPath, [guards, &notices](const AdmissionRequest& request) {
    AdmissionResponse answer = guards->Review(request);
    notices.Note(request, answer);
    return answer;
  });
  return http_server::Server::Start(options, MakeAdmissionEndpoint(handlers, metrics, logger),
                                    logger);
}

Result<std::unique_ptr<http_server::Server>> StartHealth(const Config& config,
                                                         http_server::Handler handler,
                                                         Logger& logger) {
  http_server::ServerOptions options;
  options.address = config.http.address;
  options.port = config.http.port;
  options.limits.connections = kHealthConnections;
  return http_server::Server::Start(options, std::move(handler), logger);
}

// Null unless the webhook makes its own certificates.
std::unique_ptr<CertificateManager> StartCertificates(
    const Config& config, std::shared_ptr<const kube::ConnectionConfig> connection,
    const Clock& clock, Logger& logger, prometheus::Registry& registry,
    http_server::Server& server) {
  if (!config.self_managed) return nullptr;
  auto manager = std::make_unique<CertificateManager>(
      *config.self_managed, std::move(connection), clock, logger, registry,
      [&server](std::string certificate, std::string key) {
        server.SetIdentity(std::move(certificate), std::move(key));
      });
  manager->Start();
  return manager;
}

}  // namespace

Status Run(const Config& config, std::shared_ptr<const kube::ConnectionConfig> connection,
           Logger& logger, const std::function<void()>& wait_for_stop) {
  http_server::MetricsEndpoint metrics;
  ReviewMetrics review_metrics(metrics.registry());
  kube::IoThread io;
  ClusterCache cluster(config.runtime_classes, logger, config.watch_namespaces);
  const SystemClock clock;
  kube::Client reviewer(kube::MakeBeastTransport(connection), kReviewDeadline);
  const SubjectAccessReviews secrets(reviewer, clock,
                                     config.watch_namespaces.empty()
                                         ? SubjectAccessReviews::Scope::kCluster
                                         : SubjectAccessReviews::Scope::kNamespace);
  kube::Client event_client(kube::MakeBeastTransport(connection), kEventDeadline);
  runtime::EventRecorder events(event_client, EventOptions(), clock, logger);
  ConnectionNotices notices(cluster, clock,
                            [&events](runtime::Event event) { events.Record(std::move(event)); });
  auto admission = StartAdmission(config, cluster, secrets, notices, review_metrics, logger);
  if (!admission.ok()) return admission.status().WithContext("listen, certificates");

  metrics.BeforeScrape([&review_metrics, server = admission->get()] {
    review_metrics.SetCertificateExpiry(server->certificate_not_after());
  });

  std::atomic<bool> stopping = false;
  http_server::HealthEndpoints health;
  health.AddReadinessCheck("running", [&stopping] {
    return stopping ? Status(StatusCode::kUnavailable, "shutting down") : Status::Ok();
  });
  health.AddReadinessCheck("certificate",
                           [server = admission->get()] { return server->CheckCertificate(); });
  health.AddReadinessCheck("cluster", [&cluster] { return cluster.CheckSynced(); });
  auto health_server = StartHealth(config, metrics.MakeHandler(health.MakeHandler()), logger);
  if (!health_server.ok()) return health_server.status().WithContext("http");

  cluster.Start(io, connection);
  events.Start();
  const auto certificates = StartCertificates(config, std::move(connection), clock, logger,
                                              metrics.registry(), **admission);

  logger.Info("webhook serves", {{"version", STOCKADE_VERSION},
                                 {"address", config.listen.address},
                                 {"port", std::size_t{(*admission)->port()}},
                                 {"path", kAgentSandboxPath},
                                 {"healthAddress", config.http.address},
                                 {"healthPort", std::size_t{(*health_server)->port()}}});
  wait_for_stop();
  logger.Info("webhook stops");
  stopping = true;
  // Before the server that it gives its certificates to; what is being served goes on meanwhile.
  if (certificates) certificates->Stop();
  (*admission)->Stop(kAdmissionGrace);
  events.Stop();
  (*health_server)->Stop(kHealthGrace);
  cluster.Stop();
  return Status::Ok();
}

}  // namespace stockade::webhook
