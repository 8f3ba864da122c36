#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace stockade::policy {

// Finds a key among a few that are known at compile time, in a few nanoseconds: the rules look at
// every member of a pod, and a comparison with each known name would cost more than all of them.
class KeyTable {
 public:
  static constexpr int kNotFound = -1;

  // `keys` must have static storage and at most 127 elements, all different.
  consteval explicit KeyTable(std::span<const std::string_view> keys) : keys_(keys) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      std::size_t slot = Hash(keys[i]);
      while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
      slots_[slot] = static_cast<std::uint8_t>(i + 1);
    }
  }

  // The key's index, or kNotFound.
  [[nodiscard]] constexpr int Find(std::string_view key) const {
    for (std::size_t slot = Hash(key); slots_[slot] != 0; slot = (slot + 1) % kSlots) {
      const std::size_t index = slots_[slot] - 1U;
      if (keys_[index] == key) return static_cast<int>(index);
    }
    return kNotFound;
  }

  [[nodiscard]] constexpr std::span<const std::string_view> keys() const { return keys_; }

 private:
  static constexpr std::size_t kSlots = 256;

  static constexpr std::size_t Hash(std::string_view key) {
    if (key.empty()) return 0;
    const auto byte = [key](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(key[i]));
    };
    return (key.size() * 37 + byte(0) * 5 + byte(key.size() / 2) * 11 + byte(key.size() - 1) * 3) %
           kSlots;
  }

  std::span<const std::string_view> keys_;
  std::array<std::uint8_t, kSlots> slots_{};
};

}  // namespace stockade::policy
