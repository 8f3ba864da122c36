#include "webhook/certificates/certificate_manager.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/sleep.h"
#include "kube/backoff.h"
#include "kube/measured_transport.h"
#include "kube/resource.h"
#include "kube/transport.h"
#include "kube/watcher.h"
#include "runtime/leader_elector.h"
#include "runtime/leader_fence.h"
#include "runtime/lease_client.h"
#include "runtime/process_identity.h"

namespace stockade::webhook {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A pass that fails is repeated after a pause.
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause = seconds(15);
// For what no watch tells.
constexpr seconds kResync{60};
// Between two passes, whatever happens meanwhile: somebody may be undoing what each of them does.
constexpr milliseconds kLeastPause{100};
constexpr seconds kRequestDeadline{10};
// Reviews under way have most of the time that a pod is given to end. A Lease that is not released
// by then ends by itself.
constexpr runtime::LeaseClient::Grace kLeaseGrace{.under_way = milliseconds(500),
                                                  .total = seconds(1)};

// Wakes somebody at any change of what is watched; what changed is read anew.
class Waker final : public kube::WatchHandler {
 public:
  Waker(std::function<void()> wake, std::string resource, Logger& logger)
      : wake_(std::move(wake)), resource_(std::move(resource)), logger_(logger) {}

  void OnListStart() override {}
  void OnListItem(codec::JsonView) override {}
  void OnListEnd(std::string_view) override { wake_(); }
  void OnListAborted() override {}
  void OnAdded(codec::JsonView) override { wake_(); }
  void OnModified(codec::JsonView) override { wake_(); }
  void OnDeleted(codec::JsonView) override { wake_(); }
  void OnError(const Status& status) override {
    logger_.Warning("watch reported an error, goes on",
                    {{"resource", resource_}, {"error", status.ToString()}});
  }

 private:
  const std::function<void()> wake_;
  const std::string resource_;
  Logger& logger_;
};

SelfManagedCertificates WithNamespace(SelfManagedCertificates options,
                                      const kube::ConnectionConfig& connection) {
  if (options.namespace_name.empty()) options.namespace_name = connection.default_namespace;
  return options;
}

}  // namespace

struct CertificateManager::Impl {
  Impl(SelfManagedCertificates given, std::shared_ptr<const kube::ConnectionConfig> api_server,
       const Clock& the_clock, Logger& the_logger, prometheus::Registry& the_registry,
       CertificateKeeper::Serve serve)
      : options(WithNamespace(std::move(given), *api_server)),
        connection(std::move(api_server)),
        clock(the_clock),
        logger(the_logger),
        registry(the_registry),
        fence(std::make_shared<runtime::LeaderFence>(the_clock)),
        client(runtime::MakeFencedTransport(MakeTransport(requests.get_token()), fence),
               kRequestDeadline),
        keeper(options, client, the_clock, the_logger, std::move(serve)),
        election(ElectionOptions()),
        lease_client([this](std::stop_token stop) { return MakeTransport(std::move(stop)); },
                     election.renew_deadline / 2, kLeaseGrace) {}

  std::unique_ptr<kube::Transport> MakeTransport(std::stop_token stop) {
    kube::TransportOptions transport;
    transport.stop = std::move(stop);
    return kube::MakeMeasuredTransport(kube::MakeBeastTransport(connection, std::move(transport)),
                                       *connection, registry);
  }

  [[nodiscard]] runtime::LeaderElectionOptions ElectionOptions() const {
    runtime::LeaderElectionOptions result;
    result.namespace_name = options.namespace_name;
    result.lease = options.lease;
    result.identity = runtime::NewProcessIdentity("webhook");
    return result;
  }

  void Wake() {
    const MutexLock lock(mutex);
    woken = true;
    changed.notify_all();
  }

  void Watch(const kube::Resource& resource, std::string namespace_name, const std::string& name) {
    handlers.push_back(
        std::make_unique<Waker>([this] { Wake(); }, std::string(resource.plural), logger));
    kube::WatchOptions watch;
    watch.namespace_name = std::move(namespace_name);
    watch.field_selector = "metadata.name=" + name;
    watchers.push_back(std::make_unique<kube::Watcher>(*io, connection, resource, std::move(watch),
                                                       *handlers.back()));
    watchers.back()->Start();
  }

