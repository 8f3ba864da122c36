#pragma once

#include <span>
#include <string_view>

#include "policy/rule.h"

// What a manifest can get wrong by the schema of its CustomResourceDefinition, as rules beside
// those of the floor: their codes are those that the API server uses as causes (metav1.CauseType).
namespace stockade::schema {

inline constexpr std::string_view kUnknownField = "UnknownField";
inline constexpr std::string_view kRequired = "FieldValueRequired";
inline constexpr std::string_view kTypeInvalid = "FieldValueTypeInvalid";
inline constexpr std::string_view kNotSupported = "FieldValueNotSupported";
inline constexpr std::string_view kInvalid = "FieldValueInvalid";
inline constexpr std::string_view kTooLong = "FieldValueTooLong";
inline constexpr std::string_view kTooMany = "FieldValueTooMany";
inline constexpr std::string_view kDuplicate = "FieldValueDuplicate";

// In the order above; none has a check, for a schema decides them.
[[nodiscard]] std::span<const policy::Rule> SchemaRules();

// The rule of that code, or null.
[[nodiscard]] const policy::Rule* FindSchemaRule(std::string_view code);

}  // namespace stockade::schema
