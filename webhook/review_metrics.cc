#include "webhook/review_metrics.h"

#include <array>
#include <set>
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

// The audit annotations that list findings, as "Code" or "policy/Code", and what is done with them.
struct Counted {
  std::string_view annotation;
  std::string_view enforcement;
};
constexpr std::array kCounted = {
    Counted{"findings", "Floor"}, Counted{kEnforcedAnnotation, "Enforce"},
    Counted{kWarnedAnnotation, "Warn"}, Counted{kAuditedAnnotation, "Audit"}};

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
      certificate_expiry_(prometheus::BuildGauge()
                              .Name("stockade_webhook_certificate_expiration_timestamp_seconds")
                              .Help("When the serving certificate in use expires, in seconds since "
                                    "the unix epoch.")
                              .Register(registry)
                              .Add({})),
      findings_(AddCounters(registry, "stockade_findings_total",
                            "Reviews in which a rule found something, by its code, by what "
                            "demands it, the floor or policies and how these are enforced, and "
                            "by the review's verdict.")) {}

PathMetrics ReviewMetrics::ForPath(std::string_view path) {
  return PathMetrics(std::string(path), *this);
}

void ReviewMetrics::SetCertificateExpiry(std::chrono::system_clock::time_point not_after) {
  certificate_expiry_.Set(std::chrono::duration<double>(not_after.time_since_epoch()).count());
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
  for (const Counted& counted : kCounted) {
    const auto list = answer.audit_annotations.find(std::string(counted.annotation));
    if (list == answer.audit_annotations.end()) continue;
    std::set<std::string_view> codes;
    for (const std::string_view entry : Split(list->second, ',')) {
      codes.insert(entry.substr(entry.find('/') + 1));
    }
    for (const std::string_view code : codes) {
      all_->findings_
          .Add({{"code", std::string(code)},
                {"enforcement", std::string(counted.enforcement)},
                {"verdict", verdict}})
          .Increment();
    }
  }
}

}  // namespace stockade::webhook
