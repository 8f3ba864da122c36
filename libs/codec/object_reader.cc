#include "codec/object_reader.h"

#include <algorithm>

#include "base/strings.h"

namespace stockade::codec {

Status ToStatus(std::span<const FieldError> errors) {
  if (errors.empty()) return Status::Ok();
  std::string message;
  for (const FieldError& error : errors) {
    if (!message.empty()) message += "; ";
    if (!error.path.empty()) message += error.path + ": ";
    message += error.message;
  }
  return {StatusCode::kBadRequest, message};
}

ObjectReader::ObjectReader(JsonView value, std::string path, std::vector<FieldError>& errors)
    : value_(value), path_(std::move(path)), errors_(errors) {
  if (!value_.IsUnset() && !value_.IsObject()) {
    errors_.push_back({path_, "must be an object"});
  }
}

JsonView ObjectReader::Get(std::string_view key) {
  known_.push_back(key);
  return value_[key];
}

std::string ObjectReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void ObjectReader::AddError(std::string_view key, std::string message) {
  errors_.push_back({PathOf(key), std::move(message)});
}

void ObjectReader::String(std::string_view key, std::string& out) {
  const JsonView value = Get(key);
  if (value.IsUnset()) return;
  if (const auto text = value.AsString()) {
    out = *text;
  } else {
    AddError(key, "must be a string");
  }
}

void ObjectReader::Bool(std::string_view key, bool& out) {
  const JsonView value = Get(key);
  if (value.IsUnset()) return;
  if (const auto flag = value.AsBool()) {
    out = *flag;
  } else {
    AddError(key, "must be true or false");
  }
}

void ObjectReader::Int(std::string_view key, std::int64_t minimum, std::int64_t maximum,
                       std::int64_t& out) {
  const JsonView value = Get(key);
  if (value.IsUnset()) return;
  const auto number = value.AsInt();
  if (number && *number >= minimum && *number <= maximum) {
    out = *number;
  } else {
    AddError(key, "must be an integer from " + std::to_string(minimum) + " to " +
                      std::to_string(maximum));
  }
}

void ObjectReader::Enum(std::string_view key, std::span<const std::string_view> names,
                        std::size_t& out) {
  const JsonView value = Get(key);
  if (value.IsUnset()) return;
  const auto text = value.AsString();
  const auto found = text ? std::ranges::find(names, *text) : names.end();
  if (found != names.end()) {
    out = static_cast<std::size_t>(found - names.begin());
    return;
  }
  std::string message = "must be one of ";
  for (const std::string_view name : names) {
    if (name != names.front()) message += ", ";
    message += name;
  }
  if (text) {
    message += ", not \"" + Truncate(*text, 64) + "\"";
    const std::string_view meant = ClosestMatch(*text, names);
    if (!meant.empty()) message += "; did you mean \"" + std::string(meant) + "\"?";
  }
  AddError(key, std::move(message));
}

void ObjectReader::StringMap(std::string_view key, std::map<std::string, std::string>& out) {
  Object(key).ForEachMember([&](std::string_view name, JsonView member) {
    if (const auto text = member.AsString()) {
      out.insert_or_assign(std::string(name), std::string(*text));
    } else {
      AddError(key, "the value of \"" + Truncate(name, 64) + "\" must be a string");
    }
  });
}

void ObjectReader::StringList(std::string_view key, std::vector<std::string>& out) {
  const JsonView value = Array(key);
  if (value.IsUnset()) return;
  out.clear();
  value.ForEachElement([&](std::size_t index, JsonView element) {
    if (const auto text = element.AsString()) {
      out.emplace_back(*text);
    } else {
      AddError(std::string(key) + "[" + std::to_string(index) + "]", "must be a string");
    }
  });
}

JsonView ObjectReader::Value(std::string_view key) { return Get(key); }

JsonView ObjectReader::Object(std::string_view key) {
  const JsonView value = Get(key);
  if (value.IsUnset() || value.IsObject()) return value;
  AddError(key, "must be an object");
  return {};
}

JsonView ObjectReader::Array(std::string_view key) {
  const JsonView value = Get(key);
  if (value.IsUnset() || value.IsArray()) return value;
  AddError(key, "must be a list");
  return {};
}

void ObjectReader::Require(std::string_view key) {
  if (value_[key].IsUnset()) AddError(key, "is required");
}

void ObjectReader::Finish() {
  value_.ForEachMember([&](std::string_view key, JsonView) {
    if (std::ranges::find(known_, key) != known_.end()) return;
    std::string message = "is not a known field";
    const std::string_view meant = ClosestMatch(key, {known_.data(), known_.size()});
    if (!meant.empty()) message += "; did you mean \"" + std::string(meant) + "\"?";
    AddError(key, std::move(message));
  });
}

}  // namespace stockade::codec
