#include "schema/value_checker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "policy/quoting.h"
#include "schema/schema_rules.h"

namespace stockade::schema {
namespace {

using codec::JsonView;
using policy::Quote;

// The longest text that is held against a pattern: far more than any that fits one, and short
// enough that nobody waits.
constexpr std::size_t kMaxPatternBytes = 8192;

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kObject:
      return "an object";
    case ValueType::kArray:
      return "a list";
    case ValueType::kString:
      return "a string";
    case ValueType::kInteger:
      return "an integer";
    case ValueType::kNumber:
      return "a number";
    case ValueType::kBoolean:
      return "true or false";
    case ValueType::kIntOrString:
      return "an integer or a string";
    case ValueType::kAny:
      return "any value";
  }
  return "";
}

// "the string "yes"", "a list", "the number 1.5".
std::string DescribeValue(JsonView value) {
  if (value.IsString()) return "the string " + Quote(value);
  if (value.IsNumber()) return "the number " + Quote(value);
  if (value.IsNull()) return "null";
  return Quote(value);
}

// An integer, also one that is written with a fraction of zero, as JSON does not tell them apart.
bool IsInteger(JsonView value) {
  if (value.AsInt()) return true;
  const auto number = value.AsDouble();
  return number && std::isfinite(*number) && *number == std::trunc(*number);
}

bool HasType(JsonView value, ValueType type) {
  switch (type) {
    case ValueType::kObject:
      return value.IsObject();
    case ValueType::kArray:
      return value.IsArray();
    case ValueType::kString:
      return value.IsString();
    case ValueType::kInteger:
      return IsInteger(value);
    case ValueType::kNumber:
      return value.IsNumber();
    case ValueType::kBoolean:
      return value.IsBool();
    case ValueType::kIntOrString:
      return value.IsString() || IsInteger(value);
    case ValueType::kAny:
      return true;
  }
  return false;
}

// What to write where the type is wrong but the meaning is plain.
std::string TypeRemedy(JsonView value, ValueType wanted) {
  if (wanted == ValueType::kString && (value.IsNumber() || value.IsBool())) {
    return "; write it in quotation marks: \"" + value.Dump() + "\"";
  }
  const std::string_view text = value.StringOrEmpty();
  if (wanted == ValueType::kBoolean && (text == "true" || text == "false")) {
    return "; write it without quotation marks: " + std::string(text);
  }
  const bool digits = !text.empty() && text.size() < 19 &&
                      std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (wanted == ValueType::kInteger && digits) {
    return "; write it without quotation marks: " + std::string(text);
  }
  return "";
}

