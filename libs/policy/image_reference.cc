#include "policy/image_reference.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace stockade::policy {
namespace {

constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxTagBytes = 128;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsLetter(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }
bool IsLowerAlphanumeric(char c) { return IsLower(c) || IsDigit(c); }
bool IsAlphanumeric(char c) { return IsLetter(c) || IsDigit(c); }

// Calls valid(part) for each part between separators, and says whether all of them are.
template <typename F>
bool AllParts(std::string_view text, char separator, F&& valid) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!valid(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool IsHost(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
      return IsHex(c) || (c >= 'A' && c <= 'F') || c == ':';
    });
  }
  return AllParts(host, '.', [](std::string_view label) {
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return IsAlphanumeric(c) || c == '-'; });
  });
}

bool IsRegistry(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return IsHost(text);
  const std::string_view port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 && std::ranges::all_of(port, IsDigit) &&
         IsHost(text.substr(0, colon));
}

// Lower-case letters and digits, with one '.', one or two '_' or any number of '-' between them.
bool IsRepositoryComponent(std::string_view text) {
  std::size_t separators = 0;
  char separator = 0;
  if (text.empty() || !IsLowerAlphanumeric(text.front()) || !IsLowerAlphanumeric(text.back())) {
    return false;
  }
  for (const char c : text) {
    if (IsLowerAlphanumeric(c)) {
      const std::size_t allowed = separator == '.' ? 1 : separator == '_' ? 2 : text.size();
      if (separators > allowed) return false;
      separators = 0;
    } else if (c == '.' || c == '_' || c == '-') {
      if (separators > 0 && c != separator) return false;
      separator = c;
      ++separators;
    } else {
      return false;
    }
  }
  return true;
}

bool IsTag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTagBytes && tag.front() != '.' && tag.front() != '-' &&
         std::ranges::all_of(
             tag, [](char c) { return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

// The algorithms of which runtimes can check a digest; they refuse all others.
struct DigestLength {
  std::string_view algorithm;
  std::size_t hex_digits;
};
constexpr std::array<DigestLength, 3> kDigestLengths = {
    {{"sha256", 64}, {"sha384", 96}, {"sha512", 128}}};

bool IsDigest(std::string_view algorithm, std::string_view hex) {
  return std::ranges::any_of(kDigestLengths, [&](const DigestLength& known) {
    return algorithm == known.algorithm && hex.size() == known.hex_digits &&
           std::ranges::all_of(hex, IsHex);
  });
}

// What a runtime takes for an image that is on the node already, whatever registry it came from.
bool IsIdentifier(const ImageReference& image) {
  if (!image.registry.empty()) return false;
  if (image.repository.size() == 64 && std::ranges::all_of(image.repository, IsHex)) return true;
  return IsDigest(image.repository, image.tag);
}

// The first component is a registry when it could be nothing else.
bool LooksLikeRegistry(std::string_view component) {
  return component == "localhost" || component.find_first_of(".:[") != std::string_view::npos ||
         std::ranges::any_of(component, [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

std::optional<ImageReference> ParseImageReference(std::string_view text) {
  ImageReference reference;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    reference.digest = text.substr(at + 1);
    const std::size_t colon = reference.digest.find(':');
    if (colon == std::string_view::npos ||
        !IsDigest(reference.digest.substr(0, colon), reference.digest.substr(colon + 1))) {
      return std::nullopt;
    }
    text = text.substr(0, at);
  }
  const std::size_t last_slash = text.rfind('/');
  const std::size_t colon = text.find(':', last_slash == std::string_view::npos ? 0 : last_slash);
  if (colon != std::string_view::npos) {
    reference.tag = text.substr(colon + 1);
    if (!IsTag(reference.tag)) return std::nullopt;
    text = text.substr(0, colon);
  }
  if (text.empty() || text.size() > kMaxNameBytes) return std::nullopt;
  reference.repository = text;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && LooksLikeRegistry(text.substr(0, slash))) {
    reference.registry = text.substr(0, slash);
    if (!IsRegistry(reference.registry)) return std::nullopt;
    reference.repository = text.substr(slash + 1);
  }
  if (!AllParts(reference.repository, '/', IsRepositoryComponent)) return std::nullopt;
  if (IsIdentifier(reference)) return std::nullopt;
  return reference;
}

}  // namespace stockade::policy
