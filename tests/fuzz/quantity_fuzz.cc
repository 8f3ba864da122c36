// A quantity in text. Its canonical form must be a quantity of the same value and canonical itself.
#include <string>

#include "api/quantity.h"
#include "codec/json.h"
#include "fuzzing.h"

using stockade::api::Quantity;
using stockade::fuzz::Require;

namespace {

void CheckForm(const Quantity& quantity) {
  const std::string form = quantity.ToString();
  const auto again = Quantity::Parse(form);
  Require(again.ok(), "the canonical form is a quantity", form);
  Require(*again == quantity, "the canonical form has the same value", form);
  Require(again->ToString() == form, "the canonical form is canonical", form);
  Require(again->ExactText() == quantity.ExactText(), "equal values have equal texts", form);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  if (const auto document = stockade::codec::JsonDocument::Parse(text); document.ok()) {
    if (const auto quantity = Quantity::FromJson(document->root()); quantity.ok()) {
      CheckForm(*quantity);
    }
  }
  const auto quantity = Quantity::Parse(text);
  if (!quantity.ok()) return 0;
  CheckForm(*quantity);
  const Quantity rounded = quantity->RoundedUpToMilli();
  CheckForm(rounded);
  Require(rounded.RoundedUpToMilli() == rounded, "what is rounded stays");
  Require(quantity->IsNegative() ? rounded <= *quantity : rounded >= *quantity,
          "rounding goes away from zero", rounded.ToString());
  Require(rounded.IsZero() == quantity->IsZero(), "rounding makes no zero", rounded.ToString());
  return 0;
}
