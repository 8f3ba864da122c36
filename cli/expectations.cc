#include "cli/expectations.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace stockade::cli {
namespace {

constexpr std::string_view kMark = "expect:";

// The words after "# expect:", or nothing when the line is another comment.
std::vector<std::string_view> WordsOf(std::string_view line) {
  while (line.starts_with('#')) line.remove_prefix(1);
  line = TrimSpace(line);
  if (!line.starts_with(kMark)) return {};
  std::vector<std::string_view> words;
  for (const std::string_view word : Split(line.substr(kMark.size()), ' ')) {
    if (!TrimSpace(word).empty()) words.push_back(TrimSpace(word));
  }
  // A mark without words is a mistake, and told as one.
  if (words.empty()) words.emplace_back();
  return words;
}

Status CheckCode(std::string_view code) {
  if (FindAnyRule(code) != nullptr) return Status::Ok();
  std::vector<std::string_view> codes;
  for (const policy::Rule* rule : AllRules()) codes.push_back(rule->code);
  const std::string_view meant = ClosestMatch(code, codes);
  return {StatusCode::kBadRequest,
          "\"# expect: CODE [FIELD]\" needs the code of a rule, or none, not \"" +
              std::string(code) + "\"" +
              (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?")};
}

}  // namespace

Result<std::vector<Expectation>> ReadExpectations(std::string_view comments) {
  std::vector<Expectation> expected;
  bool none = false;
  for (const std::string_view line : Split(comments, '\n')) {
    const std::vector<std::string_view> words = WordsOf(line);
    if (words.empty()) continue;
    if (words.front() == "none") {
      none = true;
      continue;
    }
    if (Status status = CheckCode(words.front()); !status.ok()) return status;
    if (words.size() > 2) {
      return Status(StatusCode::kBadRequest,
                    "\"# expect: CODE [FIELD]\" names one field; write one line for each finding");
    }
    expected.push_back({std::string(words[0]), words.size() == 2 ? std::string(words[1]) : ""});
  }
  if (none && !expected.empty()) {
    return Status(StatusCode::kBadRequest, "\"# expect: none\" stands beside other expectations");
  }
  return expected;
}

std::vector<std::string> CompareWithExpectations(const LintedObject& linted,
                                                 const std::vector<Expectation>& expected) {
  std::vector<const LocatedFinding*> open;
  open.reserve(linted.findings.size());
  // Notes last: an expectation that an error or a warning meets is not for them.
  for (const bool notes : {false, true}) {
    for (const LocatedFinding& located : linted.findings) {
      if ((located.level() == Level::kNote) == notes) open.push_back(&located);
    }
  }
  std::vector<std::string> problems;
  // Those that name a field choose first, so that one that names none leaves it to them.
  for (const bool with_field : {true, false}) {
    for (const Expectation& expectation : expected) {
      if (expectation.field.empty() == with_field) continue;
      const auto met = std::ranges::find_if(open, [&](const LocatedFinding* located) {
        return located->finding.code == expectation.code &&
               (expectation.field.empty() || located->finding.field == expectation.field);
      });
      if (met != open.end()) {
        open.erase(met);
      } else {
        problems.push_back("expected and not found: " + expectation.code +
                           (expectation.field.empty() ? "" : " " + expectation.field));
      }
    }
  }
  for (const LocatedFinding* located : open) {
    if (located->level() == Level::kNote) continue;
    const policy::Finding& finding = located->finding;
    problems.push_back("found and not expected: " + std::string(finding.code) + " " +
                       finding.field + ": " + finding.message);
  }
  return problems;
}

}  // namespace stockade::cli
