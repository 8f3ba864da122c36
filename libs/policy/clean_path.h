#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace stockade::policy {

// A container path as the runtime will see it: absolute (the kubelet puts "/" before a relative
// one), without empty and "." segments, ".." applied. Views into the text it was made from; builds
// no string.
class CleanPath {
 public:
  static constexpr std::size_t kMaxSegments = 64;

  explicit CleanPath(std::string_view path);

  // More segments than any sane path has; what lies beyond them was not looked at.
  [[nodiscard]] bool too_deep() const { return too_deep_; }
  [[nodiscard]] bool IsRoot() const { return count_ == 0; }
  [[nodiscard]] std::span<const std::string_view> segments() const {
    return {segments_.data(), count_};
  }

  // Whether this is `directory` or lies under it; `directory` is written "proc" or "etc/stockade".
  [[nodiscard]] bool IsAtOrUnder(std::string_view directory) const;
  // Whether this is exactly `path`, written as above.
  [[nodiscard]] bool Is(std::string_view path) const;

  // Calls f(hash) for the root, then each ancestor and last the path itself; equal paths give equal
  // hashes.
  template <typename F>
  void ForEachPrefixHash(F&& f) const {
    std::uint64_t hash = 0xcbf29ce484222325U;
    f(hash);
    for (const std::string_view segment : segments()) {
      hash = Mix(hash, '/');
      for (const char c : segment) hash = Mix(hash, static_cast<unsigned char>(c));
      f(hash);
    }
  }
  [[nodiscard]] std::uint64_t Hash() const {
    std::uint64_t last = 0;
    ForEachPrefixHash([&last](std::uint64_t hash) { last = hash; });
    return last;
  }

 private:
  static constexpr std::uint64_t Mix(std::uint64_t hash, unsigned char byte) {
    return (hash ^ byte) * 0x100000001b3U;
  }

  std::array<std::string_view, kMaxSegments> segments_;
  std::size_t count_ = 0;
  bool too_deep_ = false;
};

// Whether a relative path, such as a subPath, has a ".." segment anywhere.
[[nodiscard]] bool HasParentSegment(std::string_view path);

}  // namespace stockade::policy
