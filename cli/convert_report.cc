#include "base/strings.h"
#include "base/version.h"
#include "cli/conversion.h"
#include "cli/shown.h"

namespace stockade::cli {
namespace {

using codec::Json;

constexpr std::size_t kColumns = 100;

std::string Item(const std::string& text) {
  return "    " +
         Wrap(policy::EscapeControls(text), {.columns = kColumns, .indent = 6, .first = 4});
}

std::string Reason(const std::string& text) {
  return text.empty() ? ""
                      : "      " + Wrap(policy::EscapeControls(text),
                                        {.columns = kColumns, .indent = 6, .first = 6});
}

std::string TextOf(const std::vector<Change>& changes, std::string_view heading) {
  std::string text;
  for (const Change& change : changes) {
    if (text.empty()) text = "  " + std::string(heading) + ":\n";
    text += Item(change.field + ": " + change.from + " -> " + change.to +
                 (change.code.empty() ? "" : " [" + std::string(change.code) + "]"));
    text += Reason(change.why);
  }
  return text;
}

std::string TextOf(const std::vector<LeftOut>& left_out) {
  std::string text;
  for (const LeftOut& left : left_out) {
    if (text.empty()) text = "  not carried over:\n";
    if (left.field.empty()) {
      text += Item(left.why);
      continue;
    }
    text += Item(left.field + (left.value.empty() ? "" : ": " + left.value));
    text += Reason(left.why);
  }
  return text;
}

std::string TextOf(const std::vector<Concern>& concerns) {
  std::string text;
  for (const Concern& concern : concerns) {
    if (text.empty()) text = "  needs a person:\n";
    text += Item(std::string(LevelName(concern.level)) + ": " + concern.field + ": " +
                 (concern.code.empty() ? "" : "[" + concern.code + "] ") + concern.message);
  }
  return text;
}

std::string Place(const ConvertedObject& object) {
  if (!object.position.known()) return ShownFile(object.source);
  return ShownFile(object.source) + ":" + std::to_string(object.position.line);
}

Json ToJson(const std::vector<Change>& changes) {
  Json list = Json::array();
  for (const Change& change : changes) {
    Json entry = {
        {"field", change.field}, {"from", change.from}, {"to", change.to}, {"why", change.why}};
    if (!change.code.empty()) entry["code"] = change.code;
    list.push_back(std::move(entry));
  }
  return list;
}

Json ToJson(const ConvertedObject& object, const std::vector<std::string>& files) {
  Json json = {{"file", object.source},
               {"from", object.from},
               {"tightened", ToJson(object.account.tightened)},
               {"moved", ToJson(object.account.moved)},
               {"notCarriedOver", Json::array()},
               {"needsPerson", Json::array()}};
  if (object.position.known()) json["line"] = object.position.line;
  if (!object.to.empty()) json["to"] = object.to;
  if (object.output && *object.output < files.size()) json["output"] = files[*object.output];
  for (const LeftOut& left : object.account.left_out) {
    Json entry = {{"why", left.why}};
    if (!left.field.empty()) entry["field"] = left.field;
    if (!left.value.empty()) entry["value"] = left.value;
    json["notCarriedOver"].push_back(std::move(entry));
  }
  for (const Concern& concern : object.account.concerns) {
    Json entry = {{"severity", LevelName(concern.level)},
                  {"field", concern.field},
                  {"message", concern.message}};
    if (!concern.code.empty()) entry["code"] = concern.code;
    json["needsPerson"].push_back(std::move(entry));
  }
  return json;
}

struct Counts {
  std::size_t made = 0;
  std::size_t with_errors = 0;
  std::size_t not_made = 0;  // and a person has to see to it
  std::size_t passed = 0;
};

Counts Count(const Conversion& conversion) {
  Counts counts;
  for (const ConvertedObject& object : conversion.objects) {
    if (!object.to.empty()) ++counts.made;
    if (!object.account.HasErrors()) continue;
    if (object.output) ++counts.with_errors;
    if (!object.output) ++counts.not_made;
  }
  for (const auto& [kind, count] : conversion.passed_through) counts.passed += count;
  return counts;
}

}  // namespace

std::string TextReport(const Conversion& conversion) {
  std::string text;
  for (const ConvertedObject& object : conversion.objects) {
    text += policy::EscapeControls(Place(object) + ": " + object.from +
                                   (object.to.empty() ? "" : " -> ") + object.to) +
            "\n";
    text += TextOf(object.account.tightened, "tightened");
    text += TextOf(object.account.moved, "said elsewhere");
    text += TextOf(object.account.left_out);
    text += TextOf(object.account.concerns);
  }
  return text;
}

std::string Summary(const Conversion& conversion) {
  const Counts counts = Count(conversion);
  std::string text;
  if (conversion.objects.empty()) {
    text = "nothing of agent-sandbox's in the input";
  } else {
    text = std::to_string(counts.made) + (counts.made == 1 ? " object made" : " objects made");
    if (counts.not_made > 0) {
      text += ", " + std::to_string(counts.not_made) +
              (counts.not_made == 1 ? " object not converted" : " objects not converted");
    }
    if (counts.with_errors > 0) {
      text += "; " + std::to_string(counts.with_errors) +
              (counts.with_errors == 1 ? " of the output needs a person"
                                       : " of the output need a person");
    }
  }
  if (counts.passed > 0) {
    std::string kinds;
    for (const auto& [kind, count] : conversion.passed_through) {
      kinds += (kinds.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
    }
    text += "; passed through unchanged: " + kinds;
  }
  if (!conversion.problems.empty()) {
    text += "; " + std::to_string(conversion.problems.size()) +
            (conversion.problems.size() == 1 ? " text" : " texts") + " could not be read";
  }
  return policy::EscapeControls(text) + "\n";
}

std::string JsonReport(const Conversion& conversion, const std::vector<std::string>& files) {
  const Counts counts = Count(conversion);
  Json json = {{"version", STOCKADE_VERSION},
               {"objects", Json::array()},
               {"passedThrough", Json::object()},
               {"unreadable", Json::array()},
               {"notes", conversion.notes},
               {"summary",
                {{"files", conversion.files},
                 {"made", counts.made},
                 {"needPerson", counts.with_errors},
                 {"notConverted", counts.not_made}}}};
  for (const ConvertedObject& object : conversion.objects) {
    json["objects"].push_back(ToJson(object, files));
  }
  for (const auto& [kind, count] : conversion.passed_through) json["passedThrough"][kind] = count;
  for (const ReadProblem& problem : conversion.problems) {
    json["unreadable"].push_back({{"file", problem.source}, {"message", problem.message}});
  }
  // The name of a file can be any bytes; JSON is UTF-8.
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

}  // namespace stockade::cli
