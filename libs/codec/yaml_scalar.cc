#include "codec/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>

#include "base/strings.h"

namespace stockade::codec {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// Brackets that were opened and not closed. yaml-cpp queues a token for each until the end of the
// line, so the limit on depth alone would not bound its memory. Far above what block text holds.
constexpr int kMaxOpenBrackets = 10'000;

template <std::size_t N>
bool IsOneOf(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, text) != words.end();
}

constexpr std::array<std::string_view, 11> kTrueWords = {
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
constexpr std::array<std::string_view, 11> kFalseWords = {
    "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNullWords = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotFiniteWords = {".nan",  ".NaN",  ".NAN",  ".inf",
                                                              ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                              "+.INF", "-.inf", "-.Inf", "-.INF"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Bytes of the UTF-8 sequence at the front of `text` (of at least one byte), 0 when there is none:
// RFC 3629, table 3-7 of the Unicode standard.
std::size_t Utf8SequenceLength(std::string_view text) {
  const auto at = [&text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&at](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return at(i) >= low && at(i) <= high;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// Go's strconv.ParseInt and ParseUint with base 0: 0x, 0o, 0b and a bare leading 0 for octal. The
// decimal text, or nothing when it is no integer of 64 bits.
std::optional<std::string> ParseInteger(std::string_view text) {
  const bool has_sign = !text.empty() && (text.front() == '+' || text.front() == '-');
  const bool negative = has_sign && text.front() == '-';
  if (has_sign) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    const char kind = text[1];
    if (kind == 'x' || kind == 'X') base = 16;
    if (kind == 'o' || kind == 'O') base = 8;
    if (kind == 'b' || kind == 'B') base = 2;
    text.remove_prefix(base == 10 ? 1 : 2);
    if (base == 10) base = 8;
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr std::uint64_t kSignedMax = INT64_MAX;
  if (negative && magnitude > kSignedMax + 1) return std::nullopt;
  if (has_sign && !negative && magnitude > kSignedMax) return std::nullopt;
  return (negative && magnitude > 0 ? "-" : "") + std::to_string(magnitude);
}

// ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$
bool LooksLikeFloat(std::string_view text) {
  const auto take_digits = [&text] {
    std::size_t count = 0;
    for (; !text.empty() && IsDigit(text.front()); ++count) text.remove_prefix(1);
    return count;
  };
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  const std::size_t whole = take_digits();
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    if (take_digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
    if (take_digits() == 0) return false;
  }
  return text.empty();
}

// Go's strconv.ParseFloat, unlike go-yaml's own rules, has underscores between digits only.
bool UnderscoresSeparateDigits(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') continue;
    if (i == 0 || i + 1 == text.size() || !IsDigit(text[i - 1]) || !IsDigit(text[i + 1])) {
      return false;
    }
  }
  return true;
}

// Whether a float beyond a double's range is too large (and not too small) for it.
bool IsHuge(std::string_view text) {
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) return text[exponent + 1] != '-';
  return text.find_first_of("123456789") < text.find('.');
}

// The JSON text of a float that LooksLikeFloat, or nothing when it overflows: for Go then a string.
std::optional<std::string> ParseFloat(std::string_view text) {
  if (text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) {
    if (IsHuge(text)) return std::nullopt;
    number = 0;
  }
  // A whole number is written as one, as Go does, so that 8.0 is good for an integer field.
  const bool fixed = std::fabs(number) < 9e18 && (number == 0 || std::fabs(number) >= 1e-6);
  std::array<char, 64> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                    fixed ? std::chars_format::fixed : std::chars_format::scientific);
  return std::string(buffer.data(), written.ptr);
}

// A plain scalar; `result` is a string when it is nothing else. Returns what is wrong, or "".
std::string ResolvePlain(const std::string& value, ResolvedScalar& result) {
  result = {ScalarKind::kString, value};
  if (IsOneOf(value, kNullWords)) {
    result = {ScalarKind::kNull, "null"};
  } else if (IsOneOf(value, kTrueWords)) {
    result = {ScalarKind::kBool, "true"};
  } else if (IsOneOf(value, kFalseWords)) {
    result = {ScalarKind::kBool, "false"};
  } else if (IsOneOf(value, kNotFiniteWords)) {
    return value + " has no form in JSON: quote it if it is a string";
  } else if (value.front() == '.') {
    std::string plain = value;
    std::erase(plain, '_');
    if (UnderscoresSeparateDigits(value) && LooksLikeFloat(plain)) {
      if (auto number = ParseFloat(plain)) result = {ScalarKind::kFloat, std::move(*number)};
    }
  } else if (IsDigit(value.front()) || value.front() == '+' || value.front() == '-') {
    std::string plain = value;
    std::erase(plain, '_');
    if (auto integer = ParseInteger(plain)) {
      result = {ScalarKind::kInt, std::move(*integer)};
    } else if (LooksLikeFloat(plain)) {
      if (auto number = ParseFloat(plain)) result = {ScalarKind::kFloat, std::move(*number)};
    }
  }
  return "";
}

}  // namespace

std::string ResolveScalar(std::string_view tag, const std::string& value, ResolvedScalar& result) {
  if (tag == "!") {
    result = {ScalarKind::kString, value};
    return "";
  }
  if (tag == "?" || tag.empty()) return ResolvePlain(value, result);

  std::optional<ScalarKind> wanted;
  if (tag.starts_with(kTagPrefix)) {
    const std::string_view name = tag.substr(kTagPrefix.size());
    if (name == "str") wanted = ScalarKind::kString;
    if (name == "null") wanted = ScalarKind::kNull;
    if (name == "bool") wanted = ScalarKind::kBool;
    if (name == "int") wanted = ScalarKind::kInt;
    if (name == "float") wanted = ScalarKind::kFloat;
  }
  if (!wanted) return "the tag " + Truncate(tag, 64) + " is not supported here";
  if (*wanted == ScalarKind::kString) {
    result = {ScalarKind::kString, value};
    return "";
  }
  std::string error = ResolvePlain(value, result);
  if (!error.empty()) return error;
  const bool whole_float = *wanted == ScalarKind::kFloat && result.kind == ScalarKind::kInt;
  if (result.kind != *wanted && !whole_float) {
    return "\"" + Truncate(value, 64) + "\" is not of the type that its tag names";
  }
  result.kind = *wanted;
  return "";
}

std::optional<UnreadableText> FindUnreadableText(std::string_view text) {
  int line = 0;
  std::size_t line_start = 0;
  int open_brackets = 0;
  const auto problem = [&](std::size_t offset, std::string message) {
    return UnreadableText{line, static_cast<int>(offset - line_start), std::move(message)};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') {
      ++line;
      line_start = i + 1;
    } else if (byte == '[' || byte == '{') {
      if (++open_brackets > kMaxOpenBrackets) return problem(i, "too many open brackets");
    } else if (byte == ']' || byte == '}') {
      open_brackets = std::max(0, open_brackets - 1);
    } else if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7F) {
      return problem(i, "control characters are not allowed");
    } else if (byte >= 0x80) {
      const std::size_t length = Utf8SequenceLength(text.substr(i, 4));
      if (length == 0) return problem(i, "the text is not UTF-8");
      const bool control = byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0 &&
                           static_cast<unsigned char>(text[i + 1]) != 0x85;
      if (control) return problem(i, "control characters are not allowed");
      i += length - 1;
    }
  }
  return std::nullopt;
}

}  // namespace stockade::codec
