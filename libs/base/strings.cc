#include "base/strings.h"

#include <algorithm>
#include <cstddef>

namespace stockade {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool IsLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Join(std::span<const std::string> parts, std::string_view separator) {
  std::string result;
  for (const std::string& part : parts) {
    if (&part != parts.data()) result += separator;
    result += part;
  }
  return result;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::string ToLower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string Truncate(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  constexpr std::string_view kMark = "...";
  if (max_bytes < kMark.size()) return std::string(kMark.substr(0, max_bytes));
  std::size_t end = max_bytes - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)).append(kMark);
}

std::string Wrap(std::string_view text, const Wrapping& wrapping) {
  std::string wrapped;
  std::size_t column = wrapping.first;
  bool first = true;
  for (const std::string_view word : Split(text, ' ')) {
    if (!first && column + 1 + word.size() > wrapping.columns) {
      wrapped += '\n' + std::string(wrapping.indent, ' ');
      column = wrapping.indent;
    } else if (!first) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += word.size();
    first = false;
  }
  return wrapped + '\n';
}

std::string_view ClosestMatch(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string lower = ToLower(word.substr(0, 256));
  std::size_t best_distance = std::max<std::size_t>(1, lower.size() / 3) + 1;
  std::string_view best;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = EditDistance(lower, ToLower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

bool IsDnsLabel(std::string_view name) {
  return !name.empty() && name.size() <= 63 && IsLowerAlphanumeric(name.front()) &&
         IsLowerAlphanumeric(name.back()) &&
         std::ranges::all_of(name, [](char c) { return IsLowerAlphanumeric(c) || c == '-'; });
}

bool IsDnsSubdomain(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  return std::ranges::all_of(Split(name, '.'), [](std::string_view label) {
    return !label.empty() && IsLowerAlphanumeric(label.front()) &&
           IsLowerAlphanumeric(label.back()) &&
           std::ranges::all_of(label, [](char c) { return IsLowerAlphanumeric(c) || c == '-'; });
  });
}

bool IsLabelValue(std::string_view value) {
  const auto alphanumeric = [](char c) { return IsLowerAlphanumeric(c) || (c >= 'A' && c <= 'Z'); };
  if (value.empty()) return true;
  return value.size() <= 63 && alphanumeric(value.front()) && alphanumeric(value.back()) &&
         std::ranges::all_of(value, [&alphanumeric](char c) {
           return alphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

bool IsLabelKey(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash != std::string_view::npos && !IsDnsSubdomain(key.substr(0, slash))) return false;
  const std::string_view name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  return !name.empty() && IsLabelValue(name);
}

}  // namespace stockade
