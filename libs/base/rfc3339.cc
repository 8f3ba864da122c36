#include "base/rfc3339.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace stockade {
namespace {

// Times outside these years are taken as their ends: system_clock holds few centuries.
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2200;

// `count` decimal digits at the front of `text`, which they are taken off.
std::optional<int> TakeDigits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  const std::string_view digits = text.substr(0, count);
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  int value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  text.remove_prefix(count);
  return value;
}

bool TakeChar(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// "HH:MM" or "HH:MM:SS".
std::optional<std::chrono::seconds> TakeTime(std::string_view& text, bool with_seconds) {
  const auto hours = TakeDigits(text, 2);
  if (!hours || *hours > 23 || !TakeChar(text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  auto time = std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + std::chrono::seconds(0);
  if (!with_seconds) return time;
  if (!TakeChar(text, ':')) return std::nullopt;
  const auto seconds = TakeDigits(text, 2);
  if (!seconds || *seconds > 59) return std::nullopt;
  return time + std::chrono::seconds(*seconds);
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> ParseRfc3339(std::string_view text) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  const auto years = TakeDigits(text, 4);
  if (!years || !TakeChar(text, '-')) return std::nullopt;
  const auto months = TakeDigits(text, 2);
  if (!months || !TakeChar(text, '-')) return std::nullopt;
  const auto days = TakeDigits(text, 2);
  if (!days || !TakeChar(text, 'T')) return std::nullopt;
  const std::chrono::year_month_day date(year(*years), month(static_cast<unsigned>(*months)),
                                         day(static_cast<unsigned>(*days)));
  const auto time = TakeTime(text, /*with_seconds=*/true);
  if (!date.ok() || !time) return std::nullopt;
  if (TakeChar(text, '.')) {
    // Parts of a second do not matter to anyone here.
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    if (end == 0) return std::nullopt;
    text.remove_prefix(end);
  }
  std::chrono::seconds offset{0};
  if (!TakeChar(text, 'Z')) {
    const bool west = TakeChar(text, '-');
    if (!west && !TakeChar(text, '+')) return std::nullopt;
    const auto shift = TakeTime(text, /*with_seconds=*/false);
    if (!shift) return std::nullopt;
    offset = west ? -*shift : *shift;
  }
  if (!text.empty()) return std::nullopt;
  const year kept = std::clamp(date.year(), year(kFirstYear), year(kLastYear));
  if (kept != date.year()) return std::chrono::sys_days(kept / std::chrono::January / 1);
  return std::chrono::sys_days(date) + *time - offset;
}

}  // namespace stockade
