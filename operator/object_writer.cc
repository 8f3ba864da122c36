#include "operator/object_writer.h"

#include <algorithm>

namespace stockade::sandbox_operator {

bool HasLabels(const api::StringMap& live, const api::StringMap& desired) {
  return std::ranges::all_of(desired, [&live](const auto& label) {
    const auto found = live.find(label.first);
    return found != live.end() && found->second == label.second;
  });
}

void RepairMetadata(codec::Json& live, const codec::Json& desired) {
  codec::Json& metadata = live["metadata"];
  const codec::Json& wanted = desired["metadata"];
  if (wanted.contains("labels")) metadata["labels"].update(wanted["labels"]);
  if (wanted.contains("ownerReferences")) metadata["ownerReferences"] = wanted["ownerReferences"];
}

std::optional<Ensured> HandsOff(Claimed claimed) {
  switch (claimed) {
    case Claimed::kStrangers:
      return Ensured::kNameConflict;
    case Claimed::kWaiting:
      return Ensured::kWaiting;
    case Claimed::kOurs:
      break;
  }
  return std::nullopt;
}

}  // namespace stockade::sandbox_operator
