#include "http_server/metrics.h"

#include <prometheus/text_serializer.h>

#include <mutex>
#include <utility>
#include <vector>

#include "http_server/process_metrics.h"

namespace stockade::http_server {

struct MetricsEndpoint::Impl {
  prometheus::Registry registry;
  std::mutex scrape;
  std::vector<std::function<void()>> hooks;  // guarded by scrape
  ProcessMetrics process{registry};
};

MetricsEndpoint::MetricsEndpoint() : impl_(std::make_unique<Impl>()) {
  BeforeScrape([this] { impl_->process.Refresh(); });
}
MetricsEndpoint::~MetricsEndpoint() = default;

prometheus::Registry& MetricsEndpoint::registry() { return impl_->registry; }

void MetricsEndpoint::BeforeScrape(std::function<void()> hook) {
  const std::lock_guard lock(impl_->scrape);
  impl_->hooks.push_back(std::move(hook));
}

Handler MetricsEndpoint::MakeHandler(Handler next) {
  return [this, next = std::move(next)](const Request& request) -> Response {
    if (request.path != "/metrics") return next(request);
    if (request.method != "GET") {
      return {.status = 405, .body = "only GET is allowed\n", .headers = {{"Allow", "GET, HEAD"}}};
    }
    const std::lock_guard lock(impl_->scrape);
    for (const auto& hook : impl_->hooks) hook();
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = prometheus::TextSerializer().Serialize(impl_->registry.Collect())};
  };
}

}  // namespace stockade::http_server
