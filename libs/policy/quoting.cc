#include "policy/quoting.h"

#include <array>

#include "base/strings.h"

namespace stockade::policy {
namespace {

constexpr std::size_t kMaxQuotedBytes = 80;
constexpr std::size_t kMaxKeyBytes = 320;  // a prefix of 253 bytes, "/" and a name of 63

// UTF-8 starts of what terminals interpret: C1 controls (C2 80..9F), the Arabic letter mark (D8
// 9C), and the marks, line breaks and overrides of U+2000 (E2 80 8B..8F, A8..AE) and U+2060 (E2 81
// A0..AF).
std::size_t HarmfulSequence(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return 2;
  if (byte(0) == 0xD8 && byte(1) == 0x9C) return 2;
  if (byte(0) == 0xE2 && byte(1) == 0x80 &&
      ((byte(2) >= 0x8B && byte(2) <= 0x8F) || (byte(2) >= 0xA8 && byte(2) <= 0xAE))) {
    return 3;
  }
  if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA0 && byte(2) <= 0xAF) return 3;
  return 0;
}

std::string Escape(std::string_view text) {
  constexpr std::array kHex = {'0', '1', '2', '3', '4', '5', '6', '7',
                               '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t harmful = HarmfulSequence(text);
    for (std::size_t i = 0; i < harmful; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      result += "\\x";
      result += kHex[byte >> 4U];
      result += kHex[byte & 0xFU];
    }
    if (harmful == 0 && (text.front() == '"' || text.front() == '\\')) result += '\\';
    if (harmful == 0) result += text.front();
    text.remove_prefix(harmful == 0 ? 1 : harmful);
  }
  return result;
}

}  // namespace

std::string Quote(std::string_view value) {
  return '"' + Escape(Truncate(value, kMaxQuotedBytes)) + '"';
}

std::string Quote(codec::JsonView value) {
  if (const auto text = value.AsString()) return Quote(*text);
  if (value.IsObject()) return "an object";
  if (value.IsArray()) return "a list";
  return value.IsUnset() ? "unset" : Truncate(value.Dump(), kMaxQuotedBytes);
}

std::string KeyedPath(std::string_view prefix, std::string_view key) {
  return std::string(prefix) + "[" + Escape(Truncate(key, kMaxKeyBytes)) + "]";
}

}  // namespace stockade::policy
