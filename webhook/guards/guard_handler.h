#pragma once

#include <string_view>
#include <utility>

#include "webhook/admission_review.h"
#include "webhook/cluster_view.h"
#include "webhook/guards/guard_config.h"

namespace stockade::webhook {

inline constexpr std::string_view kGuardPath = "/validate/guards";

// Judges requests that may concern what the operator owns: pods of sandboxes and everything around
// them. Which guard a request is for follows from its resource; docs/guards.md has the table. No
// requester is exempt, administrators included; what the operator, nodes and the control plane may
// do beyond others is each guard's to say.
//
// A request that no guard is for, or that lacks the object to be judged, is denied: a registration
// that is wrong must not look like one that works. So is everything while the cluster's state is
// not known. Nothing is written, so a dry run is judged like any other. Any number of threads.
class GuardHandler {
 public:
  // `view` must outlive this.
  GuardHandler(const ClusterView& view, GuardConfig config)
      : view_(view), config_(std::move(config)) {}

  [[nodiscard]] AdmissionResponse Review(const AdmissionRequest& request) const;

 private:
  const ClusterView& view_;
  GuardConfig config_;
};

}  // namespace stockade::webhook
