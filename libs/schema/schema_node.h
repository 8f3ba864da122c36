#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/status.h"
#include "codec/json.h"
#include "schema/validation_rules.h"

// A structural schema as it is in memory: for structural_schema.cc and what it is made of.
namespace stockade::schema {

enum class ValueType { kObject, kArray, kString, kInteger, kNumber, kBoolean, kIntOrString, kAny };
enum class ListType { kAtomic, kSet, kMap };

struct Limits {
  std::optional<std::int64_t> minimum;
  std::optional<std::int64_t> maximum;
};

// An entry of x-kubernetes-validations.
struct ValidationRule {
  const RuleEquivalent* equivalent = nullptr;  // null when there is none offline
  std::string rule;
  std::string message;
  std::string field_path;  // ".mounts", below the value; empty for the value itself
};

struct SchemaNode {
  ValueType type = ValueType::kAny;
  std::map<std::string, std::unique_ptr<SchemaNode>, std::less<>> properties;
  std::unique_ptr<SchemaNode> additional_properties;
  std::unique_ptr<SchemaNode> items;
  bool preserves_unknown_fields = false;
  bool nullable = false;
  std::vector<std::string> required;
  std::vector<std::string> enumeration;  // strings are all that a schema of ours lists
  Limits length;                         // of a string, in characters
  Limits size;                           // of a list or map
  Limits range;                          // of a number
  std::string format;
  std::string pattern;
  std::optional<std::regex> expression;  // of `pattern`
  ListType list_type = ListType::kAtomic;
  std::vector<std::string> list_map_keys;
  std::optional<codec::Json> default_value;
  std::vector<ValidationRule> rules;
};

// From the JSON of a schema that stands at `path`. BadRequest names a keyword that is not known
// here, so that a schema that says more is never taken for less.
Result<std::unique_ptr<SchemaNode>> ParseSchemaNode(codec::JsonView schema,
                                                    const std::string& path);

}  // namespace stockade::schema
