#pragma once

#include <string>

#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {

// What a pod's status means for its sandbox.
enum class PodOutcome {
  kReady,
  kProgressing,  // on its way, nothing is wrong
  kTroubled,     // something is wrong that may yet pass: no node, no image, a crash loop
  kHopeless,     // waiting will not help: the spec has to change
  kTerminating,
  kFinished,  // ran to its end as its restartPolicy says
  kLost,      // failed for a reason outside the agent (evicted, node lost): to be created again
};

struct PodDiagnosis {
  PodOutcome outcome = PodOutcome::kProgressing;
  std::string reason;   // CamelCase, for the condition Ready
  std::string message;  // for people: what is wrong and what would help
};

// Pure.
[[nodiscard]] PodDiagnosis DiagnosePod(const CachedPod& pod);

}  // namespace stockade::sandbox_operator
