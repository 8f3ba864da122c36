#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/lint.h"

// A LintReport in each of the output formats. Pure; equal reports give equal text.
namespace stockade::cli {

enum class ReportFormat { kText, kJson, kSarif, kJunit };
inline constexpr std::array<std::string_view, 4> kReportFormatNames = {"text", "json", "sarif",
                                                                       "junit"};

// One finding a line, "file:line:column: error: field: [Code] message", as compilers write and
// editors read them; nothing when there is none.
[[nodiscard]] std::string TextReport(const LintReport& report, bool colour);
// What was judged and found, in one line.
[[nodiscard]] std::string Summary(const LintReport& report);

// For programs: every object with its findings, and the counts.
[[nodiscard]] std::string JsonReport(const LintReport& report);

// SARIF 2.1.0 with every rule's metadata, for code scanning.
[[nodiscard]] std::string SarifReport(const LintReport& report);

// JUnit's XML: a suite for each file, a case for each object. With `warnings_fail` a warning fails
// its case as well.
[[nodiscard]] std::string JunitReport(const LintReport& report, bool warnings_fail);

// The same findings of one object, for commands that refuse it.
[[nodiscard]] std::string TextOf(const LintedObject& object, bool colour);

}  // namespace stockade::cli
