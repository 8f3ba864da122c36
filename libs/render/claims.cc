#include "render/claims.h"

#include <algorithm>
#include <array>

#include "api/names.h"
#include "api/quantity.h"
#include "render/defaults.h"
#include "render/edit.h"
#include "render/metadata.h"

namespace stockade::render {
namespace {

using codec::Json;

// Those that the API server refuses to change (validatePersistentVolumeClaimUpdate).
// volumeAttributesClassName may change, and dataSourceRef repeats dataSource.
constexpr std::array<const char*, 7> kImmutableFields = {
    "accessModes", "selector",   "storageClassName", "volumeMode",
    "volumeName",  "dataSource", "dataSourceRef"};

// A live value may have members that the API server added, such as an apiGroup that is null.
Json Comparable(Json value) {
  DropNulls(value);
  if (value.is_array()) std::sort(value.begin(), value.end());
  return value;
}

}  // namespace

Json RenderClaim(const api::AgentSandbox& sandbox, const api::VolumeClaimTemplate& claim) {
  Json object = OwnedObject(sandbox, "v1", "PersistentVolumeClaim",
                            api::ClaimName(sandbox.metadata.name, claim.name), claim.labels,
                            claim.annotations);
  if (sandbox.spec.lifecycle.volume_policy == api::VolumePolicy::kRetain) {
    // The garbage collector takes what has an owner, however that is deleted.
    Json& metadata = object["metadata"];
    metadata["ownerReferences"] = Json::array();
    metadata["labels"][std::string(api::kRetainedForLabel)] = sandbox.metadata.uid;
  }
  Json& spec = object["spec"];
  spec = claim.spec.ToJson();
  if (!spec.is_object()) spec = Json::object();
  DropNulls(spec);
  ApplyClaimDefaults(spec);
  return object;
}

ClaimGrowth GrowthOf(codec::JsonView live, const Json& rendered) {
  ClaimGrowth growth;
  const Json& wanted = Member(rendered, "spec");
  const codec::JsonView has = live["spec"];
  for (const char* field : kImmutableFields) {
    const Json& value = Member(wanted, field);
    if (!value.is_null() && Comparable(value) != Comparable(has[field].ToJson())) {
      growth.immutable_fields.emplace_back(field);
    }
  }
  const auto wanted_storage =
      ReadQuantity(Member(Member(Member(wanted, "resources"), "requests"), "storage"));
  const auto live_storage = api::Quantity::FromJson(has["resources"]["requests"]["storage"]);
  if (wanted_storage.ok() && live_storage.ok()) {
    growth.needed = *wanted_storage > *live_storage;
    growth.shrinks = *wanted_storage < *live_storage;
  }
  return growth;
}

}  // namespace stockade::render
