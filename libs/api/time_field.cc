#include "api/time_field.h"

#include <string>

#include "base/rfc3339.h"
#include "codec/json.h"

namespace stockade::api {

std::optional<std::chrono::system_clock::time_point> ReadTime(codec::ObjectReader& reader,
                                                              std::string_view key) {
  if (reader.Value(key).IsUnset()) return std::nullopt;
  std::string text;
  const codec::JsonView value = reader.Value(key);
  reader.String(key, text);
  if (!value.IsString()) return std::nullopt;  // reported
  const auto time = ParseRfc3339(text);
  if (!time) reader.AddError(key, "must be a time such as 2026-11-24T04:15:20Z");
  return time;
}

}  // namespace stockade::api