  // The passes' thread.
  void Keep(const std::stop_token& stop) {
    kube::Backoff backoff(kFirstPause, kLongestPause, std::random_device{}());
    while (!stop.stop_requested()) {
      {
        const MutexLock lock(mutex);
        woken = false;
      }
      std::chrono::nanoseconds pause = kResync;
      const auto next = Pass();
      if (next.ok()) {
        backoff.Reset();
        if (*next != pki::TimePoint::max()) {
          pause = std::min<std::chrono::nanoseconds>(pause, *next - clock.Now());
        }
      } else if (next.status().code() == StatusCode::kNotFound) {
        // Somebody else makes it, and then the watch tells.
        backoff.Reset();
      } else {
        pause = backoff.Next();
        if (!stop.stop_requested()) {
          logger.Warning("the certificates could not be looked after",
                         {{"error", next.status().ToString()}});
        }
      }
      if (!SleepUnlessStopped(stop, kLeastPause)) return;
      WaitForWake(stop, pause);
    }
  }

  Result<pki::TimePoint> Pass() {
    if (fence->IsOpen()) return keeper.Lead();
    if (Status status = keeper.Follow(); !status.ok()) return status;
    return pki::TimePoint::max();
  }

  void WaitForWake(const std::stop_token& stop, std::chrono::nanoseconds pause) {
    const std::stop_callback wake(stop, [this] { Wake(); });
    const auto deadline = std::chrono::steady_clock::now() + pause;
    const MutexLock lock(mutex);
    while (!woken && !stop.stop_requested()) {
      if (changed.wait_until(mutex, deadline) == std::cv_status::timeout) return;
    }
  }

  // The election's thread.
  void TakePart(const std::stop_token& stop) {
    for (;;) {
      runtime::LeaderElector elector(lease_client.client(), election, clock, fence, logger);
      const auto outcome = elector.Run(stop, [this] { Wake(); });
      if (outcome == runtime::LeaderElector::Outcome::kStopped) return;
      // What this process knows is read anew in every pass, so it takes part again.
    }
  }

  const SelfManagedCertificates options;
  const std::shared_ptr<const kube::ConnectionConfig> connection;
  const Clock& clock;
  Logger& logger;
  prometheus::Registry& registry;
  const std::shared_ptr<runtime::LeaderFence> fence;
  std::stop_source requests;  // ends those of the passes
  kube::Client client;
  CertificateKeeper keeper;
  const runtime::LeaderElectionOptions election;
  runtime::LeaseClient lease_client;

  Mutex mutex;
  std::condition_variable_any changed;
  bool woken STOCKADE_GUARDED_BY(mutex) = false;

  // In this order, so that watchers end before what they call and where they run.
  std::optional<kube::IoThread> io;
  std::vector<std::unique_ptr<Waker>> handlers;
  std::vector<std::unique_ptr<kube::Watcher>> watchers;
  std::jthread passes;
  std::jthread elections;
};

CertificateManager::CertificateManager(SelfManagedCertificates options,
                                       std::shared_ptr<const kube::ConnectionConfig> connection,
                                       const Clock& clock, Logger& logger,
                                       prometheus::Registry& registry,
                                       CertificateKeeper::Serve serve)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(connection), clock, logger,
                                   registry, std::move(serve))) {}

CertificateManager::~CertificateManager() { Stop(); }

void CertificateManager::Start() {
  impl_->io.emplace();
  impl_->Watch(kSecrets, impl_->options.namespace_name, impl_->options.secret);
  for (const std::string& configuration : impl_->options.configurations) {
    impl_->Watch(kValidatingWebhookConfigurations, "", configuration);
  }
  impl_->passes = std::jthread([this](const std::stop_token& stop) { impl_->Keep(stop); });
  impl_->elections = std::jthread([this](const std::stop_token& stop) { impl_->TakePart(stop); });
}

void CertificateManager::Stop() {
  impl_->watchers.clear();
  impl_->io.reset();
  impl_->requests.request_stop();
  if (impl_->passes.joinable()) {
    impl_->passes.request_stop();
    impl_->passes.join();
  }
  // The Lease last: until then nobody else writes.
  if (impl_->elections.joinable()) {
    impl_->lease_client.BeginStop();
    impl_->elections.request_stop();
    impl_->elections.join();
  }
}

}  // namespace stockade::webhook
