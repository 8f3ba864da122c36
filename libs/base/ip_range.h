#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace stockade {

// Addresses with a common beginning, as CIDR notation writes them; IPv4 and IPv6 are apart, also
// where one embeds the other. A plain value.
class IpRange {
 public:
  // "10.0.0.0/8" or "fc00::/7"; nothing for any other text, an address without a length included.
  static std::optional<IpRange> Parse(std::string_view cidr);

  // Whether every address of `other` is one of this range.
  [[nodiscard]] bool Holds(const IpRange& other) const;
  // Whether the address is the first of its range: 10.0.0.0/8 is, 10.0.0.1/8 is not.
  [[nodiscard]] bool IsCanonical() const;
  [[nodiscard]] bool IsIpv6() const { return address_.size() == 16; }

  bool operator==(const IpRange&) const = default;

 private:
  [[nodiscard]] bool BitAt(std::size_t bit) const;

  std::vector<std::uint8_t> address_;  // as many bytes as the family has
  std::size_t bits_ = 0;
};

}  // namespace stockade
