#include "webhook/review_metrics.h"

#include <string>
#include <utility>

#include "base/strings.h"

namespace stockade::webhook {
namespace {

// In seconds: a review takes microseconds, so finer at the start than controller-runtime's.
const prometheus::Histogram::BucketBoundaries kLatencyBuckets = {
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1, 5};

prometheus::Family<prometheus::Counter>& AddCounters(prometheus::Registry& registry,
                                                     const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

}  // namespace

ReviewMetrics::ReviewMetrics(prometheus::Registry& registry)
    : in_flight_(prometheus::BuildGauge()
                     .Name("controller_runtime_webhook_requests_in_flight")
                     .Help("Current number of admission requests being served.")
                     .Register(registry)),
      latency_(prometheus::BuildHistogram()
                   .Name("controller_runtime_webhook_latency_seconds")
                   .Help("Histogram of the latency of processing admission requests.")
                   .Register(registry)),
      requests_(AddCounters(registry, "controller_runtime_webhook_requests_total",
                            "Total number of admission requests by HTTP status code.")),
      reviews_(AddCounters(registry, "stockade_reviews_total",
                           "Reviews by path, operation and verdict.")),
      findings_(AddCounters(registry, "stockade_findings_total",
                            "Reviews in which a rule found something, by its code and the "
                            "review's verdict.")) {}

PathMetrics ReviewMetrics::ForPath(std::string_view path) {
  return PathMetrics(std::string(path), *this);
}

PathMetrics::PathMetrics(std::string path, ReviewMetrics& all)
    : path_(std::move(path)),
      all_(&all),
      in_flight_(&all.in_flight_.Add({{"webhook", path_}})),
      latency_(&all.latency_.Add({{"webhook", path_}}, kLatencyBuckets)) {}

void PathMetrics::End(int status, std::chrono::nanoseconds took) const {
  in_flight_->Decrement();
  latency_->Observe(std::chrono::duration<double>(took).count());
  all_->requests_.Add({{"webhook", path_}, {"code", std::to_string(status)}}).Increment();
}

void PathMetrics::CountReview(Operation operation, const AdmissionResponse& answer) const {
  const std::string verdict = answer.allowed ? "allowed" : "denied";
  all_->reviews_
      .Add({{"webhook", path_},
            {"operation", std::string(OperationName(operation))},
            {"verdict", verdict}})
      .Increment();
  const auto codes = answer.audit_annotations.find("findings");
  if (codes == answer.audit_annotations.end()) return;
  for (const std::string_view code : Split(codes->second, ',')) {
    all_->findings_.Add({{"code", std::string(code)}, {"verdict", verdict}}).Increment();
  }
}

}  // namespace stockade::webhook
