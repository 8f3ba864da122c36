#include "base/version.h"
#include "cli/report.h"
#include "codec/json.h"

namespace stockade::cli {
namespace {

using codec::Json;

void AddPlace(Json& object, codec::TextPosition position) {
  if (!position.known()) return;
  object["line"] = position.line;
  object["column"] = position.column;
}

Json ToJson(const LocatedFinding& located) {
  Json finding = {{"code", located.finding.code},
                  {"severity", LevelName(located.level())},
                  {"field", located.finding.field},
                  {"message", located.finding.message}};
  if (!located.policy.empty()) finding["policy"] = located.policy;
  AddPlace(finding, located.position);
  return finding;
}

Json ToJson(const LintedObject& object) {
  Json json = {{"file", object.source},
               {"kind", object.kind},
               {"name", object.name},
               {"findings", Json::array()}};
  if (!object.namespace_name.empty()) json["namespace"] = object.namespace_name;
  AddPlace(json, object.position);
  for (const LocatedFinding& located : object.findings) json["findings"].push_back(ToJson(located));
  return json;
}

}  // namespace

std::string JsonReport(const LintReport& report) {
  Json json = {{"version", STOCKADE_VERSION},
               {"objects", Json::array()},
               {"unreadable", Json::array()},
               {"ignored", Json::object()}};
  for (const LintedObject& object : report.objects) json["objects"].push_back(ToJson(object));
  for (const ReadProblem& problem : report.problems) {
    json["unreadable"].push_back({{"file", problem.source}, {"message", problem.message}});
  }
  for (const auto& [kind, count] : report.ignored) json["ignored"][kind] = count;
  json["summary"] = {{"files", report.files},
                     {"objects", report.objects.size()},
                     {"errors", report.Count(Level::kError)},
                     {"warnings", report.Count(Level::kWarning)},
                     {"notes", report.Count(Level::kNote)}};
  // The name of a file can be any bytes; JSON is UTF-8.
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

}  // namespace stockade::cli
