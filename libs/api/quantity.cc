#include "api/quantity.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace stockade::api {
namespace {

__extension__ using Int128 = __int128;

constexpr Int128 kNanoPerUnit = 1'000'000'000;
constexpr Int128 kMaxUnits = std::numeric_limits<std::int64_t>::max();
constexpr Int128 kMaxNano = kMaxUnits * kNanoPerUnit;

struct Suffix {
  std::string_view text;
  int power;  // of 10 for decimal suffixes, of 2 for binary ones
};

constexpr std::array<Suffix, 10> kDecimalSuffixes = {{{"E", 18},
                                                      {"P", 15},
                                                      {"T", 12},
                                                      {"G", 9},
                                                      {"M", 6},
                                                      {"k", 3},
                                                      {"", 0},
                                                      {"m", -3},
                                                      {"u", -6},
                                                      {"n", -9}}};
constexpr std::array<Suffix, 6> kBinarySuffixes = {
    {{"Ei", 60}, {"Pi", 50}, {"Ti", 40}, {"Gi", 30}, {"Mi", 20}, {"Ki", 10}}};

Int128 PowerOfTen(int exponent) {
  Int128 result = 1;
  for (int i = 0; i < exponent; ++i) result *= 10;
  return result;
}

std::string Digits(Int128 number) {
  if (number == 0) return "0";
  std::string digits;
  const bool negative = number < 0;
  if (negative) number = -number;
  for (; number > 0; number /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(number % 10)));
  }
  return negative ? "-" + digits : digits;
}

Status Malformed(std::string_view text) {
  return {StatusCode::kBadRequest,
          "\"" + std::string(text.substr(0, 64)) +
              "\" is no quantity; write a number with an optional suffix, such as 500m, 2 or 1Gi"};
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Result<Quantity> Quantity::Parse(std::string_view text) {
  const std::string_view whole_text = text;
  if (text.empty() || text.size() > 64) return Malformed(whole_text);
  bool negative = false;
  if (text.front() == '+' || text.front() == '-') {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }

  // The digits, as an integer, and how many of them stand after the point.
  Int128 digits = 0;
  int fraction_digits = 0;
  bool seen_point = false;
  bool seen_digit = false;
  bool inexact = false;
  while (!text.empty() && (IsDigit(text.front()) || (text.front() == '.' && !seen_point))) {
    if (text.front() == '.') {
      seen_point = true;
    } else {
      seen_digit = true;
      if (digits > kMaxNano) {
        // Beyond what can matter: further fraction digits only round up, further whole digits are
        // out of range whatever the suffix.
        if (!seen_point) return Malformed(whole_text);
        inexact = inexact || text.front() != '0';
      } else {
        digits = digits * 10 + (text.front() - '0');
        if (seen_point) ++fraction_digits;
      }
    }
    text.remove_prefix(1);
  }
  if (!seen_digit) return Malformed(whole_text);

  Quantity result;
  int ten_power = 9 - fraction_digits;  // 9: units to nano units
  int two_power = 0;
  bool suffix_found = text.empty();
  if (text.size() == 1) {
    for (const Suffix& suffix : kDecimalSuffixes) {
      if (text == suffix.text) {
        ten_power += suffix.power;
        suffix_found = true;
      }
    }
  } else if (text.size() == 2 && text[1] == 'i') {
    for (const Suffix& suffix : kBinarySuffixes) {
      if (text == suffix.text) {
        two_power = suffix.power;
        result.format_ = Format::kBinarySi;
        suffix_found = true;
      }
    }
  }
  if (!suffix_found && text.size() > 1 && (text.front() == 'e' || text.front() == 'E')) {
    std::string_view exponent_text = text.substr(1);
    // from_chars takes a "-", but no "+", which may not stand before another sign either.
    if (exponent_text.size() > 1 && exponent_text.front() == '+' && IsDigit(exponent_text[1])) {
      exponent_text.remove_prefix(1);
    }
    int exponent = 0;
    const auto [end, error] = std::from_chars(
        exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
    if (error == std::errc() && end == exponent_text.data() + exponent_text.size() &&
        exponent >= -30 && exponent <= 30) {
      ten_power += exponent;
      result.format_ = Format::kDecimalExponent;
      suffix_found = true;
    }
  }
  if (!suffix_found) return Malformed(whole_text);

  Int128 nano = digits;
  // Numbers of ordinary size at once, for they are read for every review; the loops take the rest.
  if (nano <= kMaxUnits) {
    nano <<= two_power;  // at most 2^123
    two_power = 0;
    if (nano <= kMaxUnits && ten_power == 9) {
      nano *= kNanoPerUnit;
      ten_power = 0;
    }
  }
  for (; two_power > 0; --two_power) {
    nano *= 2;
    if (nano > kMaxNano * kNanoPerUnit) return Malformed(whole_text);
  }
  for (; ten_power > 0 && nano != 0; --ten_power) {
    nano *= 10;
    if (nano > kMaxNano * 10) return Malformed(whole_text);
  }
  for (; ten_power < 0 && nano != 0; ++ten_power) {
    inexact = inexact || nano % 10 != 0;
    nano /= 10;
  }
  if (inexact) ++nano;  // rounded away from zero, as the API server does
  if (nano > kMaxNano) return Malformed(whole_text);
  result.nano_ = negative ? -nano : nano;
  return result;
}

Result<Quantity> Quantity::FromJson(codec::JsonView value) {
  if (const auto text = value.AsString()) return Parse(*text);
  if (value.IsNumber()) return Parse(value.Dump());
  return Status(StatusCode::kBadRequest, "must be a quantity: a string such as 500m or 1Gi");
}

std::string Quantity::ExactText() const { return Digits(nano_); }

Quantity Quantity::RoundedUpToMilli() const {
  constexpr Int128 kNanoPerMilli = 1'000'000;
  Quantity result = *this;
  const Int128 rest = nano_ % kNanoPerMilli;
  result.nano_ -= rest;
  if (rest > 0) result.nano_ += kNanoPerMilli;
  if (rest < 0) result.nano_ -= kNanoPerMilli;
  return result;
}

std::string Quantity::ToString() const {
  if (nano_ == 0) return "0";
  if (format_ == Format::kBinarySi) {
    // Whole numbers of at least 1024 take a binary suffix; everything else falls back to decimal.
    const Int128 units = nano_ / kNanoPerUnit;
    if (nano_ % kNanoPerUnit == 0 && (units >= 1024 || units <= -1024)) {
      for (const Suffix& suffix : kBinarySuffixes) {
        const Int128 factor = Int128{1} << suffix.power;
        if (units % factor == 0) return Digits(units / factor) + std::string(suffix.text);
      }
      return Digits(units);
    }
  }
  for (const Suffix& suffix : kDecimalSuffixes) {
    const Int128 factor = PowerOfTen(suffix.power + 9);
    if (nano_ % factor != 0) continue;
    if (format_ == Format::kDecimalExponent) {
      const std::string exponent = suffix.power == 0 ? "" : "e" + std::to_string(suffix.power);
      return Digits(nano_ / factor) + exponent;
    }
    return Digits(nano_ / factor) + std::string(suffix.text);
  }
  return Digits(nano_) + "n";
}

}  // namespace stockade::api
