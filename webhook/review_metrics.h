#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>

#include "webhook/admission_review.h"

namespace stockade::webhook {

// The metrics of the admission endpoint: those of controller-runtime's webhooks under its names,
// stockade_reviews_total by operation and verdict, and stockade_findings_total by the rule's code
// and the review's verdict, a code once for each review. Safe to call from any thread.
class ReviewMetrics {
 public:
  explicit ReviewMetrics(prometheus::Registry& registry);

  void Begin() { in_flight_.Increment(); }
  // An HTTP answer after Begin.
  void End(int status, std::chrono::nanoseconds took);
  void CountReview(Operation operation, const AdmissionResponse& answer);

 private:
  prometheus::Gauge& in_flight_;
  prometheus::Histogram& latency_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& reviews_;
  prometheus::Family<prometheus::Counter>& findings_;
};

}  // namespace stockade::webhook
