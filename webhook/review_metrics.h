#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <string>
#include <string_view>

#include "webhook/admission_review.h"

namespace stockade::webhook {

class ReviewMetrics;

// What is counted of the requests to one path. Safe to call from any thread; copies count together.
class PathMetrics {
 public:
  void Begin() const { in_flight_->Increment(); }
  // An HTTP answer after Begin.
  void End(int status, std::chrono::nanoseconds took) const;
  void CountReview(Operation operation, const AdmissionResponse& answer) const;

 private:
  friend class ReviewMetrics;
  PathMetrics(std::string path, ReviewMetrics& all);

  std::string path_;
  ReviewMetrics* all_;
  prometheus::Gauge* in_flight_;
  prometheus::Histogram* latency_;
};

// The metrics of the admission endpoint: those of controller-runtime's webhooks under its names,
// stockade_reviews_total by path, operation and verdict, and stockade_findings_total by the rule's
// code, who demands it ("Floor", or the enforcement of policies) and the review's verdict, a code
// once for each review. Safe to call from any thread.
class ReviewMetrics {
 public:
  explicit ReviewMetrics(prometheus::Registry& registry);

  // Valid as long as this is.
  [[nodiscard]] PathMetrics ForPath(std::string_view path);
  // Called at each scrape.
  void SetCertificateExpiry(std::chrono::system_clock::time_point not_after);

 private:
  friend class PathMetrics;

  prometheus::Family<prometheus::Gauge>& in_flight_;
  prometheus::Family<prometheus::Histogram>& latency_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& reviews_;
  prometheus::Gauge& certificate_expiry_;
  prometheus::Family<prometheus::Counter>& findings_;
};

}  // namespace stockade::webhook
