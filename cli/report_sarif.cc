// SARIF 2.1.0 (OASIS), in the part that code scanning services read.
#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/version.h"
#include "cli/report.h"
#include "codec/json.h"
#include "policy/rule_names.h"

namespace stockade::cli {
namespace {

using codec::Json;

Json Descriptor(const policy::Rule& rule) {
  const std::string remedy(rule.remedy);
  Json tags = {"security", policy::PrincipleName(rule.references.principle)};
  if (!rule.references.cve.empty()) tags.push_back(rule.references.cve);
  if (!rule.references.pod_security.empty()) {
    tags.push_back("Pod Security Standards: " + std::string(rule.references.pod_security));
  }
  if (!rule.references.kubescape.empty()) {
    tags.push_back("Kubescape " + std::string(rule.references.kubescape));
  }
  return {{"id", rule.code},
          {"name", rule.code},
          {"shortDescription", {{"text", rule.code}}},
          {"fullDescription", {{"text", rule.summary}}},
          {"help",
           {{"text", "Reads: " + std::string(rule.fields) + "\nRemedy: " + remedy},
            {"markdown", std::string(rule.summary) + "\n\n- Reads: " + std::string(rule.fields) +
                             "\n- Remedy: " + remedy}}},
          {"defaultConfiguration", {{"level", policy::SeverityName(rule.severity)}}},
          {"properties", {{"tags", std::move(tags)}}}};
}

// A relative reference or a file URI, as RFC 3986 has them.
std::string ToUri(std::string_view path) {
  if (path == kStdinName) return "stdin";
  while (path.starts_with("./")) path.remove_prefix(2);
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    uri += '%';
    uri += kHex[byte >> 4U];
    uri += kHex[byte & 0xFU];
  }
  return uri;
}

Json Location(const LintedObject& object, const LocatedFinding& located) {
  const codec::TextPosition position = located.position;
  return {{"physicalLocation",
           {{"artifactLocation", {{"uri", ToUri(object.source)}}},
            {"region",
             {{"startLine", std::max(1, position.line)},
              {"startColumn", std::max(1, position.column)}}}}},
          {"logicalLocations",
           Json::array({{{"fullyQualifiedName", object.Title() + ": " + located.finding.field},
                         {"kind", "member"}}})}};
}

// The same for the same finding about the same object, wherever it has moved to in its file. Two
// files may hold an object of one name each, as overlays do, and one file several whose names are
// generated: those are told apart by their order, of which `seen` keeps count.
std::string Fingerprint(const LintedObject& object, const LocatedFinding& located,
                        std::map<std::string, std::size_t>& seen) {
  const policy::Finding& finding = located.finding;
  Json identity = {ToUri(object.source), object.kind,   object.namespace_name, object.name,
                   finding.code,         finding.field, located.policy};
  const std::size_t before = seen[identity.dump()]++;
  if (before > 0) identity.push_back(before);
  return Sha256Hex(identity.dump());
}

Json ResultOf(const LintedObject& object, const LocatedFinding& located,
              const std::map<std::string_view, std::size_t>& rule_index,
              std::map<std::string, std::size_t>& seen) {
  const policy::Finding& finding = located.finding;
  const std::string field = finding.field.empty() ? "" : finding.field + ": ";
  Json result = {{"ruleId", finding.code},
                 {"level", LevelName(located.level())},
                 {"message", {{"text", object.Title() + ": " + field + finding.message}}},
                 {"locations", Json::array({Location(object, located)})},
                 {"partialFingerprints", {{"stockade/v1", Fingerprint(object, located, seen)}}}};
  const auto index = rule_index.find(finding.code);
  if (index != rule_index.end()) result["ruleIndex"] = index->second;
  return result;
}

Json Notification(const ReadProblem& problem) {
  return {
      {"level", "error"},
      {"message", {{"text", problem.message}}},
      {"locations", Json::array({{{"physicalLocation",
                                   {{"artifactLocation", {{"uri", ToUri(problem.source)}}}}}}})}};
}

}  // namespace

std::string SarifReport(const LintReport& report) {
  Json rules = Json::array();
  std::map<std::string_view, std::size_t> rule_index;
  for (const policy::Rule* rule : AllRules()) {
    rule_index.emplace(rule->code, rules.size());
    rules.push_back(Descriptor(*rule));
  }
  Json results = Json::array();
  std::map<std::string, std::size_t> seen;
  for (const LintedObject& object : report.objects) {
    for (const LocatedFinding& located : object.findings) {
      results.push_back(ResultOf(object, located, rule_index, seen));
    }
  }
  Json notifications = Json::array();
  for (const ReadProblem& problem : report.problems) notifications.push_back(Notification(problem));
  const Json run = {
      {"tool",
       {{"driver",
         {{"name", "stockade"}, {"semanticVersion", STOCKADE_VERSION}, {"rules", rules}}}}},
      {"invocations", Json::array({{{"executionSuccessful", report.problems.empty()},
                                    {"toolExecutionNotifications", std::move(notifications)}}})},
      {"columnKind", "unicodeCodePoints"},
      {"results", std::move(results)}};
  const Json sarif = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                      {"version", "2.1.0"},
                      {"runs", Json::array({run})}};
  return sarif.dump(2) + "\n";
}

}  // namespace stockade::cli
