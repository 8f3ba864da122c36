#include <string_view>
#include <utility>
#include <vector>

#include "cli/report.h"

namespace stockade::cli {
namespace {

// Text inside of XML 1.0, in an element or an attribute. Characters that XML cannot have become
// "?".
std::string Escape(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    // U+FFFE and U+FFFF are the only ones beyond ASCII.
    const bool no_character =
        text.substr(i, 3) == "\xEF\xBF\xBE" || text.substr(i, 3) == "\xEF\xBF\xBF";
    if (no_character) {
      escaped += '?';
      i += 2;
    } else if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\n') {
      escaped += "&#10;";
    } else if (byte < 0x20 && c != '\t') {
      escaped += '?';
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string Attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + Escape(value) + "\"";
}

struct Suite {
  std::string source;
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::string cases = {};
};

// The suite of a file, in the order in which files appear.
Suite& SuiteOf(std::vector<Suite>& suites, const std::string& source) {
  for (Suite& suite : suites) {
    if (suite.source == source) return suite;
  }
  suites.push_back({.source = source});
  return suites.back();
}

void AddCase(const LintedObject& object, bool warnings_fail, Suite& suite) {
  LintedObject failing = object;
  LintedObject others = object;
  const auto fails = [warnings_fail](const LocatedFinding& located) {
    return located.level() == Level::kError ||
           (warnings_fail && located.level() == Level::kWarning);
  };
  std::erase_if(failing.findings, [&](const auto& located) { return !fails(located); });
  std::erase_if(others.findings, fails);
  ++suite.tests;
  suite.cases +=
      "    <testcase" + Attribute("name", object.Title()) + Attribute("classname", object.source);
  if (object.position.known()) {
    suite.cases +=
        Attribute("file", object.source) + Attribute("line", std::to_string(object.position.line));
  }
  if (object.findings.empty()) {
    suite.cases += "/>\n";
    return;
  }
  suite.cases += ">\n";
  if (!failing.findings.empty()) {
    ++suite.failures;
    const policy::Finding& first = failing.findings.front().finding;
    std::string summary = first.field + ": [" + std::string(first.code) + "] " + first.message;
    if (failing.findings.size() > 1) {
      summary += " (and " + std::to_string(failing.findings.size() - 1) + " more)";
    }
    suite.cases += "      <failure" + Attribute("type", first.code) +
                   Attribute("message", summary) + ">" + Escape(TextOf(failing, /*colour=*/false)) +
                   "</failure>\n";
  }
  if (!others.findings.empty()) {
    suite.cases +=
        "      <system-out>" + Escape(TextOf(others, /*colour=*/false)) + "</system-out>\n";
  }
  suite.cases += "    </testcase>\n";
}

void AddProblem(const ReadProblem& problem, Suite& suite) {
  ++suite.tests;
  ++suite.errors;
  suite.cases += "    <testcase" + Attribute("name", "is readable") +
                 Attribute("classname", problem.source) + ">\n      <error" +
                 Attribute("type", "Unreadable") + Attribute("message", problem.message) +
                 "/>\n    </testcase>\n";
}

}  // namespace

std::string JunitReport(const LintReport& report, bool warnings_fail) {
  std::vector<Suite> suites;
  for (const LintedObject& object : report.objects) {
    AddCase(object, warnings_fail, SuiteOf(suites, object.source));
  }
  for (const ReadProblem& problem : report.problems) {
    AddProblem(problem, SuiteOf(suites, problem.source));
  }
  const auto counts = [](std::size_t tests, std::size_t failures, std::size_t errors) {
    return Attribute("tests", std::to_string(tests)) +
           Attribute("failures", std::to_string(failures)) +
           Attribute("errors", std::to_string(errors));
  };
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::string body;
  for (const Suite& suite : suites) {
    tests += suite.tests;
    failures += suite.failures;
    errors += suite.errors;
    body += "  <testsuite" + Attribute("name", suite.source) +
            counts(suite.tests, suite.failures, suite.errors) + ">\n" + suite.cases +
            "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
         Attribute("name", "stockade lint") + counts(tests, failures, errors) + ">\n" + body +
         "</testsuites>\n";
}

}  // namespace stockade::cli
