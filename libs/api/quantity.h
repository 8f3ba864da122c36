#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/status.h"
#include "codec/json.h"

namespace stockade::api {

// A Kubernetes resource quantity: "500m", "1.5", "2Gi", "1e3". Exact to nano units, as in
// apimachinery's resource.Quantity (finer fractions are rounded up), in the range of +-2^63 units.
class Quantity {
 public:
  Quantity() = default;

  // BadRequest when `text` is no quantity or beyond the range.
  static Result<Quantity> Parse(std::string_view text);
  // A JSON string or number, as the API server accepts.
  static Result<Quantity> FromJson(codec::JsonView value);

  // The form that the API server stores: the largest suffix of the same family that needs no
  // fraction, so "1000m" is "1" and "1024Mi" is "1Gi".
  [[nodiscard]] std::string ToString() const;
  // The value in nano units: equal texts for equal values, whatever their suffixes.
  [[nodiscard]] std::string ExactText() const;

  // Without fractions of a milli unit, away from zero: what the API server makes of the quantities
  // of containers and claims.
  [[nodiscard]] Quantity RoundedUpToMilli() const;

  [[nodiscard]] bool IsNegative() const { return nano_ < 0; }
  [[nodiscard]] bool IsZero() const { return nano_ == 0; }

  // The sum, in the format of the first. Of at most a thousand quantities; the text of one beyond
  // the range cannot be parsed again.
  friend Quantity operator+(const Quantity& a, const Quantity& b) {
    Quantity sum = a;
    sum.nano_ += b.nano_;
    return sum;
  }

  // By value; "1Gi" equals "1073741824".
  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nano_ == b.nano_; }
  friend auto operator<=>(const Quantity& a, const Quantity& b) { return a.nano_ <=> b.nano_; }

 private:
  __extension__ using Nano = __int128;
  enum class Format { kDecimalSi, kBinarySi, kDecimalExponent };

  Nano nano_ = 0;  // value times 10^9
  Format format_ = Format::kDecimalSi;
};

}  // namespace stockade::api
