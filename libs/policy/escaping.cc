#include "policy/escaping.h"

#include <array>
#include <cstddef>

namespace stockade::policy {
namespace {

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

std::string Escape(std::string_view text, bool in_quotes) {
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
    if (in_quotes && (text.front() == '"' || text.front() == '\\')) result += '\\';
    if (harmful == 0) result += text.front();
    text.remove_prefix(harmful == 0 ? 1 : harmful);
  }
  return result;
}

}  // namespace

std::string EscapeControls(std::string_view text) { return Escape(text, /*in_quotes=*/false); }

std::string EscapeInQuotes(std::string_view text) { return Escape(text, /*in_quotes=*/true); }

}  // namespace stockade::policy