std::int64_t CountCharacters(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

std::string Plural(std::int64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string List(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ", ";
    text += name.empty() ? "\"\"" : name;
  }
  return text;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view meant = ClosestMatch(word, candidates);
  return meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?";
}

bool IsPlainName(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

}  // namespace

std::string MemberPath(const std::string& path, std::string_view key) {
  if (!IsPlainName(key)) return policy::KeyedPath(path, key);
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

void ValueChecker::Add(std::string_view code, std::string field, std::string message) {
  if (findings_.size() >= max_findings_) {
    ++dropped_;
    return;
  }
  findings_.push_back({.code = code,
                       .severity = policy::Severity::kError,
                       .field = std::move(field),
                       .message = std::move(message)});
}

std::vector<policy::Finding> ValueChecker::Take() {
  if (dropped_ > 0) {
    findings_.push_back(
        {.code = kInvalid,
         .severity = policy::Severity::kError,
         .field = {},
         .message = "and " + std::to_string(dropped_) + " more; correct these first"});
    dropped_ = 0;
  }
  return std::move(findings_);
}

void ValueChecker::Check(JsonView value, const SchemaNode& schema, const std::string& path) {
  if (value.IsNull() && schema.nullable) return;
  if (!HasType(value, schema.type)) {
    Add(kTypeInvalid, path,
        "must be " + std::string(TypeName(schema.type)) + ", not " + DescribeValue(value) +
            TypeRemedy(value, schema.type));
    return;
  }
  if (value.IsObject()) CheckObject(value, schema, path);
  if (value.IsArray()) CheckList(value, schema, path);
  if (const auto text = value.AsString()) CheckString(*text, schema, path);
  if (value.IsNumber()) CheckInteger(value, schema, path);
  CheckRules(value, schema, path);
}

void ValueChecker::CheckObject(JsonView value, const SchemaNode& schema, const std::string& path) {
  for (const std::string& key : schema.required) {
    const auto property = schema.properties.find(key);
    const bool has_default =
        property != schema.properties.end() && property->second->default_value.has_value();
    if (value[key].IsUnset() && !has_default) {
      Add(kRequired, MemberPath(path, key), "is required and not set");
    }
  }
  CheckSize(value.size(), schema, path, "entr");
  value.ForEachMember([&](std::string_view key, JsonView member) {
    const auto property = schema.properties.find(key);
    const SchemaNode* child = property != schema.properties.end()
                                  ? property->second.get()
                                  : schema.additional_properties.get();
    if (child != nullptr) {
      if (!member.IsNull()) Check(member, *child, MemberPath(path, key));
    } else if (!schema.preserves_unknown_fields) {
      CheckUnknown(key, schema, path);
    }
  });
}

void ValueChecker::CheckUnknown(std::string_view key, const SchemaNode& schema,
                                const std::string& path) {
  if (findings_.size() >= max_findings_) {
    ++dropped_;
    return;
  }
  std::vector<std::string_view> known;
  known.reserve(schema.properties.size());
  for (const auto& [name, property] : schema.properties) known.push_back(name);
  Add(kUnknownField, MemberPath(path, key), "is not a known field" + DidYouMean(key, known));
}

void ValueChecker::CheckSize(std::size_t size, const SchemaNode& schema, const std::string& path,
                             std::string_view unit) {
  const auto count = static_cast<std::int64_t>(size);
  const auto number_of = [unit](std::int64_t number) {
    if (unit != "entr") return Plural(number, unit);
    return std::to_string(number) + (number == 1 ? " entry" : " entries");
  };
  if (schema.size.minimum && count < *schema.size.minimum) {
    Add(kInvalid, path, "must have at least " + number_of(*schema.size.minimum));
  }
  if (schema.size.maximum && count > *schema.size.maximum) {
    Add(kTooMany, path,
        "has " + number_of(count) + "; at most " + std::to_string(*schema.size.maximum) +
            " are allowed");
  }
}

void ValueChecker::CheckList(JsonView value, const SchemaNode& schema, const std::string& path) {
  CheckSize(value.size(), schema, path, "item");
  value.ForEachElement([&](std::size_t index, JsonView element) {
    if (schema.items) Check(element, *schema.items, path + "[" + std::to_string(index) + "]");
  });
  if (schema.list_type != ListType::kAtomic) CheckDuplicates(value, schema, path);
}

void ValueChecker::CheckDuplicates(JsonView value, const SchemaNode& schema,
                                   const std::string& path) {
  std::map<std::string, std::size_t> seen;
  value.ForEachElement([&](std::size_t index, JsonView element) {
    codec::Json identity = element.ToJson();
    std::string what = "the same value";
    if (schema.list_type == ListType::kMap) {
      if (!element.IsObject()) return;
      identity = codec::Json::array();
      what.clear();
      for (const std::string& key : schema.list_map_keys) {
        JsonView member = element[key];
        codec::Json part = member.IsUnset() ? codec::Json() : member.ToJson();
        if (part.is_null() && schema.items) {
          const auto property = schema.items->properties.find(key);
          if (property != schema.items->properties.end()) {
            part = property->second->default_value.value_or(codec::Json());
          }
        }
        // One without its key is told as such.
        if (part.is_null()) return;
        what += (what.empty() ? "the same " : " and ") + key;
        identity.push_back(std::move(part));
      }
    }
    const auto [first, inserted] = seen.emplace(identity.dump(), index);
    if (inserted) return;
    Add(kDuplicate, path + "[" + std::to_string(index) + "]",
        "has " + what + " as " + path + "[" + std::to_string(first->second) +
            "]; they must differ");
  });
}

void ValueChecker::CheckString(std::string_view value, const SchemaNode& schema,
                               const std::string& path) {
  const bool is_enumerated =
      schema.enumeration.empty() ||
      std::ranges::find(schema.enumeration, value) != schema.enumeration.end();
  if (!is_enumerated) {
    const std::vector<std::string_view> names(schema.enumeration.begin(), schema.enumeration.end());
    Add(kNotSupported, path,
        "must be one of " + List(schema.enumeration) + ", not " + Quote(value) +
            DidYouMean(value, names));
    return;
  }
  const std::int64_t length = CountCharacters(value);
  if (schema.length.maximum && length > *schema.length.maximum) {
    Add(kTooLong, path,
        "has " + Plural(length, "character") + "; at most " +
            std::to_string(*schema.length.maximum) + " are allowed");
    return;
  }
  if (schema.length.minimum && length < *schema.length.minimum) {
    Add(kInvalid, path,
        "must have at least " + Plural(*schema.length.minimum, "character") + ", not be " +
            Quote(value));
    return;
  }
  if (schema.expression) {
    const bool matches = value.size() <= kMaxPatternBytes &&
                         std::regex_search(value.begin(), value.end(), *schema.expression);
    if (!matches) {
      Add(kInvalid, path, Quote(value) + " does not match the pattern " + schema.pattern);
    }
  }
}

void ValueChecker::CheckInteger(JsonView value, const SchemaNode& schema, const std::string& path) {
  const auto number = value.AsInt();
  const bool fits =
      schema.format != "int32" || (number && *number >= std::numeric_limits<std::int32_t>::min() &&
                                   *number <= std::numeric_limits<std::int32_t>::max());
  const bool is_integer = schema.type == ValueType::kInteger;
  const double as_double = value.AsDouble().value_or(0);
  if (is_integer && (!fits || (!number && std::fabs(as_double) >= 0x1p63))) {
    Add(kInvalid, path,
        "must be an integer of " + std::string(schema.format == "int32" ? "32" : "64") +
            " bits, not " + Quote(value));
    return;
  }
  const Limits& range = schema.range;
  const bool below = range.minimum && as_double < static_cast<double>(*range.minimum);
  const bool above = range.maximum && as_double > static_cast<double>(*range.maximum);
  if (!below && !above) return;
  std::string message = "must be ";
  if (range.minimum && range.maximum) {
    message += "from " + std::to_string(*range.minimum) + " to " + std::to_string(*range.maximum);
  } else if (range.minimum) {
    message += std::to_string(*range.minimum) + " or more";
  } else {
    message += std::to_string(*range.maximum) + " or less";
  }
  Add(kInvalid, path, message + ", not " + Quote(value));
}

void ValueChecker::CheckRules(JsonView value, const SchemaNode& schema, const std::string& path) {
  for (const ValidationRule& rule : schema.rules) {
    if (rule.equivalent == nullptr || rule.equivalent->holds(value)) continue;
    std::string field = path + rule.field_path;
    if (field.starts_with('.')) field.erase(0, 1);
    Add(kInvalid, std::move(field), rule.message);
  }
}

}  // namespace stockade::schema
