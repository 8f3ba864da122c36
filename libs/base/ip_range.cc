#include "base/ip_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

namespace stockade {
namespace {

std::optional<std::vector<std::uint8_t>> ParseAddress(const std::string& text) {
  std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    return std::vector<std::uint8_t>(bytes.begin(), bytes.begin() + sizeof(in_addr));
  }
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
    return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
  }
  return std::nullopt;
}

}  // namespace

std::optional<IpRange> IpRange::Parse(std::string_view cidr) {
  const std::size_t slash = cidr.find('/');
  // inet_pton would stop at a NUL.
  if (slash == std::string_view::npos || cidr.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  auto address = ParseAddress(std::string(cidr.substr(0, slash)));
  const std::string_view digits = cidr.substr(slash + 1);
  IpRange range;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), range.bits_);
  if (!address || error != std::errc() || end != digits.data() + digits.size() ||
      range.bits_ > address->size() * 8 || (digits.size() > 1 && digits[0] == '0')) {
    return std::nullopt;
  }
  range.address_ = *std::move(address);
  return range;
}

bool IpRange::BitAt(std::size_t bit) const { return (address_[bit / 8] >> (7 - bit % 8) & 1) != 0; }

bool IpRange::Holds(const IpRange& other) const {
  if (address_.size() != other.address_.size() || bits_ > other.bits_) return false;
  for (std::size_t bit = 0; bit < bits_; ++bit) {
    if (BitAt(bit) != other.BitAt(bit)) return false;
  }
  return true;
}

bool IpRange::IsCanonical() const {
  for (std::size_t bit = bits_; bit < address_.size() * 8; ++bit) {
    if (BitAt(bit)) return false;
  }
  return true;
}

}  // namespace stockade
