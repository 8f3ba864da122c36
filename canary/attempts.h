#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "canary/target.h"

namespace stockade::canary {

enum class Outcome {
  kOpen,     // a TCP connection was made, or a UDP query answered
  kRefused,  // an error that came back from the way or from the other side: shut
  kSilent,   // nothing came back in time: shut
  kFailed,   // this machine could not try: nothing is known
};

// What came of trying one target.
struct Attempt {
  Outcome outcome = Outcome::kFailed;
  int error = 0;  // errno of kRefused and kFailed
};

// Tries all targets at once, for at most `timeout`, and returns what came of each, in their order.
// A TCP target is connected to; nothing is sent. A UDP target is asked for the name servers of the
// root by DNS, twice, since a packet may be lost; any answer counts.
std::vector<Attempt> Try(std::span<const Target> targets, std::chrono::milliseconds timeout);

// What an error of a socket says of the way to its target. An error that is not known to come of
// the network is kFailed, so that nothing is taken for shut without a reason.
Outcome OutcomeOf(int error);

}  // namespace stockade::canary
