#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "canary/target.h"
#include "canary/verdict.h"

namespace stockade::canary {

// What is to be checked, and for how long.
struct CheckOptions {
  std::vector<Target> shut;                                             // at least one
  std::optional<Target> open;                                           // of TCP
  std::chrono::milliseconds timeout = std::chrono::seconds(1);          // of one attempt
  std::chrono::milliseconds interval = std::chrono::milliseconds(100);  // between two rounds
  // When no further round begins. Zero: there is one.
  std::chrono::milliseconds deadline = std::chrono::seconds(30);
};

// Repeats rounds until one finds the network shut, or the deadline has passed: policies may take
// effect only a while after the pod has begun. The report is that of the last round.
//
// A round asks the address that must answer, then all that must be shut at once, then the first one
// again: that something is shut counts only if the network was there before and after.
Report Check(const CheckOptions& options);

// One round.
Report CheckOnce(const CheckOptions& options);

}  // namespace stockade::canary
