#include "render/envoy/path_patterns.h"

#include "base/strings.h"

namespace stockade::render::envoy {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string Quoted(char c) {
  return IsAlphanumeric(c) || c == '/' ? std::string{c} : std::string{'\\', c};
}

// One hexadecimal digit in either case.
std::string HexDigit(unsigned value) {
  constexpr std::string_view kLower = "0123456789abcdef";
  constexpr std::string_view kUpper = "0123456789ABCDEF";
  if (value < 10) return std::string{kLower[value]};
  return std::string{'[', kLower[value], kUpper[value], ']'};
}

std::string QuotedOrEncoded(char c) {
  if (IsAlphanumeric(c)) return Quoted(c);
  const auto byte = static_cast<unsigned char>(c);
  return "(?:" + Quoted(c) + "|%" + HexDigit(byte / 16U) + HexDigit(byte % 16U) + ")";
}

}  // namespace

std::string AllowedPrefixPattern(std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  std::string pattern;
  for (const char c : prefix) pattern += Quoted(c);
  return pattern + "(?:(?:/|%2[fF]).*)?";
}

std::string DeniedPrefixPattern(std::string_view prefix) {
  std::string pattern;
  for (const std::string_view segment : Split(prefix, '/')) {
    if (segment.empty()) continue;
    if (!pattern.empty()) pattern += "(?:;[^/]*)?";
    pattern += "(?:/|%2[fF])+";
    for (const char c : segment) pattern += QuotedOrEncoded(c);
  }
  return pattern.empty() ? ".*" : pattern + "(?:(?:[/;]|%2[fF]|%3[bB]).*)?";
}

}  // namespace stockade::render::envoy
