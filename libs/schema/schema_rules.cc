#include "schema/schema_rules.h"

#include <array>

namespace stockade::schema {
namespace {

using policy::JudgedObject;
using policy::Principle;
using policy::Rule;

constexpr Rule MakeRule(std::string_view code, std::string_view fields, std::string_view summary,
                        std::string_view remedy) {
  return {.code = code,
          .judges = JudgedObject::kSandbox,
          .fields = fields,
          .summary = summary,
          .remedy = remedy,
          .references = {.principle = Principle::kDefenceInDepth}};
}

constexpr std::array kRules = {
    MakeRule(kUnknownField, "every field",
             "A field that the resource does not have. The API server drops it or refuses the "
             "object, depending on who asks; either way it has no effect, and a misspelt hardening "
             "field protects nothing.",
             "correct the name, or remove the field"),
    MakeRule(kRequired, "every required field",
             "A field without which the object means nothing. The API server refuses the object.",
             "set the field"),
    MakeRule(kTypeInvalid, "every field",
             "A value of another type than the field has, such as the string \"true\" for a "
             "boolean. The API server refuses the object.",
             "write a value of the type that the message names"),
    MakeRule(kNotSupported, "fields with a fixed set of values",
             "A value that is none of those that the field can have. The API server refuses the "
             "object.",
             "write one of the values that the message lists; case matters"),
    MakeRule(kInvalid, "every field with a pattern, a range or a rule of its own",
             "A value of the right type that the field cannot have. The API server refuses the "
             "object.",
             "write a value as the message describes it"),
    MakeRule(kTooLong, "strings with a largest length",
             "A string that is longer than the field takes. The API server refuses the object.",
             "shorten the value"),
    MakeRule(kTooMany, "lists and maps with a largest number of entries",
             "A list or map with more entries than the field takes. The API server refuses the "
             "object.",
             "remove entries, or divide them between several sandboxes"),
    MakeRule(kDuplicate, "lists whose entries have a key of their own",
             "Two entries of a list that must differ, such as two containers of one name. The API "
             "server refuses the object.",
             "rename or remove one of the two"),
};

}  // namespace

std::span<const Rule> SchemaRules() { return kRules; }

const Rule* FindSchemaRule(std::string_view code) {
  for (const Rule& rule : kRules) {
    if (rule.code == code) return &rule;
  }
  return nullptr;
}

}  // namespace stockade::schema
