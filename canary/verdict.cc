#include "canary/verdict.h"

#include <algorithm>

#include "base/strings.h"

namespace stockade::canary {
namespace {

// Of open addresses in a message; each has at most 60 bytes.
constexpr std::size_t kMostListed = 32;

std::vector<std::string> Listed(const Report& report) {
  return {report.open.begin(), report.open.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                         report.open.size(), kMostListed))};
}

// Quotes what holds addresses and errors of the C library; anything else than printable ASCII is
// left out.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) continue;
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kShut:
      return "Shut";
    case Verdict::kOpen:
      return "Open";
    case Verdict::kUnanswered:
      return "Unanswered";
    case Verdict::kUnknown:
      break;
  }
  return "Unknown";
}

int ExitCode(Verdict verdict) {
  switch (verdict) {
    case Verdict::kShut:
      return 0;
    case Verdict::kOpen:
      return 1;
    case Verdict::kUnanswered:
      return 3;
    case Verdict::kUnknown:
      break;
  }
  return 4;
}

std::string ToJson(const Report& report) {
  std::string json = "{\"verdict\":" + Quoted(VerdictName(report.verdict));
  if (!report.open.empty()) {
    std::vector<std::string> quoted;
    for (const std::string& address : Listed(report)) quoted.push_back(Quoted(address));
    json += ",\"open\":[" + Join(quoted, ",") + "]";
  }
  if (!report.address.empty()) json += ",\"address\":" + Quoted(report.address);
  if (!report.error.empty()) json += ",\"error\":" + Quoted(report.error);
  json += ",\"rounds\":" + std::to_string(report.rounds);
  json += ",\"milliseconds\":" + std::to_string(report.took.count()) + "}";
  return json;
}

std::string ToSentence(const Report& report) {
  switch (report.verdict) {
    case Verdict::kShut:
      return "the network is shut";
    case Verdict::kOpen:
      return "the network is not shut: " + Join(Listed(report), ", ") +
             " can be reached, so NetworkPolicies are not enforced here, or allow it";
    case Verdict::kUnanswered:
      return report.address + " does not answer (" + report.error +
             "), so nothing can be said of what must be shut";
    case Verdict::kUnknown:
      break;
  }
  return report.address + " could not be tried: " + report.error;
}

}  // namespace stockade::canary
