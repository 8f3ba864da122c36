#include "policy/quoting.h"

#include "base/strings.h"
#include "policy/escaping.h"

namespace stockade::policy {
namespace {

constexpr std::size_t kMaxQuotedBytes = 80;
constexpr std::size_t kMaxKeyBytes = 320;  // a prefix of 253 bytes, "/" and a name of 63

}  // namespace

std::string Quote(std::string_view value) {
  return '"' + EscapeInQuotes(Truncate(value, kMaxQuotedBytes)) + '"';
}

std::string Quote(codec::JsonView value) {
  if (const auto text = value.AsString()) return Quote(*text);
  if (value.IsObject()) return "an object";
  if (value.IsArray()) return "a list";
  return value.IsUnset() ? "unset" : Truncate(value.Dump(), kMaxQuotedBytes);
}

std::string KeyedPath(std::string_view prefix, std::string_view key) {
  return std::string(prefix) + "[" + EscapeInQuotes(Truncate(key, kMaxKeyBytes)) + "]";
}

}  // namespace stockade::policy
