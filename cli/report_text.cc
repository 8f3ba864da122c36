#include "cli/colours.h"
#include "cli/report.h"
#include "cli/shown.h"

namespace stockade::cli {
namespace {

std::string Counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

// "1 AgentSandbox", "2 AgentSandboxes", "3 AgentSandboxPolicies".
std::string CountedKind(std::size_t count, std::string kind) {
  if (count != 1 && kind.ends_with('y')) kind.replace(kind.size() - 1, 1, "ie");
  if (count != 1) kind += kind.ends_with('x') ? "es" : "s";
  return std::to_string(count) + " " + kind;
}

std::string Place(const std::string& source, codec::TextPosition position) {
  if (!position.known()) return ShownFile(source);
  return ShownFile(source) + ":" + std::to_string(position.line) + ":" +
         std::to_string(position.column);
}

}  // namespace

std::string TextOf(const LintedObject& object, bool colour) {
  const Colours colours(colour);
  std::string text;
  for (const LocatedFinding& located : object.findings) {
    const policy::Finding& finding = located.finding;
    text += colours.Bold(Place(object.source, located.position) + ":") + " ";
    const std::string level = std::string(LevelName(located.level())) + ":";
    text += located.level() == Level::kError     ? colours.Red(level)
            : located.level() == Level::kWarning ? colours.Yellow(level)
                                                 : colours.Bold(level);
    text += " " + (finding.field.empty() ? "" : finding.field + ": ");
    text += "[" + std::string(finding.code) + "] " + finding.message + "\n";
  }
  return text;
}

std::string TextReport(const LintReport& report, bool colour) {
  std::string text;
  for (const LintedObject& object : report.objects) text += TextOf(object, colour);
  return text;
}

std::string Summary(const LintReport& report) {
  std::map<std::string, std::size_t> judged;
  for (const LintedObject& object : report.objects) ++judged[object.kind];
  std::string text;
  for (const auto& [kind, count] : judged) {
    if (!text.empty()) text += ", ";
    text += CountedKind(count, kind);
  }
  text = text.empty()
             ? "nothing of Stockade's in " + Counted(report.files, "file, so nothing was judged",
                                                     "files, so nothing was judged")
             : text + " judged";
  const std::size_t errors = report.Count(Level::kError);
  const std::size_t warnings = report.Count(Level::kWarning);
  const std::size_t notes = report.Count(Level::kNote);
  if (!judged.empty()) {
    text += errors + warnings + notes == 0 ? ": no findings"
                                           : ": " + Counted(errors, "error", "errors") + ", " +
                                                 Counted(warnings, "warning", "warnings");
    if (notes > 0) text += ", " + std::to_string(notes) + " recorded by policies in Audit";
  }
  std::size_t ignored = 0;
  for (const auto& [kind, count] : report.ignored) ignored += count;
  if (ignored > 0) {
    text +=
        "; " + Counted(ignored, "object of another kind", "objects of other kinds") + " left alone";
  }
  if (report.other_documents > 0) {
    text += "; " + Counted(report.other_documents, "document that is no Kubernetes object",
                           "documents that are no Kubernetes objects");
    text += " left alone";
  }
  if (!report.problems.empty()) {
    text += "; " + Counted(report.problems.size(), "text", "texts") + " could not be read";
  }
  return policy::EscapeControls(text) + "\n";
}

}  // namespace stockade::cli
