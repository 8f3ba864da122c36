#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace stockade::canary {

enum class Verdict {
  kShut,        // every address that must be shut is, and the one that must answer does
  kOpen,        // at least one address that must be shut is open
  kUnanswered,  // the one that must answer does not: that the others are shut proves nothing
  kUnknown,     // this machine could not try
};

// "Shut", "Open", "Unanswered" or "Unknown".
[[nodiscard]] std::string_view VerdictName(Verdict verdict);

// The exit code of the program: 0, 1, 3 and 4 in their order. 2 is a wrong command line.
[[nodiscard]] int ExitCode(Verdict verdict);

// What the canary found. A plain value.
struct Report {
  Verdict verdict = Verdict::kUnknown;
  std::vector<std::string> open;  // the addresses that must be shut and are open
  std::string address;            // that did not answer, or could not be tried
  std::string error;              // why not
  int rounds = 0;
  std::chrono::milliseconds took{};
};

// One line of JSON without its newline, of fewer bytes than Kubernetes keeps of a termination
// message (4096): {"verdict":"Open","open":["tcp://10.96.0.1:443"],"rounds":12,"milliseconds":6021}
[[nodiscard]] std::string ToJson(const Report& report);

// A sentence for people.
[[nodiscard]] std::string ToSentence(const Report& report);

}  // namespace stockade::canary
