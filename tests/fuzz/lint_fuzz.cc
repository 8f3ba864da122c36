// Manifests of people, the whole way of `stockade lint`: read, judged by schema and rules, and
// reported in every format. Whatever is read, the reports are well-formed and say the same.
#include <string>

#include "cli/lint.h"
#include "cli/report.h"
#include "codec/json.h"
#include "fuzzing.h"
#include "schema/structural_schema.h"

namespace cli = stockade::cli;
namespace codec = stockade::codec;
using stockade::fuzz::Require;

namespace {

std::size_t CountFindings(const cli::LintReport& report) {
  std::size_t count = 0;
  for (const cli::LintedObject& object : report.objects) count += object.findings.size();
  return count;
}

std::size_t Count(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  cli::Input input;
  cli::ReadText("input.yaml", text, input);
  const cli::LintReport report = cli::Lint(input, {});
  const int lines = 1 + static_cast<int>(Count(std::string(text), "\n"));
  for (const cli::LintedObject& object : report.objects) {
    Require(object.position.known(), "an object stands somewhere");
    for (const cli::LocatedFinding& located : object.findings) {
      Require(located.position.known() && located.position.line <= lines,
              "a finding stands in the text", located.finding.field);
      Require(cli::FindAnyRule(located.finding.code) != nullptr, "a code has a rule",
              located.finding.code);
      Require(!located.finding.message.empty(), "a finding says what is wrong");
    }
  }
  const std::size_t findings = CountFindings(report);
  const std::string plain = cli::TextReport(report, /*colour=*/false);
  Require(Count(plain, "\n") == findings, "a finding is one line", plain);
  for (const char c : plain) {
    const auto byte = static_cast<unsigned char>(c);
    Require(c == '\n' || (byte >= 0x20 && byte != 0x7F), "nothing controls the terminal", plain);
  }
  const auto json = codec::JsonDocument::Parse(cli::JsonReport(report));
  Require(json.ok(), "the JSON report is JSON", json.status().ToString());
  const auto sarif = codec::JsonDocument::Parse(cli::SarifReport(report));
  Require(sarif.ok(), "the SARIF report is JSON", sarif.status().ToString());
  std::size_t results = 0;
  sarif->root()["runs"].ForEachElement(
      [&results](std::size_t, codec::JsonView run) { results += run["results"].size(); });
  Require(results == findings, "SARIF has every finding");
  const std::string xml = cli::JunitReport(report, /*warnings_fail=*/true);
  Require(Count(xml, "<testcase") == report.objects.size() + report.problems.size(),
          "JUnit has a case for every object and every text that could not be read", xml);
  return 0;
}
