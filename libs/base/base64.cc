#include "base/base64.h"

#include <openssl/evp.h>

#include <cstdint>

namespace stockade {

std::string EncodeBase64(std::string_view bytes) {
  std::string encoded((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string decoded;
  std::uint32_t bits = 0;
  int digits = 0;
  int padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    if (++digits % 4 != 0) continue;
    decoded.push_back(static_cast<char>((bits >> 16U) & 0xffU));
    decoded.push_back(static_cast<char>((bits >> 8U) & 0xffU));
    decoded.push_back(static_cast<char>(bits & 0xffU));
  }
  const int rest = digits % 4;
  if (rest == 1 || padding != (4 - rest) % 4) return std::nullopt;
  if (rest >= 2) decoded.push_back(static_cast<char>((bits >> (rest == 2 ? 4U : 10U)) & 0xffU));
  if (rest == 3) decoded.push_back(static_cast<char>((bits >> 2U) & 0xffU));
  return decoded;
}

}  // namespace stockade
