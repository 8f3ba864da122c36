#include "http_server/metrics.h"

#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http_server/process_metrics.h"

namespace stockade::http_server {

struct MetricsEndpoint::Impl {
  prometheus::Registry registry;
  Mutex scrape;
  std::vector<std::function<void()>> hooks STOCKADE_GUARDED_BY(scrape);
  ProcessMetrics process{registry};
};

MetricsEndpoint::MetricsEndpoint() : impl_(std::make_unique<Impl>()) {
  BeforeScrape([this] { impl_->process.Refresh(); });
}
MetricsEndpoint::~MetricsEndpoint() = default;

prometheus::Registry& MetricsEndpoint::registry() { return impl_->registry; }

void MetricsEndpoint::BeforeScrape(std::function<void()> hook) {
  const MutexLock lock(impl_->scrape);
  impl_->hooks.push_back(std::move(hook));
}

Handler MetricsEndpoint::MakeHandler(Handler next) {
  return [this, next = std::move(next)](const Request& request) -> Response {
    if (request.path != "/metrics") return next(request);
    if (request.method != "GET") {
      return {.status = 405, .body = "only GET is allowed\n", .headers = {{"Allow", "GET, HEAD"}}};
    }
    const MutexLock lock(impl_->scrape);
    for (const auto& hook : impl_->hooks) hook();
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = prometheus::TextSerializer().Serialize(impl_->registry.Collect())};
  };
}

}  // namespace stockade::http_server
