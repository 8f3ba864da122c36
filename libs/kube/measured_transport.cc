#include "kube/measured_transport.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <chrono>
#include <utility>

#include "kube/http_message.h"

namespace stockade::kube {
namespace {

// client-go's buckets, in seconds.
const prometheus::Histogram::BucketBoundaries kBuckets = {0.005, 0.025, 0.1, 0.25, 0.5, 1,
                                                          2,     4,     8,   15,   30,  60};

class MeasuredTransport final : public Transport {
 public:
  MeasuredTransport(std::unique_ptr<Transport> transport, std::string host,
                    prometheus::Registry& registry)
      : transport_(std::move(transport)),
        host_(std::move(host)),
        requests_(
            prometheus::BuildCounter()
                .Name("rest_client_requests_total")
                .Help("Number of HTTP requests, partitioned by status code, method, and host.")
                .Register(registry)),
        durations_(prometheus::BuildHistogram()
                       .Name("rest_client_request_duration_seconds")
                       .Help("Request latency in seconds. Broken down by verb, and host.")
                       .Register(registry)) {}

  Result<HttpResponse> Send(const HttpRequest& request) override {
    const auto began = std::chrono::steady_clock::now();
    Result<HttpResponse> response = transport_->Send(request);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    const std::string code = response.ok() ? std::to_string(response->status) : "<error>";
    requests_.Add({{"code", code}, {"method", request.method}, {"host", host_}}).Increment();
    durations_.Add({{"verb", request.method}, {"host", host_}}, kBuckets).Observe(took.count());
    return response;
  }

 private:
  const std::unique_ptr<Transport> transport_;
  const std::string host_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& durations_;
};

}  // namespace

std::unique_ptr<Transport> MakeMeasuredTransport(std::unique_ptr<Transport> transport,
                                                 const ConnectionConfig& config,
                                                 prometheus::Registry& registry) {
  return std::make_unique<MeasuredTransport>(std::move(transport), HostHeader(config), registry);
}

}  // namespace stockade::kube
