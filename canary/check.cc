#include "canary/check.h"

#include <cstring>
#include <span>
#include <string>
#include <thread>

#include "canary/attempts.h"

namespace stockade::canary {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string ErrorText(const Attempt& attempt) {
  return attempt.outcome == Outcome::kSilent ? "nothing came back" : std::strerror(attempt.error);
}

// Whether the address that must answer does; fills the report when it does not.
bool Answers(const CheckOptions& options, Report& report) {
  if (!options.open) return true;
  const Attempt attempt = Try({&*options.open, 1}, options.timeout).front();
  if (attempt.outcome == Outcome::kOpen) return true;
  report.verdict = attempt.outcome == Outcome::kFailed ? Verdict::kUnknown : Verdict::kUnanswered;
  report.address = options.open->text;
  report.error = ErrorText(attempt);
  return false;
}

}  // namespace

Report CheckOnce(const CheckOptions& options) {
  Report report;
  report.rounds = 1;
  const bool answered = Answers(options, report);
  // What is open is open, whether or not anything answers.
  const std::vector<Attempt> attempts = Try(options.shut, options.timeout);
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (attempts[i].outcome == Outcome::kOpen) report.open.push_back(options.shut[i].text);
  }
  if (!report.open.empty()) {
    report.verdict = Verdict::kOpen;
    report.address.clear();
    report.error.clear();
    return report;
  }
  if (!answered) return report;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (attempts[i].outcome != Outcome::kFailed) continue;
    report.verdict = Verdict::kUnknown;
    report.address = options.shut[i].text;
    report.error = ErrorText(attempts[i]);
    return report;
  }
  if (Answers(options, report)) report.verdict = Verdict::kShut;
  return report;
}

Report Check(const CheckOptions& options) {
  const auto begin = steady_clock::now();
  for (int rounds = 1;; ++rounds) {
    Report report = CheckOnce(options);
    report.rounds = rounds;
    const auto now = steady_clock::now();
    report.took = std::chrono::duration_cast<milliseconds>(now - begin);
    if (report.verdict == Verdict::kShut || now + options.interval - begin >= options.deadline) {
      return report;
    }
    std::this_thread::sleep_for(options.interval);
  }
}

}  // namespace stockade::canary
