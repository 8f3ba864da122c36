#pragma once

#include <string_view>

#include "api/names.h"
#include "codec/json.h"

// Questions that many rules ask. All of them fail closed: a value of the wrong type, which the API
// server would not store, counts as the dangerous one.
namespace stockade::policy {

// Set, and anything but that boolean.
[[nodiscard]] inline bool IsSetAndNot(codec::JsonView value, bool harmless) {
  return !value.IsUnset() && value.AsBool() != harmless;
}

// Set, and anything but the empty string.
[[nodiscard]] inline bool IsNonEmptyString(codec::JsonView value) {
  return !value.IsUnset() && value.AsString() != std::string_view();
}

// Set, and anything but an empty list or object.
[[nodiscard]] inline bool HasElements(codec::JsonView value) {
  if (value.IsArray() || value.IsObject()) return !value.empty();
  return !value.IsUnset();
}

[[nodiscard]] inline bool HasReservedName(codec::JsonView name) {
  return name.StringOrEmpty().starts_with(api::kReservedNamePrefix);
}

}  // namespace stockade::policy
